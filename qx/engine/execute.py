"""The executor: folds plan and journal into the next move, writes INTENDED before it acts and the outcome after.

Invariants: the lease is checked just before each act; every act carries its cluster's epoch; nothing is done
that the journal does not
announce; it can be killed between any two entries and the run resumed from the journal alone.
Never: decides what to do (that is `fold`), repeats an act of unknown outcome without observing first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qx.engine.acts import act_for
from qx.engine.budget import Budget
from qx.engine.fold import (
    Close,
    Do,
    RunState,
    Settle,
    Undo,
    advance,
    fold,
    has_return,
    next_move,
    outage_begun,
    passed,
)
from qx.engine.keeper import Keeper, LeaseLost
from qx.engine.world import Doing, World
from qx.kernel.errors import QxError, Unsure
from qx.model.journal import Entry, Event, Outcome, Run, RunOutcome

if TYPE_CHECKING:
    from qx.model.plan import Action, Plan, Step

LEASE_TTL_S = 6.0
# how long an act of unknown outcome past the point of no return is observed before the run is left for resume
OBSERVE_UNKNOWN_S = 45.0


class Executor:
    """One execution of one plan. `stop()` may be called from a signal handler: it undoes what can still be undone."""

    def __init__(self, world: World, plan: Plan, run: str, by: str) -> None:
        self.world, self.plan, self.run, self.by = world, plan, run, by
        self.clusters = tuple(dict.fromkeys(stage.cluster for stage in plan.stages))
        self.state = RunState()
        self.keeper = Keeper(world.store, world.clock, LEASE_TTL_S)
        self.budget = Budget(plan, world.clock)
        self._stop = False

    def stop(self) -> None:
        """Begin nothing more; undo every stage that has not passed its point of no return."""
        self._stop = True

    async def begin(self) -> RunOutcome:
        """A first execution. Raises before anything is changed: QX-STORE-001 (lease), QX-PLAN-003 (applied already)."""
        now = self.world.clock.now()
        self.keeper.acquire(self.clusters, self.run)
        try:
            run = Run(
                id=self.run,
                plan_id=self.plan.id,
                plan_digest=self.plan.digest,
                intent=self.plan.intent,
                started_at=now,
                by=self.by,
                outcome=RunOutcome.OPEN,
                clusters=self.clusters,
            )
            self.world.store.begin(run, self.plan)
            self.world.reporter.began(self.plan, self.run)
            self._write(
                Event.STARTED, proof={"plan": self.plan.id, "digest": self.plan.digest, "by": self.by}
            )
        except BaseException:
            self.keeper.release()
            raise
        return await self._under_lease()

    async def resume(self) -> RunOutcome:
        """Go on from the journal under new epochs. Interrupted before its point of no return, with clients
        waiting: undone.
        """
        self.state = fold(chained.entry for chained in self.world.store.entries(self.run))
        if self.state.outcome not in (RunOutcome.OPEN, RunOutcome.STUCK):
            raise QxError("QX-RUN-009", f"run {self.run} has ended: {self.state.outcome}")
        self.keeper.acquire(self.clusters, self.run)
        self.world.reporter.began(self.plan, self.run)
        return await self._under_lease(resumed=True)

    async def _under_lease(self, *, resumed: bool = False) -> RunOutcome:
        try:
            async with self.keeper:
                self._write(Event.LEASED, proof=dict(self.keeper.epochs))
                await self.world.act_as(self.run, self.keeper.epochs)
                if resumed:
                    await self._expel()
                    self._abandon(only_planned=True)
                return await self._loop()
        finally:
            self.keeper.release()

    async def _loop(self) -> RunOutcome:
        while True:
            if self._stop:
                self._abandon(only_planned=False)
            match next_move(self.plan, self.state):
                case Close(outcome):
                    self._write(Event.CLOSED, proof={"outcome": outcome.value})
                    self.world.store.close(self.run, outcome, self.world.clock.now())
                    return outcome
                case Undo(step):
                    await self._undo(step)
                case Settle(step):
                    await self._settle(step)
                case Do(step):
                    await self._do(step)

    async def _do(self, step: Step) -> None:
        attempts = self.state[step.id].attempts
        if attempts:
            await self.world.clock.sleep(min(2.0, 0.3 * attempts))
        self._write(Event.INTENDED, step)
        self.budget.began(step)
        try:
            timeout = self.budget.timeout(
                step, withdrawable=not passed(self.plan, self.state, step.stage) or step.point_of_no_return
            )
            proof = await self._perform(step, step.action, timeout)
        except LeaseLost:
            raise
        except Unsure as error:
            self._write(Event.ENDED, step, Outcome.UNKNOWN, error=error)
        except QxError as error:
            self._write(Event.ENDED, step, Outcome.FAILED, proof=getattr(error, "proof", {}), error=error)
        else:
            self._write(Event.ENDED, step, Outcome.DONE, proof=proof)

    async def _settle(self, step: Step) -> None:
        """Observe an act of unknown outcome until it is known, or the time for observing is over."""
        clock, act = self.world.clock, act_for(step.action, self._kind(step))
        past = passed(self.plan, self.state, step.stage)
        until = clock.elapsed() + (OBSERVE_UNKNOWN_S if past else min(3.0, step.timeout_s))
        error: QxError | None = None
        while True:
            self.keeper.check(step.action.cluster)
            try:
                settled = await act.settled(step.action, self._doing(step, 2.0))
            except QxError as unseen:
                settled, error = None, unseen
            if settled is not None:
                break
            if clock.elapsed() >= until:
                self._write(Event.ENDED, step, Outcome.UNKNOWN, proof={"unsettled": True}, error=error)
                return
            await clock.sleep(0.25)
        if settled.done:
            self._write(Event.ENDED, step, Outcome.DONE, proof=settled.proof)
        elif (
            past
        ):  # observed as not done, and nobody else can still do it: the fence stands, so it is done again
            await self._do(step)
        else:
            self._write(Event.ENDED, step, Outcome.FAILED, proof=settled.proof, error=error)

    async def _undo(self, step: Step) -> None:
        undo = step.undo or step.action
        if self.state[step.id].undo_attempts:
            await self.world.clock.sleep(0.5)
        self._write(Event.UNDOING, step)
        try:
            proof = await self._perform(step, undo, step.timeout_s)
        except LeaseLost:
            raise
        except QxError as error:
            self._write(Event.UNDO_ENDED, step, Outcome.FAILED, error=error)
        else:
            self._write(Event.UNDO_ENDED, step, Outcome.UNDONE, proof=proof)

    async def _perform(self, step: Step, action: Action, timeout: float) -> dict[str, Any]:
        if timeout <= 0:
            raise QxError("QX-RUN-007", f"{step.id}: no time left in the write-outage budget")
        self.keeper.check(action.cluster)
        act = act_for(action, self._kind(step))
        try:
            # The act has its own deadline; the outer one only catches an act that forgot it.
            async with asyncio.timeout(timeout + 5.0):
                return await act.perform(action, self._doing(step, timeout))
        except TimeoutError as error:
            raise Unsure("QX-RUN-002", f"{step.id}: no answer within {timeout + 5.0:.1f} s") from error

    def _doing(self, step: Step, timeout: float) -> Doing:
        proofs = {name: state.proof for name, state in self.state.steps.items()}
        return Doing(
            self.world, self.plan, self.run, self.keeper.epochs[step.action.cluster], proofs, timeout
        )

    def _kind(self, step: Step) -> str:
        return self.world.platform.clusters[step.action.cluster].kind

    def _abandon(self, *, only_planned: bool) -> None:
        """`only_planned`: as on resume, where an unplanned stage goes forward and one that hurts nobody yet
        is simply continued.
        """
        modes = {stage.cluster: stage.mode for stage in self.plan.stages}
        for stage in dict.fromkeys(step.stage for step in self.plan.steps):
            if stage in self.state.abandoned or passed(self.plan, self.state, stage):
                continue
            if only_planned and not (
                modes.get(stage) == "planned" and outage_begun(self.plan, self.state, stage)
            ):
                continue
            if has_return(self.plan, stage) or not only_planned:
                self._write(Event.ABANDONED, name=stage)

    async def _expel(self) -> None:
        """End the sessions of executors under lower epochs: one that was frozen finds its connections dead
        when it wakes.
        """
        found: dict[str, Any] = {}
        for cluster in self.clusters:
            for region in self.world.platform.clusters[cluster].nodes:
                try:
                    if self.world.platform.clusters[cluster].kind == "postgresql":
                        ended = await self.world.postgres(cluster, region).expel(
                            self.keeper.epochs[cluster], 2.0
                        )
                    else:
                        ended = await self.world.redis(cluster, region).expel(
                            self.keeper.epochs[cluster], 2.0
                        )
                    found[f"{cluster}/{region}"] = ended
                # a node that cannot be reached cannot be acted on either: recorded, seen again by its own step
                except QxError as error:
                    found[f"{cluster}/{region}"] = str(error)
        self._write(Event.NOTE, proof={"expelled": found})

    def _write(
        self,
        event: Event,
        step: Step | None = None,
        outcome: Outcome | None = None,
        *,
        name: str = "",
        proof: dict[str, Any] | None = None,
        error: QxError | None = None,
    ) -> None:
        epoch = self.keeper.epochs.get(step.action.cluster, 0) if step else 0
        entry = Entry(
            run=self.run,
            seq=self.state.seq + 1,
            at=self.world.clock.now(),
            event=event,
            step=step.id if step else name,
            outcome=outcome,
            epoch=epoch,
            proof=proof or {},
            error={"code": error.code, "message": error.message, "hint": error.hint} if error else None,
        )
        self.world.store.append(entry)
        self.state = advance(self.state, entry)
        self.world.reporter.wrote(entry)
