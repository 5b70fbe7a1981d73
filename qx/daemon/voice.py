"""Voice: what the daemon tells people and machines after each tick: alerts through the channels, metrics on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.alerting import Alerting
from qx.app.drill import drills
from qx.app.exposure import Exposure
from qx.app.stepping import Stepping
from qx.engine.records import read_all
from qx.kernel.errors import QxError
from qx.model.snapshot import Figures, Snapshot
from qx.model.standing import Arming, DrillResult, Grant, Renewal

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.daemon.log import Log
    from qx.daemon.trust import Trust
    from qx.daemon.watchman import Watchman
    from qx.model.topology import Topology
    from qx.ports.store import Still, Store

RUNS = 50
KINDS = (Grant.KIND, Renewal.KIND, Arming.KIND, DrillResult.KIND)


class Voice:
    """`every_s`: between two ticks."""

    def __init__(self, bench: Workbench, watchman: Watchman, trust: Trust, every_s: float, log: Log) -> None:
        from qx import __version__

        self._bench, self._watchman, self._trust, self._log = bench, watchman, trust, log
        self._every, self._started = every_s, bench.clock.now()
        self._alerting = Alerting(bench, me=bench.region or bench.observer)
        self._exposure = Exposure(bench, __version__)
        self._stepping = Stepping(self._started)
        self._listens = False

    async def open(self) -> None:
        """Raises QX-OBS-004 when the page's port is taken."""
        listen = await self._exposure.open()
        self._listens = bool(listen)
        if listen:
            self._log.tell("metrics", listen=listen)

    async def tell(self, took_s: float) -> None:
        """`took_s`: the tick."""
        topology, decided = self._watchman.topology, self._watchman.decided
        if topology is None:
            return
        for trouble in await self._alerting.consider(topology, decided, self._bench.clock.now()):
            self._log.tell("alerting", message=trouble)
        if not self._listens:
            return
        try:
            store = await self._bench.apart(self._bench.still, KINDS, None, RUNS)
            self._exposure.take(self._snapshot(store, topology, took_s))
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)

    async def close(self) -> None:
        await self._alerting.close()
        await self._exposure.close()

    def _snapshot(self, store: Still | Store, topology: Topology, took_s: float) -> Snapshot:
        now = self._bench.clock.now()
        live = {each.key: each.until or 0.0 for each in store.records(Renewal.KIND)}
        grants = {name: (grant, live.get(name, 0.0)) for name, grant in read_all(store, Grant).items()}
        found = {name: drills(store, name) for name in self._bench.platform.clusters}
        figures = Figures(
            started_at=self._started, tick_at=now, tick_s=took_s, every_s=self._every,
            loop_lag_s=self._trust.lag, distrust_s=self._trust.feel(),
            notices=dict(self._alerting.outbox.counts), waiting=self._alerting.outbox.waiting,
        )  # fmt: skip
        runs = store.runs(RUNS)
        return Snapshot(
            topology=topology, figures=figures, rules=store.rules(), leases=store.leases(), grants=grants,
            armings=read_all(store, Arming), decided=self._watchman.decided, runs=runs,
            stepped=self._stepping.news(self._bench.store, runs), maintenance=store.maintenance(now),
            drills={name: each[0] for name, each in found.items() if each}, told=self._alerting.told,
        )  # fmt: skip
