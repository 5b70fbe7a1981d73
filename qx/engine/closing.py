"""Closing: may a run that nobody can resume be ended by a person's word? Pure over plan and journal.

Invariant: nothing that keeps clients from writing, and nothing that may have promoted a node, is left behind a run that
counts as ended: that is for a resume to finish, or to undo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.fold import Status, has_return, passed
from qx.model.journal import RunOutcome

if TYPE_CHECKING:
    from qx.engine.fold import RunState
    from qx.model.plan import Plan

_UNTOUCHED = (Status.PENDING, Status.SKIPPED, Status.UNDONE)


def unclosable(plan: Plan, state: RunState) -> str:
    """What a resume has to do first; '' when the run may be closed."""
    for stage in dict.fromkeys(step.stage for step in plan.steps):
        if not has_return(plan, stage):
            continue
        if passed(plan, state, stage):
            return f"{stage} has passed its point of no return: it is only finished"
        left = [
            step.id for step in plan.steps
            if step.stage == stage and step.undo is not None and state[step.id].seen
            and state[step.id].status not in _UNTOUCHED
        ]  # fmt: skip
        if left:
            return f"{left[-1]} is not undone yet"
    return ""


def closed_as(plan: Plan, state: RunState) -> RunOutcome:
    """Does anything stay of what it did?"""
    stays = (Status.DONE, Status.UNKNOWN, Status.INTENDED, Status.UNDOING, Status.UNDO_FAILED)
    if any(state[step.id].status in stays and getattr(step.action, "changes", True) for step in plan.steps):
        return RunOutcome.PARTIAL
    return RunOutcome.FAILED
