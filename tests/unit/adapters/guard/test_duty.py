"""Until when a server may run: pure, at chosen instants."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.adapters.guard.duty import Denied, Duty, Term


def denied(duty: Duty, epoch: int, term: Term, now: float) -> str:
    before = (duty.epoch, duty.term)
    with pytest.raises(Denied) as caught:
        duty.extend(epoch, term, now)
    assert (duty.epoch, duty.term) == before
    return caught.value.why


def test_without_a_term_nothing_is_ever_due() -> None:
    assert (Duty().due(1e9), Duty().next(1e9), Duty().left(1e9)) == ("", None, None)


def test_it_quits_at_the_deadline_and_kills_half_the_margin_later() -> None:
    duty = Duty(1, Term(sent=10, until=20, margin=4))
    assert [(duty.due(at), duty.next(at)) for at in (19.9, 20, 21.9, 22, 90)] == [
        ("", 20), ("quit", 22), ("quit", 22), ("kill", 22), ("kill", 22)
    ]  # fmt: skip
    assert (duty.left(15), duty.left(25)) == (5, 0)


def test_a_deadline_that_has_passed_is_never_taken_back() -> None:
    duty = Duty(1, Term(10, 20, 4))
    assert denied(duty, 9, Term(20, 30, 4), 20) == "late"
    with pytest.raises(Denied):
        duty.disarm(9, 20)


def test_a_lower_epoch_and_what_was_overtaken_are_denied() -> None:
    duty = Duty(5)
    duty.extend(7, Term(10, 20, 4), 11)
    assert denied(duty, 6, Term(11, 21, 4), 12) == "epoch"
    assert denied(duty, 7, Term(9, 50, 4), 12) == "late"
    duty.extend(8, Term(9, 15, 4), 12)  # a higher epoch begins anew, and may be shorter
    assert duty.due(15) == "quit"


def test_a_shorter_term_of_the_same_epoch_counts() -> None:
    """The policy was changed: others may write sooner."""
    duty = Duty(1, Term(10, 60, 4))
    duty.extend(1, Term(11, 15, 4), 12)
    assert duty.next(12) == 15


def test_after_disarming_what_was_sent_before_it_does_not_count() -> None:
    duty = Duty(1, Term(10, 20, 4))
    duty.disarm(1, 12)
    assert denied(duty, 1, Term(11.9, 30, 4), 13) == "late"
    duty.extend(1, Term(12, 30, 4), 13)


@pytest.mark.parametrize(
    "term", [Term(5, 4, 1), Term(0, 9, 0), Term(0, 9, -1), Term(0, math.nan, 1), Term(math.nan, 9, 1),
             Term(0, 9, math.inf), Term(0, math.inf, 1), Term(0, 1e300, 1), Term(0, 9, math.nan), Term(8, 9, 1)]
)  # fmt: skip
def test_nonsense_is_denied(term: Term) -> None:
    assert denied(Duty(1), 1, term, now=6) == "bad"


@given(
    told=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100), st.floats(0, 20), st.floats(0.1, 9), st.floats(0, 5)))
)
def test_nothing_that_is_told_after_the_deadline_saves_the_server(
    told: list[tuple[int, float, float, float, float]],
) -> None:
    """Whatever arrives, however late: once something is due, it stays due."""
    duty, doomed = Duty(), False
    for epoch, sent, lasts, margin, way in sorted(told, key=lambda one: one[1] + one[4]):
        doomed = doomed or duty.due(sent + way) != ""
        try:
            duty.extend(epoch, Term(sent, sent + lasts, margin), sent + way)
        except Denied:
            continue
        assert not doomed
    if doomed:
        assert duty.due(200) == "kill"
