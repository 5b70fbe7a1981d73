from __future__ import annotations

from qx.failover.lag import lag
from qx.model.observation import Sample
from qx.model.topology import Lag
from tests.unit.failover import values as v
from tests.unit.failover.values import NOW, US

MIB = 1 << 20
WRITER = v.pg_writer(position=100 * MIB, next_xid=5000)


def sample(age: float, position: int, lineage: str = "7000/1") -> Sample:
    return Sample("trading", US, NOW - age, lineage, position, 0)


def test_an_idle_writers_replica_is_not_behind_however_old_the_last_transaction() -> None:
    replica = v.pg_replica(position=100 * MIB, replayed=100 * MIB, next_xid=5000, replay_age_s=86_400.0)
    assert lag(WRITER, replica, (), NOW) == Lag(0, 0.0, 0)


def test_a_replica_seen_after_the_writer_may_be_ahead_and_is_not_behind() -> None:
    replica = v.pg_replica(position=101 * MIB, replayed=101 * MIB, next_xid=5040, replay_age_s=0.1)
    assert lag(WRITER, replica, (), NOW) == Lag(0, 0.0, 0)


def test_paused_replay_grows_although_everything_was_received() -> None:
    before = v.pg_replica(position=100 * MIB, replayed=90 * MIB, next_xid=4000, replay_age_s=30.0, replay_paused=True)
    assert lag(WRITER, before, (), NOW) == Lag(
        10 * MIB, 30.0, 1000, "replay is paused, 10.0 MiB received and not replayed"
    )
    later = v.pg_replica(position=100 * MIB, replayed=90 * MIB, next_xid=4000, replay_age_s=60.0, replay_paused=True)
    assert lag(WRITER, later, (), NOW + 30).seconds == 60.0


def test_not_received_is_behind_too() -> None:
    replica = v.pg_replica(position=99 * MIB, replayed=99 * MIB, next_xid=4990, replay_age_s=1.5)
    assert lag(WRITER, replica, (), NOW) == Lag(MIB, 1.5, 10, "not received yet")


def test_the_first_write_after_a_quiet_hour_does_not_make_an_hour_of_lag() -> None:
    replica = v.pg_replica(position=99 * MIB, replayed=99 * MIB, next_xid=4999, replay_age_s=3600.0)
    kept = (sample(2.0, 99 * MIB), sample(1800.0, 99 * MIB))
    assert lag(WRITER, replica, kept, NOW).seconds == 2.0


def test_samples_date_a_replica_that_never_replayed_a_transaction() -> None:
    replica = v.pg_replica(position=99 * MIB, replayed=99 * MIB, replay_age_s=None)
    assert lag(WRITER, replica, (sample(4.0, 98 * MIB), sample(9.0, 90 * MIB)), NOW).seconds == 4.0
    unknown = lag(WRITER, replica, (sample(4.0, 98 * MIB, "7000/2"),), NOW)
    assert unknown.seconds is None
    assert unknown.bytes == MIB
    assert unknown.because.endswith("nothing was replayed since its start that would tell the time")


def test_what_cannot_be_compared_is_unknown_and_says_why() -> None:
    replica = v.pg_replica()
    for found, words in (
        (lag(None, replica, (), NOW), "no writer answers to measure against"),
        (lag(WRITER, v.pg_replica(system_id="7001"), (), NOW), "its system id is not the writer's"),
        (lag(WRITER, v.pg_replica(timeline=2), (), NOW), "its timeline 2 is not part of the writer's history"),
        (lag(v.pg_writer(timeline=2), v.pg_replica(replayed=100 * MIB), (), NOW),
         "it went beyond the writer on the older timeline 1"),
        (lag(WRITER, v.redis_replica(), (), NOW), "it is of another kind than the writer"),
    ):  # fmt: skip
        assert found == Lag(None, None, None, words)


def test_a_replica_on_an_ancestor_timeline_is_behind_by_what_it_lacks() -> None:
    writer = v.pg_writer(timeline=2, position=100 * MIB)
    found = lag(writer, v.pg_replica(replayed=99 * MIB, position=99 * MIB, replay_age_s=3.0), (), NOW)
    assert (found.bytes, found.because) == (MIB, "it is still on timeline 1, the writer on 2")


# -- Redis ------------------------------------------------------------------------------------------------------------


def test_redis_in_step() -> None:
    assert lag(v.redis_master(), v.redis_replica(), (), NOW) == Lag(0, 0.0, None)


def test_redis_seconds_are_known_while_the_link_is_down_or_samples_enclose_them() -> None:
    master = v.redis_master(offset=50_300)
    assert lag(master, v.redis_replica(link_up=False, link_down_s=7), (), NOW) == Lag(
        300, 7.0, None, "its link is down for 7 s"
    )
    assert lag(master, v.redis_replica(), (), NOW) == Lag(300, None, None, "Redis does not date what it sends")
    near = (sample(3.0, 50_000, "a" * 40), sample(1.0, 50_200, "a" * 40))
    assert lag(master, v.redis_replica(), near, NOW).seconds == 3.0
    far = (sample(300.0, 40_000, "a" * 40),)
    assert lag(master, v.redis_replica(), far, NOW).seconds is None


def test_redis_offsets_compare_within_a_lineage_and_with_its_ancestor_up_to_the_fork() -> None:
    master = v.redis_master(replid="b" * 40, replid2="a" * 40, second_offset=50_001, offset=60_000)
    assert lag(master, v.redis_replica(offset=50_000), (), NOW).bytes == 10_000
    for other in (v.redis_replica(offset=50_001), v.redis_replica(replid="c" * 40)):
        found = lag(master, other, (), NOW)
        assert (found.bytes, found.because) == (None, "its data are of another history than the writer's")
