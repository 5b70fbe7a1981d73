"""Scheduled: what the timetable says, done: a drill of a cluster, a runbook with its inputs, or measuring the risk of a
portfolio; and how each stands.

When it is done is the daemon's to know; what keeps it from being done is asked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.app import drill as drilling
from qx.app import runbook
from qx.app.run import execute
from qx.engine.records import read_all
from qx.failover.calendar import window_against
from qx.failover.openruns import UNENDED
from qx.failover.vetoes import AUTOMATIC, SCHEDULED
from qx.kernel.errors import QxError
from qx.kernel.spans import format_seconds
from qx.model.journal import RunOutcome
from qx.model.plan import Refusal
from qx.model.schedules import Appointment, DrillSchedule, RiskSchedule, RunbookSchedule
from qx.model.standing import Scheduled

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.schedules import Schedule
    from qx.ports.report import Reporter
    from qx.ports.store import Store

RUNS = 200
BEGIN_S = 120.0  # within which a start that was claimed has a run
_DO: dict[type, Literal["drill", "runbook", "risk"]] = {
    DrillSchedule: "drill", RunbookSchedule: "runbook", RiskSchedule: "risk",
}  # fmt: skip
REFUSED, MISSED, RUNNING, ORPHANED = "refused", "missed", "running", "orphaned"


class Came(Struct, frozen=True):
    """What a schedule's start came to; `outcome` as in `Scheduled`."""

    outcome: str
    because: str = ""


def demand(bench: Workbench) -> None:
    """Raises Problems: every schedule of the file in force that means nothing, with its place."""
    if bench.platform.schedules:
        from qx.config import schedules
        from qx.config.load import load_marked

        platform, document = load_marked(bench.config_path)
        schedules.demand(platform, document, bench.config_path, bench.env)


def what_of(schedule: Schedule) -> str:
    """What is done, and with what."""
    if isinstance(schedule, DrillSchedule):
        return schedule.cluster + (f" to {schedule.to}" if schedule.to else "")
    if isinstance(schedule, RiskSchedule):
        return f"{schedule.portfolio} {schedule.method} {schedule.alpha} {schedule.horizon}"
    return " ".join([schedule.runbook, *(f"{name}={value}" for name, value in schedule.inputs.items())])


def scope_of(schedule: Schedule) -> str:
    """What a run of it holds the lease on."""
    if isinstance(schedule, DrillSchedule):
        return schedule.cluster
    return f"risk:{schedule.portfolio}" if isinstance(schedule, RiskSchedule) else f"runbook:{schedule.runbook}"


def rule_of(schedule: Schedule) -> str:
    return f"{schedule.cron} {schedule.timezone}"


def by_of(bench: Workbench, name: str) -> str:
    """`Run.by` of what the schedule begins."""
    return f"{AUTOMATIC} on {bench.observer}{SCHEDULED}{name}"


def against(bench: Workbench, schedule: Schedule) -> str:
    """What holds it up at this moment, in words; '' when nothing does."""
    if isinstance(schedule, RiskSchedule):
        return ""  # it reads, and moves nothing
    store, now, scope = bench.store, bench.clock.now(), scope_of(schedule)
    for lease in store.leases():
        if lease.cluster == scope and lease.until > now:
            return f"run {lease.holder} is at work on it"
    for run in store.runs(RUNS):
        if run.outcome in UNENDED and run.plan_id and scope in run.clusters:
            return f"run {run.id} has not ended: qx runs resume {run.id}"
    if not isinstance(schedule, DrillSchedule):
        return ""
    places = {"*", scope, *bench.platform.clusters[scope].nodes}
    for window in store.maintenance(now):
        if window.scope in places:
            return f"maintenance of {window.scope} by {window.owner}: {window.reason}"
    return window_against(bench.platform.watch.windows, scope, now, planned=True)


async def carry_out(bench: Workbench, schedule: Schedule, by: str, reporter: Reporter) -> Came:
    """To its end. Raises QxError when it could not begin, or a drill did not come back."""
    if isinstance(schedule, DrillSchedule):
        return await _drill(bench, schedule, by, reporter)
    if isinstance(schedule, RiskSchedule):
        from qx.app.risk.clockwork import measured_and_kept

        return Came(RunOutcome.DONE.value, await measured_and_kept(bench, schedule))
    return await _runbook(bench, schedule, by, reporter)


async def _drill(bench: Workbench, schedule: DrillSchedule, by: str, reporter: Reporter) -> Came:
    away = await drilling.prepare(bench, schedule.cluster, schedule.to or None, by)
    if isinstance(away, Refusal):
        return Came(REFUSED, "; ".join(f"{gate.gate}: {gate.because}" for gate in away.gates if not gate.passed))
    if not away.steps:
        return Came(REFUSED, f"{schedule.cluster} writes in {schedule.to} already")
    result = await drilling.drill(bench, away, reporter, by=by, attended=False)
    measured = f"write outages {format_seconds(result.away_outage_s)} and {format_seconds(result.back_outage_s or 0.0)}"
    if result.met:
        return Came(RunOutcome.DONE.value, measured)
    return Came(RunOutcome.FAILED.value, f"it missed an objective: {measured}")


async def _runbook(bench: Workbench, schedule: RunbookSchedule, by: str, reporter: Reporter) -> Came:
    words = [f"{name}={value}" for name, value in schedule.inputs.items()]
    plan = runbook.plan(bench, schedule.runbook, words, by)
    ended = await execute(bench, plan, reporter, attended=False)
    error = ended.error
    return Came(ended.outcome.value, f"{error.code}: {error.message}" if error is not None else "")


def listed(bench: Workbench) -> tuple[Appointment, ...]:
    """Every schedule of regions.yaml. Raises Problems for an expression that cannot be read."""
    if not bench.platform.schedules:
        return ()
    from qx.config.cron import Cron
    from qx.config.schedules import demand_cron

    demand_cron(bench.platform)
    kept, now = read_all(bench.store, Scheduled), bench.clock.now()
    found = []
    for name, schedule in bench.platform.schedules.items():
        last = kept.get(name)
        if last is not None and (last.rule != rule_of(schedule) or not last.outcome):
            last = None
        found.append(
            Appointment(
                name=name, do=_DO[type(schedule)], what=what_of(schedule),
                cron=schedule.cron, timezone=schedule.timezone,
                next_at=Cron(schedule.cron, schedule.timezone).after(now), due_at=last.due if last else None,
                outcome=_standing(bench.store, last, now) if last else "", because=last.because if last else "",
                run=last.run if last else "",
            )
        )  # fmt: skip
    return tuple(found)


def _standing(store: Store, last: Scheduled, now: float) -> str:
    """What is kept; of one whose daemon died before it could say more, what the journal says."""
    if last.outcome != RUNNING:
        return last.outcome
    if not last.run:
        return RUNNING if now - last.at < BEGIN_S else ORPHANED
    if any(lease.holder == last.run and lease.until > now for lease in store.leases()):
        return RUNNING
    try:
        outcome = store.run(last.run).outcome
    except QxError:
        return ORPHANED
    return ORPHANED if outcome in UNENDED else outcome.value
