from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.move import Move
from qx.failover.planner import consider, plan_failover
from qx.failover.quorum import Change, Narrow, Wait, Widen, eligible, next_step, state, wanted
from qx.failover.quorum_gate import durability
from qx.failover.quorum_names import spelled, way_of
from qx.failover.quorum_readiness import quorum_readiness
from qx.model import plan as p
from qx.model.observation import PgFacts
from qx.model.plan import Plan, Refusal
from qx.model.platform import Platform, ResidencyRule
from qx.model.standing import Durable, Way
from tests.unit.failover import values as v
from tests.unit.failover.situations import control, situation, spoken, written
from tests.unit.failover.values import AP, EU, NOW, STORE, US

BOTH = Way(writer=US, count=1, of=(AP, EU))
ONE = Way(writer=US, count=1, of=(EU,))
ALONE = Way(writer=US)
ANYWHERE = ResidencyRule(data_class="*", source="*", to="*", verdict="allowed", because="a test")


def platform(count: int = 1) -> Platform:
    plain = v.platform()
    trading = replace(plain.clusters["trading"], durability="quorum", quorum=count)
    return replace(plain, clusters=plain.clusters | {"trading": trading}, residency=(ANYWHERE,))


def writer(way: Way = ALONE, *there: str, **changed: Any) -> PgFacts:
    settings = {"wal_receiver_timeout": "60000", "synchronous_standby_names": spelled(way), "synchronous_commit": "on"}
    return v.pg_writer(*(there or (EU, AP)), settings=settings, **changed)


# -- names


@pytest.mark.parametrize(
    ("names", "way"),
    [
        ("", ALONE),
        ("ANY 1 (qx_eu_west, qx_ap_southeast)", BOTH),
        ("any 1(QX_EU_WEST,qx_ap_southeast)", BOTH),
        ("FIRST 1 (qx_eu_west, qx_ap_southeast)", BOTH),
        ("1 (qx_eu_west)", ONE),
        ("qx_eu_west", ONE),
        ('"qx_eu_west"', ONE),
        ("ANY 1 (*)", ALONE),
        ("*", ALONE),
        ("eu-west-by-hand", Way(writer=US, count=1, of=("?eu-west-by-hand",))),
        ('ANY 2 ("a ""b""", qx_eu_west)', Way(writer=US, count=2, of=('?a "b"', EU))),
    ],
)
def test_every_form_of_the_setting_is_read(names: str, way: Way) -> None:
    assert way_of(platform().clusters["trading"], US, {"synchronous_standby_names": names}) == way


@pytest.mark.parametrize("commit", ["off", "local", "remote_write"])
def test_a_server_that_acknowledges_early_acknowledges_alone(commit: str) -> None:
    settings = {"synchronous_standby_names": spelled(BOTH), "synchronous_commit": commit}
    assert way_of(platform().clusters["trading"], US, settings) == ALONE


def test_what_is_written_is_read_back() -> None:
    for way in (ALONE, ONE, BOTH, Way(writer=US, count=2, of=(AP, EU))):
        assert way_of(platform().clusters["trading"], US, {"synchronous_standby_names": spelled(way)}) == way


# -- the machine


def of(record: tuple[Way, ...], facts: PgFacts, count: int = 1, kept: tuple[str, ...] = ()) -> Any:
    told = platform(count)
    may_count = eligible(told, "trading", US, "2027-01-15")
    return next_step(state(told.clusters["trading"], US, facts, record, may_count, kept))


def test_it_is_turned_on_step_by_step() -> None:
    assert of((), writer()) == Widen((ALONE,))
    assert of((ALONE,), writer()) == Widen((ALONE, BOTH))
    assert of((ALONE, BOTH), writer()) == Change(BOTH)
    assert of((ALONE, BOTH), writer(BOTH)) == Narrow((BOTH,))
    assert of((BOTH,), writer(BOTH)) is None


def test_the_record_is_narrowed_when_enough_have_caught_up() -> None:
    behind = (v.sender(EU, flushed=1), v.sender(AP, flushed=2))
    assert isinstance(of((ALONE, BOTH), writer(BOTH, senders=behind)), Wait)
    assert of((ALONE, BOTH), writer(BOTH, senders=(behind[0], v.sender(AP)))) == Narrow((BOTH,))


