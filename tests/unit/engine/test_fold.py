"""fold and next_move: whatever the journal holds, there is one thing to do, and it is a lawful one.

Journals are made as an executor makes them, with every outcome drawn, and cut anywhere: prefix-closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.engine.fold import (
    ATTEMPTS,
    Close,
    Do,
    Settle,
    Status,
    Undo,
    fold,
    has_return,
    next_move,
    passed,
    unproven,
)
from qx.failover.planner import plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.plan import Plan
from tests.unit.failover.situations import situation, spoken
from tests.unit.failover.values import AP, EU, US, observed, pg_replica, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.engine.fold import Move, RunState

DEAD = {("trading", US): silent("trading", US), ("sessions", US): silent("sessions", US)}
LOST = spoken(accept_loss="unknown")


def _plans() -> dict[str, Plan]:
    stray = {("trading", AP): observed("trading", AP, pg_replica(receiver=None))}
    made = {
        "both": plan_failover(situation(), EU, None, (), ()),
        "postgresql": plan_failover(situation(), EU, None, ("trading",), ()),
        "redis": plan_failover(situation(), EU, None, ("sessions",), ()),
        "unplanned": plan_failover(situation(DEAD, consent=LOST), EU, None, (), ()),
        "rejoin": plan_rejoin(situation(stray), (), ()),
    }
    plans = {name: plan for name, plan in made.items() if isinstance(plan, Plan)}
    assert plans.keys() == made.keys()
    return plans


PLANS = _plans()
ENDED = (Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN)


class Writer:
    """Writes entries as an executor would that does what `next_move` says; `outcomes` say how each act ends."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.entries: list[Entry] = []
        self.epoch = 0
        self.write(Event.STARTED)
        self.lease()

    def write(
        self, event: Event, step: str = "", outcome: Outcome | None = None, proof: dict[str, Any] | None = None
    ) -> None:
        seq = len(self.entries) + 1
        self.entries.append(
            Entry(run="run", seq=seq, at=float(seq), event=event, step=step, outcome=outcome, proof=proof or {})
        )

    def lease(self) -> None:
        self.epoch += 1
        self.write(Event.LEASED, proof={stage.cluster: self.epoch for stage in self.plan.stages})

    @property
    def move(self) -> Move:
        return next_move(self.plan, fold(self.entries))

    def act(self, draw: st.DrawFn) -> Move:
        """One move, as the executor makes it."""
        move = self.move
        match move:
            case Close(outcome):
                self.write(Event.CLOSED, proof={"outcome": outcome.value})
            case Undo(step):
                self.write(Event.UNDOING, step.id)
                failed = draw(st.booleans())
                self.write(Event.UNDO_ENDED, step.id, Outcome.FAILED if failed else Outcome.UNDONE)
            case Settle(step):
                mine = fold(self.entries)[step.id]
                past = passed(self.plan, fold(self.entries), step.stage)
                seen = draw(st.sampled_from(["done", "not done", "nothing"]))
                if seen == "nothing":
                    self.write(Event.ENDED, step.id, Outcome.UNKNOWN, {"unsettled": True})
                elif seen == "done":
                    self.write(Event.ENDED, step.id, Outcome.DONE)
                elif mine.attempts < ATTEMPTS and (past or mine.status is Status.INTENDED):
                    self._do(draw, step.id, turn=step.point_of_no_return)
                else:
                    self.write(Event.ENDED, step.id, Outcome.FAILED)
            case Do(step):
                self._do(draw, step.id, turn=step.point_of_no_return)
        return move

    def _do(self, draw: st.DrawFn, step: str, *, turn: bool) -> None:
        self.write(Event.INTENDED, step)
        outcome = draw(st.sampled_from((*ENDED, Outcome.DONE, Outcome.DONE, Outcome.DONE)))
        withdrawn = turn and outcome is Outcome.FAILED and draw(st.booleans())
        self.write(Event.ENDED, step, outcome, {"withdrawn": True} if withdrawn else None)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Plan, list[Entry], list[Move]]:
    """A run to its end, resumed now and then, and abandoned now and then."""
    plan = PLANS[draw(st.sampled_from(sorted(PLANS)))]
    writer, moves = Writer(plan), []
    for _ in range(400):
        if draw(st.integers(0, 15)) == 0:
            writer.lease()
        if draw(st.integers(0, 30)) == 0:
            stage = draw(st.sampled_from([stage.cluster for stage in plan.stages]))
            if not passed(plan, fold(writer.entries), stage):
                writer.write(Event.ABANDONED, stage)
        moves.append(writer.act(draw))
        if isinstance(moves[-1], Close):
            return plan, writer.entries, moves
    raise AssertionError("no end in 400 moves")


