"""A drill in the simulated world: what is kept of it, and that one by the clock is nobody's automatic failover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.app import drill as drilling
from qx.app.scheduled import by_of, carry_out
from qx.daemon.record import recall
from qx.engine.records import read_all
from qx.kernel.spans import Bytes, Seconds
from qx.model.plan import Plan
from qx.model.platform import Defaults, Objectives
from qx.model.schedules import DrillSchedule
from qx.model.standing import Acknowledgement
from qx.model.topology import Lag
from tests.fakes.bench import SimBench
from tests.fakes.world import EU, KV, PG, US, SimWorld, a_platform

if TYPE_CHECKING:
    from qx.model.journal import Entry
    from qx.model.standing import DrillResult

NIGHTLY = DrillSchedule(cron="0 3 * * *", cluster=PG, to=EU)


class Silent:
    def began(self, plan: Plan, run: str) -> None: ...

    def wrote(self, entry: Entry) -> None: ...


def world_of(cluster: str = PG, **goals: object) -> SimWorld:
    objectives = Objectives(**{"write_outage": Seconds(10), **goals})  # type: ignore[arg-type]
    return SimWorld(1, (cluster,), a_platform((cluster,), objectives=objectives, defaults=Defaults()))


def drilled(world: SimWorld, bench: SimBench, cluster: str = PG) -> DrillResult:
    async def go() -> DrillResult:
        away = await drilling.prepare(bench, cluster, EU)
        assert isinstance(away, Plan)
        return await drilling.drill(bench, away, Silent(), attended=False)

    return world.run(go())


@pytest.mark.parametrize("cluster", [PG, KV])
def test_there_and_back_is_measured_and_kept(cluster: str) -> None:
    world = world_of(cluster)
    bench = SimBench(world.process())
    result = drilled(world, bench, cluster)
    assert world.groups[cluster].writer.region == US
    assert (result.source, result.target, result.met, result.lost) == (US, EU, True, 0)
    assert result.behind_bytes is not None
    assert drilling.drills(bench.store, cluster) == drilling.drills(bench.store) == (result,)
    assert [run.id for run in bench.store.runs() if run.plan_id] == list(reversed(result.runs))


def test_an_objective_that_is_missed_is_said() -> None:
    world = world_of(rto=Seconds(0.001))
    assert not drilled(world, SimBench(world.process())).met


@pytest.mark.parametrize(("behind", "within"), [
    (None, True), (Lag(None, None, None), True), (Lag(10, 1.0, None), True), (Lag(11, 1.0, None), False),
    (Lag(10, 1.1, None), False),
])  # fmt: skip
def test_how_far_the_target_was_behind_counts_where_it_is_known(behind: Lag | None, within: bool) -> None:
    goals = Objectives(rpo_bytes=Bytes(10), rpo=Seconds(1))
    assert drilling._within_rpo(behind, goals) is within


def test_one_by_the_clock_is_no_automatic_failover_and_leaves_no_cooldown() -> None:
    world = world_of()
    bench = SimBench(world.process())
    by = by_of(bench, "nightly")
    came = world.run(carry_out(bench, NIGHTLY, by, Silent()))
    assert came.outcome == "done"
    assert "write outages" in came.because
    moves = [run for run in bench.store.runs() if run.plan_id]
    assert [run.by for run in moves] == [by, by]
    record = recall(bench)
    standing = record.standing(PG, bench.clock.now(), 0.0)
    assert standing.moves == ()
    assert record.acknowledged_by(PG) == by
    assert list(read_all(bench.store, Acknowledgement)) == [moves[0].id]


def test_what_a_gate_refuses_is_told_with_its_reason() -> None:
    world = world_of()
    world.pg(PG, EU).end_process()
    bench = SimBench(world.process())
    came = world.run(carry_out(bench, NIGHTLY, by_of(bench, "nightly"), Silent()))
    assert came.outcome == "refused"
    assert EU in came.because
    assert [run for run in bench.store.runs() if run.plan_id] == []
