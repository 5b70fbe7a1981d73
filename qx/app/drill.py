"""A drill: the writer is moved away and back, planned, to measure what that costs; the result is kept.

Both halves are ordinary runs on the one engine. What counts is what the journal says, against the cluster's objectives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.app import plan as planning
from qx.app.run import check_fresh, execute
from qx.engine.records import read_all, write
from qx.failover.planner import rank_candidates
from qx.kernel.errors import QxError, Refused
from qx.model.journal import RunOutcome
from qx.model.plan import Consent, Plan, Refusal
from qx.model.standing import Acknowledgement, DrillResult

if TYPE_CHECKING:
    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.model.platform import Objectives
    from qx.model.topology import Lag
    from qx.ports.report import Reporter
    from qx.ports.store import Still, Store


async def prepare(bench: Workbench, cluster: str, to: str | None, by: str = "") -> Plan | Refusal:
    """The plan of the way there. `to` None: the best candidate. `by`: who asks for it; '' the operator. Raises
    QX-OBS-002, Refused QX-PLAN-006.
    """
    from qx.app.situate import situate

    consent = _consent(bench, by)
    if to is None:
        at = await situate(bench, consent)
        writer = at.topology.clusters[cluster].writer
        eligible = [each.region for each in rank_candidates(at, cluster, writer) if each.eligible]
        if writer is None or not eligible:
            raise Refused("QX-PLAN-006", f"{cluster} has no writer, or nowhere to go", hint="qx status")
        to = eligible[0]
    return replace(await planning.failover(bench, to, None, (cluster,), (), consent), intent="drill")


async def apply(bench: Workbench, away: Plan, reporter: Reporter) -> DrillResult:
    """As `drill`, of a plan made earlier. Raises Refused QX-PLAN-002 besides, when its basis does not hold any more."""
    await check_fresh(bench, away)
    return await drill(bench, away, reporter)


async def drill(
    bench: Workbench, away: Plan, reporter: Reporter, *, by: str = "", attended: bool = True
) -> DrillResult:
    """There and back; who approved the way there approved the way back. Raises QxError QX-RUN-012 when either half does
    not end well: then the writer is where it is.

    `by`: as in `prepare`. One that went well is acknowledged: its moves were meant, so no cooldown follows it.
    """
    began, stage = bench.clock.elapsed(), away.stages[0]
    cluster = stage.cluster
    there = await execute(bench, away, reporter, attended=attended)
    _well(there, "the way there")
    back = await planning.failover(bench, str(stage.source), None, (cluster,), (), _consent(bench, by))
    if isinstance(back, Refusal):
        why = "; ".join(gate.because for gate in back.gates if not gate.passed)
        raise QxError("QX-RUN-012", f"the way back is refused: {why}", hint=f"qx failover --to {stage.source}")
    home = await execute(bench, back, reporter, attended=attended, back_from=away)
    _well(home, "the way back")
    from qx.render.progress import results

    first, second = results(away, there.entries)[0], results(back, home.entries)[0]
    goals = bench.platform.clusters[cluster].objectives
    outages = [first.write_outage_s or 0.0, second.write_outage_s or 0.0]
    behind = next((each.lag for each in stage.candidates if each.region == stage.target), None)
    now = bench.clock.now()
    result = DrillResult(
        cluster=cluster, source=str(stage.source), target=stage.target, at=now,
        away_outage_s=outages[0], back_outage_s=outages[1], took_s=bench.clock.elapsed() - began, lost=0,
        met=max(outages) <= min(goals.write_outage, goals.rto) and _within_rpo(behind, goals),
        runs=(there.run, home.run), behind_bytes=behind.bytes if behind else None,
        behind_s=behind.seconds if behind else None,
    )
    write(bench.store, result, there.run)
    seen = Acknowledgement(run=home.run, by=by or bench.operator, at=now, reason="the end of a drill that went well")
    write(bench.store, seen, home.run)
    return result


def drills(store: Still | Store, cluster: str = "") -> tuple[DrillResult, ...]:
    """All that are kept, of one cluster or of every one, the latest first."""
    kept = (each for each in read_all(store, DrillResult).values() if cluster in ("", each.cluster))
    return tuple(sorted(kept, key=lambda each: -each.at))


def _within_rpo(behind: Lag | None, goals: Objectives) -> bool:
    """Of what is known."""
    if behind is None:
        return True
    return (behind.bytes or 0) <= goals.rpo_bytes and (behind.seconds or 0.0) <= goals.rpo


def _consent(bench: Workbench, by: str) -> Consent:
    return Consent(override=("cooldown",), reason="drill", by=by or bench.operator)


def _well(ended: Ended, what: str) -> None:
    if ended.outcome is not RunOutcome.DONE:
        said = f"{what} ended as {ended.outcome.value}: run {ended.run}"
        raise QxError("QX-RUN-012", said, hint=f"qx runs show {ended.run}") from ended.error
