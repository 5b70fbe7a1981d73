"""Run a plan, or resume a run: lease, journal, engine, signals. What `failover`, `failback`, `rejoin` and
`apply` share.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, NamedTuple

from qx.app.approving import ask_if_lacking
from qx.app.situate import situate
from qx.app.world import BenchWorld
from qx.engine.execute import Executor
from qx.failover.basis import basis_of, differences
from qx.failover.vetoes import AUTOMATIC
from qx.kernel.errors import QxError, Refused
from qx.kernel.exits import Exit
from qx.kernel.ids import sortable_id
from qx.model.journal import Entry, Event, RunOutcome
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.app.workbench import Workbench
    from qx.failover.situation import Situation
    from qx.model.plan import Plan
    from qx.ports.report import Reporter

EXITS = {
    RunOutcome.DONE: Exit.DONE,
    RunOutcome.DEGRADED: Exit.UNKNOWN,
    RunOutcome.UNDONE: Exit.FAILED,
    RunOutcome.FAILED: Exit.FAILED,
    RunOutcome.PARTIAL: Exit.UNKNOWN,
    RunOutcome.STUCK: Exit.UNKNOWN,
    RunOutcome.OPEN: Exit.UNKNOWN,
}


class Ended(NamedTuple):
    """What a run came to; `interrupted` when a signal asked it to stop."""

    run: str
    outcome: RunOutcome
    entries: tuple[Entry, ...]
    interrupted: bool

    @property
    def exit(self) -> Exit:
        if self.interrupted and self.outcome is RunOutcome.UNDONE:
            return Exit.INTERRUPTED
        return EXITS[self.outcome]

    @property
    def error(self) -> QxError | None:
        """The first error of a run that did not end well."""
        for entry in self.entries:
            if entry.error and entry.event in (Event.ENDED, Event.UNDO_ENDED):
                return QxError(
                    entry.error["code"], f"{entry.step}: {entry.error['message']}", hint=entry.error["hint"]
                )
        return None


async def apply(bench: Workbench, plan: Plan, reporter: Reporter) -> Ended:
    """Execute a plan whose basis still holds. Raises Refused(QX-PLAN-002) with the differences, QX-PLAN-003,
    QX-STORE-001.
    """
    await check_fresh(bench, plan)
    return await execute(bench, plan, reporter)


async def check_fresh(bench: Workbench, plan: Plan) -> None:
    """Raises Refused QX-PLAN-002 when it was made of what is no longer so."""
    at = await situate(bench, plan.consent)
    check_ownership(at, tuple(stage.cluster for stage in plan.stages))
    changed = differences(plan.basis, basis_of(at, tuple(stage.cluster for stage in plan.stages)))
    if changed:
        raise Refused("QX-PLAN-002", "the plan is stale: " + "; ".join(changed), hint="plan again")


async def execute(
    bench: Workbench, plan: Plan, reporter: Reporter, *, attended: bool = True, approvals: int = 0,
    back_from: Plan | None = None,
) -> Ended:  # fmt: skip
    """Execute a plan that was made a moment ago; its own first step looks again. `attended`: signals interrupt it, and
    a plan that has too few approvals (QX-PLAN-009) is kept for others to approve. The rest as the executor's.
    """
    run = sortable_id(bench.clock.now(), bench.clock.noise())
    try:
        return await _drive(
            bench, plan, run, reporter, lambda executor: executor.begin(), attended=attended, approvals=approvals,
            back_from=back_from,
        )  # fmt: skip
    except Refused as refusal:
        if refusal.code != "QX-PLAN-009" or not attended:
            raise
        raise ask_if_lacking(bench, plan, refusal) from refusal


async def resume(bench: Workbench, run: str, reporter: Reporter, wait: float, *, attended: bool = True) -> Ended:
    """Go on with a run from its journal, under new epochs; waits up to `wait` s for the lease of a dead
    executor to run out.
    """
    found = bench.store.run(run)
    plan = bench.store.plan(found.id)
    until = bench.clock.elapsed() + wait
    while True:
        try:
            return await _drive(
                bench, plan, found.id, reporter, lambda executor: executor.resume(), attended=attended
            )
        except QxError as error:
            if error.code != "QX-STORE-001" or bench.clock.elapsed() >= until:
                raise
        await bench.clock.sleep(0.2)


async def _drive(
    bench: Workbench,
    plan: Plan,
    run: str,
    reporter: Reporter,
    go: Callable[[Executor], Awaitable[RunOutcome]],
    *,
    attended: bool,
    approvals: int = 0,
    back_from: Plan | None = None,
) -> Ended:
    by = plan.by if not attended and plan.by.startswith(AUTOMATIC) else bench.operator
    world = BenchWorld(bench, reporter, bench.salvage_path, by)
    executor = Executor(world, plan, run, by, approvals=approvals, back_from=back_from)
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        if interrupted:  # the second time: leave at once; the journal knows where, `qx runs resume` goes on
            raise KeyboardInterrupt
        interrupted = True
        executor.stop()

    loop = asyncio.get_running_loop()
    interrupts = (signal.SIGINT, signal.SIGTERM) if attended else ()
    for number in interrupts:
        loop.add_signal_handler(number, stop)
    try:
        outcome = await go(executor)
    finally:
        for number in interrupts:
            loop.remove_signal_handler(number)
        await world.close()
    entries = tuple(chained.entry for chained in bench.store.entries(run))
    return Ended(run, outcome, entries, interrupted)


def check_ownership(at: Situation, clusters: tuple[str, ...]) -> None:
    """Raises Refused(QX-STORE-003) when a cluster says that another store, or a later epoch of this one, rules it."""
    for name in clusters:
        view = at.topology.clusters[name]
        if view.cause is Cause.FOREIGN_STORE:
            raise Refused(
                "QX-STORE-003",
                f"{name}: {view.because}",
                hint=f"qx control adopt {name} --reason TEXT takes it over, knowingly",
            )
