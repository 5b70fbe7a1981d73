"""An unplanned failover: the loss stated before, the old writer fenced, no second writer whatever comes back."""

from __future__ import annotations

import pytest

from qx.engine.records import write
from qx.failover.planner import plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.kernel.errors import QxError
from qx.model.journal import Event, RunOutcome
from qx.model.plan import Consent, Refusal
from qx.model.standing import Arming
from tests.fakes.process import Call, How, Killed
from tests.fakes.store import MemoryStore
from tests.fakes.world import AP, EU, KV, PG, US, SimWorld
from tests.machine.lawful import LEASE_S, assert_made_whole, everybody_follows, mend
from tests.machine.scenes import (
    ANY_LOSS,
    SPOKEN,
    Scene,
    attested,
    decide,
    entries_of,
    frozen,
    plan,
    planned,
    rejoin,
    to_eu,
    unplanned,
)


def writer_dies(seed: int, clusters: tuple[str, ...] = (PG,)) -> SimWorld:
    world = SimWorld(seed, clusters)
    world.pass_time(world.simulation.random.random())
    world.lose_region(US)
    world.pass_time(0.2 + 2 * world.simulation.random.random())
    return world


@pytest.mark.parametrize("name", [PG, KV])
def test_the_measured_loss_lies_within_the_stated_range(name: str) -> None:
    for seed in range(20):
        world = writer_dies(seed, (name,))
        group = world.groups[name]
        target, dead = group.nodes[EU], group.nodes[US]
        made = plan(world, to_eu, ANY_LOSS)
        loss = made.stages[0].loss
        assert loss is not None
        assert loss.bytes_low is not None, loss.because
        assert loss.bytes_high is not None
        assert loss.transactions_low is not None
        assert loss.transactions_high is not None
        held = target.end
        assert world.begin(world.process(), made) is RunOutcome.DONE
        assert loss.bytes_low <= dead.end - held <= loss.bytes_high, seed
        if name == PG:  # Redis knows no transactions
            assert loss.transactions_low <= len(group.lost) <= loss.transactions_high, seed
        assert len(group.lost) > 0


@pytest.mark.parametrize("name", [PG, KV])
def test_it_moves_without_a_record_of_who_wrote(name: str) -> None:
    """First use: the only node that is silent is the one that all others follow."""
    scene = unplanned(1, (name,))
    world = scene.world
    assert scene.plan.stages[0].source == US
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    assert (world.groups[name].writer.region, world.groups[name].route) == (EU, EU)


def test_two_silent_nodes_and_no_record_are_refused() -> None:
    world = SimWorld(1)
    world.lose_region(US)
    world.lose_region(AP)
    refusal = decide(world, to_eu, ANY_LOSS)
    assert isinstance(refusal, Refusal)
    assert "fence" in {gate.gate for gate in refusal.gates if not gate.passed}


@pytest.mark.parametrize("name", [PG, KV])
def test_a_frozen_writer_acknowledges_nobody_when_it_wakes(name: str) -> None:
    scene = frozen(1, (name,))
    world, group = scene.world, scene.world.groups[name]
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    old = group.nodes[US]
    old.thaw()
    world.pass_time(5.0)
    assert not old.up
    old.supervised_start()
    world.pass_time(5.0)  # the world asserts that nobody else accepts a write
    assert group.writer.region == EU
    assert_made_whole(world)


def test_an_attestation_that_the_node_contradicts_is_not_believed() -> None:
    scene = attested(1)
    world = scene.world
    old = world.pg(PG, US)
    old.begin_start()
    world.pass_time(1.0)
    assert old.accepts
    assert world.begin(world.process(), scene.plan) is RunOutcome.UNDONE
    assert world.groups[PG].writer is old
    assert world.groups[PG].route == US


def test_without_control_and_without_attestation_it_is_refused() -> None:
    world = writer_dies(1)
    world.unreachable_controls.add((PG, US))
    refusal = decide(world, to_eu, ANY_LOSS)
    assert isinstance(refusal, Refusal)
    failing = {gate.gate: gate.remedy for gate in refusal.gates if not gate.passed}
    assert "--attest-fenced us-east" in failing["fence"]
    assert isinstance(decide(world, to_eu, ANY_LOSS), Refusal)


def test_a_hold_that_fails_gives_the_old_writer_back() -> None:
    """Freeze refuses (a candidate is ahead of the target by then): what ran writes again, and the route is open."""
    scene = frozen(1)
    world, process = scene.world, scene.world.process()
    process.trap = lambda call: How.REFUSED if call.verb == "alter_system" and call.region == AP else None
    assert world.begin(process, scene.plan) is RunOutcome.UNDONE
    group = world.groups[PG]
    assert (group.route, group.writer.region, group.writer.accepts) == (US, US, True)
    assert_made_whole(world)


