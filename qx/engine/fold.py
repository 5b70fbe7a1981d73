"""fold(plan, entries) -> RunState, next_move(plan, state) -> what to do now. Pure: the journal alone says
where a run stands.

Invariants
- A stage has passed its point of no return from the entry INTENDED(that step) on, not from the promotion; only
  the recorded proof that the step was withdrawn (the target observed as not promoted and cut from promotion)
  takes that back.
- Before it, a failed or abandoned stage is undone in reverse order; after it, it only goes forward.
- When a stage fails, stages that have not passed are undone too; stages that have, stay moved.
Never: decides by time, repeats a step whose outcome is unknown without it being observed first.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.plan import Hold, Proven

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.plan import Plan, Step

ATTEMPTS = 3  # a step, or the undo of one, is tried this often under one epoch
TELL_THE_EPOCH = (".recheck", ".mark")  # steps that write the run's epoch into the cluster


class Status(StrEnum):
    PENDING = "pending"
    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo-failed"


class StepState(Struct, frozen=True):
    status: Status = Status.PENDING
    proof: dict[str, Any] = {}
    attempts: int = 0  # under the present epoch
    undo_attempts: int = 0
    withdrawn: bool = False
    seen: bool = False  # ever intended


class RunState(Struct, frozen=True):
    steps: dict[str, StepState] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    abandoned: frozenset[str] = frozenset()
    outcome: RunOutcome = RunOutcome.OPEN
    seq: int = 0

    def __getitem__(self, step: str) -> StepState:
        return self.steps.get(step, StepState())


class Do(Struct, frozen=True):
    step: Step


class Settle(Struct, frozen=True):
    """Intended, or of unknown outcome: observe whether its effect is in place."""

    step: Step


class Undo(Struct, frozen=True):
    step: Step


class Close(Struct, frozen=True):
    outcome: RunOutcome


Move = Do | Settle | Undo | Close


def fold(entries: Iterable[Entry]) -> RunState:
    """The state after `entries`, in order."""
    state = RunState()
    for entry in entries:
        state = advance(state, entry)
    return state


def advance(state: RunState, entry: Entry) -> RunState:
    """The state after one more entry."""
    state = replace(state, seq=entry.seq)
    match entry.event:
        case Event.LEASED:
            return replace(
                state, epochs=dict(entry.proof), outcome=RunOutcome.OPEN, steps=_under_new_epoch(state.steps)
            )
        case Event.ABANDONED:
            return replace(state, abandoned=state.abandoned | {entry.step})
        case Event.CLOSED:
            return replace(state, outcome=RunOutcome(entry.proof["outcome"]))
        case Event.INTENDED:
            old = state[entry.step]
            again = replace(old, status=Status.INTENDED, attempts=old.attempts + 1, seen=True, withdrawn=False)
            return _with(state, entry.step, again)
        case Event.ENDED:
            old = state[entry.step]
            status = Status(entry.outcome.value.lower()) if entry.outcome else Status.UNKNOWN
            withdrawn = bool(entry.proof.get("withdrawn"))
            return _with(
                state, entry.step, replace(old, status=status, proof=entry.proof, withdrawn=withdrawn)
            )
        case Event.UNDOING:
            old = state[entry.step]
            return _with(
                state, entry.step, replace(old, status=Status.UNDOING, undo_attempts=old.undo_attempts + 1)
            )
        case Event.UNDO_ENDED:
            status = Status.UNDONE if entry.outcome is Outcome.UNDONE else Status.UNDO_FAILED
            return _with(state, entry.step, replace(state[entry.step], status=status))
        case _:
            return state


def _under_new_epoch(steps: dict[str, StepState]) -> dict[str, StepState]:
    """Attempts and observations are counted anew; what tells the cluster its epoch holds under that one only."""
    fresh = {}
    for name, step in steps.items():
        if step.status is Status.UNKNOWN:
            step = replace(step, proof={})
        told = name.endswith(TELL_THE_EPOCH) and step.status is Status.DONE
        fresh[name] = replace(step, status=Status.PENDING if told else step.status, attempts=0, undo_attempts=0)
    return fresh


def _with(state: RunState, name: str, step: StepState) -> RunState:
    return replace(state, steps=state.steps | {name: step})


def passed(plan: Plan, state: RunState, stage: str) -> bool:
    """Has the stage passed its point of no return?"""
    return any(
        state[step.id].seen and not state[step.id].withdrawn
        for step in plan.steps
        if step.stage == stage and step.point_of_no_return
    )


def outage_begun(plan: Plan, state: RunState, stage: str) -> bool:
    """Are clients kept from writing by what this stage did?"""
    return any(step.stage == stage and step.outage and state[step.id].seen for step in plan.steps)


def unproven(plan: Plan, state: RunState, stage: str) -> bool:
    """Has the old writer's end yet to be proven? Until then it may come back and write what no estimate counts, which
    only consent to any loss covers. A person's word for the fence is not waited for.
    """
    if plan.consent.accept_loss == "unknown":
        return False
    proofs = [step.id for step in plan.steps if step.stage == stage and isinstance(step.action, (Hold, Proven))]
    return bool(proofs) and not any(state[step].status is Status.DONE for step in proofs)


def has_return(plan: Plan, stage: str) -> bool:
    """Does the stage move a write role at all (and so can be undone up to a point)?"""
    return any(step.stage == stage and step.point_of_no_return for step in plan.steps)


def failing(plan: Plan, state: RunState, stage: str) -> bool:
    """Must the stage be undone: abandoned, or a required step failed, before the point of no return?"""
    if passed(plan, state, stage):
        return False
    if stage in state.abandoned:
        return True
    waits = plan.runbook is not None  # nobody planned for what is unknown there: a person looks
    broken = (Status.FAILED, Status.UNDOING, Status.UNDONE, Status.UNDO_FAILED)
    return any(
        step.stage == stage
        and step.required
        and (
            state[step.id].status in broken
            or (state[step.id].status is Status.UNKNOWN and _exhausted(state, step) and not waits)
        )
        for step in plan.steps
    )


def next_move(plan: Plan, state: RunState) -> Move:
    """The one thing to do now."""
    stages = _stages(plan)
    if any(failing(plan, state, stage) for stage in stages):
        undone = _next_undo(plan, state)
        if undone is not None:
            return undone
    down = (
        {stage for stage in stages if not passed(plan, state, stage)}
        if _any_failing(plan, state, stages)
        else set()
    )
    for step in plan.steps:
        mine = state[step.id]
        if step.stage in down or mine.status in (Status.DONE, Status.SKIPPED) or _behind(plan, state, step):
            continue
        if mine.status is Status.FAILED and not step.required:
            continue
        if mine.status is Status.INTENDED or (mine.status is Status.UNKNOWN and not _exhausted(state, step)):
            return Settle(step)
        if mine.status is Status.UNKNOWN:
            if step.required:
                return Close(RunOutcome.STUCK)
            continue
        if mine.status is Status.FAILED and mine.attempts >= ATTEMPTS:
            return Close(RunOutcome.STUCK)
        return Do(step)
    return Close(_outcome(plan, state, stages))


def _next_undo(plan: Plan, state: RunState) -> Undo | None:
    """The latest step first; one whose undo failed waits until the others had their turn, so that it holds
    up nothing.
    """
    left = [
        step
        for step in reversed(plan.steps)
        if step.undo is not None
        and state[step.id].seen
        and state[step.id].status is not Status.UNDONE
        and (has_return(plan, step.stage) or _was_done(plan, state[step.id]))
        and not passed(plan, state, step.stage)
        and not _given_up(state[step.id])
    ]
    return Undo(min(left, key=lambda step: state[step.id].undo_attempts)) if left else None


def _was_done(plan: Plan, step: StepState) -> bool:
    """Of a runbook only what was done is undone, and what failed and may have left a part behind."""
    done = step.status in (Status.DONE, Status.UNDOING, Status.UNDO_FAILED)
    return plan.runbook is not None and (done or (step.status is Status.FAILED and bool(step.proof.get("partial"))))


def _given_up(step: StepState) -> bool:
    return step.status is Status.UNDO_FAILED and step.undo_attempts >= ATTEMPTS


def _behind(plan: Plan, state: RunState, step: Step) -> bool:
    """Does the step stand before its stage's point of no return, and has the stage passed that? Then it is moot."""
    if not passed(plan, state, step.stage):
        return False
    mine = [other for other in plan.steps if other.stage == step.stage]
    turn = next(number for number, other in enumerate(mine) if other.point_of_no_return)
    return mine.index(step) < turn


