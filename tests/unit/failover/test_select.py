"""What `--to`, `--from`, `--cluster` and `--except` move: design section 4, sentence by sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.failover.select import select_for_failback, select_for_failover, writer_of
from qx.kernel.errors import QxError, Refused
from qx.model.lease import Rule
from tests.unit.failover.situations import situation
from tests.unit.failover.values import (
    AP,
    EU,
    US,
    cluster,
    marker,
    observed,
    pg_replica,
    pg_writer,
    platform,
    silent,
)

if TYPE_CHECKING:
    from qx.failover.select import Selection
    from qx.model.platform import Platform

BOOK, BAHRAIN = "bahrain-book", "bahrain"
Nodes = dict[tuple[str, str], Any]
AT_EU: Nodes = {
    ("trading", EU): observed("trading", EU, pg_writer(US, AP)),
    ("trading", US): observed("trading", US, pg_replica(EU)),
    ("trading", AP): observed("trading", AP, pg_replica(EU)),
}


def world() -> Platform:
    """Redis stands first in the file; a book stands in Bahrain alone."""
    told = platform(clusters=("sessions", "trading"))
    alone = replace(cluster("postgresql"), home=BAHRAIN, nodes={BAHRAIN: cluster("postgresql").nodes[US]})
    region = replace(told.regions[US], title="Bahrain")
    return replace(told, regions=told.regions | {BAHRAIN: region}, clusters=told.clusters | {BOOK: alone})


def select(
    to: str,
    *,
    source: str | None = None,
    clusters: tuple[str, ...] = (),
    excepted: tuple[str, ...] = (),
    seen: Nodes | None = None,
) -> Selection:
    at = situation({(BOOK, BAHRAIN): observed(BOOK, BAHRAIN, pg_writer())} | (seen or {}), of=world())
    return select_for_failover(at.platform, at.topology, to, source, clusters, excepted)


def test_it_takes_every_cluster_with_a_node_there_and_its_writer_elsewhere_postgresql_first() -> None:
    chosen = select(EU)
    assert list(chosen.concerned.items()) == [("trading", US), ("sessions", US)]
    assert chosen.not_concerned == {BOOK: f"has no node in {EU}"}


def test_a_writer_that_stands_there_already_has_nothing_to_do() -> None:
    chosen = select(US)
    assert chosen.concerned == {}
    assert chosen.not_concerned["trading"] == f"its writer already stands in {US}"


def test_writers_in_several_regions_are_refused_with_the_choices() -> None:
    with pytest.raises(Refused) as refused:
        select(AP, seen=AT_EU)
    assert refused.value.code == "QX-PLAN-004"
    assert refused.value.hint == f"--from {EU}: trading; --from {US}: sessions"


def test_from_says_which() -> None:
    chosen = select(AP, source=EU, seen=AT_EU)
    assert chosen.concerned == {"trading": EU}
    assert chosen.not_concerned["sessions"] == f"its writer stands in {US}, not in {EU}"
    assert select(AP, source=US, seen=AT_EU).concerned == {"sessions": US}


def test_cluster_narrows_and_so_may_make_it_plain() -> None:
    assert select(AP, clusters=("trading",), seen=AT_EU).concerned == {"trading": EU}
    assert select(EU, clusters=("sessions",)).not_concerned["trading"] == "not named by --cluster"


def test_except_leaves_out_by_name() -> None:
    chosen = select(EU, excepted=("trading",))
    assert chosen.concerned == {"sessions": US}
    assert chosen.not_concerned["trading"] == "left out by --except"


@pytest.mark.parametrize("words", [{"clusters": ("tradng",)}, {"excepted": ("tradng",)}])
def test_an_unknown_cluster_is_no_silent_nothing(words: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(QxError, match="tradng") as error:
        select(EU, **words)  # type: ignore[arg-type]
    assert error.value.code == "QX-OBS-002"
    assert "trading" in error.value.hint


@pytest.mark.parametrize("words", [{"to": BAHRAIN}, {"to": EU, "source": AP}, {"to": EU, "clusters": (BOOK,)}])
def test_nothing_that_could_move_is_an_error_with_each_reason(words: dict[str, Any]) -> None:
    if words["to"] == BAHRAIN:
        words = words | {"excepted": (BOOK,)}
    with pytest.raises(QxError) as error:
        select(**words)
    assert error.value.code == "QX-PLAN-006"
    assert "trading" in error.value.message


def test_a_silent_writer_is_the_one_on_record() -> None:
    dead: Nodes = {("trading", US): silent("trading", US), ("trading", AP): silent("trading", AP)}
    rules = {"trading": Rule(cluster="trading", epoch=3, writer=US, writer_epoch=3)}
    assert writer_of(situation(dead, rules=rules).topology, "trading") == US


def test_a_marker_that_a_replica_holds_is_a_record_too() -> None:
    told = {("trading", EU): observed("trading", EU, pg_replica(marker=marker(3, US)))}
    dead: Nodes = {("trading", US): silent("trading", US), ("trading", AP): silent("trading", AP)}
    assert writer_of(situation(dead | told).topology, "trading") == US


def test_without_any_record_it_is_the_only_node_that_can_be_it() -> None:
    one: Nodes = {("trading", US): silent("trading", US)}
    assert writer_of(situation(one).topology, "trading") == US
    two = one | {("trading", AP): silent("trading", AP)}
    assert writer_of(situation(two).topology, "trading") is None
    assert select(EU, clusters=("trading",), seen=two).concerned == {"trading": None}


def test_a_failback_takes_home_what_stands_away_from_home() -> None:
    at = situation(AT_EU)
    assert select_for_failback(at.platform, at.topology, ()).concerned == {"trading": EU}
    chosen = select_for_failback(at.platform, at.topology, ("sessions",))
    assert chosen.concerned == {}
    assert chosen.not_concerned == {"trading": "not named by --cluster", "sessions": f"its writer is at home in {US}"}
    with pytest.raises(QxError, match="nothere"):
        select_for_failback(at.platform, at.topology, ("nothere",))