def test_one_that_is_gone_counts_no_more_and_the_last_one_stays() -> None:
    assert of((BOTH,), writer(BOTH, EU)) == Widen((BOTH, ONE))
    assert of((BOTH,), writer(BOTH, EU), kept=(AP,)) is None
    assert of((BOTH,), writer(BOTH, senders=())) is None, "it never degrades by itself"
    assert of((ONE,), writer(ONE, senders=())) == Widen((BOTH, ONE)), "whichever comes back first lets writes go on"


def test_commits_are_not_made_to_wait_for_standbys_that_are_not_there() -> None:
    assert isinstance(of((ALONE,), writer(senders=())), Wait)
    assert isinstance(of((BOTH,), writer(BOTH, EU), count=2), Wait)


def test_what_somebody_set_by_hand_is_recorded_first() -> None:
    assert of((BOTH,), writer()) == Widen((ALONE, BOTH))


def test_it_is_turned_off_and_then_forgotten() -> None:
    cluster = v.platform().clusters["trading"]
    there = (EU, AP)
    off = wanted(cluster, US, there, there)
    assert off == ALONE
    steps = [
        next_step(state(cluster, US, writer(way), record, there))
        for way, record in ((BOTH, (BOTH,)), (BOTH, (ALONE, BOTH)), (ALONE, (ALONE, BOTH)), (ALONE, ()))
    ]
    assert steps == [Widen((ALONE, BOTH)), Change(ALONE), Narrow(()), None]


def test_who_could_not_be_promoted_does_not_count() -> None:
    told = platform()
    trading = told.clusters["trading"]
    nodes = trading.nodes | {AP: replace(trading.nodes[AP], priority=0)}
    told = replace(told, clusters=told.clusters | {"trading": replace(trading, nodes=nodes)})
    assert eligible(told, "trading", US, "2027-01-15") == (EU,)
    assert eligible(replace(told, residency=()), "trading", EU, "2027-01-15") == (US,), "at home they may live"


# -- the gate, the loss, the plan


def dark(*ways: Way, silent: tuple[str, ...] = (US,), **changed: Any) -> Any:
    seen: dict[tuple[str, str], v.Seen] = {("trading", region): v.silent("trading", region) for region in silent}
    lost = v.pg_replica(receiver=None)
    seen |= {("trading", r): v.observed("trading", r, lost) for r in (EU, AP) if r not in silent}
    record = {"trading": Durable(cluster="trading", ways=ways, epoch=3, at=NOW)} if ways else {}
    return situation(seen, of=platform(), samples={"trading": written(until=0x9000000)}, durable=record, **changed)


def to(target: str, at: Any) -> Move:
    return consider(at, "trading", US, target)


def test_nothing_is_lost_when_those_that_answer_hit_every_way() -> None:
    at = dark(BOTH)
    move = to(EU, at)
    assert (move.loss.bytes_high, move.loss.transactions_high) == (0, 0)
    assert "synchronous_commit" in move.loss.because
    assert durability(at, move).passed


@pytest.mark.parametrize(
    ("ways", "silent", "target", "named"),
    [
        ((BOTH,), (US, AP), EU, AP),
        ((ONE,), (US, EU), AP, EU),
        ((BOTH, ONE), (US, EU), AP, EU),
        ((ALONE, BOTH), (US,), EU, US),
        ((Way(writer=US, count=1, of=("?other", EU)),), (US,), EU, "?other"),
    ],
)
def test_a_refusal_names_who_is_missing(
    ways: tuple[Way, ...], silent: tuple[str, ...], target: str, named: str
) -> None:
    at = dark(*ways, silent=silent)
    move = to(target, at)
    assert move.loss.bytes_high != 0
    found = durability(at, move)
    assert not found.passed
    assert named in found.because
    assert named in found.remedy
    refused = plan_failover(at, target, None, ("trading",), ())
    assert isinstance(refused, Refusal)
    assert "durability" in {gate.gate for gate in refused.gates if not gate.passed}


