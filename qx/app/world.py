"""BenchWorld: the engine's World over real adapters, built when first used and closed together."""

from __future__ import annotations

import functools
from functools import cached_property
from typing import TYPE_CHECKING

from qx.failover import links
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from pathlib import Path

    from qx.app.workbench import Workbench
    from qx.engine.renewals import Renewals
    from qx.model.platform import Platform
    from qx.ports.clock import Clock
    from qx.ports.controls import NodeControl
    from qx.ports.means import Means
    from qx.ports.report import Reporter
    from qx.ports.routes import Route
    from qx.ports.servers import PgServer, RedisServer
    from qx.ports.store import Store


class BenchWorld:
    """One run's world. Sessions are named after the run and its epochs once `act_as` was called."""

    def __init__(self, bench: Workbench, reporter: Reporter, salvage: Path, by: str = "") -> None:
        """`by`: who asked for what runs within the run; '' the operator."""
        self._bench, self._by = bench, by or bench.operator
        self.reporter = reporter
        self._salvage = salvage
        self._tags: dict[str, str] = {}
        self._servers: dict[tuple[str, str], PgServer | RedisServer] = {}

    @property
    def platform(self) -> Platform:
        return self._bench.platform

    @property
    def clock(self) -> Clock:
        return self._bench.clock

    @property
    def store(self) -> Store:
        return self._bench.store

    @property
    def renewals(self) -> Renewals:
        return self._bench.renewals

    @cached_property
    def means(self) -> Means:
        from qx.app.means import BenchMeans

        another = functools.partial(BenchWorld, self._bench, self.reporter, self._salvage, self._by)
        return BenchMeans(self._bench, another, self._by)

    def postgres(self, cluster: str, region: str) -> PgServer:
        key = (cluster, region)
        if key not in self._servers:
            self._servers[key] = self._bench.postgres(cluster, region, self._tags.get(cluster, ""))
        return self._servers[key]  # type: ignore[return-value]  # keyed by cluster, and a cluster has one kind

    def redis(self, cluster: str, region: str) -> RedisServer:
        key = (cluster, region)
        if key not in self._servers:
            self._servers[key] = self._bench.redis(cluster, region, self._tags.get(cluster, ""))
        return self._servers[key]  # type: ignore[return-value]  # as above

    def control(self, cluster: str, region: str) -> NodeControl:
        control = self._bench.controls.get((cluster, region))
        if control is None:
            raise QxError(
                "QX-NODE-001",
                f"{cluster} in {region} has no control configured",
                hint=f"add clusters.{cluster}.nodes.{region}.control to regions.yaml",
            )
        return control

    def routes(self, cluster: str) -> tuple[Route, ...]:
        return self._bench.routes.get(cluster, ())

    def conninfo(self, cluster: str, upstream: str, viewer: str) -> str:
        found = self.platform.clusters[cluster]
        node = found.nodes[upstream]
        reference = node.replication.password or node.password
        return links.conninfo(found, upstream, viewer, self._bench.secret(reference) if reference else "")

    async def act_as(self, run: str, epochs: dict[str, int]) -> None:
        await self.close()
        self._tags = {cluster: f"{run}/{epoch}" for cluster, epoch in epochs.items()}

    def salvage_dir(self, run: str) -> str:
        return str(self._salvage / run)

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        return self._bench.signed_by(key, message, signature)

    async def close(self) -> None:
        servers, self._servers = self._servers, {}
        for server in servers.values():
            await server.close()
