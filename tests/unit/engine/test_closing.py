"""Which runs a person may close, and as what."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qx.engine.closing import closed_as, unclosable
from qx.engine.fold import fold
from qx.model.asked import Called, HttpCall, Sql
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.plan import Checkpoint, CloseRoute, OpenRoute, Plan, Promote, Step
from tests.fakes.runs import a_plan, an_entry


def move() -> Plan:
    region = {"cluster": "trading", "region": "us-east"}
    steps = (
        Step(id="trading.checkpoint", stage="trading", action=Checkpoint(**region), because="", timeout_s=1.0),
        Step(id="trading.close-route", stage="trading", action=CloseRoute(**region), because="", timeout_s=1.0,
             undo=OpenRoute(**region), outage=True),
        Step(id="trading.promote", stage="trading", action=Promote(**region, writer="us-east"), because="",
             timeout_s=1.0, point_of_no_return=True, outage=True),
    )  # fmt: skip
    return replace(a_plan(), steps=steps)


def book() -> Plan:
    called = Called(name="ping", title="", file="", file_digest="", inputs={})
    steps = (
        Step(id="ask", stage="runbook:ping", action=Sql(cluster="trading", statement="SELECT 1", writes=False),
             because="", timeout_s=1.0),
        Step(id="call", stage="runbook:ping", action=HttpCall(method="POST", url="http://x"), because="",
             timeout_s=1.0),
    )  # fmt: skip
    return replace(a_plan(), intent="runbook", stages=(), steps=steps, runbook=called)


def written(*lines: tuple[Event, str, Outcome | None]) -> list[Entry]:
    return [an_entry(n, event=event, step=step, outcome=outcome) for n, (event, step, outcome) in enumerate(lines, 1)]


BEGUN = (Event.INTENDED, "trading.checkpoint", None)
CLOSING = (Event.INTENDED, "trading.close-route", None)
CLOSED = (Event.ENDED, "trading.close-route", Outcome.DONE)
UNDOING = (Event.UNDOING, "trading.close-route", None)
UNDONE = (Event.UNDO_ENDED, "trading.close-route", Outcome.UNDONE)
NOT_UNDONE = (Event.UNDO_ENDED, "trading.close-route", Outcome.FAILED)
PROMOTING = (Event.INTENDED, "trading.promote", None)


@pytest.mark.parametrize(("lines", "against"), [
    ((), ""),
    ((BEGUN,), ""),
    ((BEGUN, CLOSING), "trading.close-route is not undone yet"),
    ((BEGUN, CLOSING, CLOSED), "trading.close-route is not undone yet"),
    ((BEGUN, CLOSING, CLOSED, UNDOING), "trading.close-route is not undone yet"),
    ((BEGUN, CLOSING, CLOSED, UNDOING, NOT_UNDONE), "trading.close-route is not undone yet"),
    ((BEGUN, CLOSING, CLOSED, UNDOING, UNDONE), ""),
    ((BEGUN, CLOSING, CLOSED, PROMOTING), "trading has passed its point of no return: it is only finished"),
])  # fmt: skip
def test_a_move(lines: tuple[tuple[Event, str, Outcome | None], ...], against: str) -> None:
    assert unclosable(move(), fold(written(*lines))) == against


def test_a_promotion_that_was_withdrawn_is_no_longer_past_it() -> None:
    state = fold([*written(BEGUN, PROMOTING), an_entry(3, event=Event.ENDED, step="trading.promote",
                                                       outcome=Outcome.FAILED, proof={"withdrawn": True})])  # fmt: skip
    assert unclosable(move(), state) == ""


@pytest.mark.parametrize(("lines", "outcome"), [
    ((), RunOutcome.FAILED),
    (((Event.INTENDED, "ask", None), (Event.ENDED, "ask", Outcome.DONE)), RunOutcome.FAILED),
    (((Event.INTENDED, "call", None),), RunOutcome.PARTIAL),
    (((Event.INTENDED, "call", None), (Event.ENDED, "call", Outcome.UNKNOWN)), RunOutcome.PARTIAL),
])  # fmt: skip
def test_a_runbook_may_be_closed_and_says_what_stays(
    lines: tuple[tuple[Event, str, Outcome | None], ...], outcome: RunOutcome
) -> None:
    state = fold(written(*lines))
    assert unclosable(book(), state) == ""
    assert closed_as(book(), state) is outcome