def left_behind(name: str) -> SimWorld:
    """US is gone, and EU has received less than AP."""
    world = SimWorld(1, (name,))
    world.network.cut(US, EU)
    world.pass_time(1.0)
    world.lose_region(US)
    world.network.heal()
    world.pass_time(0.2)
    return world


def test_a_target_behind_a_standby_that_answers_fetches_from_it_what_it_lacks() -> None:
    world = left_behind(PG)
    group = world.groups[PG]
    before = {region: group.nodes[region].end for region in (EU, AP)}
    assert before[EU] < before[AP]
    made = plan(world, to_eu, ANY_LOSS)
    assert world.begin(world.process(), made) is RunOutcome.DONE
    assert group.writer.region == EU
    assert group.writer.end >= before[AP]


def test_a_redis_target_behind_a_replica_that_answers_is_refused_with_the_better_one() -> None:
    world = left_behind(KV)
    refusal = decide(world, to_eu, Consent())
    assert isinstance(refusal, Refusal)
    failing = {gate.gate: gate for gate in refusal.gates if not gate.passed}
    assert f"--to {AP}" in failing["furthest"].remedy
    made = plan(world, lambda at: plan_failover(at, AP, None, (), ()), ANY_LOSS)
    assert world.begin(world.process(), made) is RunOutcome.DONE


def test_killed_anywhere_it_goes_forward() -> None:
    """Nobody writes anyway: undoing would only make it longer."""
    for number in range(3, entries_of("unplanned", 1) - 1):  # the last two are written together
        scene = unplanned(1)
        world = scene.world
        run = killed_after(number, scene)
        world.pass_time(LEASE_S)
        assert world.resume(world.process(), run) is RunOutcome.DONE, number
        assert not [entry for entry in world.journal(run) if entry.event is Event.UNDOING]
        assert world.groups[PG].writer.region == EU


def killed_after(number: int, scene: Scene) -> str:
    """The run whose executor was killed when the entry of that number was durable."""
    process = scene.world.process()
    process.after_append = lambda seq: process.die() if seq == number else None
    with pytest.raises(Killed):
        scene.world.begin(process, scene.plan)
    return scene.world.last_run()


# -- afterwards


@pytest.mark.parametrize("name", [PG, KV])
def test_a_rejoin_keeps_before_it_erases(name: str) -> None:
    scene = rejoin(1, (name,))
    world, group = scene.world, scene.world.groups[name]
    lost = list(group.lost)
    assert lost
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    assert everybody_follows(world)
    assert all(id(record) in group.salvaged for record in lost)
    assert not any(group.nodes[US].holds(record) for record in lost)


def test_a_node_that_was_promoted_apart_under_the_same_number_is_cloned() -> None:
    """Both stand on a timeline 2: neither PostgreSQL nor pg_rewind would notice."""
    scene = unplanned(1)
    world, group = scene.world, scene.world.groups[PG]
    world.network.cut(EU, AP)  # AP does not learn of EU's timeline
    world.network.cut(AP, EU)
    world.begin(world.process(), scene.plan)
    world.pass_time(2.0)
    world.lose_region(EU)
    mend(world)
    world.pass_time(LEASE_S)
    made = plan(world, lambda at: plan_failover(at, AP, EU, (), ()), ANY_LOSS)
    assert world.begin(world.process(), made) is RunOutcome.DONE
    assert world.pg(PG, EU).timeline == world.pg(PG, AP).timeline == 2
    made = plan(world, lambda at: plan_rejoin(at, (), ()), ANY_LOSS)
    assert world.begin(world.process(), made) is RunOutcome.DONE
    assert everybody_follows(world)
    assert all(node.is_prefix_of(group.writer) for node in group.nodes.values())
    salvage = [e.proof for e in world.journal(world.last_run()) if e.step == f"{PG}.salvage.{EU}" and e.proof]
    assert salvage[-1]["twin"] is True


def test_a_restarted_old_redis_keeps_its_data_until_they_were_kept() -> None:
    """Started from outside it follows nobody: following the new master would erase what only it holds."""
    scene = unplanned(1, (KV,))
    world, group = scene.world, scene.world.groups[KV]
    world.begin(world.process(), scene.plan)
    old = world.valkey(KV, US)
    old.begin_start()  # not through the node's start path
    world.pass_time(5.0)
    assert old.role == "replica"
    assert all(old.holds(record) for record in group.lost)
    assert_made_whole(world)


