"""Does a plan that waited for people still hold? Pure.

What it would lose is what was told when it was made, and what people approved: its writer has been gone since, and
wrote nothing. Where the writer was seen since, that does not hold any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.basis import basis_of, differences
from qx.failover.gates import judge_gates
from qx.failover.move import Move
from qx.failover.planner import steps_for

if TYPE_CHECKING:
    from qx.failover.situation import Situation
    from qx.model.plan import Plan, StagePlan

CONFIG = "config"  # of the basis: each controller has a file of its own, under which gates and steps are judged again


def changed(at: Situation, plan: Plan) -> list[str]:
    """What is not as the plan was made from, by what is seen alone: asks no control. [] when all is."""
    now = basis_of(at, tuple(stage.cluster for stage in plan.stages))
    found = differences(plan.basis | {CONFIG: ""}, now | {CONFIG: ""})
    wrote = [stage for stage in plan.stages if _seen_since(at, stage)]
    return found + [f"{stage.cluster}: the writer in {stage.source} was seen since" for stage in wrote]


def unfit(at: Situation, plan: Plan) -> list[str]:
    """Why the plan may not be carried out any more: what changed, gates that fail now, other steps; [] when it may. The
    situation's consent must be the plan's.
    """
    moves = [
        Move(stage.cluster, stage.source, stage.target, stage.mode, stage.loss) for stage in plan.stages
        if stage.mode in ("planned", "unplanned") and stage.loss is not None
    ]  # fmt: skip
    failing = [each for move in moves for each in judge_gates(at, move) if not each.passed]
    found = changed(at, plan) + [f"{each.cluster}: {each.gate}: {each.because}" for each in failing]
    if not found and tuple(steps_for(at, moves)) != plan.steps:
        found.append("it would be done in other steps now")
    return found


def _seen_since(at: Situation, stage: StagePlan) -> bool:
    known = (sample for sample in at.samples.get(stage.cluster, ()) if sample.region == stage.source)
    since = stage.loss.sample_at if stage.loss is not None else None
    return since is not None and any(sample.at > since for sample in known)
