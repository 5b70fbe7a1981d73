"""Everything that a command may need, built from the configuration when it is first asked for, closed together.

Drivers are imported here, late: a command pays for those that it uses. Holds no logic of its own.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qx.app import storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.adapters.etcd.store import EtcdStore
    from qx.adapters.sqlite.store import SqliteStore
    from qx.app.lawbook import Lawbook
    from qx.config.find import Found
    from qx.engine.renewals import Renewals
    from qx.model.platform import (
        Cluster,
        CommandControl,
        Endpoint,
        FileRoute,
        Kind,
        LabRoute,
        LocalControl,
        Node,
        Platform,
    )
    from qx.ports.clock import Clock
    from qx.ports.controls import NodeControl
    from qx.ports.routes import Route
    from qx.ports.servers import Beating, PgServer, Prober, RedisServer
    from qx.ports.store import Still, Store

Key = tuple[str, str]
T = TypeVar("T")


class Workbench:
    """One configuration in force. `env`: where QX_CONFIG, `env:` secrets, state directory and operator come from;
    `option`: the value of --config. `region`: whose controller this is, where each region has one.
    """

    def __init__(
        self, env: Mapping[str, str], option: str | None = None, cwd: Path | None = None, region: str | None = None
    ) -> None:
        self.env = env
        self.region = region
        self._option = option
        self._cwd = cwd
        self.alarm: Callable[[str, str], None] | None = None  # (cluster, region): a prober's server hung up

    # -- what is in force
    @cached_property
    def found(self) -> Found:
        """Raises QX-CFG-001."""
        from qx.config.find import find

        return find(self._option, self.env, self._cwd or Path.cwd())

    @property
    def config_path(self) -> Path:
        return self.found.path

    @property
    def context(self) -> str:
        """Which platform, by which file: the first line of what people read."""
        return f"{self.platform.platform} ({self.config_path})"

    @cached_property
    def platform(self) -> Platform:
        """Raises Problems: everything that is wrong with the file."""
        from qx.config.load import load

        return load(self.found.path)

    @cached_property
    def lawbook(self) -> Lawbook:
        """What the rule packs say of the data that the clusters hold."""
        from qx.app.lawbook import Lawbook

        return Lawbook(self.platform, self.config_path, self.env)

    @cached_property
    def config_digest(self) -> str:
        return hashlib.sha256(self.found.path.read_bytes()).hexdigest()

    @cached_property
    def state_directory(self) -> Path:
        return storage.state_directory(self.env)

    @cached_property
    def salvage_path(self) -> Path:
        return self.state_directory / "salvage"

    @cached_property
    def store_path(self) -> Path:
        return storage.store_path(self.platform, self.found.path, self.env)

    def beside(self, path: str) -> Path:
        """A path of the file: relative ones are meant from the file's own directory."""
        return storage.beside(self.found.path, path, self.env)

    @cached_property
    def operator(self) -> str:
        """account@machine; for root the account that called sudo, if one did."""
        import os
        import pwd
        import socket

        uid = os.getuid()
        try:
            account = pwd.getpwuid(uid).pw_name
        except KeyError:
            account = f"uid{uid}"
        if uid == 0:
            account = self.env.get("SUDO_USER") or account
        return f"{account}@{socket.gethostname()}"

    @cached_property
    def observer(self) -> str:
        return self.operator.rpartition("@")[2]

    def secret(self, reference: str) -> str:
        """The secret now; '' refers to none. Raises QX-SEC-*."""
        if not reference:
            return ""
        from qx.adapters.secrets import resolve

        return resolve(reference, self.env).reveal()

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        """As `qx.engine.approvals.Court`."""
        from qx.adapters.ed25519 import signed_by

        return signed_by(key, message, signature)

    # -- ports
    @cached_property
    def clock(self) -> Clock:
        from qx.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def store(self) -> SqliteStore | EtcdStore:
        """Opened, made on first use. Raises QX-STORE-005."""
        if self.platform.store.etcd is not None:
            from qx.app.etcd import opened

            return opened(self, self.platform.store.etcd)
        from qx.adapters.sqlite.store import SqliteStore

        return SqliteStore(self.store_path)

    def still(self, kinds: tuple[str, ...], since: float | None = None, runs: int = 0) -> Still | Store:
        """The store for reading much of it: the last `runs`, records of `kinds`, samples `since`; from etcd all that by
        one question, as of one moment. Raises QX-STORE-*.
        """
        store = self.store
        if self.platform.store.etcd is None:
            return store
        return store.still(kinds, tuple(self.platform.clusters), since, runs)  # type: ignore[union-attr]

    async def apart(self, call: Callable[..., T], *arguments: Any) -> T:
        """What asks the store, done beside the event loop where the store may be silent for as long as it may take."""
        if self.platform.store.etcd is None:
            return call(*arguments)
        import asyncio

        return await asyncio.to_thread(call, *arguments)

    @cached_property
    def renewals(self) -> Renewals:
        """What this process has seen of the writers' leases."""
        from qx.engine.renewals import Renewals

        return Renewals(self.clock.elapsed)

    @cached_property
    def store_name(self) -> str:
        """Where it is, for people."""
        etcd = self.platform.store.etcd
        return str(self.store_path) if etcd is None else f"{', '.join(etcd.endpoints)} {etcd.prefix}"

    def postgres(
        self, cluster: str, region: str, tag: str = "", heard: Callable[[], None] | None = None
    ) -> PgServer:
        """A server object of its own: the caller closes it. `tag`: '<run>/<epoch>' of an acting session. `heard` is
        called when the server hangs up.
        """
        from qx.adapters.postgres.server import PostgresServer

        node = self._node(cluster, region)
        return PostgresServer(
            cluster, region, self.observer, node.url, lambda: self.secret(node.password), self.clock, tag, heard
        )

    def redis(
        self, cluster: str, region: str, tag: str = "", heard: Callable[[], None] | None = None
    ) -> RedisServer:
        """As `postgres`."""
        from qx.adapters.redis.server import RedisNode

        node, watched = self._node(cluster, region), bool(self.platform.clusters[cluster].sentinels)
        return RedisNode(
            cluster, region, self.observer, node.url, lambda: self.secret(node.password), self.clock, tag,
            heard, watched=watched,
        )

    @cached_property
    def probers(self) -> dict[Key, Beating]:
        """Every node by (cluster, region), for looking only."""
        kinds: dict[Kind, Callable[..., Beating]] = {
            "postgresql": self.postgres, "redis": self.redis, "redis-cluster": self._redis_cluster,
        }  # fmt: skip
        return {
            (name, region): kinds[cluster.kind](name, region, heard=self._heard(name, region))
            for name, cluster in self.platform.clusters.items()
            for region in cluster.nodes
        }

    def _redis_cluster(self, cluster: str, region: str, heard: Callable[[], None] | None = None) -> Beating:
        from qx.adapters.redis.cluster import RedisClusterNode

        node = self._node(cluster, region)
        return RedisClusterNode(
            cluster, region, self.observer, node.url, node.members, lambda: self.secret(node.password), self.clock,
            heard,
        )

    def _heard(self, cluster: str, region: str) -> Callable[[], None] | None:
        alarm = self.alarm
        return None if alarm is None else lambda: alarm(cluster, region)

    @cached_property
    def endpoints(self) -> dict[Key, Prober]:
        """Every endpoint by (region, name)."""
        return {
            (region, name): self._endpoint(region, name, endpoint)
            for region, described in self.platform.regions.items()
            for name, endpoint in described.endpoints.items()
        }

    @cached_property
    def controls(self) -> dict[Key, NodeControl]:
        """Every node that has a control, by (cluster, region)."""
        return {
            (name, region): self._control(node.control, cluster.kind, name, region)
            for name, cluster in self.platform.clusters.items()
            for region, node in cluster.nodes.items()
            if node.control is not None
        }

    def control(self, cluster: str, region: str) -> NodeControl | None:
        """Of one node, made anew; None: it has none. Raises QX-STORE-005 where it is posted and no store answers."""
        settings = self._node(cluster, region).control
        if settings is None:
            return None
        return self._control(settings, self.platform.clusters[cluster].kind, cluster, region)

    @property
    def is_shared(self) -> bool:
        """Whether controllers of several machines share the store: what is local to one is posted to it by others."""
        return self.platform.store.etcd is not None

    @cached_property
    def redis_files(self) -> dict[Key, Path]:
        """The configuration file of every Redis node whose files stand on this machine."""
        from qx.model.platform import LocalControl

        return {
            (name, region): Path(node.control.config_file)
            for name, cluster in self.platform.clusters.items()
            for region, node in cluster.nodes.items()
            if cluster.kind == "redis" and isinstance(node.control, LocalControl) and node.control.config_file
        }

    @cached_property
    def routes(self) -> dict[str, tuple[Route, ...]]:
        return {
            name: tuple(self._route(name, cluster, route) for route in cluster.routes)
            for name, cluster in self.platform.clusters.items()
        }

    async def close(self) -> None:
        """What was opened is closed; what was not asked for was never opened."""
        opened = [probe for group in ("probers", "endpoints") for probe in self.__dict__.get(group, {}).values()]
        for prober in opened:
            await prober.close()
        if "store" in self.__dict__:
            self.store.shut()

    def _node(self, cluster: str, region: str) -> Node:
        return self.platform.clusters[cluster].nodes[region]

    def _endpoint(self, region: str, name: str, endpoint: Endpoint) -> Prober:
        if endpoint.url.startswith("tcp:"):
            from qx.adapters.tcp import TcpEndpoint

            return TcpEndpoint(name, region, self.observer, endpoint.url, self.clock)
        from qx.adapters.http import HttpEndpoint

        return HttpEndpoint(name, region, self.observer, endpoint.url, endpoint.expect, self.clock)

    def _control(
        self, settings: LocalControl | CommandControl, kind: Kind, cluster: str, region: str
    ) -> NodeControl:
        from qx.model import platform

        if isinstance(settings, platform.LocalControl):
            if self.is_shared and region != self.region:
                from qx.adapters.node.posted import PostedNode

                return PostedNode(self.store, self.clock, kind, cluster, region, self.renewals.has_lapsed, self.apart)
            from qx.adapters.node.local import LocalNode

            return LocalNode(settings, kind, cluster, region)
        from qx.adapters.node.command import CommandNode

        return CommandNode(settings, kind, cluster, region)

    def _route(self, name: str, cluster: Cluster, route: LabRoute | FileRoute) -> Route:
        from qx.failover.links import url_address
        from qx.model import platform

        if isinstance(route, platform.LabRoute):
            from qx.adapters.routes.lab import LabRoute

            reached = {region: url_address(node.url, cluster.kind) for region, node in cluster.nodes.items()}
            return LabRoute(name, self.beside(route.socket), reached | route.nodes)
        from qx.adapters.routes.file import FileRoute

        return FileRoute(name, self.beside(route.path), {region: node.url for region, node in cluster.nodes.items()})
