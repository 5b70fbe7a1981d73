"""One table per gate: when it passes, when it fails, what is spoken lets it pass, and what its remedy says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.estimate import nothing_lost, unknown_loss
from qx.failover.forwarding import MOST_BYTES
from qx.failover.gates import covers, judge_gates, parse_loss
from qx.failover.move import Move
from qx.kernel.spans import Bytes, Seconds
from qx.model.lease import Lease, Maintenance, Rule
from qx.model.plan import Loss
from qx.model.residency import Answer, Law, Ruling
from tests.fakes.court import ruled
from tests.unit.failover.situations import situation, spoken
from tests.unit.failover.values import (
    AP,
    EU,
    NOW,
    US,
    observed,
    pg_replica,
    pg_writer,
    platform,
    redis_master,
    redis_replica,
    silent,
)

if TYPE_CHECKING:
    from qx.failover.situation import Situation
    from qx.model.plan import GateResult

Nodes = dict[tuple[str, str], Any]
DEAD: Nodes = {("trading", US): silent("trading", US)}
DEAD_REDIS: Nodes = {("sessions", US): silent("sessions", US)}
MIB = 1 << 20


def planned(name: str = "trading", target: str = EU) -> Move:
    return Move(name, US, target, "planned", nothing_lost("drained"))


def unplanned(name: str = "trading", loss: Loss | None = None, source: str | None = US) -> Move:
    return Move(name, source, EU, "unplanned", loss or losing(0, 0.0))


def losing(size: int | None, seconds: float | None) -> Loss:
    if size is None:
        return unknown_loss("no sample", None, NOW)
    return replace(nothing_lost("as sampled"), bytes_high=size, seconds_high=seconds)


def gate(name: str, at: Situation, move: Move) -> GateResult:
    return next(result for result in judge_gates(at, move) if result.gate == name)


def eu(**changed: Any) -> Nodes:
    return {("trading", EU): observed("trading", EU, pg_replica(**changed))}


def eu_redis(**changed: Any) -> Nodes:
    return {("sessions", EU): observed("sessions", EU, redis_replica(**changed))}


def passes(result: GateResult) -> bool:
    assert result.because
    assert result.passed or result.remedy, "a refusal says what would make it pass"
    return result.passed


def test_in_a_healthy_world_every_gate_passes() -> None:
    for name in ("trading", "sessions"):
        assert [result for result in judge_gates(situation(), planned(name)) if not passes(result)] == []


def test_each_gate_speaks_once_and_for_the_cluster() -> None:
    for move in (planned(), unplanned()):
        results = judge_gates(situation(), move)
        assert len({result.gate for result in results}) == len(results)
        assert {result.cluster for result in results} == {"trading"}


# -- residency


def test_residency_of_every_data_class() -> None:
    at = situation()
    assert passes(gate("residency", at, planned()))
    foreign = replace(at.platform.regions[EU], jurisdictions=("YY",))
    told = replace(at.platform, regions=at.platform.regions | {EU: foreign})
    result = gate("residency", replace(at, platform=told), planned())
    assert not passes(result)
    assert "trade_record" in result.because
    assert "approval" in result.remedy


def test_residency_by_the_rule_packs() -> None:
    at = situation()
    foreign = replace(at.platform.regions[EU], jurisdictions=("YY",))
    told = replace(at, platform=replace(at.platform, regions=at.platform.regions | {EU: foreign}))
    home = at.platform.regions[US].jurisdictions[0]

    def law(answer: Answer) -> Law:
        said = Ruling(
            data_class="trade_record", source=home, to="YY", answer=answer, because="XX-1: it says so", rules=("XX-1",),
            until="2031-12-28T00:00:00Z" if answer == "allowed" else "",
        )  # fmt: skip
        return {("trade_record", home, "YY"): said}

    passed = gate("residency", replace(told, law=law("allowed")), planned())
    assert passes(passed)
    assert passed.because == "trade_record: XX-1: it says so, until 2031-12-28T00:00:00Z"
    for answer in ("conditional", "refused"):
        held = gate("residency", replace(told, law=law(answer)), planned())
        assert not passes(held)
        assert "XX-1: it says so" in held.because


# -- maintenance, cooldown, lease, sentinel


@pytest.mark.parametrize(
    ("scope", "stops"), [("*", True), ("trading", True), (EU, True), (US, True), ("sessions", False), (AP, False)]
)
def test_maintenance_stops_what_it_names(scope: str, *, stops: bool) -> None:
    window = Maintenance(scope=scope, owner="bob", reason="disks", since=NOW - 1, until=NOW + 60)
    at = situation(maintenance=(window,))
    assert passes(gate("maintenance", at, planned())) is not stops
    overridden = gate("maintenance", replace(at, consent=spoken(override=("maintenance",))), planned())
    assert passes(overridden)
    assert bool(overridden.consent) is stops


@pytest.mark.parametrize(("since", "until"), [(NOW + 1, NOW + 60), (NOW - 60, NOW)])
def test_maintenance_that_is_over_or_to_come_stops_nothing(since: float, until: float) -> None:
    window = Maintenance(scope="*", owner="bob", reason="disks", since=since, until=until)
    assert passes(gate("maintenance", situation(maintenance=(window,)), planned()))


@pytest.mark.parametrize(("ago", "allowed"), [(None, True), (59.0, False), (60.0, True), (3600.0, True)])
def test_cooldown_counts_from_the_last_move(ago: float | None, *, allowed: bool) -> None:
    moved = None if ago is None else NOW - ago
    rules = {"trading": Rule(cluster="trading", epoch=3, writer=US, writer_epoch=0, moved_at=moved)}
    at = situation(rules=rules)
    assert passes(gate("cooldown", at, planned())) is allowed
    assert passes(gate("cooldown", replace(at, consent=spoken(override=("cooldown",))), planned()))
    assert passes(gate("cooldown", replace(at, consent=spoken(override=("maintenance",))), planned())) is allowed


@pytest.mark.parametrize(("until", "free"), [(NOW + 1, False), (NOW, True), (NOW - 1, True)])
def test_a_lease_in_force_stops(until: float, *, free: bool) -> None:
    at = situation(leases={"trading": Lease("trading", "run-9", 4, until)})
    result = gate("lease", at, planned())
    assert passes(result) is free
    assert free or "run-9" in result.remedy
    assert passes(gate("lease", at, planned("sessions")))


def test_two_who_move_the_same_role() -> None:
    told = platform()
    watched = replace(told.clusters["sessions"], sentinels=("10.0.0.9:26379",), sentinel_name="main")
    at = situation(of=replace(told, clusters=told.clusters | {"sessions": watched}))
    assert not passes(gate("sentinel", at, planned("sessions")))
    assert passes(gate("sentinel", at, planned("trading")))


# -- fence and control


def test_approvals_are_asked_for_where_enough_others_can_give_them() -> None:
    found = gate("approvals", situation(), planned())
    assert (found.passed, found.because, found.consent) == (True, "none is required", "")
    found = gate("approvals", situation(of=ruled(2, "ada", "bob")), planned())
    assert found.passed
    assert (found.because, bool(found.consent)) == ("2 of ada, bob must approve this very plan before it begins", True)
    found = gate("approvals", situation(of=ruled(2, "ada", "bob"), by="Ada@here"), unplanned())
    assert not found.passed
    assert found.because.endswith("ada asked for it")
    found = gate("approvals", situation(of=ruled(1, people=())), unplanned())
    assert not found.passed
    assert "names nobody who could give one" in found.because


def test_a_fence_needs_the_old_writers_control_or_a_persons_word() -> None:
    at = situation(DEAD)
    assert passes(gate("fence", at, unplanned()))
    deaf = replace(at, controls=at.controls | {("trading", US): "no route to host"})
    result = gate("fence", deaf, unplanned())
    assert not passes(result)
    assert f"--attest-fenced {US}" in result.remedy
    for word in (US, f"trading/{US}"):
        attested = gate("fence", replace(deaf, consent=spoken(attest_fenced=(word,))), unplanned())
        assert passes(attested)
        assert "ann attests" in attested.consent
    for word, reason in ((EU, "x"), (f"sessions/{US}", "x"), (US, "")):
        said = replace(deaf, consent=spoken(attest_fenced=(word,), reason=reason))
        assert not passes(gate("fence", said, unplanned()))


def test_a_planned_move_is_not_attested() -> None:
    at = situation(consent=spoken(attest_fenced=(US,)))
    deaf = replace(at, controls=at.controls | {("trading", US): "no route to host"})
    result = gate("fence", deaf, planned())
    assert not passes(result)
    assert "--attest-fenced" not in result.remedy


def test_without_a_known_writer_nothing_can_be_fenced() -> None:
    assert not passes(gate("fence", situation(DEAD, consent=spoken(attest_fenced=(US,))), unplanned(source=None)))


@pytest.mark.parametrize("move", [planned(), unplanned()], ids=["planned", "unplanned"])
def test_the_targets_control_must_answer(move: Move) -> None:
    at = situation()
    assert passes(gate("control", at, move))
    assert not passes(gate("control", replace(at, controls=at.controls | {("trading", EU): "timeout"}), move))
    without = {key: found for key, found in at.controls.items() if key != ("trading", EU)}
    result = gate("control", replace(at, controls=without), move)
    assert not passes(result)
    assert "regions.yaml" in result.remedy


# -- health


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({("trading", EU): silent("trading", EU)}, "does not answer"),
        ({("trading", EU): observed("trading", EU, pg_writer())}, "takes writes"),
        (eu(replay_paused=True), "replay paused"),
        (eu(settings={"recovery_min_apply_delay": "60000"}), "delay"),
        (eu(system_id="8000"), "system id"),
        (eu(timeline=2), "timeline 2"),
        (eu(receiver=None), "does not stream"),
    ],
)
def test_a_postgresql_target_that_cannot_take_over(seen: Nodes, words: str) -> None:
    result = gate("health", situation(seen), planned())
    assert not passes(result)
    assert words in result.because


@pytest.mark.parametrize(("mine", "its", "fits"), [("100", "100", True), ("200", "100", True), ("99", "100", False)])
def test_settings_that_a_standby_must_not_have_lower(mine: str, its: str, *, fits: bool) -> None:
    writer = {("trading", US): observed("trading", US, pg_writer(EU, AP, settings={"max_connections": its}))}
    assert passes(gate("health", situation(writer | eu(settings={"max_connections": mine})), planned())) is fits


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({("sessions", EU): silent("sessions", EU)}, "does not answer"),
        ({("sessions", EU): observed("sessions", EU, redis_master())}, "takes writes"),
        (eu_redis(loading=True), "loading"),
        (eu_redis(sync_in_progress=True), "syncing"),
        (eu_redis(config_file=""), "configuration file"),
        (eu_redis(replid="b" * 40), "another replication history"),
        (eu_redis(link_up=False), "no link"),
        ({("sessions", EU): observed("sessions", EU, redis_replica(AP))}, "follows ap-southeast"),
        ({("sessions", US): observed("sessions", US, redis_master(EU, AP, config_file=""))}, "could not be pinned"),
    ],
)
def test_a_redis_target_that_cannot_take_over(seen: Nodes, words: str) -> None:
    result = gate("health", situation(seen), planned("sessions"))
    assert not passes(result)
    assert words in result.because


def test_a_target_of_priority_0_is_none() -> None:
    told = platform()
    nodes = told.clusters["trading"].nodes
    never = replace(told.clusters["trading"], nodes=nodes | {EU: replace(nodes[EU], priority=0)})
    at = situation(of=replace(told, clusters=told.clusters | {"trading": never}))
    assert not passes(gate("health", at, planned()))
    assert passes(gate("health", at, planned(target=AP)))


def test_a_replica_without_a_link_may_be_promoted_when_the_writer_is_dead() -> None:
    assert passes(gate("health", situation(DEAD | eu(receiver=None)), unplanned()))
    assert passes(gate("health", situation(DEAD_REDIS | eu_redis(link_up=False)), unplanned("sessions")))


# -- what would be lost


@pytest.mark.parametrize(("behind", "allowed"), [(0, True), (MIB, True), (MIB + 1, False)])
def test_what_has_to_be_drained_is_small(behind: int, *, allowed: bool) -> None:
    at = situation(eu(position=0x5000000 - behind, replayed=0x5000000 - behind))
    assert passes(gate("rpo", at, planned())) is allowed


@pytest.mark.parametrize(
    ("size", "seconds", "accepted", "allowed"),
    [
        (MIB, 5.0, "", True),
        (MIB + 1, 5.0, "", False),
        (MIB, 5.1, "", False),
        (MIB, None, "", False),
        (None, None, "", False),
        (None, None, "unknown", True),
        (None, None, "100GiB", False),
        (9 * MIB, 1.0, "10MiB", True),
        (9 * MIB, None, "10MiB", True),
        (11 * MIB, 1.0, "10MiB", False),
        (9 * MIB, 9.0, "10s", True),
        (9 * MIB, 11.0, "10s", False),
        (9 * MIB, None, "10s", False),
        (9 * MIB, 11.0, "unknown", True),
    ],
)
def test_a_loss_above_the_budget_needs_consent(
    size: int | None, seconds: float | None, accepted: str, *, allowed: bool
) -> None:
    at = situation(DEAD, consent=spoken(accept_loss=accepted))
    result = gate("rpo", at, unplanned(loss=losing(size, seconds)))
    assert passes(result) is allowed
    assert bool(result.consent) is (allowed and bool(accepted))
    silent_consent = replace(at, consent=spoken(accept_loss=accepted, reason=""))
    assert passes(gate("rpo", silent_consent, unplanned(loss=losing(size, seconds)))) is (allowed and not accepted)


@given(st.integers(0, 1 << 50), st.one_of(st.none(), st.floats(0, 1e6)))
def test_what_the_remedy_says_is_enough(size: int, seconds: float | None) -> None:
    move = unplanned(loss=losing(size, seconds))
    result = gate("rpo", situation(DEAD), move)
    if not result.passed:
        words = result.remedy.split()[1]
        assert gate("rpo", situation(DEAD, consent=spoken(accept_loss=words)), move).passed


def ap_at(position: int) -> Situation:
    facts = pg_replica(position=position, replayed=position)
    return situation(DEAD | {("trading", AP): observed("trading", AP, facts)})


def test_a_standby_that_knows_a_little_more_than_the_target_gives_it_that_first() -> None:
    result = gate("furthest", ap_at(0x5000100), unplanned())
    assert passes(result)
    assert result.because == f"{AP} is 256 B ahead of {EU}, which fetches that from it first"
    assert passes(gate("furthest", ap_at(0x5000000 + MOST_BYTES), unplanned()))


def test_a_standby_that_knows_far_more_than_the_target() -> None:
    at = ap_at(0x5000001 + MOST_BYTES)
    result = gate("furthest", at, unplanned())
    assert not passes(result)
    assert f"--to {AP}" in result.remedy
    assert passes(gate("furthest", replace(at, consent=spoken(accept_loss="1MiB")), unplanned()))
    assert passes(gate("furthest", situation(DEAD), unplanned()))
    elsewhere = {("trading", AP): observed("trading", AP, pg_replica(system_id="8000", position=0x6000000))}
    assert passes(gate("furthest", situation(DEAD | elsewhere), unplanned()))


def test_a_standby_on_a_later_timeline_knows_more_whatever_its_position() -> None:
    later = {("trading", AP): observed("trading", AP, pg_replica(timeline=2, position=0x4000000))}
    assert not passes(gate("furthest", situation(DEAD | later), unplanned()))
    earlier = eu(timeline=2, position=0x4000000)
    assert passes(gate("furthest", situation(DEAD | earlier), unplanned()))


def test_a_replica_that_followed_a_restarted_master_knows_more_whatever_its_offset() -> None:
    later = redis_replica(replid="b" * 40, replid2="a" * 40, second_offset=49_000, offset=49_500)
    nodes = DEAD_REDIS | {("sessions", AP): observed("sessions", AP, later)}
    assert not passes(gate("furthest", situation(nodes), unplanned("sessions")))
    assert passes(gate("furthest", situation(DEAD_REDIS), unplanned("sessions")))


# -- spoken sizes


@pytest.mark.parametrize(
    ("text", "meant"),
    [("10s", Seconds(10)), ("5m", Seconds(300)), ("5MiB", Bytes(5 * MIB)), ("1kb", Bytes(1000)), ("512", Bytes(512))],
)
def test_a_loss_is_spoken_as_a_duration_or_a_size(text: str, meant: Seconds | Bytes) -> None:
    found = parse_loss(text)
    assert (type(found), found) == (type(meant), meant)


@pytest.mark.parametrize("text", ["5M", "much", "", "-1s", "5 apples"])
def test_what_could_mean_either_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="5MiB"):
        parse_loss(text)


def test_nothing_covers_what_is_not_known_but_the_word_for_it() -> None:
    assert covers("unknown", losing(None, None))
    assert not covers("1TiB", losing(None, None))
    assert not covers("1000d", losing(5, None))
