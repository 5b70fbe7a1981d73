"""The stated loss: a range that the true one lies in, no wider than the sample's age allows."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.failover.estimate import estimate_loss, highest_rates, nothing_lost
from qx.model.observation import Sample

NOW = 1_800_000_000.0
OLDEST = 60.0
LINEAGE = "7000/1"


def sample(age: float, position: int, xid: int = 0, *, region: str = "us-east", lineage: str = LINEAGE) -> Sample:
    return Sample("trading", region, NOW - age, lineage, position, xid)


class History(NamedTuple):
    """A writer, sampled, then unseen until it died: `end` is what it had written by then."""

    samples: tuple[Sample, ...]
    end: int
    end_xid: int
    died_age: float
    target: int
    target_xid: int
    lost_since_age: float | None  # when the first write was made that the target does not hold


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Its rate after the last sample is never above the highest one seen before."""
    spans = draw(st.lists(st.floats(0.25, 1.0), min_size=1, max_size=12))
    rates = [draw(st.integers(0, 100_000)) for _ in spans]
    age = draw(st.floats(0.0, 30.0))
    ages = list(itertools.accumulate(reversed(spans), initial=age))[::-1]
    positions = list(itertools.accumulate((int(r * s) for r, s in zip(rates, spans, strict=True)), initial=10_000))
    samples = tuple(sample(a, p, p // 100) for a, p in zip(ages, positions, strict=True))
    seen = max((b.position - a.position) / (b.at - a.at) for a, b in itertools.pairwise(samples))
    lived = draw(st.floats(0.0, age))
    last = samples[-1].position
    end = last + int(seen * draw(st.floats(0.0, 1.0)) * lived)
    target = draw(st.integers(positions[0], end))
    after = [NOW - s.at for s in samples if s.position > target]
    since = max(after) if after else (age if end > target else None)
    return History(samples, end, end // 100, age - lived, target, target // 100, since)


@given(histories())
def test_the_true_loss_lies_in_the_range(history: History) -> None:
    loss = estimate_loss(
        history.samples, "us-east", LINEAGE, history.target, history.target_xid, NOW, OLDEST, replayed=True
    )
    assert loss.bytes_low is not None
    assert loss.bytes_high is not None
    assert loss.bytes_low <= history.end - history.target <= loss.bytes_high
    assert loss.transactions_low is not None
    assert loss.transactions_high is not None
    # Positions are cut into transactions of 100 bytes: one more or less at each end.
    assert loss.transactions_low - 1 <= history.end_xid - history.target_xid <= loss.transactions_high + 1
    if history.lost_since_age is not None and loss.seconds_high is not None:
        assert loss.seconds_low is not None
        assert loss.seconds_low - 1e-6 <= history.lost_since_age - history.died_age <= loss.seconds_high + 1e-6


@given(histories())
def test_the_range_is_no_wider_than_what_was_written_since_the_sample(history: History) -> None:
    loss = estimate_loss(history.samples, "us-east", LINEAGE, history.target, history.target_xid, NOW, OLDEST)
    rate, _ = highest_rates(sorted(history.samples, key=lambda s: s.at))
    assert rate is not None
    assert loss.sample_age_s is not None
    assert loss.bytes_low is not None
    assert loss.bytes_high is not None
    assert loss.bytes_high - loss.bytes_low <= loss.sample_age_s * rate + 1


@given(histories(), st.randoms())
def test_the_order_of_the_samples_means_nothing(history: History, dice: object) -> None:
    mixed = list(history.samples)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    words = ("us-east", LINEAGE, history.target, history.target_xid, NOW, OLDEST)
    assert estimate_loss(tuple(mixed), *words) == estimate_loss(history.samples, *words)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ((), "ever sampled"),
        ((sample(1, 100),), "to tell a rate"),
        ((sample(1, 100), sample(1.1, 90)), "to tell a rate"),  # too near each other
        ((sample(60.1, 100), sample(61.1, 90)), "older than 60 s"),
        ((sample(1, 100, region="eu-west"), sample(2, 90, region="eu-west")), "ever sampled"),
        ((sample(1, 100, lineage="7000/2"), sample(2, 90, lineage="7000/2")), "ever sampled"),
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


def test_a_target_that_is_behind_all_samples_is_behind_for_an_unknown_time() -> None:
    loss = estimate_loss((sample(3, 1000, 10), sample(2, 2000, 20)), "us-east", LINEAGE, 500, 5, NOW, OLDEST)
    assert (loss.bytes_low, loss.bytes_high) == (1500, 3500)
    assert (loss.seconds_low, loss.seconds_high) == (1.0, None)
    assert (loss.transactions_low, loss.transactions_high) == (15, 35)


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