def test_one_that_was_narrowed_to_the_one_that_answers_passes() -> None:
    at = dark(ONE, silent=(US, AP))
    assert durability(at, to(EU, at)).passed


def test_without_a_record_only_a_person_lets_it_pass() -> None:
    at = dark()
    assert not durability(at, to(EU, at)).passed
    at = dark(consent=spoken(accept_loss="unknown"))
    assert durability(at, to(EU, at)).consent


def test_a_target_beside_which_too_few_may_acknowledge_is_refused_planned_or_not() -> None:
    told = platform(2)
    trading = told.clusters["trading"]
    nodes = trading.nodes | {AP: replace(trading.nodes[AP], priority=0)}
    told = replace(told, clusters=told.clusters | {"trading": replace(trading, nodes=nodes)})
    at = situation({("trading", US): v.observed("trading", US, writer(BOTH))}, of=told)
    found = durability(at, consider(at, "trading", US, EU))
    assert (found.passed, "only 1 may acknowledge" in found.because) == (False, True)


def names(plan: Plan | Refusal) -> list[str]:
    assert isinstance(plan, Plan), plan
    return [step.id.removeprefix("trading.") for step in plan.steps]


def test_the_target_is_bound_before_it_is_promoted_and_its_followers_come_before_the_mark() -> None:
    at = dark(BOTH, controls={("trading", r): control("trading") for r in (US, EU, AP)})
    found = plan_failover(at, EU, None, ("trading",), ())
    assert names(found) == [
        "recheck", "bind", "hold", "close-route", "freeze", "fast-forward", "promote", "open-route", f"follow.{AP}",
        "mark", "verify", "narrow",
    ]  # fmt: skip
    assert isinstance(found, Plan)
    bind = found.steps[1].action
    assert isinstance(bind, p.Bind)
    assert (bind.count, bind.of, bind.compared) == (1, (AP,), (AP, EU))
    seen = {("trading", US): v.observed("trading", US, writer(BOTH))}
    planned = plan_failover(situation(seen, of=platform()), EU, None, ("trading",), ())
    assert names(planned) == [
        "recheck", "prepare", "checkpoint", "bind", "pin", "close-route", "fence", "drain", "promote", "open-route",
        f"follow.{AP}", "mark", "return", "verify", "narrow",
    ]  # fmt: skip


def test_the_old_writer_comes_first_where_nobody_else_may_acknowledge() -> None:
    seen: dict[tuple[str, str], v.Seen] = {
        ("trading", US): v.observed("trading", US, writer(ONE, EU)),
        ("trading", AP): v.silent("trading", AP),
    }
    found = names(plan_failover(situation(seen, of=platform()), EU, None, ("trading",), ()))
    assert found[found.index("open-route"):] == ["open-route", "return", "mark", "verify", "narrow"]


def test_an_asynchronous_cluster_is_moved_as_ever() -> None:
    at = situation({})
    assert durability(at, consider(at, "trading", US, EU)).passed


# -- doctor


def advice(facts: PgFacts, told: Platform | None = None) -> list[tuple[str, str]]:
    seen = v.healthy() | {("trading", US): v.observed("trading", US, facts)}
    told = told or platform()
    found = quorum_readiness(told, judge(told, seen, v.endpoints(), {}, STORE, NOW))
    return [(each.region, each.evidence) for each in found]


def test_doctor_sees_what_is_not_in_force_who_has_a_wrong_name_and_who_counts_twice() -> None:
    [words] = [words for region, words in advice(writer(version=160009)) if region == US]
    assert "do not wait" in words
    strange = (v.sender(EU), v.sender(AP, name="walreceiver"))
    assert (AP, "it streams under another name, so that no commit counts it") in advice(writer(BOTH, senders=strange))
    twice = (v.sender(EU), v.sender(EU), v.sender(AP))
    assert any(region == EU and "call themselves" in words for region, words in advice(writer(BOTH, senders=twice)))
    assert any("first moments" in words for _, words in advice(writer(BOTH)))
    assert not advice(writer(), v.platform())
