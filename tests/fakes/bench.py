"""SimBench: the Workbench of a process in the simulated world, so that the very code of the daemon and of the commands
runs there. Only what reaches the world is another: servers, controls, routes, store, clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qx.app.workbench import Workbench
from tests.fakes.lines import Line
from tests.fakes.servers import SimPgServer, SimRedisServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.ports.servers import PgServer, RedisServer
    from tests.fakes.process import Process


class SimBench(Workbench):
    """`region`: whose controller it is; None: the one controller of all."""

    def __init__(self, process: Process, operator: str = "ops@qx", region: str | None = None) -> None:
        super().__init__({}, region=region)
        self._process, world = process, process.world
        clusters = world.platform.clusters
        nodes = [(name, region) for name, cluster in clusters.items() for region in cluster.nodes]
        self.__dict__.update(
            platform=world.platform,
            config_digest="c0ffee",
            state_directory=Path("/state"),
            operator=operator,
            clock=process.clock,
            store=process.store,
            controls={key: process.control(*key) for key in nodes if key not in world.uncontrolled},
            routes={name: process.routes(name) for name in clusters},
            endpoints={},
        )

    @property
    def config_path(self) -> Path:
        return Path("regions.yaml")

    def secret(self, reference: str) -> str:
        return ""

    def postgres(
        self, cluster: str, region: str, tag: str = "", heard: Callable[[], None] | None = None
    ) -> PgServer:
        node = self._process.world.pg(cluster, region)
        return SimPgServer(self._process, Line(self._process, node, _epoch(tag), heard), node)

    def redis(
        self, cluster: str, region: str, tag: str = "", heard: Callable[[], None] | None = None
    ) -> RedisServer:
        node = self._process.world.valkey(cluster, region)
        return SimRedisServer(self._process, Line(self._process, node, _epoch(tag), heard), node)

    async def close(self) -> None:
        for prober in self.__dict__.get("probers", {}).values():
            await prober.close()


def _epoch(tag: str) -> int:
    """Of '<run>/<epoch>'; 0 of an observer."""
    return int(tag.rpartition("/")[2]) if tag else 0
