from __future__ import annotations

from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.sampling import samples_of
from qx.model.observation import Sample
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, STORE, US


def kept(changed: dict[tuple[str, str], v.Seen]) -> set[Sample]:
    return set(samples_of(judge(v.platform(), v.healthy() | changed, {}, {}, STORE, NOW)))


REDIS = Sample("sessions", US, NOW, "a" * 40, 50_000, 0)


def test_a_writer_that_answers_is_sampled_itself() -> None:
    assert kept({}) == {Sample("trading", US, NOW, "7000/1", 0x5000000, 1000), REDIS}


def test_a_writer_that_is_silent_is_sampled_by_what_it_last_told_dated_by_the_message() -> None:
    told = v.pg_replica(message_age_s=2.0, next_xid=990)
    assert told.receiver is not None
    eu = replace(told, receiver=replace(told.receiver, told_clock=NOW - 2.5))
    changed: dict[tuple[str, str], v.Seen] = {
        ("trading", US): v.silent("trading", US, "timeout"),
        ("trading", EU): v.observed("trading", EU, eu),
        ("trading", AP): v.observed("trading", AP, v.pg_replica(None)),
    }
    assert kept(changed) == {Sample("trading", US, NOW - 2.0, "7000/1", 0x5000000, 990, NOW - 2.5), REDIS}


def test_what_is_stale_proves_nothing() -> None:
    changed: dict[tuple[str, str], v.Seen] = {("trading", US): v.silent("trading", US, "timeout")}
    for region in (EU, AP):
        changed["trading", region] = v.observed("trading", region, v.pg_replica(message_age_s=40.0))
    assert kept(changed) == {REDIS}
