"""Faults planted on purpose, each one thing that is other than it should be: the simulator must report every one.

One that it does not find would be one that it does not look for. `SEEDS` is what `make test` plays of the schedules.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.adapters.guard.duty import Denied, Duty
from qx.daemon import watchman
from qx.daemon.beside import Beside, Held
from qx.daemon.trust import Trust
from qx.engine import execute, fold
from qx.engine.acts import fencing
from qx.engine.records import read, write
from qx.engine.renewals import Renewals
from qx.failover import vetoes
from qx.failover.vigil import End
from qx.kernel.errors import QxError
from qx.model.control import Term
from qx.model.standing import Release, Renewal
from tests.fakes.clusters import Group
from tests.fakes.controls import SimPgControl, SimRedisControl
from tests.fakes.nodes import Node
from tests.machine.playing import Failed, play
from tests.machine.schedule import schedule
from tests.machine.test_daemon import SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qx.daemon.record import Record
    from qx.daemon.watchman import Watchman
    from qx.engine.world import Doing
    from qx.model import lease
    from qx.model.lease import Rule
    from qx.model.plan import Plan
    from qx.ports.controls import NodeControl


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

    async def end(self: Watchman, name: str, source: str, record: Record) -> End:
        if self._bench.platform.clusters[name].mode == "observe" and self.topology is not None:
            with suppress(QxError):
                await self._bench.controls[name, source].stop(self.topology.clusters[name].epoch, "kill", 1.0)
        return await real(self, name, source, record)

    patch.setattr(watchman.Watchman, "_end", end)


def unproven_is_a_crash(patch: pytest.MonkeyPatch) -> None:
    real = watchman.Watchman._end

    async def end(self: Watchman, name: str, source: str, record: Record) -> End:
        found = await real(self, name, source, record)
        return End.CRASHED if found is End.UNKNOWN else found

    patch.setattr(watchman.Watchman, "_end", end)


def any_end_is_a_crash(patch: pytest.MonkeyPatch) -> None:
    async def end(self: Watchman, name: str, source: str, record: Record) -> End:
        return End.CRASHED

    patch.setattr(watchman.Watchman, "_end", end)


def a_living_writer_is_moved(patch: pytest.MonkeyPatch) -> None:
    """What stands between the look and the act is dropped: is it still gone? And what keeps a run whose executor died
    from going on before that is proven, for it would hide the first in nearly all schedules.
    """

    async def still_gone(action: Any, doing: Doing) -> None: ...

    patch.setattr("qx.engine.acts.checks._is_still_gone", still_gone)
    patch.setattr("qx.engine.execute.unproven", lambda plan, state, stage: False)


def the_guard_counts_too_long(patch: pytest.MonkeyPatch) -> None:
    """The margin, the wrong way round."""
    patch.setattr(Term, "until", property(lambda self: self.sent + self.ttl + self.margin))


def the_guard_is_told_first(patch: pytest.MonkeyPatch) -> None:
    """And the store after it, which may not be reached."""

    async def renew(self: Beside, name: str, held: Held, control: NodeControl) -> None:
        await control.extend(held.grant.epoch, self._term(), self._watch.renew)
        live = write(self._bench.store, Renewal(ttl=5.0), name, expect=held.revision, ttl=self._watch.ttl)
        self._held[name] = Held(held.grant, live.revision)

    patch.setattr(Beside, "_renew", renew)


def the_record_comes_before_the_guard(patch: pytest.MonkeyPatch) -> None:
    """A controller that dies in between leaves a proof of what nothing ends."""

    async def grant(self: Beside, name: str, region: str, control: NodeControl) -> None:
        lease = self._lease(name)
        try:
            found = await control.inspect(1.0)
            self._record(name, region, found.guard, lease.epoch)
            await control.extend(lease.epoch, self._term(), 1.0)
        finally:
            self._bench.store.release((lease,))

    patch.setattr(Beside, "_grant", grant)


def a_deadline_is_taken_back(patch: pytest.MonkeyPatch) -> None:
    def check(self: Duty, epoch: int, now: float) -> None:
        if epoch < self.epoch:
            raise Denied("epoch", "a lower one")

    patch.setattr(Duty, "_check", check)
    patch.setattr(Duty, "due", lambda self, now: "")


def released_without_the_start_lock(patch: pytest.MonkeyPatch) -> None:
    async def release(self: Beside, name: str, region: str, control: NodeControl, rule: Rule) -> None:
        if read(self._bench.store, Release, name) is None:
            at = self._bench.clock.now()
            write(self._bench.store, Release(cluster=name, region=region, epoch=rule.epoch, at=at, because=""), name)

    patch.setattr(Beside, "_release", release)


def released_while_it_runs(patch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is taken for gone."""

    async def take_up(self: Beside, name: str, region: str, control: NodeControl, rule: Rule) -> None:
        if not await control.answers(0.5) and self._region is not None:
            at = self._bench.clock.now()
            write(self._bench.store, Release(cluster=name, region=region, epoch=rule.epoch, at=at, because=""), name)

    patch.setattr(Beside, "_take_up", take_up)