def test_a_zombie_is_not_promoted_next_to() -> None:
    """The old writer was off by word only, and comes back: the next look names it."""
    scene = attested(1)
    world = scene.world
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    world.groups[PG].nodes[US].attested = False
    at = world.run(world.situation(world.process(), SPOKEN))
    refusal = plan_failover(at, AP, None, (), ())
    # The plan is for EU, which writes: US is no candidate, and AP can only be reached by a planned move.
    assert not isinstance(refusal, Refusal)
    assert refusal.stages[0].mode == "planned"
    assert refusal.stages[0].source == EU


# -- other stores, other operators


def test_a_second_store_is_refused_before_anything_is_touched() -> None:
    for name in (PG, KV):
        world = SimWorld(1, (name,))
        assert world.begin(world.process(), plan(world, to_eu)) is RunOutcome.DONE
        world.pass_time(1.0)
        other = world.process(MemoryStore(world.new_shelf("store-b")))
        made = plan_failover(world.run(world.situation(other)), AP, None, (), ())
        assert not isinstance(made, Refusal)
        acting = world.process(other.store)
        assert world.begin(acting, made) is RunOutcome.UNDONE
        assert [deed for deed in acting.deeds if "statement" not in deed] == []
        assert world.groups[name].writer.region == EU
        world.lose_region(EU)
        made = plan_failover(world.run(world.situation(other, ANY_LOSS)), AP, None, (), ())
        if not isinstance(made, Refusal):
            acting = world.process(other.store)
            assert world.begin(acting, made) is RunOutcome.UNDONE
            assert acting.deeds == []


def test_two_operators_at_once() -> None:
    """Both planned while the writer was dead; the second acts after the first has ended."""
    world = writer_dies(1)
    first = plan(world, to_eu, ANY_LOSS)
    second = plan(world, lambda at: plan_failover(at, AP, None, (), ()), ANY_LOSS)
    assert world.begin(world.process(), first) is RunOutcome.DONE
    with pytest.raises(QxError, match="others acted") as refused:
        world.begin(world.process(), second)
    assert refused.value.code == "QX-PLAN-002"
    assert world.groups[PG].writer.region == EU


@pytest.mark.parametrize("name", [PG, KV])
@pytest.mark.parametrize("armed", [True, False])
def test_the_controller_beside_the_new_writer_may_be_dead_where_it_will_lift_the_hold(name: str, armed: bool) -> None:
    world = writer_dies(1, (name,))
    if armed:
        write(world.process().store, Arming(cluster=name, by="ada", reason="a test", at=0.0), name)
    made = plan(world, to_eu, ANY_LOSS)
    world.unreachable_controls.add((name, EU))
    assert world.begin(world.process(), made) is (RunOutcome.DONE if armed else RunOutcome.STUCK)
    assert world.groups[name].writer.region == EU
    proofs = [entry.proof for entry in world.journal(world.last_run()) if entry.step == f"{name}.mark"]
    assert ("left to its controller" in str(proofs)) is armed


def test_what_may_have_been_promoted_stands_in_the_way_of_another() -> None:
    scene = planned(1)
    world, process = scene.world, scene.world.process()
    world.begin(world.process(), scene.plan)  # so that it is on record who wrote: EU
    world.pass_time(1.0)
    world.lose_region(EU)
    first = plan(world, lambda at: plan_failover(at, US, None, (), ()), ANY_LOSS)

    def trap(call: Call) -> How | None:
        if call.verb == "promote":
            world.unreachable_controls.add((PG, US))
            return How.FREEZE
        return None

    process.trap = trap
    assert world.begin(process, first) is RunOutcome.STUCK
    stuck = world.last_run()
    world.pass_time(LEASE_S)
    made = plan(world, lambda at: plan_failover(at, AP, None, (), ()), ANY_LOSS)
    with pytest.raises(QxError) as refused:
        world.begin(world.process(), made)
    assert refused.value.code == "QX-RUN-011"
    assert f"qx runs resume {stuck}" in refused.value.hint
    mend(world)
    world.pass_time(LEASE_S)
    assert world.resume(world.process(), stuck) is RunOutcome.DONE
    assert world.groups[PG].writer.region == US


def test_a_run_that_another_one_superseded_is_not_undone() -> None:
    """Killed when it had stopped the writer; another run moved on. Its undo would start a second writer."""
    scene = planned(1)
    world = scene.world
    orphan = killed_after(15, scene)
    assert world.journal(orphan)[-1].step == f"{PG}.drain"
    world.pass_time(LEASE_S)
    assert world.begin(world.process(), plan(world, to_eu, ANY_LOSS)) is RunOutcome.DONE
    world.pass_time(LEASE_S)
    with pytest.raises(QxError, match="has moved") as refused:
        world.resume(world.process(), orphan)
    assert refused.value.code == "QX-RUN-009"
    assert world.shelf.runs[orphan].outcome is RunOutcome.FAILED
    world.pass_time(2.0)
    assert world.groups[PG].writer.region == EU
