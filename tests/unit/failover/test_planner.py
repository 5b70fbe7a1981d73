"""Plans: pure data that JSON gives back as it was, the same for the same situation, without a secret, and ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from qx.failover.basis import basis_of, differences
from qx.failover.planner import consider, plan_failback, plan_failover, rank_candidates
from qx.failover.rejoin import plan_rejoin
from qx.kernel.canon import digest
from qx.model.lease import Lease, Rule
from qx.model.plan import Hold, Plan, Promote, Refusal
from qx.model.residency import Ruling
from tests.unit.failover.situations import control, situation, spoken, written
from tests.unit.failover.values import (
    AP,
    EU,
    US,
    observed,
    pg_replica,
    pg_writer,
    redis_replica,
    silent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.failover.situation import Situation

Nodes = dict[tuple[str, str], Any]
DEAD: Nodes = {("trading", US): silent("trading", US), ("sessions", US): silent("sessions", US)}
STRAY: Nodes = {("trading", AP): observed("trading", AP, pg_replica(receiver=None))}


def to_eu(at: Situation) -> Plan | Refusal:
    return plan_failover(at, EU, None, (), ())


def dead() -> Situation:
    return situation(DEAD, samples={"trading": written()}, consent=spoken(accept_loss="unknown"))


PLANS: dict[str, Callable[[], Plan | Refusal]] = {
    "planned": lambda: to_eu(situation()),
    "unplanned": lambda: to_eu(dead()),
    "failback": lambda: plan_failback(situation(at_eu()), ()),
    "rejoin": lambda: plan_rejoin(situation(STRAY), (), ()),
    "refused": lambda: to_eu(situation(leases={"trading": Lease("trading", "run-9", 4, 2e9)})),
}


def at_eu() -> Nodes:
    return {
        ("trading", EU): observed("trading", EU, pg_writer(US, AP)),
        ("trading", US): observed("trading", US, pg_replica(EU)),
        ("trading", AP): observed("trading", AP, pg_replica(EU)),
    }


@pytest.mark.parametrize("name", PLANS)
def test_it_round_trips_through_json_and_is_the_same_again(name: str) -> None:
    made, again = PLANS[name](), PLANS[name]()
    written_down = msgspec.json.encode(made)
    assert msgspec.json.decode(written_down, type=type(made)) == made
    assert msgspec.json.encode(again) == written_down
    if isinstance(made, Plan) and isinstance(again, Plan):
        assert made.digest == again.digest


@pytest.mark.parametrize("name", ["planned", "unplanned", "failback", "rejoin"])
def test_it_records_every_crossing_of_data_with_what_carries_it(name: str) -> None:
    made = PLANS[name]()
    assert isinstance(made, Plan)
    told = situation().platform.clusters
    kept = {(each.cluster, each.data_class, each.source, each.to) for each in made.crossings}
    targets = {AP} if name == "rejoin" else {EU} if name != "failback" else set()
    clusters = ("trading",) if name in ("rejoin", "failback") else tuple(told)
    assert kept == {(cluster, "trade_record", US, to) for cluster in clusters for to in targets}
    assert all("jurisdiction" in each.because for each in made.crossings)


def test_a_crossing_tells_rules_instrument_and_end() -> None:
    said = Ruling(
        data_class="trade_record", source="XX", to="YY", answer="allowed", because="YY-1: a decision", rules=("YY-1",),
        instrument="a decision", until="2031-12-28T00:00:00Z",
    )  # fmt: skip
    plain = situation()
    foreign = replace(plain.platform.regions[EU], jurisdictions=("YY",))
    told = replace(plain.platform, regions=plain.platform.regions | {EU: foreign})
    made = to_eu(replace(plain, platform=told, law={("trade_record", "XX", "YY"): said}))
    assert isinstance(made, Plan)
    assert {each.cluster for each in made.crossings} == {"trading", "sessions"}
    for each in made.crossings:
        assert (each.because, each.rules) == ("YY-1: a decision", ("YY-1",))
        assert (each.instrument, each.until, each.approval) == ("a decision", "2031-12-28T00:00:00Z", "")


def test_a_plan_from_before_crossings_were_recorded_keeps_its_identity() -> None:
    made = to_eu(situation())
    assert isinstance(made, Plan)
    without = msgspec.json.decode(msgspec.json.encode(replace(made, crossings=())), type=Plan)
    old = msgspec.to_builtins(without)
    del old["crossings"], old["runbook"]
    assert msgspec.json.decode(msgspec.json.encode(old), type=Plan).digest == digest(old)
    assert made.digest != digest(old)


@pytest.mark.parametrize("name", PLANS)
def test_it_holds_no_secret(name: str) -> None:
    """Passwords are references, and even these stay in the configuration."""
    text = msgspec.json.encode(PLANS[name]()).decode()
    assert "password" not in text.lower()
    assert "conninfo" not in text


def with_passwords() -> Situation:
    at = situation()
    clusters = {
        name: replace(cluster, nodes={r: replace(n, password="env:DB_PASSWORD") for r, n in cluster.nodes.items()})
        for name, cluster in at.platform.clusters.items()
    }
    return replace(at, platform=replace(at.platform, clusters=clusters))


def test_nor_the_reference_of_one() -> None:
    assert "DB_PASSWORD" not in msgspec.json.encode(to_eu(with_passwords())).decode()


@pytest.mark.parametrize("name", ["planned", "unplanned", "failback", "rejoin"])
def test_steps_have_names_of_their_own_a_reason_and_time(name: str) -> None:
    made = PLANS[name]()
    assert isinstance(made, Plan)
    assert len({step.id for step in made.steps}) == len(made.steps) > 0
    stages = {stage.cluster for stage in made.stages}
    for step in made.steps:
        assert step.because
        assert step.timeout_s > 0
        assert step.stage == step.action.cluster
        assert step.id.startswith(f"{step.stage}.")
        assert step.stage in stages


@pytest.mark.parametrize("name", ["planned", "unplanned", "failback"])
def test_each_stage_has_one_point_of_no_return_and_all_that_clients_feel_before_it_can_be_undone(name: str) -> None:
    made = PLANS[name]()
    assert isinstance(made, Plan)
    for stage in made.stages:
        mine = [step for step in made.steps if step.stage == stage.cluster]
        turns = [number for number, step in enumerate(mine) if step.point_of_no_return]
        assert len(turns) == 1
        for step in mine[: turns[0]]:
            looks = step.id.endswith((".recheck", ".drain", ".fast-forward"))  # the freeze's undo is that one's too
            assert looks or not step.outage or step.undo is not None, step.id
        assert all(step.undo is None for step in mine[turns[0]:])
        assert [step.id.rpartition(".")[2] for step in mine if not step.required][-1] == "verify"


def test_every_cluster_is_prepared_before_the_first_is_touched_and_postgresql_goes_first() -> None:
    made = to_eu(situation())
    assert isinstance(made, Plan)
    first_outage = next(number for number, step in enumerate(made.steps) if step.outage)
    prepared = {step.id for step in made.steps[:first_outage]}
    assert {"trading.recheck", "trading.prepare", "sessions.recheck", "sessions.prepare"} <= prepared
    assert [stage.cluster for stage in made.stages] == ["trading", "sessions"]
    after = [step.stage for step in made.steps[first_outage:]]
    assert after == sorted(after, reverse=True)


def test_what_is_seen_makes_it_planned_and_what_is_silent_unplanned() -> None:
    for at, mode in ((situation(), "planned"), (dead(), "unplanned")):
        made = to_eu(at)
        assert isinstance(made, Plan)
        assert {stage.mode for stage in made.stages} == {mode}


def test_the_stated_loss_comes_from_the_samples() -> None:
    made = to_eu(dead())
    assert isinstance(made, Plan)
    trading, sessions = made.stages
    assert trading.loss is not None
    assert (trading.loss.bytes_low, trading.loss.bytes_high) == (0, 0)  # the last sample was taken just now
    assert sessions.loss is not None
    assert sessions.loss.bytes_high is None


def stopped(**changed: Any) -> dict[tuple[str, str], Any]:
    """A control that says: no process, and the last record is the shutdown checkpoint."""
    down = replace(control("trading"), running=False, pid=None, pids=(), state="shut down", checkpoint=0x4FFFF00)
    return dict(situation().controls) | {("trading", US): replace(down, **changed)}


def stated(at: Situation) -> tuple[int | None, int | None]:
    loss = consider(at, "trading", US, EU).loss
    return loss.bytes_low, loss.bytes_high


def test_a_target_that_holds_the_last_record_of_a_clean_stop_loses_nothing_however_long_ago_that_was() -> None:
    at = situation(DEAD, samples={"trading": written()}, controls=stopped())
    later = replace(at, now=at.now + 30)
    assert stated(later) == (0, 0)
    for unlike in ({"state": "in production"}, {"timeline": 2}, {"system_id": "8"}, {"checkpoint": 0x5000000}):
        assert stated(replace(later, controls=stopped(**unlike))) == (0, 30_000), unlike


def test_a_writer_that_was_seen_to_have_ended_has_written_no_longer() -> None:
    at = situation(DEAD, samples={"trading": written()})
    later = replace(at, now=at.now + 30)
    assert stated(later) == (0, 30_000)
    assert stated(replace(later, ended={("trading", US): at.now + 0.5})) == (0, 500)


def test_a_hung_writer_is_killed_without_being_asked() -> None:
    for hung, mode in ((frozenset(), "clean"), (frozenset({("trading", US)}), "kill")):
        made = plan_failover(replace(dead(), hung=hung), EU, None, ("trading",), ())
        assert isinstance(made, Plan)
        assert [step.action.mode for step in made.steps if isinstance(step.action, Hold)] == [mode]


def test_a_target_that_was_left_behind_loses_an_unknown_amount() -> None:
    """The cluster went on to timeline 2; samples of timeline 1 say nothing of what was written since."""
    rules = {"trading": Rule(cluster="trading", epoch=2, writer=US, writer_epoch=2, lineage="7000/2")}
    at = situation(DEAD, rules=rules, samples={"trading": written()}, consent=spoken(accept_loss="1GiB"))
    refusal = plan_failover(at, EU, None, ("trading",), ())
    assert isinstance(refusal, Refusal)
    failing = {gate.gate: gate for gate in refusal.gates if not gate.passed}
    assert "the cluster went on to 2" in failing["rpo"].because


def test_one_refused_cluster_refuses_the_plan_unless_it_is_left_out() -> None:
    at = situation(leases={"sessions": Lease("sessions", "run-9", 4, 2e9)})
    refusal = to_eu(at)
    assert isinstance(refusal, Refusal)
    assert [gate.cluster for gate in refusal.gates if not gate.passed] == ["sessions"]
    made = plan_failover(at, EU, None, (), ("sessions",))
    assert isinstance(made, Plan)
    assert (made.excepted, [stage.cluster for stage in made.stages]) == (("sessions",), ["trading"])


def test_nothing_to_do_is_a_plan_without_steps() -> None:
    made = plan_failover(situation(), US, None, (), ())
    assert isinstance(made, Plan)
    assert (made.steps, made.stages) == ((), ())
    assert set(made.not_concerned) == {"trading", "sessions"}


def test_candidates_are_ranked_and_the_ineligible_are_named_with_the_reason() -> None:
    at = situation(STRAY)
    nodes = at.platform.clusters["trading"].nodes
    told = replace(at.platform.clusters["trading"], nodes=nodes | {EU: replace(nodes[EU], priority=0)})
    at = replace(at, platform=replace(at.platform, clusters=at.platform.clusters | {"trading": told}))
    ranked = rank_candidates(at, "trading", US)
    assert [candidate.region for candidate in ranked] == [AP, EU]
    assert (ranked[1].eligible, "priority 0" in ranked[1].because) == (False, True)


def test_policy_prefers_a_region_that_can_fetch_what_another_one_received() -> None:
    near = {("trading", AP): observed("trading", AP, pg_replica(position=0x5000100, replayed=0x5000100))}
    at = situation(DEAD | near)
    trading = at.platform.clusters["trading"]
    favourite = replace(trading, nodes=trading.nodes | {EU: replace(trading.nodes[EU], priority=200)})
    at = replace(at, platform=replace(at.platform, clusters=at.platform.clusters | {"trading": favourite}))
    assert [each.region for each in rank_candidates(at, "trading", US)] == [EU, AP]
    at = replace(at, samples={"trading": written(until=0x5000200)})
    assert stated(at) == (0x100, 0x100)  # what nobody else has either
    far = {("trading", AP): observed("trading", AP, pg_replica(position=0x7000000, replayed=0x7000000))}
    at = replace(at, topology=situation(DEAD | far).topology)
    assert [each.region for each in rank_candidates(at, "trading", US)] == [AP, EU]


def test_a_failback_is_planned_or_not_at_all() -> None:
    seen = at_eu() | {("trading", EU): silent("trading", EU)}
    rules = {"trading": Rule(cluster="trading", epoch=2, writer=EU, writer_epoch=2)}
    refusal = plan_failback(situation(seen, rules=rules, consent=spoken(accept_loss="unknown")), ("trading",))
    assert isinstance(refusal, Refusal)
    failing = {gate.gate: gate for gate in refusal.gates if not gate.passed}
    assert failing["planned"].remedy == f"qx failover --to {US} --cluster trading"


# -- rejoin


def test_a_rejoin_brings_back_who_does_not_follow_and_nobody_else() -> None:
    made = plan_rejoin(situation(STRAY), (), ())
    assert isinstance(made, Plan)
    assert {step.action.region for step in made.steps if step.id.split(".")[1] == "hold"} == {AP}
    expected = ["recheck", *(f"{verb}.{AP}" for verb in ("hold", "salvage", "resync", "return")), "verify"]
    assert [step.id for step in made.steps] == [f"trading.{name}" for name in expected]
    assert not any(isinstance(step.action, Promote) for step in made.steps)
    whole = plan_rejoin(situation(), (), ())
    assert isinstance(whole, Plan)
    assert whole.steps == ()


def test_a_rejoin_needs_a_writer_and_the_nodes_control() -> None:
    refusal = plan_rejoin(situation(DEAD), (), ())
    assert isinstance(refusal, Refusal)
    at = situation(STRAY)
    refusal = plan_rejoin(replace(at, controls=at.controls | {("trading", AP): "no route"}), (), ())
    assert isinstance(refusal, Refusal)
    assert [gate.gate for gate in refusal.gates if not gate.passed] == ["control"]


def test_a_rejoin_may_be_narrowed() -> None:
    both = STRAY | {("sessions", AP): observed("sessions", AP, redis_replica(link_up=False))}
    made = plan_rejoin(situation(both), (AP,), ("sessions",))
    assert isinstance(made, Plan)
    assert {step.stage for step in made.steps} == {"sessions"}
    made = plan_rejoin(situation(both), (EU,), ())
    assert isinstance(made, Plan)
    assert made.steps == ()


# -- the basis: what makes a plan stale


def test_a_basis_holds_while_nothing_that_matters_changes() -> None:
    at = situation()
    basis = basis_of(at, ("trading", "sessions"))
    moved = {
        ("trading", EU): observed("trading", EU, pg_replica(position=0x6000000, replayed=0x6000000, next_xid=9999)),
        ("trading", US): observed("trading", US, pg_writer(EU, AP, position=0x6000000, replayed=0x6000000)),
    }
    assert differences(basis, basis_of(situation(moved), ("trading", "sessions"))) == []


@pytest.mark.parametrize(
    ("seen", "rules", "words"),
    [
        (at_eu(), {}, "trading.writer: was us-east, is eu-west"),
        (DEAD, {}, "trading.writer: was us-east, is unseen"),
        (STRAY, {}, "trading.ap-southeast: was replica of 7000/1, streaming, is replica of 7000/1"),
        ({}, {"trading": Rule(cluster="trading", epoch=7, writer=US)}, "trading.epoch: was 0, is 7"),
    ],
)
def test_a_difference_is_told_in_words(seen: Nodes, rules: dict[str, Rule], words: str) -> None:
    basis = basis_of(situation(), ("trading",))
    told = differences(basis, basis_of(situation(seen, rules=rules), ("trading",)))
    assert any(line.startswith(words) for line in told), told


def test_another_configuration_is_another_basis() -> None:
    basis = basis_of(situation(), ())
    assert differences(basis, basis_of(situation(config_digest="0ther"), ())) == ["config: was c0ffee, is 0ther"]
    assert differences({}, {"config": "x"}) == ["config: was absent, is x"]


def test_a_node_that_came_back_is_held_as_a_standby_and_follows_the_next_writer_too() -> None:
    at = situation()
    held = {("trading", AP): replace(control("trading"), held_for="standby")}
    moved = replace(at, controls=at.controls | held)
    plan = plan_failover(moved, EU, None, ("trading",), ())
    assert isinstance(plan, Plan)
    assert f"trading.follow.{AP}" in {step.id for step in plan.steps}


def test_one_that_was_held_and_follows_nobody_waits_for_its_rejoin() -> None:
    alone = observed("trading", AP, pg_replica(receiver=None, upstream=""))
    at = situation({("trading", AP): alone})
    held = {("trading", AP): replace(control("trading"), held_for="standby")}
    for controls, follows in ((at.controls, True), (at.controls | held, False)):
        plan = plan_failover(replace(at, controls=controls), EU, None, ("trading",), ())
        assert isinstance(plan, Plan)
        assert (f"trading.follow.{AP}" in {step.id for step in plan.steps}) is follows
