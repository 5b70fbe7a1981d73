"""When is a writer gone? One look after the other, at instants of the test's choosing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qx.config.profiles import watch_of
from qx.failover.vigil import End, Finding, Vigil, Watched, end_of, heed
from qx.model.control import PgControl, RedisControl
from qx.model.topology import Cause, ClusterView, Verdict
from qx.model.watching import Watching
from tests.unit.failover.values import US

WATCH = watch_of(Watching(profile="fast"))
WELL = ClusterView(
    name="trading", verdict=Verdict.HEALTHY, cause=Cause.NONE, because="us-east writes", writer=US,
    recorded_writer=US, epoch=3, nodes={},
)  # fmt: skip
DEAD = replace(WELL, verdict=Verdict.DOWN, cause=Cause.WRITER_DEAD, because="us-east is silent", writer=None)
HEARD = replace(DEAD, verdict=Verdict.SUSPECT, cause=Cause.WRITER_SILENT)


def after(*looks: tuple[float, ClusterView, End], vigil: Vigil | None = None) -> tuple[Vigil, Watched]:
    """What is thought after the last of `looks` (instant, view, what the control says)."""
    kept, watched = vigil or Vigil(), None
    for at, view, end in looks:
        kept, watched = heed(kept, view, end, WATCH, at)
    assert watched is not None
    return kept, watched


def test_a_crash_is_a_fact_at_once() -> None:
    assert after((0.0, DEAD, End.CRASHED))[1].finding is Finding.GONE


def test_a_clean_stop_has_its_grace() -> None:
    stopped = [(at, DEAD, End.STOPPED) for at in (0.0, 10.0, 29.9)]
    watched = after(*stopped)[1]
    assert watched.finding is Finding.WAITING
    assert watched.wait_s == pytest.approx(0.1)
    assert after(*stopped, (30.0, DEAD, End.STOPPED))[1].finding is Finding.GONE


def test_a_hang_waits_for_hang_after_and_for_enough_looks() -> None:
    assert after((0.0, DEAD, End.HANGS), (1.9, DEAD, End.HANGS))[1].finding is Finding.WAITING
    assert after((0.0, DEAD, End.HANGS), (2.1, DEAD, End.HANGS))[1].finding is Finding.GONE
    assert after((5.0, DEAD, End.HANGS))[1].finding is Finding.WAITING  # one look, however late, is one look


def test_what_nobody_beside_it_confirms_is_never_a_fact() -> None:
    looks = [(float(at), DEAD, End.UNKNOWN) for at in range(100)]
    assert after(*looks)[1].finding is Finding.UNPROVEN


def test_a_writer_that_a_replica_still_hears_is_only_suspect() -> None:
    vigil, watched = after((0.0, DEAD, End.HANGS), (1.0, HEARD, End.HANGS))
    assert watched.finding is Finding.SUSPECT
    assert vigil.since is None


def test_a_return_ends_the_vigil_and_is_remembered() -> None:
    vigil, watched = after((0.0, DEAD, End.HANGS), (1.0, WELL, End.HANGS))
    assert watched.finding is Finding.WELL
    assert (vigil.since, vigil.looks, vigil.flaps) == (None, 0, (1.0,))


def test_a_flapping_writer_waits_longer_each_time_and_is_forgiven_later() -> None:
    vigil = after((0.0, DEAD, End.HANGS), (1.0, WELL, End.HANGS), (2.0, DEAD, End.HANGS), (3.0, WELL, End.HANGS))[0]
    assert after((10.0, DEAD, End.HANGS), (17.9, DEAD, End.HANGS), vigil=vigil)[1].finding is Finding.WAITING
    assert after((10.0, DEAD, End.HANGS), (18.1, DEAD, End.HANGS), vigil=vigil)[1].finding is Finding.GONE
    assert after((700.0, DEAD, End.HANGS), (702.1, DEAD, End.HANGS), vigil=vigil)[1].finding is Finding.GONE


PG = PgControl(
    running=False, pid=None, pids=(), state="in production", system_id="7", timeline=1, checkpoint=1, redo=1,
    min_recovery_end=0, standby_signal=False, held_epoch=0, held_for="", free_bytes=1,
)  # fmt: skip
REDIS = RedisControl(running=False, pid=None, pids=(), replicaof="", held_epoch=0, held_for="", free_bytes=1)


@pytest.mark.parametrize(
    ("control", "exited", "expected"),
    [
        (None, "", End.UNKNOWN),
        (PG, "", End.CRASHED),
        (replace(PG, state="shut down"), "", End.STOPPED),
        (replace(PG, running=True), "", End.RUNS),
        (REDIS, "", End.STOPPED),
        (REDIS, "crash", End.CRASHED),
        (REDIS, "clean", End.STOPPED),
        (replace(PG, state="shut down"), "crash", End.CRASHED),
    ],
)
def test_what_the_control_says_of_the_end(control: PgControl | RedisControl | None, exited: str, expected: End) -> None:
    found = replace(control, exited=exited) if control is not None else None
    assert end_of(found) is expected


def test_one_that_says_nothing_to_its_neighbour_hangs() -> None:
    assert end_of(replace(PG, running=True), answers=False) is End.HANGS


def test_one_that_answers_beside_it_is_cut_off_not_dead() -> None:
    looks = [(float(at), DEAD, End.RUNS) for at in range(100)]
    assert after(*looks)[1].finding is Finding.SUSPECT
    assert after(*looks, (100.0, DEAD, End.HANGS))[1].finding is Finding.WAITING


def test_the_wait_begins_anew_when_what_its_control_says_becomes_another_thing() -> None:
    """Stopped, and started again just before the grace is over: it has not hung for so long."""
    stopped = ((0.0, DEAD, End.STOPPED), (29.0, DEAD, End.STOPPED))
    assert after(*stopped, (29.5, DEAD, End.HANGS))[1].finding is Finding.WAITING
    assert after(*stopped, (29.5, DEAD, End.HANGS), (30.5, DEAD, End.UNKNOWN), (31.6, DEAD, End.HANGS))[1].finding is (
        Finding.GONE
    )
    assert after(*stopped, (29.5, DEAD, End.CRASHED))[1].finding is Finding.GONE


def test_a_writer_that_nobody_could_ask_about_has_ended_when_its_control_first_said_so() -> None:
    """Until then it may have written, however long it had been silent."""
    kept = Vigil()
    for at, end in ((10.0, End.UNKNOWN), (11.0, End.CRASHED), (12.0, End.CRASHED)):
        kept, _ = heed(kept, DEAD, end, WATCH, at)
    assert (kept.since, kept.ended) == (10.0, 11.0)


def test_one_that_nobody_could_ask_about_has_ended_when_its_control_says_so_again() -> None:
    """Meanwhile it may have been started, have written, and have ended again: its grace goes on, its loss grows."""
    kept, found = Vigil(), []
    for at, end in ((10.0, End.STOPPED), (11.0, End.UNKNOWN), (12.0, End.UNKNOWN), (13.0, End.STOPPED)):
        kept, _ = heed(kept, DEAD, end, WATCH, at)
        found.append((kept.since, kept.ended))
    assert found == [(10.0, 10.0), (10.0, None), (10.0, None), (10.0, 13.0)]


def test_so_has_one_that_nobody_looked_at_for_a_while() -> None:
    """As when the store does not answer."""
    late = WATCH.probe + WATCH.stall
    for after_s, ended in ((late, 10.0), (late + 0.1, 10.0 + late + 0.1)):
        vigil, _ = after((10.0, DEAD, End.STOPPED), (10.0 + after_s, DEAD, End.STOPPED))
        assert vigil.since == 10.0
        assert vigil.ended == pytest.approx(ended)


def test_a_silence_counts_from_the_last_answer_and_a_stop_from_when_it_was_seen() -> None:
    for end, grace in ((End.UNKNOWN, WATCH.probe * WATCH.confirm), (End.STOPPED, WATCH.restart_grace)):
        _, watched = heed(Vigil(), DEAD, end, WATCH, 10.0, answered=9.5)
        assert watched.wait_s == grace - (0.5 if end is End.UNKNOWN else 0.0)


def test_looks_at_which_nobody_heard_it_count_once_that_means_that_it_is_gone() -> None:
    """A lease that has run out proves it; nobody has to look as often again. What stopped or hangs tells so itself."""
    for end, finding in ((End.UNKNOWN, Finding.UNPROVEN), (End.HANGS, Finding.WAITING)):
        _, watched = heed(Vigil(), DEAD, end, WATCH, 10.0, 4.0 if end is End.UNKNOWN else 9.9, WATCH.confirm - 1)
        assert watched.finding is finding
    _, watched = heed(Vigil(), DEAD, End.UNKNOWN, WATCH, 10.0, 4.0, WATCH.confirm - 2)
    assert watched.finding is Finding.WAITING
