"""The workbench: everything a command needs, made when it is first asked for, so that nobody pays for what
is not used.
"""

from __future__ import annotations

import getpass
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qx.config.find import Found, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.model.platform import CommandControl, FileRoute, LabRoute, LocalControl, Platform
    from qx.ports.clock import Clock
    from qx.ports.controls import NodeControl
    from qx.ports.routes import Route
    from qx.ports.servers import PgServer, Prober, RedisServer
    from qx.ports.store import Store


class Workbench:
    """`env` and `cwd` are the shell's; `config` the value of --config. Servers are made anew at each call:
    the caller closes them.
    """

    observer = "qx"

    def __init__(self, env: Mapping[str, str], config: str | None, cwd: Path | None = None) -> None:
        self.env = env
        self._config = config
        self._cwd = cwd or Path.cwd()

    @cached_property
    def found(self) -> Found:
        return find(self._config, self.env, self._cwd)

    @property
    def config_path(self) -> Path:
        return self.found.path

    @cached_property
    def platform(self) -> Platform:
        from qx.config.load import load

        return load(self.config_path)

    @cached_property
    def config_digest(self) -> str:
        return hashlib.sha256(self.config_path.read_bytes()).hexdigest()

    @cached_property
    def clock(self) -> Clock:
        from qx.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def store(self) -> Store:
        from qx.app.storage import open_store

        return open_store(self.platform, self.env)

    @cached_property
    def operator(self) -> str:
        """Who acts: QX_OPERATOR, else the account, with sudo seen through."""
        return self.env.get("QX_OPERATOR") or self.env.get("SUDO_USER") or getpass.getuser()

    @cached_property
    def salvage_path(self) -> Path:
        from qx.app.storage import state_directory

        return state_directory(self.env) / "salvage"

    def secret(self, reference: str) -> str:
        """The secret itself, at the moment of use."""
        from qx.adapters.secrets import resolve

        return resolve(reference, self.env).reveal()

    def password(self, reference: str) -> Callable[[], str]:
        return lambda: self.secret(reference) if reference else ""

    def postgres(self, cluster: str, region: str, tag: str = "") -> PgServer:
        from qx.adapters.postgres import PostgresServer

        node = self.platform.clusters[cluster].nodes[region]
        return PostgresServer(
            cluster, region, self.observer, node.url, self.password(node.password), self.clock, tag
        )

    def redis(self, cluster: str, region: str, tag: str = "") -> RedisServer:
        from qx.adapters.redis import RedisServer

        node = self.platform.clusters[cluster].nodes[region]
        return RedisServer(
            cluster, region, self.observer, node.url, self.password(node.password), self.clock, tag
        )

    def node(self, cluster: str, region: str) -> Prober:
        """The node as something to look at."""
        kind = self.platform.clusters[cluster].kind
        return self.postgres(cluster, region) if kind == "postgresql" else self.redis(cluster, region)

    @cached_property
    def controls(self) -> dict[tuple[str, str], NodeControl]:
        """By (cluster, region), for the nodes that have a control configured."""
        return {
            (name, region): self._control(name, region, node.control)
            for name, cluster in self.platform.clusters.items()
            for region, node in cluster.nodes.items()
            if node.control is not None
        }

    def _control(self, cluster: str, region: str, settings: LocalControl | CommandControl) -> NodeControl:
        from qx.model.platform import LocalControl

        kind = self.platform.clusters[cluster].kind
        if isinstance(settings, LocalControl):
            from qx.adapters.node.local import LocalNode

            return LocalNode(settings, kind, cluster, region)
        from qx.adapters.node.command import CommandNode

        return CommandNode(settings, kind, cluster, region)

    @cached_property
    def routes(self) -> dict[str, tuple[Route, ...]]:
        """By cluster."""
        return {
            name: tuple(self._route(name, route) for route in cluster.routes)
            for name, cluster in self.platform.clusters.items()
        }

    def _route(self, cluster: str, route: LabRoute | FileRoute) -> Route:
        from qx.model.platform import LabRoute

        nodes = {region: node.url for region, node in self.platform.clusters[cluster].nodes.items()}
        if isinstance(route, LabRoute):
            from qx.adapters.routes import lab

            return lab.LabRoute(cluster, Path(route.socket), nodes)
        from qx.adapters.routes import file

        return file.FileRoute(cluster, Path(route.path), nodes)
