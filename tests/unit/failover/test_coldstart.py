"""What stands against a cold start, by what nodes say."""

from __future__ import annotations

from msgspec.structs import replace

from qx.failover.coldstart import Told, doubts, is_replica, words, writers
from qx.model.control import PgControl
from qx.model.observation import Silence

MINE, OTHER = "us-east", "eu-west"
DARK = Silence(subject="trading", region=OTHER, observer="qx", at=1.0, reason="timeout", detail="no answer")
DOWN = PgControl(
    running=False, pid=None, pids=(), state="in production", system_id="7", timeline=3, checkpoint=1, redo=1,
    min_recovery_end=0, standby_signal=False, held_epoch=7, held_for="", free_bytes=1,
)  # fmt: skip
STANDBY = replace(DOWN, state="shut down in recovery", standby_signal=True)


def nodes(other: PgControl | str, mine: PgControl = DOWN) -> dict[str, Told]:
    return {MINE: Told(mine, DARK), OTHER: Told(other, DARK)}


def test_nothing_stands_against_the_last_writer() -> None:
    assert not is_replica(DOWN)
    assert is_replica(STANDBY)
    for other in (STANDBY, "no answer in 2 s", DOWN):
        assert writers(nodes(other), MINE) == ()
        assert doubts(nodes(other), MINE) == ()


def test_a_server_that_runs_and_is_no_replica_writes_although_it_does_not_answer() -> None:
    (why,) = writers(nodes(replace(DOWN, running=True)), MINE)
    assert why == "eu-west runs as a writer, and does not answer"
    assert writers(nodes(replace(STANDBY, running=True, state="in archive recovery")), MINE) == ()


def test_one_that_followed_a_later_writer_shows_that_there_was_one() -> None:
    (doubt,) = doubts(nodes(replace(STANDBY, timeline=4)), MINE)
    assert "stands on timeline 4, us-east on 3" in doubt


def test_a_later_writer_is_known_by_its_epoch() -> None:
    (doubt,) = doubts(nodes(replace(DOWN, held_epoch=8)), MINE)
    assert "eu-west was the writer later" in doubt
    assert doubts(nodes(replace(STANDBY, held_epoch=8)), MINE) == ()


def test_what_the_node_itself_says() -> None:
    assert "held for standby" in doubts(nodes(STANDBY, replace(DOWN, held_for="standby")), MINE)[0]
    assert "is a replica by its files" in doubts(nodes("dark", STANDBY), MINE)[0]
    assert "timeline 3" not in words(Told(DOWN, DARK))
    assert words(Told("no route", DARK)) == "silent (timeout); no route"
