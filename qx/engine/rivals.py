"""Other runs on the same clusters, as the journal tells of them: may this one begin, may it be resumed?

Invariants: what a run may have promoted is not passed over by another that would promote elsewhere; a run is never
resumed, nor undone, once another has moved the write role: its undo would start a second writer. Only reads the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.fold import fold, passed
from qx.kernel.errors import Refused
from qx.model.journal import RunOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.engine.fold import RunState
    from qx.model.journal import Run
    from qx.model.plan import Plan, StagePlan
    from qx.ports.store import Store

FAR_BACK = 1000  # runs


def unended(runs: Iterable[Run], clusters: tuple[str, ...]) -> tuple[Run, ...]:
    """Of `runs` those on these clusters whose executor is dead, stands still or gave up."""
    return tuple(run for run in _others(runs, "", clusters) if run.outcome in (RunOutcome.OPEN, RunOutcome.STUCK))


def check_begin(store: Store, earlier: tuple[Run, ...], plan: Plan, epochs: dict[str, int]) -> None:
    """`epochs` are those just granted, `earlier` the runs known then. Raises Refused QX-PLAN-002 when others were
    granted since the plan was made, and QX-RUN-011 while an unended run may have promoted what this plan knows not of.
    """
    if any(run.plan_id == plan.id for run in earlier):
        return  # the store itself refuses it, by the name of that run
    mine = {stage.cluster: stage for stage in plan.stages}
    for name, stage in mine.items():
        if epochs[name] > stage.epoch + 1:
            words = f"planned under epoch {stage.epoch}, and others acted under {epochs[name] - 1} since"
            raise Refused("QX-PLAN-002", f"{name}: {words}", hint="Plan again.")
    for run in unended(earlier, tuple(mine)):
        for stage in _moved(store, run):
            if stage.cluster not in mine or mine[stage.cluster].target == stage.target:
                continue
            if {stage.target, f"{stage.cluster}/{stage.target}"} & set(plan.consent.attest_fenced):
                continue
            raise Refused(
                "QX-RUN-011",
                f"run {run.id} has not ended, and may have made {stage.target} the writer of {stage.cluster}",
                hint=f"qx runs resume {run.id}; or power it off: --attest-fenced {stage.target} --reason TEXT",
            )


def superseded_by(store: Store, run: str, plan: Plan, state: RunState) -> str | None:
    """The run that has moved one of the clusters since `run` was last at work, or planned; None: there is none."""
    since = {stage.cluster: state.epochs.get(stage.cluster, stage.epoch) for stage in plan.stages}
    for other in _others(store.runs(FAR_BACK), run, tuple(since)):
        granted = fold(chained.entry for chained in store.entries(other.id)).epochs
        moved = {stage.cluster for stage in _moved(store, other)} & set(since)
        if any(granted[cluster] > since[cluster] for cluster in moved):
            return other.id
    return None


def _others(runs: Iterable[Run], run: str, clusters: tuple[str, ...]) -> Iterator[Run]:
    for other in runs:
        if other.id != run and other.plan_id and set(other.clusters) & set(clusters):
            yield other


def _moved(store: Store, run: Run) -> Iterator[StagePlan]:
    """Stages of `run` that have passed their point of no return."""
    plan, state = store.plan(run.id), fold(chained.entry for chained in store.entries(run.id))
    return (stage for stage in plan.stages if passed(plan, state, stage.cluster))
