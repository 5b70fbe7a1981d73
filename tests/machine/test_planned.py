"""A planned failover loses nothing, or does not happen: what each stage of it leaves behind, in particular."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.engine.execute import Executor
from qx.failover.planner import plan_failback, plan_failover
from qx.kernel.errors import Refused
from qx.model.journal import Event, Outcome, RunOutcome
from qx.model.plan import Refusal
from tests.fakes.process import Call, How
from tests.fakes.world import AP, BUDGET_S, EU, KV, PG, US, SimWorld
from tests.machine.lawful import LEASE_S, assert_lawful, assert_made_whole, everybody_follows, mend
from tests.machine.scenes import (
    SCENES,
    SPOKEN,
    decide,
    entries_of,
    failback,
    plan,
    planned,
    planned_both,
    to_eu,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS_BEFORE = {
    PG: ("recheck", "prepare", "checkpoint", "close-route", "fence", "drain"),
    KV: ("recheck", "prepare", "pin", "close-route"),
}
STEPS_AFTER = ("open-route", "mark", "follow.ap-southeast", "return", "verify")


def refuse(step: str) -> tuple[list[Call], Callable[[Call], How | None]]:
    """The calls of that step, every one of which is refused; and the trap that does so."""
    seen: list[Call] = []

    def trap(call: Call) -> How | None:
        if call.step != step:
            return None
        seen.append(call)
        return How.REFUSED

    return seen, trap


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clusters", [(PG,), (KV,), (PG, KV)], ids=["postgresql", "redis", "both"])
def test_it_moves_everything_and_loses_nothing(clusters: tuple[str, ...], seed: int) -> None:
    scene = planned(seed, clusters)
    world = scene.world
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    for name, group in world.groups.items():
        assert (group.writer.region, group.route, group.lost) == (EU, EU, [])
        assert group.outage < 1.0
        rule = world.shelf.rules[name]
        assert (rule.writer, rule.writer_epoch) == (EU, rule.epoch)
        marker = group.marker(group.writer, len(group.writer.log))
        assert marker is not None
        assert (marker.store_id, marker.epoch, marker.writer) == ("store-a", rule.epoch, EU)
    assert everybody_follows(world)


def test_and_back_home() -> None:
    scene = failback(3)
    world = scene.world
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    assert {group.writer.region for group in world.groups.values()} == {US}
    assert all(not group.lost for group in world.groups.values())
    assert everybody_follows(world)
    assert plan(world, lambda at: plan_failback(at, ())).steps == ()


@pytest.mark.parametrize("name", [PG, KV])
def test_a_step_before_the_point_of_no_return_that_fails_is_undone_with_all_before_it(name: str) -> None:
    for step in STEPS_BEFORE[name]:
        scene = planned(1, (name,))
        world, process = scene.world, scene.world.process()
        seen, process.trap = refuse(f"{name}.{step}")
        assert world.begin(process, scene.plan) is RunOutcome.UNDONE, step
        assert seen, f"{step} asked nothing of the world"
        group = world.groups[name]
        assert (group.writer.region, group.route, group.writer.accepts) == (US, US, True), step
        assert group.outage < BUDGET_S, step
        assert group.promotions == []
        world.pass_time(1.0)
        assert everybody_follows(world), step


@pytest.mark.parametrize("name", [PG, KV])
def test_a_step_after_it_is_tried_again_and_never_undone(name: str) -> None:
    for step in STEPS_AFTER:
        scene = planned(1, (name,))
        world, process = scene.world, scene.world.process()
        refused: list[Call] = []

        def once(call: Call, step: str = f"{name}.{step}", refused: list[Call] = refused) -> How | None:
            if call.step != step or refused:
                return None
            refused.append(call)
            return How.REFUSED

        process.trap = once
        outcome = world.begin(process, scene.plan)
        assert outcome in (RunOutcome.DONE, RunOutcome.DEGRADED), step
        assert refused, step
        assert not [e for e in world.journal(world.last_run()) if e.event is Event.UNDOING], step
        assert_lawful(scene, world.last_run(), outcome)
        assert_made_whole(world)


@pytest.mark.parametrize("how", [How.CUT_TO, How.CUT_FROM, How.CUT_BOTH])
@pytest.mark.parametrize("name", [PG, KV])
def test_the_link_to_the_target_is_cut_in_the_same_millisecond(name: str, how: How) -> None:
    turn = {PG: "promote", KV: "handover"}[name]
    scene = planned(1, (name,))
    world, process = scene.world, scene.world.process()
    process.trap = lambda call: how if (call.verb, call.region) == (turn, {PG: EU, KV: US}[name]) else None
    outcome = world.begin(process, scene.plan)
    run = world.last_run()
    assert_lawful(scene, run, outcome)
    if outcome is RunOutcome.STUCK:
        mend(world)
        world.pass_time(LEASE_S)
        outcome = world.resume(world.process(), run)
    assert outcome in (RunOutcome.DONE, RunOutcome.DEGRADED, RunOutcome.UNDONE)
    assert_lawful(scene, run, outcome)
    assert_made_whole(world)


def test_a_promotion_without_an_answer_is_withdrawn_only_by_proof() -> None:
    """The request hangs in a target that stands still: it is cut from promotion, and the old writer writes again."""
    scene = planned(1)
    world, process = scene.world, scene.world.process()
    process.trap = lambda call: How.FREEZE if call.verb == "promote" else None
    assert world.begin(process, scene.plan) is RunOutcome.UNDONE
    entry = next(
        e for e in world.journal(world.last_run()) if e.step == f"{PG}.promote" and e.event is Event.ENDED
    )
    assert entry.outcome is Outcome.FAILED
    assert (entry.proof["withdrawn"], entry.proof["standby_signal"]) == (True, True)
    assert world.groups[PG].outage < BUDGET_S
    assert_made_whole(world)


def test_with_the_control_out_of_reach_it_stays_unknown_and_is_resumed() -> None:
    scene = planned(1)
    world, process = scene.world, scene.world.process()

    def trap(call: Call) -> How | None:
        if call.verb == "promote":
            world.unreachable_controls.add((PG, EU))
            return How.FREEZE
        return None

    process.trap = trap
    assert world.begin(process, scene.plan) is RunOutcome.STUCK
    run = world.last_run()
    assert world.groups[PG].writer.region == US
    assert not world.groups[PG].writer.accepts, "the target may be promoted any moment"
    mend(world)  # and now it is promoted: the request was still there
    world.pass_time(LEASE_S)
    assert world.resume(world.process(), run) is RunOutcome.DONE
    assert world.groups[PG].writer.region == EU
    assert_lawful(scene, run, RunOutcome.DONE)


def test_no_promotion_is_announced_when_the_budget_is_used_up() -> None:
    """Announced, it could not be taken back: nobody would write."""
    scene = planned(1)
    world, process = scene.world, scene.world.process()
    process.trap = lambda call: How.LATE if call.verb == "stop clean" else None
    assert world.begin(process, scene.plan) is RunOutcome.UNDONE
    entries = world.journal(world.last_run())
    assert not [e for e in entries if e.step == f"{PG}.promote" and e.event is Event.INTENDED]
    assert world.groups[PG].outage < BUDGET_S
    assert world.groups[PG].writer.accepts


@pytest.mark.parametrize("cut_for_s", [0.5, 5.0])
def test_a_standby_that_hangs_does_not_hold_up_the_stop(cut_for_s: float) -> None:
    """Silent for long, or silent only now: what it has not confirmed in a moment, the stop does not wait for."""
    scene = planned(1)
    world = scene.world
    world.network.cut(US, AP)
    world.network.cut(AP, US)
    world.pass_time(cut_for_s)
    assert world.begin(world.process(), scene.plan) is RunOutcome.DONE
    assert world.groups[PG].outage < BUDGET_S
    assert_lawful(scene, world.last_run(), RunOutcome.DONE)
    assert_made_whole(world)


@pytest.mark.parametrize("step", ["pin", "close-route", "handover"])
def test_redis_fails_when_postgresql_has_moved(step: str) -> None:
    """The earlier stays moved, the later is undone: partly done, and both are named."""
    scene = planned_both(1)
    world, process = scene.world, scene.world.process()
    _, process.trap = refuse(f"{KV}.{step}")
    outcome = world.begin(process, scene.plan)
    assert outcome is RunOutcome.PARTIAL
    assert (world.groups[PG].writer.region, world.groups[KV].writer.region) == (EU, US)
    assert (world.groups[PG].route, world.groups[KV].route) == (EU, US)
    assert world.groups[KV].writer.accepts
    assert_lawful(scene, world.last_run(), outcome)
    assert_made_whole(world)


@pytest.mark.parametrize("name", [PG, KV])
def test_every_cluster_is_prepared_before_the_first_stops(name: str) -> None:
    scene = planned_both(1)
    world, process = scene.world, scene.world.process()
    _, process.trap = refuse(f"{name}.prepare")
    assert world.begin(process, scene.plan) is RunOutcome.UNDONE
    assert not [call for call in process.calls if call.verb in ("close", "stop clean", "handover", "promote")]
    assert {group.writer.region for group in world.groups.values()} == {US}


@pytest.mark.parametrize("name", ["planned", "planned_redis", "planned_both"])
def test_ctrl_c_undoes_what_can_be_undone_and_finishes_the_rest(name: str) -> None:
    outcomes = []
    for number in range(3, entries_of(name, 1)):
        scene = SCENES[name](1)
        world, process = scene.world, scene.world.process()
        executor = Executor(process, scene.plan, "run", "ops")

        def stop(seq: int, number: int = number, executor: Executor = executor) -> None:
            if seq == number:
                executor.stop()

        process.after_append = stop
        outcome = world.run(executor.begin())
        assert_lawful(scene, "run", outcome)
        outcomes.append(outcome)
        assert_made_whole(world)
    assert outcomes[0] is RunOutcome.UNDONE
    assert outcomes[-1] is RunOutcome.DONE
    partly = {RunOutcome.PARTIAL} if name == "planned_both" else set()
    assert set(outcomes) == {RunOutcome.UNDONE, RunOutcome.DONE} | partly


def test_a_plan_applies_once() -> None:
    scene = planned(1)
    world = scene.world
    world.begin(world.process(), scene.plan)
    with pytest.raises(Refused) as refused:
        world.begin(world.process(), scene.plan)
    assert refused.value.code == "QX-PLAN-003"
    assert world.groups[PG].writer.region == EU


@pytest.mark.parametrize("name", [PG, KV])
def test_a_link_that_died_quietly_is_found_out_before_clients_wait(name: str) -> None:
    """Both ends still believe in it."""
    world = SimWorld(1, (name,))
    world.network.cut(US, EU)
    made = plan(world, to_eu)
    world.pass_time(1.0)
    process = world.process()
    assert world.begin(process, made) is RunOutcome.UNDONE
    assert "close" not in {call.verb for call in process.calls}
    assert world.groups[name].outage < 0.5


@pytest.mark.parametrize("name", [PG, KV])
def test_a_target_that_lost_its_link_is_refused(name: str) -> None:
    world = SimWorld(1, (name,))
    world.network.cut(US, EU)
    world.pass_time(90.0)
    refusal = decide(world, to_eu)
    assert isinstance(refusal, Refusal)
    assert "health" in {gate.gate for gate in refusal.gates if not gate.passed}


def test_a_partitioned_qx_only_watches() -> None:
    """It sees nothing at all: no plan, although it knows who wrote last."""
    world = SimWorld(1, (PG, KV))
    world.begin(world.process(), plan(world, to_eu))
    world.network.isolate("qx", (US, EU, AP))
    refusal = decide(world, lambda at: plan_failover(at, AP, EU, (), ()), SPOKEN)
    assert isinstance(refusal, Refusal)
    assert {"health", "fence"} <= {gate.gate for gate in refusal.gates if not gate.passed}
