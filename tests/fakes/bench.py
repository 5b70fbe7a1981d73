"""SimBench: the Workbench of a process in the simulated world, so that the very code of the daemon and of the commands
runs there. Only what reaches the world is another: servers, controls, routes, store, clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qx.adapters.node.posted import PostedNode
from qx.app.workbench import Workbench
from tests.fakes.lines import Line
from tests.fakes.servers import SimPgServer, SimRedisServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.ports.controls import NodeControl
    from qx.ports.servers import PgServer, RedisServer
    from qx.ports.store import Store
    from tests.fakes.process import Process

T = TypeVar("T")


class SimBench(Workbench):
    """`region`: whose controller it is; None: the one controller of all."""

    def __init__(self, process: Process, operator: str = "ops@qx", region: str | None = None) -> None:
        super().__init__({}, region=region)
        self._process, world = process, process.world
        clusters = world.platform.clusters
        nodes = [(name, where) for name, cluster in clusters.items() for where in cluster.nodes]
        self.__dict__.update(
            platform=world.platform,
            config_digest="c0ffee",
            state_directory=Path("/state"),
            operator=operator,
            clock=process.clock,
            store=process.store,
            renewals=process.renewals,
        )
        self.__dict__.update(
            controls={key: self._node_control(*key) for key in nodes if key not in world.uncontrolled},
            routes={name: process.routes(name) for name in clusters},
            endpoints={},
        )

    @property
    def config_path(self) -> Path:
        return Path("regions.yaml")

    @property
    def is_shared(self) -> bool:
        return self._process.is_shared

    def still(self, kinds: tuple[str, ...], since: float | None = None, runs: int = 0) -> Store:
        store = self._process.store
        return store.still() if self.is_shared else store  # type: ignore[attr-defined]

    async def apart(self, call: Callable[..., T], *arguments: Any) -> T:
        return await self._process.beside(lambda: call(*arguments)) if self.is_shared else call(*arguments)

    def _node_control(self, cluster: str, region: str) -> NodeControl:
        """As of a LocalControl: beside its own controller, or posted to that."""
        process = self._process
        if self.is_shared and region != self.region:
            kind = self.platform.clusters[cluster].kind
            return PostedNode(process.store, process.clock, kind, cluster, region, process.renewals.has_lapsed)
        return process.control(cluster, region)

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