@given(runs())
@settings(max_examples=60)
def test_every_run_ends_and_any_prefix_of_it_says_what_to_do(run: tuple[Plan, list[Entry], list[Move]]) -> None:
    plan, entries, _ = run
    for cut in range(len(entries) + 1):
        state = fold(entries[:cut])
        assert state.seq == cut
        move = next_move(plan, state)
        assert isinstance(move, Do | Settle | Undo | Close)
        assert next_move(plan, fold(entries[:cut])) == move


@given(runs())
@settings(max_examples=60)
def test_nothing_is_undone_after_the_point_of_no_return_but_by_proof(
    run: tuple[Plan, list[Entry], list[Move]],
) -> None:
    plan, entries, _ = run
    for cut in range(len(entries) + 1):
        state = fold(entries[:cut])
        move = next_move(plan, state)
        if isinstance(move, Undo):
            assert not passed(plan, state, move.step.stage)
            assert has_return(plan, move.step.stage)
            assert state[move.step.id].seen, "what was never begun is not undone"
        if isinstance(move, Do) and state[move.step.id].status is Status.UNKNOWN:
            raise AssertionError("an unknown outcome is repeated without being observed")


def _turn(plan: Plan, cluster: str) -> str:
    return next(step.id for step in plan.steps if step.stage == cluster and step.point_of_no_return)


@given(runs())
@settings(max_examples=60)
def test_announced_is_passed_until_proof_takes_it_back(run: tuple[Plan, list[Entry], list[Move]]) -> None:
    plan, entries, _ = run
    for stage in (stage.cluster for stage in plan.stages if has_return(plan, stage.cluster)):
        turn, expected = _turn(plan, stage), False
        for cut, entry in enumerate(entries, 1):
            if entry.step == turn and entry.event is Event.INTENDED:
                expected = True
            elif entry.step == turn and entry.event is Event.ENDED:
                expected = expected and not entry.proof.get("withdrawn")
            assert passed(plan, fold(entries[:cut]), stage) is expected


@given(runs())
@settings(max_examples=60)
def test_the_outcome_says_what_moved(run: tuple[Plan, list[Entry], list[Move]]) -> None:
    plan, entries, moves = run
    state = fold(entries[:-1])
    moving = {stage.cluster for stage in plan.stages if has_return(plan, stage.cluster)}
    moved = {cluster for cluster in moving if passed(plan, state, cluster)}
    last = moves[-1]
    assert isinstance(last, Close)
    match last.outcome:
        case RunOutcome.DONE | RunOutcome.DEGRADED:
            assert moved == moving
        case RunOutcome.UNDONE:
            assert not moved
            assert moving
        case RunOutcome.PARTIAL:
            assert moved
            assert moved != moving
        case RunOutcome.FAILED:
            assert not moving
        case outcome:
            assert outcome is RunOutcome.STUCK
            open_ends = (Status.UNKNOWN, Status.FAILED, Status.UNDO_FAILED)
            assert any(step.status in open_ends for step in state.steps.values())


# -- by hand


def journal(plan: Plan, *lines: tuple[Any, ...]) -> RunState:
    """Each line: event, step, outcome and, if it has one, proof."""
    writer = Writer(plan)
    for line in lines:
        writer.write(*line)
    return fold(writer.entries)


def done(*steps: str) -> list[tuple[Event, str, Outcome | None]]:
    return [line for step in steps for line in ((Event.INTENDED, step, None), (Event.ENDED, step, Outcome.DONE))]


BEFORE = [f"trading.{name}" for name in ("recheck", "prepare", "checkpoint", "close-route", "fence", "drain")]
PROMOTE = "trading.promote"


def next_of(*lines: Any, plan: Plan = PLANS["postgresql"]) -> Move:
    return next_move(plan, journal(plan, *lines))


def test_the_first_thing_is_the_first_step() -> None:
    move = next_of()
    assert isinstance(move, Do)
    assert move.step.id == "trading.recheck"


def test_what_was_begun_is_observed_first() -> None:
    move = next_of(*done(*BEFORE), (Event.INTENDED, PROMOTE, None))
    assert isinstance(move, Settle)
    assert move.step.id == PROMOTE


def test_a_failure_before_it_undoes_the_latest_first() -> None:
    lines = [*done(*BEFORE[:5]), (Event.INTENDED, BEFORE[5], None), (Event.ENDED, BEFORE[5], Outcome.FAILED)]
    order = []
    for _ in range(3):
        move = next_of(*lines)
        assert isinstance(move, Undo)
        order.append(move.step.id)
        lines += [(Event.UNDOING, move.step.id, None), (Event.UNDO_ENDED, move.step.id, Outcome.UNDONE)]
    assert order == ["trading.fence", "trading.close-route", "trading.prepare"]
    assert next_of(*lines) == Close(RunOutcome.UNDONE)


