"""Heart: makes every writer send its replicas something once per interval, so that silence means something.

A heartbeat that fails is no event of its own: the eyes see what is wrong.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.model.topology import Topology
    from qx.ports.clock import Clock
    from qx.ports.servers import Beating


class Heart:
    """`nodes` by (cluster, region). `beaten`: when each cluster's writer last took one (`Clock.elapsed`)."""

    def __init__(self, nodes: Mapping[tuple[str, str], Beating], every: float, clock: Clock) -> None:
        self.beaten: dict[str, float] = {}
        self._nodes, self._every, self._clock = nodes, every, clock

    async def beat(self, topology: Callable[[], Topology | None]) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.elapsed()
            seen = topology()
            writers = [(name, view.writer) for name, view in seen.clusters.items() if view.writer] if seen else []
            await asyncio.gather(*(self._one(name, region) for name, region in writers))
            await self._clock.sleep(max(0.0, self._every - (self._clock.elapsed() - began)))

    async def _one(self, cluster: str, region: str) -> None:
        try:
            await self._nodes[cluster, region].heartbeat(self._every)
        except QxError:
            return
        self.beaten[cluster] = self._clock.elapsed()
