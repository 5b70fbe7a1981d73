"""Faults planted on purpose, each one thing that is other than it should be: the simulator must report every one.

One that it does not find would be one that it does not look for. `SEEDS` is what `make test` plays of the schedules.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from qx.daemon import watchman
from qx.daemon.trust import Trust
from qx.engine import execute, fold
from qx.engine.acts import fencing
from qx.failover import vetoes
from qx.failover.vigil import End
from qx.kernel.errors import QxError
from tests.fakes.clusters import Group
from tests.fakes.controls import SimPgControl, SimRedisControl
from tests.fakes.nodes import Node
from tests.machine.playing import Failed, play
from tests.machine.test_daemon import SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.daemon.watchman import Watchman
    from qx.engine.world import Doing
    from qx.model.plan import Plan


def no_fence(patch: pytest.MonkeyPatch) -> None:
    async def perform(self: fencing.Hold, action: Any, doing: Doing) -> dict[str, Any]:
        return {"stopped": "was down", "processes": 0, "held": "standby"}

    patch.setattr(fencing.Hold, "perform", perform)


def no_start_lock(patch: pytest.MonkeyPatch) -> None:
    """No process is left, and nothing keeps one from being started."""

    async def hold(self: object, epoch: int, purpose: str, timeout: float) -> None: ...

    for control in (SimPgControl, SimRedisControl):
        patch.setattr(control, "hold", hold)


def no_veto(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(vetoes, name, lambda *_: None)

    return plant


def no_distrust(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Trust, "feel", lambda _: 0.0)


def rollback_after_the_point_of_no_return(patch: pytest.MonkeyPatch) -> None:
    """As if the promotion itself were the turn, and not the entry that announces it."""

    def passed(plan: Plan, state: fold.RunState, stage: str) -> bool:
        return any(
            state[step.id].status is fold.Status.DONE
            for step in plan.steps
            if step.stage == stage and step.point_of_no_return
        )

    for module in (fold, execute):
        patch.setattr(module, "passed", passed)


def no_epoch_check(patch: pytest.MonkeyPatch) -> None:
    """Neither beside the server, nor at the route, nor by the lease just before each act."""

    def set_route(self: Group, epoch: int, region: str | None) -> None:
        self.route = region

    patch.setattr(Node, "act_under", lambda self, epoch: setattr(self, "held_epoch", epoch))
    patch.setattr(Group, "set_route", set_route)
    patch.setattr("qx.engine.keeper.Keeper.check", lambda self, cluster: None)


def acts_in_observe(patch: pytest.MonkeyPatch) -> None:
    """It fences itself where it should only watch: a writer that is not heard is stopped."""
    real = watchman.Watchman._end

    async def end(self: Watchman, name: str, source: str) -> End:
        if self._bench.platform.clusters[name].mode == "observe" and self.topology is not None:
            with suppress(QxError):
                await self._bench.controls[name, source].stop(self.topology.clusters[name].epoch, "kill", 1.0)
        return await real(self, name, source)

    patch.setattr(watchman.Watchman, "_end", end)


def unproven_is_a_crash(patch: pytest.MonkeyPatch) -> None:
    real = watchman.Watchman._end

    async def end(self: Watchman, name: str, source: str) -> End:
        found = await real(self, name, source)
        return End.CRASHED if found is End.UNKNOWN else found

    patch.setattr(watchman.Watchman, "_end", end)


def any_end_is_a_crash(patch: pytest.MonkeyPatch) -> None:
    async def end(self: Watchman, name: str, source: str) -> End:
        return End.CRASHED

    patch.setattr(watchman.Watchman, "_end", end)


def a_living_writer_is_moved(patch: pytest.MonkeyPatch) -> None:
    """What stands between the look and the act is dropped: is it still gone?"""

    async def still_gone(action: Any, doing: Doing) -> None: ...

    patch.setattr("qx.engine.acts.checks._is_still_gone", still_gone)


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "no fence": no_fence,
    "no start lock": no_start_lock,
    "no veto of the mode": no_veto("_mode"),
    "no distrust": no_distrust,
    "no limit of moves": no_veto("_too_often"),
    "no acknowledgement wanted": no_veto("_unacknowledged"),
    "rollback after INTENDED(promote)": rollback_after_the_point_of_no_return,
    "no epoch check": no_epoch_check,
    "acts in observe": acts_in_observe,
    "unproven is a crash": unproven_is_a_crash,
    "any end is a crash": any_end_is_a_crash,
    "a living writer is moved": a_living_writer_is_moved,
}


def first_to_find(plant: Callable[[pytest.MonkeyPatch], None]) -> tuple[int, str] | None:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        for seed in range(SEEDS):
            try:
                play(seed)
            except Failed as found:
                return seed, str(found).partition("\n")[0]
    return None


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    found = first_to_find(PLANTED[name])
    assert found is not None, f"{SEEDS} schedules, and nobody noticed: {name}"
    print(f"{name}: seed {found[0]}: {found[1]}")
