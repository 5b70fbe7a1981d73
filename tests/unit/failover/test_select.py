"""What `--to`, `--from`, `--cluster` and `--except` move."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qx.failover.select import select_for_failback, select_for_failover
from qx.failover.situation import Situation
from qx.kernel.errors import QxError, Refused
from tests.unit.failover import situations as s
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, US


def moved_sessions() -> Situation:
    """`trading` writes in us-east, `sessions` in ap-southeast."""
    return s.situation({
        **s.healthy(),
        ("sessions", AP): v.observed("sessions", AP, v.redis_master(EU, US)),
        ("sessions", EU): v.observed("sessions", EU, v.redis_replica(AP)),
        ("sessions", US): v.observed("sessions", US, v.redis_replica(AP)),
    })


def test_all_clusters_that_write_elsewhere_move_postgresql_first() -> None:
    at = s.situation()
    chosen = select_for_failover(at.platform, at.topology, EU, None, (), ())
    assert list(chosen.concerned.items()) == [("trading", US), ("sessions", US)]


def test_writers_in_several_regions_need_a_from_and_the_choices_are_named() -> None:
    at = moved_sessions()
    with pytest.raises(Refused) as refused:
        select_for_failover(at.platform, at.topology, EU, None, (), ())
    assert refused.value.code == "QX-PLAN-004"
    assert f"--from {US}: trading" in refused.value.hint
    assert f"--from {AP}: sessions" in refused.value.hint
    assert list(select_for_failover(at.platform, at.topology, EU, AP, (), ()).concerned) == ["sessions"]
    assert list(select_for_failover(at.platform, at.topology, EU, None, ("trading",), ()).concerned) == ["trading"]
    assert list(select_for_failover(at.platform, at.topology, EU, None, (), ("trading",)).concerned) == ["sessions"]


def test_a_writer_already_there_is_nothing_to_do() -> None:
    at = s.situation()
    chosen = select_for_failover(at.platform, at.topology, US, None, (), ())
    assert not chosen.concerned
    assert set(chosen.not_concerned) == {"trading", "sessions"}


def test_a_region_without_a_node_of_any_cluster_is_an_error_that_says_why() -> None:
    at = s.situation()
    clusters = {name: replace(c, nodes={r: c.nodes[r] for r in (US, AP)}) for name, c in at.platform.clusters.items()}
    with pytest.raises(QxError) as raised:
        select_for_failover(replace(at.platform, clusters=clusters), at.topology, EU, None, (), ())
    assert raised.value.code == "QX-PLAN-006"
    assert "has no node in eu-west" in raised.value.message


@pytest.mark.parametrize("words", [(("tradign",), ()), ((), ("tradign",))])
def test_an_unknown_cluster_is_refused_with_the_nearest_name(words: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    at = s.situation()
    with pytest.raises(QxError, match="no cluster 'tradign'") as raised:
        select_for_failover(at.platform, at.topology, EU, None, *words)
    assert "trading" in raised.value.hint


def test_a_dead_writer_that_was_never_recorded_is_known_from_its_replicas() -> None:
    at = s.situation({**s.healthy(), ("trading", US): v.silent("trading", US)})
    assert select_for_failover(at.platform, at.topology, EU, None, ("trading",), ()).concerned == {"trading": US}


def test_failback_brings_home_what_writes_elsewhere() -> None:
    at = moved_sessions()
    chosen = select_for_failback(at.platform, at.topology, ())
    assert chosen.concerned == {"sessions": AP}
    assert "at home" in chosen.not_concerned["trading"]
