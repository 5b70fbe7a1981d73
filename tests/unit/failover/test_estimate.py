"""The stated loss: a range that the true one lies in, no wider than the sample's age allows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.estimate import estimate_loss, highest_rates, nothing_lost
from qx.model.observation import Sample

if TYPE_CHECKING:
    from random import Random

    from qx.model.plan import Loss

NOW = 1_800_000_000.0
OLDEST = 60.0
LINEAGE = "7000/1"
SIZE = 100  # bytes of a transaction


def sample(age: float, position: int, xid: int = 0, *, region: str = "us-east", lineage: str = LINEAGE) -> Sample:
    return Sample("trading", region, NOW - age, lineage, position, xid)


class History(NamedTuple):
    """A writer, sampled, then unseen until it died. `end` and `target` count transactions."""

    samples: tuple[Sample, ...]
    end: int
    died_age: float
    target: int
    lost_since_age: float | None  # by then the first write was made that the target does not hold

    def estimate(self) -> Loss:
        return estimate_loss(self.samples, "us-east", LINEAGE, self.target * SIZE, self.target, NOW, OLDEST)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Transactions of 100 bytes. Its rate after the last sample is never above the highest one seen before."""
    spans = draw(st.lists(st.floats(0.25, 1.0), min_size=1, max_size=12))
    rates = [draw(st.integers(0, 1000)) for _ in spans]
    age = draw(st.floats(0.0, 30.0))
    ages = list(itertools.accumulate(reversed(spans), initial=age))[::-1]
    written = (int(rate * span) for rate, span in zip(rates, spans, strict=True))
    counts = list(itertools.accumulate(written, initial=100))
    samples = tuple(sample(a, count * SIZE, count) for a, count in zip(ages, counts, strict=True))
    seen = max((b.next_xid - a.next_xid) / (b.at - a.at) for a, b in itertools.pairwise(samples))
    lived = draw(st.floats(0.0, age))
    end = counts[-1] + int(seen * draw(st.floats(0.0, 1.0)) * lived)
    target = draw(st.integers(counts[0], end))
    beyond = [NOW - s.at for s in samples if s.next_xid > target]
    since = max(beyond) if beyond else age
    return History(samples, end, age - lived, target, since if end > target else None)


@given(histories())
def test_the_true_loss_lies_in_the_range(history: History) -> None:
    loss, lost = history.estimate(), history.end - history.target
    assert loss.bytes_low is not None
    assert loss.bytes_high is not None
    assert loss.bytes_low <= lost * SIZE <= loss.bytes_high
    assert loss.transactions_low is not None
    assert loss.transactions_high is not None
    assert loss.transactions_low <= lost <= loss.transactions_high
    if history.lost_since_age is not None and loss.seconds_high is not None:
        assert loss.seconds_low is not None
        assert loss.seconds_low - 1e-6 <= history.lost_since_age - history.died_age <= loss.seconds_high + 1e-6


@given(histories())
def test_the_range_is_no_wider_than_what_was_written_since_the_sample(history: History) -> None:
    loss = history.estimate()
    rate, _ = highest_rates(list(history.samples))
    assert rate is not None
    assert loss.sample_age_s is not None
    assert loss.bytes_low is not None
    assert loss.bytes_high is not None
    assert loss.bytes_high - loss.bytes_low <= loss.sample_age_s * rate + 1


@given(histories(), st.randoms())
def test_the_order_of_the_samples_means_nothing(history: History, dice: Random) -> None:
    mixed = list(history.samples)
    dice.shuffle(mixed)
    assert history._replace(samples=tuple(mixed)).estimate() == history.estimate()


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ((), "ever sampled"),
        ((sample(1, 100),), "to tell a rate"),
        ((sample(1, 100), sample(1.1, 90)), "to tell a rate"),  # too near each other
        ((sample(60.1, 100), sample(61.1, 90)), "older than 60 s"),
        ((sample(1, 100, region="eu-west"), sample(2, 90, region="eu-west")), "ever sampled"),
        ((sample(1, 100, lineage="7000/2"), sample(2, 90, lineage="7000/2")), "another history"),
        ((sample(20, 100), sample(21, 90), sample(1, 200, lineage="7000/2")), "another history"),  # and then went on
        ((sample(-1, 100), sample(-2, 90)), "the clock was set back"),
    ],
)
def test_what_tells_nothing_is_unknown_and_never_a_guess(samples: tuple[Sample, ...], why: str) -> None:
    loss = estimate_loss(samples, "us-east", LINEAGE, 50, 0, NOW, OLDEST)
    assert (loss.bytes_low, loss.bytes_high, loss.seconds_high, loss.transactions_high) == (None, None, None, None)
    assert why in loss.because


def test_a_burst_between_near_samples_counts() -> None:
    """1000 bytes within 0.1 s, seen only over 0.3 s."""
    samples = (sample(1.3, 0), sample(1.2, 1000), sample(1.0, 1000))
    assert highest_rates(list(samples))[0] == pytest.approx(1000 / 0.3)


def test_how_long_the_question_was_under_way_makes_no_rate() -> None:
    """At 200 a second by the server's clock, the first answer late by as much as it takes to look like twice that."""
    near = [Sample("trading", "us-east", at, LINEAGE, xid, xid, clock) for at, xid, clock in (
        (NOW - 0.75, 1000, NOW - 1.0), (NOW - 0.5, 1100, NOW - 0.5), (NOW, 1200, NOW))]  # fmt: skip
    assert list(highest_rates(near)) == pytest.approx([200.0, 200.0])
    (first, *others) = near
    assert highest_rates([replace(first, clock=None), *others])[1] == pytest.approx(400.0)


def test_a_target_that_is_behind_all_samples_is_behind_for_an_unknown_time() -> None:
    loss = estimate_loss((sample(3, 1000, 10), sample(2, 2000, 20)), "us-east", LINEAGE, 500, 5, NOW, OLDEST)
    assert (loss.bytes_low, loss.bytes_high) == (1500, 3500)
    assert (loss.seconds_low, loss.seconds_high) == (1.0, None)
    assert (loss.transactions_low, loss.transactions_high) == (15, 35)


def test_a_sample_of_before_the_clock_was_set_back_tells_where_the_writer_was_not_when() -> None:
    samples = (sample(-200, 5000), sample(3, 1000), sample(2, 2000))
    loss = estimate_loss(samples, "us-east", LINEAGE, 500, 0, NOW, OLDEST)
    assert (loss.sample_age_s, loss.bytes_low, loss.bytes_high) == (2.0, 4500, 6500)


def test_what_was_received_and_not_replayed_is_not_lost() -> None:
    """The target's own count of transactions is behind its position: it is no lower bound."""
    samples = (sample(3, 1000, 10), sample(2, 2000, 20))
    loss = estimate_loss(samples, "us-east", LINEAGE, 1900, 5, NOW, OLDEST, replayed=False)
    assert loss.transactions_low == 0
    assert loss.bytes_low == 100
    assert estimate_loss(samples, "us-east", LINEAGE, 2000, 5, NOW, OLDEST).transactions_low == 0


def test_a_planned_move_loses_nothing() -> None:
    loss = nothing_lost("drained")
    assert (loss.bytes_high, loss.seconds_high, loss.transactions_high) == (0, 0.0, 0)
