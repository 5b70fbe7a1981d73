"""Decisions: what stands decided about each cluster, told when it changes, and kept in the ledger by who leads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.app.ledger import keep
from qx.failover.vigil import Finding
from qx.kernel.errors import QxError
from qx.model.standing import Decided

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench
    from qx.daemon.log import Log
    from qx.model.topology import ClusterView

NOT_KEPT = (Finding.WAITING.value, Finding.SUSPECT.value)


class Decisions:
    def __init__(self, bench: Workbench, log: Log, leads: Callable[[], bool]) -> None:
        self._bench, self._log, self._leads = bench, log, leads
        self._standing: dict[str, Decided] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._would_act: set[str] = set()  # clusters that policy alone kept from being acted on, since they were well

    @property
    def standing(self) -> tuple[Decided, ...]:
        """One for each cluster of which anything was decided."""
        return tuple(self._standing.values())

    def came_back(self, name: str, view: ClusterView) -> None:
        """A writer that is back by itself: acting would have been needless."""
        before = self._standing.get(name)
        if before is not None and before.verdict not in ("well", "ended"):
            needless = name in self._would_act
            self._would_act.discard(name)
            self.tell(name, "well", view, view.because, false_positive=needless)

    def begin_anew(self) -> None:
        """Who leads from now on tells and keeps all that stands, whatever it told before."""
        self._standing.clear()

    def tell(
        self, name: str, verdict: str, view: ClusterView, because: str, against: tuple[str, ...] = (), *,
        run: str = "", plan: str = "", false_positive: bool | None = None,
    ) -> None:
        """Told and kept when it differs from what was decided before."""
        decided = Decided(
            cluster=name, at=self._bench.clock.now(), verdict=verdict, cause=view.cause.value, because=because,
            vetoes=against, run=run, false_positive=false_positive, plan=plan,
        )
        before = self._standing.get(name)
        if before is not None and (before.verdict, before.cause, before.plan, _names(before)) == (
            verdict, decided.cause, plan, _names(decided)
        ):  # fmt: skip
            return
        self._standing[name] = decided
        if verdict == "would-act":
            self._would_act.add(name)
        elif verdict == "act":
            self._would_act.discard(name)
        self._log.tell("decided", cluster=name, verdict=verdict, cause=decided.cause, because=because,
                       vetoes=list(against) or None, run=run or None)
        if verdict not in NOT_KEPT and self._leads():
            task = asyncio.create_task(self._keep(decided), name=f"keep {name}")  # nobody waits for it
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def settle(self) -> None:
        """Until all that was told is kept."""
        await asyncio.gather(*self._keeping)

    async def _keep(self, decided: Decided) -> None:
        try:
            await self._bench.apart(keep, self._bench.store, decided)
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)


def _names(decided: Decided) -> tuple[str, ...]:
    return tuple(veto.partition(":")[0] for veto in decided.vetoes)
