"""The floor: a planned move by hand, knowing everything, checking nothing. No safe tool can be faster.

PostgreSQL: CHECKPOINT; hold the route; fast stop; pg_promote; open the route. Redis: hold the route; FAILOVER; open it.
The way back to three streaming nodes is not timed.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from redis import Redis

from qx.adapters.fabric import SetRoute, Show, ask
from qx.app.workbench import Workbench
from qx.failover import links

if TYPE_CHECKING:
    from qx.lab.status import LabStatus


class Floor:
    """Moves by hand on one lab, always as the epoch that the route has seen last."""

    def __init__(self, lab: LabStatus, env: dict[str, str]) -> None:
        self._lab = lab
        self._bench = Workbench({**env, "QX_CONFIG": lab.config}, None)
        self._socket = Path(lab.directory) / "fabric.sock"
        self._dsn = {(node.cluster, node.region): node.dsn for node in lab.nodes}
        self._data = {(node.cluster, node.region): Path(node.data_dir) for node in lab.nodes}

    def _route(self, cluster: str, region: str | None) -> None:
        state = next(route for route in ask(self._socket, Show()).routes if route.cluster == cluster)
        target = None
        if region is not None:
            found = self._bench.platform.clusters[cluster]
            target = links.url_address(found.nodes[region].url, found.kind)
        ask(self._socket, SetRoute(cluster=cluster, epoch=state.epoch, target=target, hold=target is None))

    def postgres(self, cluster: str, source: str, target: str) -> None:
        pid = int((self._data[cluster, source] / "postmaster.pid").read_text().split("\n", 1)[0])
        with psycopg.connect(self._dsn[cluster, source], autocommit=True) as old:
            old.execute("CHECKPOINT")
        with psycopg.connect(self._dsn[cluster, target], autocommit=True) as new:
            self._route(cluster, None)
            ended = os.pidfd_open(pid)
            os.kill(pid, signal.SIGINT)
            select.select([ended], [], [], 30)
            os.close(ended)
            new.execute("SELECT pg_promote(false)")
            while new.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                time.sleep(0.003)
            self._route(cluster, target)
            new.execute("CHECKPOINT")
        asyncio.run(self._restore_postgres(cluster, source, target))

    async def _restore_postgres(self, cluster: str, old: str, writer: str) -> None:
        found, server = self._bench.platform.clusters[cluster], self._bench.postgres(cluster, writer)
        await server.create_slots(
            tuple(links.slot_name(found, region) for region in found.nodes if region != writer), 10
        )
        for region in found.nodes:
            slot = links.slot_name(found, region)
            if region == old:
                control = self._bench.controls[cluster, region]
                epoch = (await control.inspect(5)).held_epoch
                await control.pin(epoch, "", 5)
                await control.follow(epoch, links.conninfo(found, writer, region), slot, 10)
                await control.start(epoch, "replica", 30)
            elif region != writer:
                sibling = self._bench.postgres(cluster, region)
                conninfo = links.conninfo(found, writer, region)
                await sibling.alter_system({"primary_conninfo": conninfo, "primary_slot_name": slot}, 10)
                await sibling.close()
        await server.close()
        self._wait_streaming(cluster, writer, len(found.nodes) - 1)

    def _wait_streaming(self, cluster: str, writer: str, count: int) -> None:
        until = time.monotonic() + 60
        with psycopg.connect(self._dsn[cluster, writer], autocommit=True) as connection:
            while True:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                ).fetchone()
                if row is not None and row[0] >= count:
                    return
                if time.monotonic() > until:
                    raise TimeoutError(f"{cluster}: fewer than {count} replicas stream from {writer}")
                time.sleep(0.05)

    def redis(self, cluster: str, source: str, target: str) -> None:
        found = self._bench.platform.clusters[cluster]
        host, _, port = links.address(found, target, source).rpartition(":")
        old = Redis.from_url(self._dsn[cluster, source], socket_timeout=10)
        new = Redis.from_url(self._dsn[cluster, target], socket_timeout=10)
        self._route(cluster, None)
        _tell(old, "FAILOVER", "TO", host, port, "TIMEOUT", 10000)
        while _tell(new, "ROLE")[0] != b"master":
            time.sleep(0.003)
        self._route(cluster, target)
        for region in found.nodes:
            if region == target:
                continue
            node = Redis.from_url(self._dsn[cluster, region], socket_timeout=10)
            announce_host, _, announce_port = links.address(found, region, target).rpartition(":")
            up_host, _, up_port = links.address(found, target, region).rpartition(":")
            node.config_set("replica-announce-ip", announce_host, "replica-announce-port", announce_port)
            _tell(node, "REPLICAOF", up_host, up_port)
            if region == source:
                _tell(node, "CLIENT", "KILL", "TYPE", "master")
            node.config_rewrite()
            node.close()
        self._wait_online(new, len(found.nodes) - 1)
        new.close()
        old.close()

    @staticmethod
    def _wait_online(master: Redis, count: int) -> None:
        until = time.monotonic() + 60
        while True:
            info = master.info("replication")
            online = [
                key
                for key, value in info.items()
                if key.startswith("slave") and isinstance(value, dict) and value["state"] == "online"
            ]
            if len(online) >= count:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"fewer than {count} replicas are online")
            time.sleep(0.05)


def _tell(node: Redis, *words: str | int) -> Any:
    return node.execute_command(*words)  # type: ignore[no-untyped-call]
