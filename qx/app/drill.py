"""A drill: the writer is moved away and back, planned, to measure what that costs; the result is kept.

Both halves are ordinary runs on the one engine. What counts is what the journal says, against the cluster's objectives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app import plan as planning
from qx.app.run import execute
from qx.engine.records import read_all, write
from qx.failover.planner import rank_candidates
from qx.kernel.errors import QxError, Refused
from qx.model.journal import RunOutcome
from qx.model.plan import Consent, Plan, Refusal
from qx.model.standing import DrillResult

if TYPE_CHECKING:
    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.ports.report import Reporter
    from qx.ports.store import Store


async def prepare(bench: Workbench, cluster: str, to: str | None) -> Plan | Refusal:
    """The plan of the way there. `to` None: the best candidate. Raises QX-OBS-002, Refused QX-PLAN-006."""
    from qx.app.situate import situate

    consent = _consent(bench)
    if to is None:
        at = await situate(bench, consent)
        writer = at.topology.clusters[cluster].writer
        eligible = [each.region for each in rank_candidates(at, cluster, writer) if each.eligible]
        if writer is None or not eligible:
            raise Refused("QX-PLAN-006", f"{cluster} has no writer, or nowhere to go", hint="qx status")
        to = eligible[0]
    return await planning.failover(bench, to, None, (cluster,), (), consent)


async def drill(bench: Workbench, cluster: str, away: Plan, reporter: Reporter) -> DrillResult:
    """There and back. Raises QxError QX-RUN-012 when either half does not end well: then the writer is where it is."""
    began, stage = bench.clock.elapsed(), away.stages[0]
    there = await execute(bench, away, reporter)
    _well(there, "the way there")
    back = await planning.failover(bench, str(stage.source), None, (cluster,), (), _consent(bench))
    if isinstance(back, Refusal):
        why = "; ".join(gate.because for gate in back.gates if not gate.passed)
        raise QxError("QX-RUN-012", f"the way back is refused: {why}", hint=f"qx failover --to {stage.source}")
    home = await execute(bench, back, reporter)
    _well(home, "the way back")
    from qx.render.progress import results

    first, second = results(away, there.entries)[0], results(back, home.entries)[0]
    goals = bench.platform.clusters[cluster].objectives
    outages = [first.write_outage_s or 0.0, second.write_outage_s or 0.0]
    result = DrillResult(
        cluster=cluster, source=str(stage.source), target=stage.target, at=bench.clock.now(),
        away_outage_s=outages[0], back_outage_s=outages[1], took_s=bench.clock.elapsed() - began, lost=0,
        met=max(outages) <= min(goals.write_outage, goals.rto), runs=(there.run, home.run),
    )
    write(bench.store, result, there.run)
    return result


def drills(store: Store, cluster: str) -> tuple[DrillResult, ...]:
    """All that are kept, the latest first."""
    kept = (each for each in read_all(store, DrillResult).values() if each.cluster == cluster)
    return tuple(sorted(kept, key=lambda each: -each.at))


def _consent(bench: Workbench) -> Consent:
    return Consent(override=("cooldown",), reason="drill", by=bench.operator)


def _well(ended: Ended, what: str) -> None:
    if ended.outcome is not RunOutcome.DONE:
        said = f"{what} ended as {ended.outcome.value}: run {ended.run}"
        raise QxError("QX-RUN-012", said, hint=f"qx runs show {ended.run}") from ended.error