def a_renewal_is_outlived_too_soon(patch: pytest.MonkeyPatch) -> None:
    real = Renewals.see

    def see(self: Renewals, record: lease.Record) -> None:
        real(self, replace(record, value={"ttl": 1.0}))

    patch.setattr(Renewals, "see", see)


def later_renewals_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """Whoever saw one once thinks that none followed, and takes away whatever stands."""

    def outlived(self: Renewals, record: lease.Record) -> float | None:
        seen = self._seen.get(record.kind, {}).get(record.key)
        stood = 0.0 if seen is None else self._elapsed() - seen.since
        return stood if seen is not None and stood > seen.ttl else None

    def see(self: Renewals, record: lease.Record) -> None:
        if record.key not in self._seen.get(record.kind, {}):
            real(self, record)

    real = Renewals.see
    patch.setattr(Renewals, "see", see)
    patch.setattr(Renewals, "outlived", outlived)


def fences_itself_in_observe(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Beside, "_may_keep", lambda self, cluster, armed: cluster in armed)


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
# In what it can be found at all: a word of the schedule. Other schedules are not worth their time.
LIKELY = {
    "rollback after INTENDED(promote)": "-at-entry",
    "unproven is a crash": "control-slow",
    "no epoch check": "freeze-",
    "the guard is told first": "control-slow",
}
LEASES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the guard counts too long": the_guard_counts_too_long,
    "the guard is told first": the_guard_is_told_first,
    "the record comes before the guard": the_record_comes_before_the_guard,
    "a deadline is taken back": a_deadline_is_taken_back,
    "RELEASED without the start lock": released_without_the_start_lock,
    "RELEASED while it runs": released_while_it_runs,
    "a renewal is outlived too soon": a_renewal_is_outlived_too_soon,
    "later renewals are not counted": later_renewals_are_not_counted,
    "fences itself in observe": fences_itself_in_observe,
}


def first_to_find(plant: Callable[[pytest.MonkeyPatch], None], seeds: Iterable[int]) -> tuple[int, str] | None:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        for seed in seeds:
            try:
                play(seed)
            except Failed as found:
                return seed, str(found).partition("\n")[0]
    return None


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    wanted = LIKELY.get(name, "")
    report(name, first_to_find(PLANTED[name], (seed for seed in range(SEEDS) if wanted in str(schedule(seed)))))


@pytest.mark.parametrize("name", LEASES)
def test_a_fault_of_leases_and_guards_is_found(name: str) -> None:
    wanted = LIKELY.get(name, "")
    there = (seed for seed in range(SEEDS) if schedule(seed).apart or schedule(seed).guarded)
    report(name, first_to_find(LEASES[name], (seed for seed in there if wanted in str(schedule(seed)))))


def report(name: str, found: tuple[int, str] | None) -> None:
    assert found is not None, f"{SEEDS} schedules, and nobody noticed: {name}"
    print(f"{name}: seed {found[0]}: {found[1]}")
