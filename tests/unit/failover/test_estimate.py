from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qx.failover.estimate import estimate_loss
from qx.model.observation import Sample
from qx.model.plan import Loss

NOW = 1_000_000.0
OLDEST = 60.0


def samples(*taken: tuple[float, int, int], lineage: str = "7/1", region: str = "us-east") -> tuple[Sample, ...]:
    """(age, position, next transaction)."""
    return tuple(Sample("trading", region, NOW - age, lineage, position, xid) for age, position, xid in taken)


def estimate(taken: tuple[Sample, ...], position: int = 1000, xid: int = 10) -> Loss:
    return estimate_loss(taken, "us-east", "7/1", position, xid, NOW, OLDEST)


def test_between_what_is_known_to_be_missing_and_the_highest_rate_since() -> None:
    found = estimate(samples((4, 1000, 10), (2, 3000, 30)))
    assert (found.bytes_low, found.bytes_high) == (2000, 4000)
    assert (found.transactions_low, found.transactions_high) == (20, 40)
    assert found.sample_age_s == 2


def test_no_sample_an_old_one_a_single_one_or_one_of_another_lineage_is_unknown() -> None:
    old, single = samples((61, 1, 1), (60.5, 2, 2)), samples((1, 5, 5))
    for taken in ((), old, single, samples((2, 5, 5), (1, 6, 6), lineage="7/2")):
        assert estimate(taken).bytes_high is None


def test_samples_of_the_standbys_say_nothing_of_the_writer() -> None:
    assert estimate(samples((2, 1, 1), (1, 2, 2), region="eu-west")).bytes_high is None


def test_an_idle_writer_loses_nothing() -> None:
    found = estimate(samples((4, 1000, 10), (1, 1000, 10)))
    assert (found.bytes_low, found.bytes_high, found.transactions_high) == (0, 0, 0)


@given(
    st.lists(st.tuples(st.floats(0.25, 3.0), st.integers(0, 10_000)), min_size=2, max_size=20),
    st.floats(0, 20),
    st.floats(0, 1),
)
def test_the_loss_is_within_the_range_while_the_writer_is_no_faster_than_it_was(
    history: list[tuple[float, int]], silence_s: float, share: float
) -> None:
    """`history`: (seconds, bytes) of each span; then the writer goes on at no more than its top rate."""
    position, at, taken = 0, 0.0, [(0.0, 0)]
    for span, written in history:
        at, position = at + span, position + written
        taken.append((at, position))
    top = max(written / span for span, written in history)
    now = at + silence_s
    kept = tuple(Sample("trading", "us-east", NOW - (now - t), "7/1", p, p) for t, p in taken)
    target = round(position * share)
    found = estimate(kept, target, target)
    assert found.bytes_low is not None
    assert found.bytes_high is not None
    written_in_silence = int(top * silence_s * 0.999)
    assert found.bytes_low <= position + written_in_silence - target <= found.bytes_high + 1
    assert found.bytes_high - found.bytes_low <= top * silence_s + 1
