"""What a runbook's journal leads to: undo of what was done, nothing of what was not, a stop where nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from qx.engine.fold import Close, Do, Settle, Undo, fold, next_move
from qx.model.asked import Approve, Called, Command, Notify, Sql
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.plan import Plan, Step

SCOPE = "runbook:book"
BACK = Command(argv=("undo",))


def plan(*steps: tuple[str, Any, Any], optional: tuple[str, ...] = ()) -> Plan:
    return Plan(
        id="p", intent="runbook", platform="t", config_file="f", made_at=0.0, by="ops", basis={}, stages=(), gates=(),
        runbook=Called(name="book", title="", file="", file_digest="", inputs={}),
        steps=tuple(
            Step(id=name, stage=SCOPE, action=action, because="", timeout_s=1, undo=undo, required=name not in optional)
            for name, action, undo in steps
        ),
    )  # fmt: skip


WRITE = Sql(cluster="a", statement="x", writes=True)
READ = Sql(cluster="a", statement="x")
TWO = (("one", WRITE, BACK), ("two", READ, None))


def after(found: Plan, *told: Any) -> Any:
    """`told`: (step, event or outcome, proof)."""
    entries = [Entry(run="r", seq=1, at=0.0, event=Event.LEASED, proof={SCOPE: 1})]
    for step, what, *proof in told:
        kind = {"event": what} if isinstance(what, Event) else {"event": Event.ENDED, "outcome": what}
        if what is Outcome.UNDONE:
            kind["event"] = Event.UNDO_ENDED
        entries.append(Entry(run="r", seq=len(entries) + 1, at=0.0, step=step, proof=dict(*proof), **kind))
    return next_move(found, fold(entries))


I, ONE = Event.INTENDED, ("one", Outcome.DONE)  # noqa: E741


def test_one_step_after_the_other() -> None:
    found = plan(*TWO)
    assert after(found) == Do(found.steps[0])
    assert after(found, ("one", I), ONE) == Do(found.steps[1])
    assert after(found, ("one", I), ONE, ("two", I), ("two", Outcome.DONE)) == Close(RunOutcome.DONE)
    assert after(found, ("one", Outcome.SKIPPED)) == Do(found.steps[1])


def test_what_was_done_is_undone_when_a_step_fails() -> None:
    found, told = plan(*TWO), (("one", I), ONE, ("two", I), ("two", Outcome.FAILED))
    assert after(found, *told) == Undo(found.steps[0])
    assert after(found, *told, ("one", Event.UNDOING), ("one", Outcome.UNDONE)) == Close(RunOutcome.UNDONE)


def test_what_failed_is_not_undone_unless_a_part_of_it_was_done() -> None:
    found = plan(*TWO)
    assert after(found, ("one", I), ("one", Outcome.FAILED)) == Close(RunOutcome.FAILED)
    assert after(found, ("one", I), ("one", Outcome.FAILED, {"partial": True})) == Undo(found.steps[0])


@pytest.mark.parametrize(("action", "outcome"), [
    (WRITE, RunOutcome.PARTIAL), (READ, RunOutcome.FAILED), (Notify(message=""), RunOutcome.FAILED),
    (Approve(), RunOutcome.FAILED), (Command(argv=("x",)), RunOutcome.PARTIAL),
])  # fmt: skip
def test_what_stays_is_named(action: Any, outcome: RunOutcome) -> None:
    found = plan(("one", action, None), ("two", READ, None))
    assert after(found, ("one", I), ONE, ("two", I), ("two", Outcome.FAILED)) == Close(outcome)


def test_what_is_unknown_is_looked_for_once_then_everything_stops() -> None:
    """Undone would be what may not have been done; gone on with, what may not have been."""
    found = plan(("zero", WRITE, BACK), *TWO)
    told = (("zero", I), ("zero", Outcome.DONE), ("one", I), ("one", Outcome.UNKNOWN))
    assert after(found, *told) == Settle(found.steps[1])
    assert after(found, *told, ("one", Outcome.UNKNOWN, {"unsettled": True})) == Close(RunOutcome.STUCK)


def test_interrupted_everything_that_was_done_is_undone() -> None:
    found = plan(*TWO)
    assert after(found, ("one", I), ONE, (SCOPE, Event.ABANDONED)) == Undo(found.steps[0])
    assert after(found, (SCOPE, Event.ABANDONED)) == Close(RunOutcome.FAILED)


def test_what_is_not_required_holds_up_nothing() -> None:
    found = plan(*TWO, optional=("one",))
    assert after(found, ("one", I), ("one", Outcome.FAILED)) == Do(found.steps[1])
    assert after(found, ("one", I), ("one", Outcome.FAILED), ("two", I), ("two", Outcome.DONE)) == Close(
        RunOutcome.DEGRADED
    )
