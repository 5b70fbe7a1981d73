"""What is made of acknowledgements: gaps, losses, and two writers at once."""

from __future__ import annotations

import pytest

from bench.failover.measure import Ack, lost, outage, overlaps, promoted, quiet_gap

A, B, C = "10.77.1.2", "10.77.2.2", "10.77.3.2"


def acks(*spans: tuple[float, float, str, int], writer: int = 1, every: float = 0.1) -> list[Ack]:
    """One every 0.1 s from the start of each span to before its end."""
    found: list[Ack] = []
    for start, end, node, timeline in spans:
        for step in range(round((end - start) / every)):
            found.append(Ack(start + step * every, writer, len(found), node, timeline))
    return found


def test_the_outage_is_the_longest_gap_that_ends_after_the_fault() -> None:
    seen = acks((0, 3, A, 1), (5, 10, A, 1), (14, 20, B, 2))
    assert outage(seen, fault=10, end=20) == pytest.approx(4.1)


def test_an_outage_before_the_fault_does_not_count() -> None:
    assert outage(acks((0, 3, A, 1), (8, 20, A, 1)), fault=10, end=20) == pytest.approx(0.1)


def test_a_gap_that_is_open_at_the_fault_counts_whole() -> None:
    assert outage(acks((0, 9, A, 1), (12, 20, B, 2)), fault=10, end=20) == pytest.approx(3.1)


@pytest.mark.parametrize("seen", [[], acks((0, 10, A, 1)), acks((0, 10, A, 1), (12, 13, B, 2))])
def test_what_does_not_write_in_the_end_has_not_recovered(seen: list[Ack]) -> None:
    assert outage(seen, fault=10, end=20) is None


def test_noise_is_measured_where_nothing_was_done() -> None:
    assert quiet_gap(acks((0, 2, A, 1), (3, 5, A, 1), (9, 10, A, 1)), 1, 5) == pytest.approx(1.1)


def test_lost_is_what_was_acknowledged_and_is_not_stored() -> None:
    seen = [Ack(1, 1, 1, A, 1), Ack(2, 1, 2, A, 1), Ack(3, 2, 1, A, 1)]
    assert lost(seen, {(1, 1), (2, 1), (7, 7)}) == 1
    assert lost(seen, set()) == 3


def test_a_row_acknowledged_twice_is_lost_once() -> None:
    assert lost([Ack(1, 1, 1, A, 1), Ack(2, 1, 1, B, 2)], set()) == 1


def test_promoted_is_the_first_word_of_somebody_new() -> None:
    assert promoted([acks((0, 10, A, 1)), acks((12, 13, B, 2))], fault=9.5) == pytest.approx(2.5)
    assert promoted([acks((0, 10, A, 1), (12, 13, A, 1))], fault=9.5) is None


def test_a_clean_move_has_no_overlap() -> None:
    assert overlaps({"multi-host": acks((0, 10, A, 1), (12, 20, B, 2))}, fault=10) == ()


def test_who_acknowledges_after_a_newer_writer_began_is_stale_by_path() -> None:
    paths = {
        "multi-host": acks((0, 10, A, 1), (12, 20, B, 2)),
        "pinned": acks((0, 15, A, 1), writer=2),
    }
    (found,) = overlaps(paths, fault=10)
    assert (found.old, found.new, found.stale) == (f"{A}/1", f"{B}/2", {"pinned": 29})
    assert found.first_s == pytest.approx(2.1)
    assert found.window_s == pytest.approx(2.8)


def test_time_that_the_old_writer_was_frozen_is_not_in_the_window() -> None:
    frozen = acks((0, 10, A, 1), (20, 20.3, A, 1), writer=2)
    paths = {"multi-host": acks((0, 10, A, 1), (12, 30, B, 2)), "pinned": frozen}
    (found,) = overlaps(paths, fault=10)
    assert found.stale == {"pinned": 3}
    assert found.window_s == pytest.approx(0.2)


def test_a_server_that_writes_again_on_a_later_timeline_is_no_second_writer_of_itself() -> None:
    assert overlaps({"multi-host": acks((0, 10, A, 1), (12, 20, A, 2))}, fault=10) == ()


def test_every_later_writer_makes_an_older_one_stale() -> None:
    paths = {"pinned": [*acks((0, 10, A, 1)), *acks((5, 10, B, 2)), *acks((7, 10, C, 3))]}
    found = overlaps(paths, fault=4)
    assert [(each.old, each.new) for each in found] == [(f"{A}/1", f"{B}/2"), (f"{B}/2", f"{C}/3")]
