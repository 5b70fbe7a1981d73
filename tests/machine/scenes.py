"""Scenes: a simulated world and a plan for it, as the real planner makes it of what the real judge says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.failover.planner import plan_failback, plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.model.journal import RunOutcome
from qx.model.plan import Consent, Plan
from tests.fakes.world import EU, KV, PG, US, SimWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.failover.situation import Situation
    from qx.model.plan import Refusal
    from tests.fakes.process import Call

ANY_LOSS = Consent(accept_loss="unknown", reason="drill", by="ops")
SPOKEN = Consent(accept_loss="unknown", attest_fenced=(US,), reason="powered off, seen by Ann", by="ops")


class Scene(NamedTuple):
    world: SimWorld
    plan: Plan


def planned(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    world = SimWorld(seed, clusters)
    return Scene(world, plan(world, to_eu))


def planned_redis(seed: int) -> Scene:
    return planned(seed, (KV,))


def planned_both(seed: int) -> Scene:
    return planned(seed, (PG, KV))


def unplanned(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """The writer's region lost power; its machines came back, its servers did not."""
    world = SimWorld(seed, clusters)
    world.lose_region(US)
    world.pass_time(0.5)
    return Scene(world, plan(world, to_eu, ANY_LOSS))


def unplanned_redis(seed: int) -> Scene:
    return unplanned(seed, (KV,))


def frozen(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """The writer stands still, and could wake up at any moment."""
    world = SimWorld(seed, clusters)
    for group in world.groups.values():
        group.nodes[US].freeze()
    world.pass_time(1.0)
    return Scene(world, plan(world, to_eu, ANY_LOSS))


def frozen_redis(seed: int) -> Scene:
    return frozen(seed, (KV,))


def attested(seed: int, clusters: tuple[str, ...] = (PG,)) -> Scene:
    """Nothing of the writer's region answers; a person says that it is off."""
    world = SimWorld(seed, clusters)
    world.lose_region(US)
    for name, group in world.groups.items():
        world.unreachable_controls.add((name, US))
        group.nodes[US].attested = True
    return Scene(world, plan(world, to_eu, SPOKEN))


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
    return Scene(world, replace(made, steps=tuple(replace(s, timeout_s=min(s.timeout_s, 60.0)) for s in made.steps)))


def rejoin_redis(seed: int) -> Scene:
    return rejoin(seed, (KV,))


SCENES: dict[str, Callable[[int], Scene]] = {
    each.__name__: each
    for each in (
        planned, planned_redis, planned_both, unplanned, unplanned_redis, frozen, frozen_redis, attested, failback,
        rejoin, rejoin_redis,
    )
}


def to_eu(at: Situation) -> Plan | Refusal:
    return plan_failover(at, EU, None, (), ())


def plan(world: SimWorld, make: Callable[[Situation], Plan | Refusal], consent: Consent | None = None) -> Plan:
    made = decide(world, make, consent)
    assert isinstance(made, Plan), made
    return made


def decide(
    world: SimWorld, make: Callable[[Situation], Plan | Refusal], consent: Consent | None = None
) -> Plan | Refusal:
    return make(world.run(world.situation(world.process(), consent)))


def calls_of(name: str, seed: int) -> list[Call]:
    """What a run of that scene asks of the world when nothing goes wrong."""
    world, made = SCENES[name](seed)
    process = world.process()
    assert world.begin(process, made) is RunOutcome.DONE
    return process.calls


def entries_of(name: str, seed: int) -> int:
    """How many journal entries that run writes."""
    world, made = SCENES[name](seed)
    assert world.begin(world.process(), made) is RunOutcome.DONE
    return len(world.journal(world.last_run()))
