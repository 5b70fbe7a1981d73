"""Scenes: a simulated world and a plan for it, as the real planner makes it of what the real judge says; and what must
be true afterwards, whatever went wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.engine.fold import fold, has_return, passed
from qx.failover.planner import plan_failback, plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.model.journal import Event, Outcome, RunOutcome
from qx.model.plan import Consent, Plan
from qx.model.topology import Role
from tests.fakes.postgres import PgNode
from tests.fakes.process import Killed
from tests.fakes.redis import RedisNode
from tests.fakes.world import BUDGET_S, EU, KV, PG, US, SimWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.failover.situation import Situation
    from qx.model.journal import Entry
    from qx.model.plan import Refusal
    from tests.fakes.process import Call, How, Process

LEASE_S = 6.5
ANY_LOSS = Consent(accept_loss="unknown", reason="drill", by="ops")
SPOKEN = Consent(accept_loss="unknown", attest_fenced=(US,), reason="powered off, seen by Ann", by="ops")


class Scene(NamedTuple):
    world: SimWorld
    plan: Plan


def planned(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    world = SimWorld(seed, clusters)
    return Scene(world, plan(world, lambda at: plan_failover(at, EU, None, (), ())))


def planned_redis(seed: int) -> Scene:
    return planned(seed, (KV,))


def planned_both(seed: int) -> Scene:
    return planned(seed, (PG, KV))


def unplanned(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """The writer's region lost power; its machines came back, its servers did not."""
    world = SimWorld(seed, clusters)
    world.lose_region(US)
    world.pass_time(0.5)
    return Scene(world, plan(world, lambda at: plan_failover(at, EU, None, (), ()), ANY_LOSS))


def unplanned_redis(seed: int) -> Scene:
    return unplanned(seed, (KV,))


