"""Durability: keeps the quorum of each cluster as regions.yaml wishes, beside its writer or as the only controller.

What is seen anyway tells whether anything is to be done; only then is the cluster's lease taken. A standby that stopped
streaming still counts for a while, so that a link that flaps changes nothing. Never: in mode observe, which acts on
nothing; while qx distrusts itself; or fewer acknowledgements because standbys are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app import durability
from qx.failover.quorum import Wait, next_step
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.log import Log
    from qx.daemon.trust import Trust
    from qx.model.topology import ClusterView, Topology

GONE_AFTER = 5.0  # intervals without streaming, until a standby does not count any more
SELDOM_S = 10.0  # between looks where no cluster is concerned
HELD = frozenset({"QX-STORE-001", "QX-STORE-002"})  # somebody acts on the cluster: later


class Durability:
    """`region` None: it is the only controller."""

    def __init__(
        self, bench: Workbench, watch: Watch, region: str | None, trust: Trust, log: Log,
        topology: Callable[[], Topology | None],
    ) -> None:
        self._bench, self._watch, self._region = bench, watch, region
        self._trust, self._log, self._topology = trust, log, topology
        self._streamed: dict[tuple[str, str], float] = {}  # (cluster, region) -> when it last did (`Clock.elapsed`)
        self._told: dict[str, str] = {}

    async def keep(self) -> None:
        """Until cancelled."""
        clock = self._bench.clock
        while True:
            began = clock.elapsed()
            topology = self._topology()
            concerned = True
            if topology is not None and self._trust.feel() == 0:
                concerned = await self.round(topology)
            every = self._watch.probe if concerned else max(self._watch.probe, SELDOM_S)
            await clock.sleep(max(0.0, every - (clock.elapsed() - began)))

    async def round(self, topology: Topology) -> bool:
        """Whether any cluster is concerned."""
        try:
            names = await self._bench.apart(durability.concerned, self._bench)
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)
            return True
        for name in names:
            view = topology.clusters[name]
            if self._bench.platform.clusters[name].mode == "observe" or self._region not in (None, view.writer):
                continue
            try:
                await self._one(topology, view)
            except QxError as error:
                if error.code not in HELD:
                    self._log.tell("error", cluster=name, code=error.code, message=error.message)
        return bool(names)

    async def _one(self, topology: Topology, view: ClusterView) -> None:
        kept = self._kept(view)
        state = durability.state_of(self._bench, view, kept)
        step = next_step(state) if state is not None else None
        if state is not None and step is not None and not isinstance(step, Wait):
            left = await durability.uphold(
                self._bench, topology, view.name, kept, lambda said: self._say(view.name, said)
            )
        else:
            left = step.because if isinstance(step, Wait) else ""
        if left != self._told.get(view.name, ""):
            self._told[view.name] = left
            self._log.tell("durability-waits" if left else "durability", cluster=view.name, because=left or None)

    def _kept(self, view: ClusterView) -> frozenset[str]:
        """Regions that streamed until a moment ago."""
        now = self._bench.clock.elapsed()
        state = durability.state_of(self._bench, view)
        for region in state.streaming if state is not None else ():
            self._streamed[view.name, region] = now
        still = now - GONE_AFTER * self._watch.probe
        return frozenset(region for (name, region), at in self._streamed.items() if name == view.name and at >= still)

    def _say(self, name: str, said: str) -> None:
        self._log.tell("durability", cluster=name, because=said)