def _any_failing(plan: Plan, state: RunState, stages: list[str]) -> bool:
    return any(failing(plan, state, stage) for stage in stages)


def _exhausted(state: RunState, step: Step) -> bool:
    """Observed once after it became unknown, and still unknown: `unsettled` is written by that observation."""
    return bool(state[step.id].proof.get("unsettled"))


def _stages(plan: Plan) -> list[str]:
    return list(dict.fromkeys(step.stage for step in plan.steps))


def _outcome(plan: Plan, state: RunState, stages: list[str]) -> RunOutcome:
    moved = [stage for stage in stages if passed(plan, state, stage)]
    failed = [stage for stage in stages if failing(plan, state, stage)]
    if any(_given_up(step) for step in state.steps.values()):
        return RunOutcome.STUCK
    if failed and plan.runbook is not None:
        return _runbook_outcome(plan, state)
    if any(not has_return(plan, stage) for stage in failed):
        return RunOutcome.FAILED
    if failed:
        return RunOutcome.PARTIAL if moved else RunOutcome.UNDONE
    open_ends = (Status.FAILED, Status.UNKNOWN)
    left = [step for step in plan.steps if state[step.id].status in open_ends and not _behind(plan, state, step)]
    return RunOutcome.DEGRADED if left else RunOutcome.DONE


def _runbook_outcome(plan: Plan, state: RunState) -> RunOutcome:
    """Of one that failed: does anything stay of what it did?"""
    left = (Status.DONE, Status.UNKNOWN, Status.INTENDED)
    if any(state[s.id].status in left and getattr(s.action, "changes", True) for s in plan.steps):
        return RunOutcome.PARTIAL
    if any(state[s.id].status is Status.FAILED and state[s.id].proof.get("partial") for s in plan.steps):
        return RunOutcome.PARTIAL
    undone = any(state[step.id].status is Status.UNDONE for step in plan.steps)
    return RunOutcome.UNDONE if undone else RunOutcome.FAILED