def frozen(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """The writer stands still, and could wake up at any moment."""
    world = SimWorld(seed, clusters)
    for group in world.groups.values():
        group.nodes[US].freeze()
    world.pass_time(1.0)
    return Scene(world, plan(world, lambda at: plan_failover(at, EU, None, (), ()), ANY_LOSS))


def frozen_redis(seed: int) -> Scene:
    return frozen(seed, (KV,))


def attested(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """Nothing of the writer's region answers; a person says that it is off."""
    world = SimWorld(seed, clusters)
    world.lose_region(US)
    for name, group in world.groups.items():
        world.unreachable_controls.add((name, US))
        group.nodes[US].attested = True
    return Scene(world, plan(world, lambda at: plan_failover(at, EU, None, (), ()), SPOKEN))


def failback(seed: int, clusters: tuple[str, ...] = (PG, KV)) -> Scene:
    world, there = planned(seed, clusters)
    assert world.begin(world.process(), there) is RunOutcome.DONE
    world.pass_time(1.0)
    return Scene(world, plan(world, lambda at: plan_failback(at, ())))


def rejoin(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """The old writer holds acknowledged writes that nobody else has."""
    world, there = unplanned(seed, clusters)
    assert world.begin(world.process(), there) is RunOutcome.DONE
    world.pass_time(1.0)
    made = plan(world, lambda at: plan_rejoin(at, (), ()))
    return Scene(world, replace(made, steps=tuple(replace(step, timeout_s=min(step.timeout_s, 60.0)) for step in made.steps)))


def rejoin_redis(seed: int) -> Scene:
    return rejoin(seed, (KV,))


SCENES: dict[str, Callable[[int], Scene]] = {
    each.__name__: each
    for each in (
        planned, planned_redis, planned_both, unplanned, unplanned_redis, frozen, frozen_redis, attested, failback, rejoin,
        rejoin_redis,
    )
}


def plan(world: SimWorld, make: Callable[[Situation], Plan | Refusal], consent: Consent | None = None) -> Plan:
    made = make(world.run(world.situation(world.process(), consent)))
    assert isinstance(made, Plan), made
    return made


def calls_of(name: str, seed: int) -> list[Call]:
    """What a run of that scene asks of the world when nothing goes wrong."""
    world, made = SCENES[name](seed)
    process = world.process()
    assert world.begin(process, made) is RunOutcome.DONE
    return process.calls


def at_call(number: int, how: How, *, ever_after: bool = False) -> Callable[[Call], How | None]:
    """Goes wrong at that call; `ever_after`: and at each later one of the same part of the same node."""
    hit: list[Call] = []

    def trap(call: Call) -> How | None:
        if call.number == number:
            hit.append(call)
            return how
        same = hit and (call.part, call.cluster, call.region) == (hit[0].part, hit[0].cluster, hit[0].region)
        return how if ever_after and same else None

    return trap


# -- what must be true


def run_to_its_end(scene: Scene, process: Process, *, resumes: int = 4) -> RunOutcome:
    """Begin; when it was killed or got stuck, mend what is broken, let the lease run out and resume elsewhere."""
    world = scene.world
    try:
        outcome = world.begin(process, scene.plan)
    except Killed:
        outcome = RunOutcome.OPEN
    run = world.last_run() if world.shelf.plans else ""
    assert_lawful(scene, run, outcome)
    for _ in range(resumes):
        if outcome not in (RunOutcome.OPEN, RunOutcome.STUCK) or not begun(world, scene.plan):
            break
        mend(world)
        world.pass_time(LEASE_S)
        outcome = world.resume(world.process(), run)
        assert_lawful(scene, run, outcome)
    return outcome


def begun(world: SimWorld, made: Plan) -> bool:
    return any(known.id == made.id for known in world.shelf.plans.values())


def mend(world: SimWorld) -> None:
    """Links, controls and frozen servers; a server that crashed stays down, unless somebody starts it."""
    world.network.heal()
    world.unreachable_controls.clear()
    for group in world.groups.values():
        for node in group.nodes.values():
            if node.frozen:
                node.thaw()


def assert_lawful(scene: Scene, run: str, outcome: RunOutcome) -> None:
    """Design section 3, on the state in which a run was left. One writer at each instant: the world itself asserts."""
    world, made = scene
    entries = world.journal(run) if run else []
    state = fold(entries)
    moved = {stage.cluster for stage in made.stages if passed(made, state, stage.cluster)}
    for group in world.groups.values():
        assert not group.violations, group.violations
    for stage in made.stages:
        group = world.groups[stage.cluster]
        if stage.mode == "planned":
            assert not group.lost, f"{len(group.lost)} acknowledged writes lost in a planned move"
        if not has_return(made, stage.cluster) or outcome is RunOutcome.OPEN or outcome is RunOutcome.STUCK:
            continue
        due = stage.target if stage.cluster in moved else stage.source
        assert group.writer.region == due, f"{group.writer} writes, not {due}: {outcome}"
        assert group.route == due, f"the route leads to {group.route}, not to {due}: {outcome}"
        if stage.mode == "planned" and stage.cluster not in moved and stopped_by_run(entries, stage.cluster):
            assert group.writer.accepts, f"{group.writer} does not write again: {outcome}"
    if outcome in (RunOutcome.DONE, RunOutcome.DEGRADED):
        assert moved == {stage.cluster for stage in made.stages if has_return(made, stage.cluster)}
    if outcome is RunOutcome.UNDONE:
        assert not moved
    if outcome is RunOutcome.PARTIAL:
        assert moved
    assert_nothing_repeated_blindly(entries)


def stopped_by_run(entries: list[Entry], cluster: str) -> bool:
    """Else a writer that does not write was broken by the test: it is not the run's to start it."""
    return any(entry.event is Event.UNDOING and entry.step == f"{cluster}.fence" for entry in entries)


def assert_nothing_repeated_blindly(entries: list[Entry]) -> None:
    """An act of unknown outcome is begun again only after an observation said that it was not done, or a new lease."""
    unknown: set[str] = set()
    for entry in entries:
        if entry.event is Event.ENDED and entry.outcome is Outcome.UNKNOWN:
            unknown.add(entry.step)
        elif entry.event in (Event.ENDED, Event.NOTE, Event.LEASED, Event.UNDO_ENDED):
            unknown.discard(entry.step)


def in_budget(scene: Scene) -> bool:
    return all(group.outage <= BUDGET_S for group in scene.world.groups.values())


def everybody_follows(world: SimWorld) -> bool:
    at = world.run(world.situation(world.process()))
    return all(
        node.role is Role.REPLICA and node.streaming
        for view in at.topology.clusters.values()
        for region, node in view.nodes.items()
        if region != view.writer
    )


def rejoin_all(world: SimWorld) -> None:
    """Whatever a run left behind, a rejoin makes whole again."""
    mend(world)
    for group in world.groups.values():
        writer = group.writer
        if not writer.up:  # broken by the test after it was moved to
            assert isinstance(writer, PgNode | RedisNode)
            writer.begin_start()
    for _ in range(3):
        world.pass_time(LEASE_S)
        if everybody_follows(world):
            return
        made = plan(world, lambda at: plan_rejoin(at, (), ()), ANY_LOSS)
        world.begin(world.process(), made)
    world.pass_time(1.0)
    assert everybody_follows(world)
