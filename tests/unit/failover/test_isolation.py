"""When is a writer cut off: both silences, long enough, and begun together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qx.failover.isolation import has_successor, is_cut_off, received_ago
from qx.failover.judge import judge
from qx.model.observation import PgFacts, RedisReplica
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, US

AFTER, TOGETHER = 1.5, 2.5


@pytest.mark.parametrize(
    ("store", "received", "cut_off"),
    [
        (98.5, 98.5, True),
        (98.5, 97.9, True),
        (97.9, 98.5, True),
        (98.5, 98.6, False),  # a receiver was heard since
        (98.6, 98.5, False),  # the store was
        (98.5, 95.9, False),  # its standbys had gone before
        (95.9, 98.5, False),  # and so had the store
        (98.5, None, False),  # it never had any
    ],
)
def test_both_fell_silent_together_and_long_enough_ago(store: float, received: float | None, *, cut_off: bool) -> None:
    assert is_cut_off(store, received, 100.0, AFTER, TOGETHER) is cut_off


def test_zero_is_never() -> None:
    assert not is_cut_off(0.0, 0.0, 100.0, 0.0, TOGETHER)


def test_the_receiver_that_spoke_last_counts() -> None:
    facts = v.pg_writer(EU, AP)
    near, far = facts.senders
    assert received_ago(replace(facts, senders=(replace(near, reply_age_s=4.0), replace(far, reply_age_s=0.3)))) == 0.3
    assert received_ago(replace(facts, senders=())) is None


def test_redis_counts_whole_seconds_so_one_of_them_may_be_none() -> None:
    replicas = (RedisReplica("h:1", "online", 1, 1), RedisReplica("h:2", "online", 1, 3))
    assert received_ago(replace(v.redis_master(), replicas=replicas)) == 0.0


@pytest.mark.parametrize(
    ("changed", "has"),
    [
        ({}, True),
        ({EU: v.pg_replica(receiver=None)}, True),
        ({EU: v.pg_replica(receiver=None), AP: v.pg_replica(receiver=None)}, False),
    ],
)
def test_a_successor_is_a_standby_that_streams(changed: dict[str, PgFacts], *, has: bool) -> None:
    told = {("trading", region): v.observed("trading", region, facts) for region, facts in changed.items()}
    seen = v.healthy() | told
    view = judge(v.platform(), seen, {}, {}, v.STORE, v.NOW, {}).clusters["trading"]
    assert has_successor(v.platform(), "trading", view, US, "2027-01-15") is has


def test_nor_is_one_that_is_never_a_target() -> None:
    platform = v.platform()
    trading = platform.clusters["trading"]
    nodes = {region: replace(node, priority=0) for region, node in trading.nodes.items()}
    never = replace(platform, clusters=platform.clusters | {"trading": replace(trading, nodes=nodes)})
    view = judge(platform, v.healthy(), {}, {}, v.STORE, v.NOW, {}).clusters["trading"]
    assert not has_successor(never, "trading", view, US, "2027-01-15")