def test_an_undo_that_fails_lets_the_others_go_first_and_is_tried_again() -> None:
    failed = (Event.INTENDED, BEFORE[5], None), (Event.ENDED, BEFORE[5], Outcome.FAILED)
    lines: Sequence[Any] = [*done(*BEFORE[:5]), *failed]
    order = []
    while isinstance(move := next_of(*lines), Undo):
        order.append(move.step.id.removeprefix("trading."))
        ended = Outcome.FAILED if move.step.id == "trading.fence" else Outcome.UNDONE
        lines = [*lines, (Event.UNDOING, move.step.id, None), (Event.UNDO_ENDED, move.step.id, ended)]
    assert order == ["fence", "close-route", "prepare", "fence", "fence"]
    assert move == Close(RunOutcome.STUCK)
    resumed = [*lines, (Event.LEASED, "", None)]
    again = next_of(*resumed)
    assert isinstance(again, Undo)
    assert again.step.id == "trading.fence"


def test_a_withdrawn_promotion_is_undone_and_an_unknown_one_is_not() -> None:
    announced = [*done(*BEFORE), (Event.INTENDED, PROMOTE, None)]
    withdrawn = next_of(*announced, (Event.ENDED, PROMOTE, Outcome.FAILED, {"withdrawn": True}))
    assert isinstance(withdrawn, Undo)
    assert isinstance(next_of(*announced, (Event.ENDED, PROMOTE, Outcome.UNKNOWN)), Settle)
    unsettled = (Event.ENDED, PROMOTE, Outcome.UNKNOWN, {"unsettled": True})
    assert next_of(*announced, unsettled) == Close(RunOutcome.STUCK)
    assert isinstance(next_of(*announced, unsettled, (Event.LEASED, "", None)), Settle)


def test_after_it_a_required_step_is_tried_so_often_and_another_is_left() -> None:
    moved = done(*BEFORE, PROMOTE, "trading.open-route")
    for number in range(ATTEMPTS):
        tried = [(Event.INTENDED, "trading.mark", None), (Event.ENDED, "trading.mark", Outcome.FAILED)] * number
        assert isinstance(next_of(*moved, *tried), Do)
    tried = [(Event.INTENDED, "trading.mark", None), (Event.ENDED, "trading.mark", Outcome.FAILED)] * ATTEMPTS
    assert next_of(*moved, *tried) == Close(RunOutcome.STUCK)
    marked = [*moved, *done("trading.mark"), (Event.INTENDED, "trading.follow.ap-southeast", None)]
    left = [*marked, (Event.ENDED, "trading.follow.ap-southeast", Outcome.FAILED)]
    move = next_of(*left)
    assert isinstance(move, Do)
    assert move.step.id == "trading.return"
    assert next_of(*left, *done("trading.return", "trading.verify")) == Close(RunOutcome.DEGRADED)


def test_one_cluster_that_fails_takes_back_all_that_have_not_passed() -> None:
    plan = PLANS["both"]
    prepared = done(*BEFORE[:3], "sessions.recheck")
    failed = (Event.INTENDED, "sessions.prepare", None), (Event.ENDED, "sessions.prepare", Outcome.FAILED)
    move = next_of(*prepared, *failed, plan=plan)
    assert isinstance(move, Undo)
    moved = done(*BEFORE[:3], "sessions.recheck", "sessions.prepare", *BEFORE[3:], PROMOTE, "trading.open-route")
    late = (Event.INTENDED, "sessions.pin", None), (Event.ENDED, "sessions.pin", Outcome.FAILED)
    move = next_of(*moved, *late, plan=plan)
    assert isinstance(move, Undo)
    assert move.step.stage == "sessions"


@pytest.mark.parametrize("step", ["trading.recheck", "trading.mark"])
def test_what_tells_the_cluster_the_epoch_is_told_again_under_a_new_one(step: str) -> None:
    marked = done(*BEFORE, PROMOTE, "trading.open-route", "trading.mark")
    lines = done(*BEFORE[:3]) if step.endswith("recheck") else marked
    move = next_of(*lines, (Event.LEASED, "", None))
    assert isinstance(move, Do)
    assert move.step.id == step


def test_an_abandoned_stage_is_undone_even_if_nothing_failed() -> None:
    move = next_of(*done(*BEFORE[:5]), (Event.ABANDONED, "trading", None))
    assert isinstance(move, Undo)
    assert move.step.id == "trading.fence"


def test_an_old_writer_is_unproven_until_its_hold_is_done_unless_any_loss_was_accepted() -> None:
    any_loss = PLANS["unplanned"]
    bounded = replace(any_loss, consent=replace(any_loss.consent, accept_loss="50MB"))
    hold = next(step.id for step in bounded.steps if step.id in ("trading.hold", "trading.proven"))
    begun = [Entry(run="r", seq=1, at=0.0, event=Event.INTENDED, step=hold)]
    ended = [*begun, Entry(run="r", seq=2, at=0.0, event=Event.ENDED, step=hold, outcome=Outcome.DONE)]
    assert [unproven(bounded, fold(entries), "trading") for entries in ([], begun, ended)] == [True, True, False]
    assert not unproven(any_loss, fold(begun), "trading")
