"""What must be true of a run and its world, whatever went wrong: design section 3.

That never two servers acknowledge, that none is promoted while another could write, and that nothing is erased before
it was kept, the world asserts itself at every event; here is what a run must leave behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.fold import fold, has_return, passed
from qx.failover.rejoin import plan_rejoin
from qx.model.journal import Event, RunOutcome
from qx.model.topology import Role
from tests.fakes.postgres import PgNode
from tests.fakes.process import Killed
from tests.fakes.redis import RedisNode
from tests.fakes.world import BUDGET_S
from tests.machine.scenes import ANY_LOSS, plan

if TYPE_CHECKING:
    from qx.model.journal import Entry
    from qx.model.plan import Plan
    from tests.fakes.process import Process
    from tests.fakes.world import SimWorld
    from tests.machine.scenes import Scene

LEASE_S = 6.5
OPEN = (RunOutcome.OPEN, RunOutcome.STUCK)


def run_to_its_end(scene: Scene, process: Process, *, resumes: int = 4) -> RunOutcome:
    """Begin; when it was killed or got stuck, mend what is broken, let the lease run out and resume elsewhere."""
    world, made = scene
    try:
        outcome = world.begin(process, made)
    except Killed:
        outcome = RunOutcome.OPEN
    if not begun(world, made):
        return RunOutcome.OPEN
    run = world.last_run()
    outcome = world.shelf.runs[run].outcome
    assert_lawful(scene, run, outcome)
    for _ in range(resumes):
        if outcome not in OPEN:
            break
        mend(world)
        world.pass_time(LEASE_S)
        outcome = world.resume(world.process(), run)
        assert_lawful(scene, run, outcome)
    return outcome


def begun(world: SimWorld, made: Plan) -> bool:
    return any(known.id == made.id for known in world.shelf.plans.values())


def mend(world: SimWorld) -> None:
    """Links, controls and frozen servers. A server that crashed stays down, unless a run starts it."""
    world.network.heal()
    world.unreachable_controls.clear()
    for group in world.groups.values():
        for node in group.nodes.values():
            if node.frozen:
                node.thaw()


def assert_lawful(scene: Scene, run: str, outcome: RunOutcome) -> None:
    world, made = scene
    entries = world.journal(run)
    state = fold(entries)
    moving = {stage.cluster for stage in made.stages if has_return(made, stage.cluster)}
    moved = {cluster for cluster in moving if passed(made, state, cluster)}
    for stage in made.stages:
        group = world.groups[stage.cluster]
        assert not group.violations, group.violations
        if stage.mode == "planned":
            assert not group.lost, f"{len(group.lost)} acknowledged writes lost in a planned move"
        if stage.cluster not in moving or outcome in OPEN:
            continue
        due = stage.target if stage.cluster in moved else stage.source
        assert group.writer.region == due, f"{group.writer} writes, not {due}: {outcome}"
        assert group.route == due, f"the route leads to {group.route}, not to {due}: {outcome}"
        if stage.mode == "planned" and stage.cluster not in moved and stopped_by_run(entries, stage.cluster):
            assert group.writer.accepts, f"{group.writer} does not write again: {outcome}"
    if outcome in (RunOutcome.DONE, RunOutcome.DEGRADED):
        assert moved == moving
    if outcome in (RunOutcome.UNDONE, RunOutcome.FAILED):
        assert not moved
    if outcome is RunOutcome.PARTIAL:
        assert moved
        assert moved != moving


def stopped_by_run(entries: list[Entry], cluster: str) -> bool:
    """Else a writer that does not write was broken by the test: it is not the run's to start it."""
    return any(entry.event is Event.UNDOING and entry.step == f"{cluster}.fence" for entry in entries)


def in_budget(scene: Scene) -> bool:
    """Before the point of no return clients were kept waiting no longer than the budget says."""
    state = fold(scene.world.journal(scene.world.last_run()))
    unmoved = [stage.cluster for stage in scene.plan.stages if not passed(scene.plan, state, stage.cluster)]
    return all(scene.world.groups[cluster].outage <= BUDGET_S for cluster in unmoved)


def everybody_follows(world: SimWorld) -> bool:
    at = world.run(world.situation(world.process()))
    return all(
        node.role is Role.REPLICA and node.streaming
        for view in at.topology.clusters.values()
        for region, node in view.nodes.items()
        if region != view.writer
    )


def assert_made_whole(world: SimWorld) -> None:
    """Whatever a run left behind, a rejoin makes whole: one writer, everybody follows, nothing erased before kept."""
    mend(world)
    for group in world.groups.values():
        writer = group.writer
        if not writer.up:  # broken by the test after it was moved to
            assert isinstance(writer, PgNode | RedisNode)
            writer.begin_start()
    for _ in range(3):
        world.pass_time(1.0)
        if everybody_follows(world):
            return
        world.begin(world.process(), plan(world, lambda at: plan_rejoin(at, (), ()), ANY_LOSS))
    world.pass_time(1.0)
    assert everybody_follows(world)
