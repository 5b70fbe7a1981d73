"""The executor: folds plan and journal into the next move, writes INTENDED before it acts and the outcome after.

That a step is done is written together with what is announced next, when that follows at once: one commit a step.
Invariants: the lease is checked just before each call; every act carries its cluster's epoch; nothing is done
that the journal does not announce; it can be killed between any two entries and the run resumed from the journal alone.
Never: decides what to do (that is `fold`), repeats an act of unknown outcome without observing first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qx.engine.acts import act_for
from qx.engine.announce import announce
from qx.engine.approvals import check
from qx.engine.budget import Budget
from qx.engine.conditions import due
from qx.engine.fold import (
    ATTEMPTS,
    Close,
    Do,
    RunState,
    Settle,
    Status,
    Undo,
    advance,
    fold,
    has_return,
    next_move,
    outage_begun,
    passed,
    unproven,
)
from qx.engine.guard import Guarded
from qx.engine.keeper import Keeper, LeaseLost
from qx.engine.rivals import FAR_BACK, check_begin, superseded_by, unended
from qx.engine.world import Doing, World
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.journal import Entry, Event, Outcome, Run, RunOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.plan import Action, Plan, Step

LEASE_TTL_S = 6.0
GRACE_S = 5.0  # an act has its own deadline; this catches one that forgot it
LOOK_S = 2.0
APPENDS = 4


class Executor:
    """One execution of one plan. `stop()` may be called from a signal handler: it undoes what can still be undone."""

    def __init__(
        self, world: World, plan: Plan, run: str, by: str, *, within: str = "",
        stopped: Callable[[], bool] | None = None, approvals: int = 0, back_from: Plan | None = None,
    ) -> None:
        """`within`: the run and step that this run is part of. `stopped`: asked as `stop` is told. `approvals`: so many
        at least, although its clusters ask for fewer. `back_from`: the drill of which this is the way back.
        """
        self.plan, self.run, self.by, self.within = plan, run, by, within
        self._approvals, self._back_from = approvals, back_from
        self.clusters = plan.scopes
        self.state = RunState()
        self._unwritten: tuple[Entry, ...] = ()  # told by the next entry's commit
        self.keeper = Keeper(world.store, world.clock, LEASE_TTL_S)
        self.world: World = Guarded(world, self._check)
        self.budget = Budget(plan, world.clock)
        self._stop = False
        self._stopped = stopped or (lambda: False)

    def stop(self) -> None:
        """Begin nothing more; undo every stage that has not passed its point of no return."""
        self._stop = True

    async def begin(self) -> RunOutcome:
        """A first execution. Raises before anything is changed: QX-STORE-001 (lease), QX-PLAN-002 (somebody acted
        since it was planned), QX-PLAN-003 (applied already), QX-PLAN-009 (too few approvals), QX-RUN-011 (an unended
        run may have promoted elsewhere).
        """
        approved = check(
            self.world, self.plan, (self.by,), within=self.within, back_from=self._back_from, at_least=self._approvals
        )
        self.keeper.acquire(self.clusters, self.run)
        try:
            earlier = self.world.store.runs(FAR_BACK)
            check_begin(self.world.store, earlier, self.plan, self.keeper.epochs)
            run = Run(
                id=self.run,
                plan_id=self.plan.id,
                plan_digest=self.plan.digest,
                intent=self.plan.intent,
                started_at=self.world.clock.now(),
                by=self.by,
                outcome=RunOutcome.OPEN,
                clusters=self.clusters,
            )
            self.world.store.begin(run, self.plan)
            self.world.reporter.began(self.plan, self.run)
            proof = {"plan": self.plan.id, "digest": self.plan.digest, "by": self.by} | approved
            told = proof | ({"within": self.within} if self.within else {})
            self._write(Event.STARTED, proof=told, later=True)
        except BaseException:
            self.keeper.release()
            raise
        return await self._under_lease(rivals=bool(unended(earlier, self.clusters)))

    async def resume(self) -> RunOutcome:
        """Go on from the journal under new epochs. Interrupted before its point of no return, with clients
        waiting: undone. A run that another one has superseded is closed, and QX-RUN-009 raised.
        """
        self.state = fold(chained.entry for chained in self.world.store.entries(self.run))
        if self.state.outcome not in (RunOutcome.OPEN, RunOutcome.STUCK):
            raise QxError("QX-RUN-009", f"run {self.run} has ended: {self.state.outcome}")
        other = superseded_by(self.world.store, self.run, self.plan, self.state)
        if other is not None:
            self._write(Event.CLOSED, proof={"outcome": RunOutcome.FAILED.value, "superseded_by": other})
            words = f"run {other} has moved its clusters since: {self.run} is closed as it stands"
            raise Refused("QX-RUN-009", words, hint="qx status shows who writes now")
        self.keeper.acquire(self.clusters, self.run)
        self.world.reporter.began(self.plan, self.run)
        return await self._under_lease(resumed=True, rivals=True)

    async def _under_lease(self, *, resumed: bool = False, rivals: bool) -> RunOutcome:
        """`rivals`: an executor of this or another run may stand still somewhere, and go on at any moment."""
        try:
            async with self.keeper:
                self._write(Event.LEASED, proof=dict(self.keeper.epochs), later=True)
                await self.world.act_as(self.run, self.keeper.epochs)
                if rivals and self.plan.runbook is None:
                    self._flush()
                    self._write(Event.NOTE, proof={"announced": await announce(self.world, self.keeper.epochs)})
                if resumed:
                    self._abandon(resumed=True)
                return await self._loop()
        except LeaseLost as lost:
            raise lost.cause from lost
        finally:
            self.keeper.release()

    async def _loop(self) -> RunOutcome:
        while True:
            if self._is_stopped():
                self._abandon(resumed=False)
            match next_move(self.plan, self.state):
                case Close(outcome):
                    self._write(Event.CLOSED, proof={"outcome": outcome.value})
                    return outcome
                case Undo(step):
                    await self._undo(step)
                case Settle(step):
                    await self._settle(step)
                case Do(step):
                    await self._do(step, withdrawable=not passed(self.plan, self.state, step.stage))

    async def _do(self, step: Step, *, withdrawable: bool, seen: dict[str, Any] | None = None) -> None:
        """`withdrawable`: the budget counts. `seen`: what an observation said before this, not the first, attempt."""
        attempts = self.state[step.id].attempts
        if attempts:
            self._flush()
            await self.world.clock.sleep(min(2.0, 0.3 * attempts))
        elif not await self._due(step):
            return
        timeout = self.budget.timeout(step, withdrawable=withdrawable)
        if timeout <= 0:  # not even announced: an announced promotion could not be taken back
            late = QxError("QX-RUN-007", f"{step.id}: no time left in the write-outage budget")
            self._write(Event.ENDED, step, Outcome.FAILED, proof=seen, error=late)
            return
        first = not self.state[step.id].seen
        self._write(Event.INTENDED, step)
        self.budget.began(step)
        try:
            proof = await self._perform(step, step.action, timeout, first=first)
        except Unsure as error:
            self._write(Event.ENDED, step, Outcome.UNKNOWN, error=error)
        except QxError as error:
            self._write(Event.ENDED, step, Outcome.FAILED, proof=getattr(error, "proof", {}), error=error)
        else:
            self._write(Event.ENDED, step, Outcome.DONE, proof=proof, later=True)

    async def _settle(self, step: Step) -> None:
        """Observe an act of unknown outcome until it is known, or the time for observing is over."""
        self._flush()
        clock, act = self.world.clock, act_for(step.action, self._kind(step))
        past = passed(self.plan, self.state, step.stage)
        until = clock.elapsed() + self.budget.observing(step, past=past)
        error: QxError | None = None
        while True:
            look = min(LOOK_S, max(0.3, until - clock.elapsed()))
            try:
                settled = await act.settled(step.action, self._doing(step, look))
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
        elif self._may_repeat(step, past=past):
            await self._do(step, withdrawable=bool(settled.proof.get("withdrawn")), seen=settled.proof)
        else:
            self._write(Event.ENDED, step, Outcome.FAILED, proof=settled.proof, error=error)

    def _may_repeat(self, step: Step, *, past: bool) -> bool:
        """Seen as not done: again, where going forward is the way, or where its executor died before it could tell."""
        mine = self.state[step.id]
        forward = past or not has_return(self.plan, step.stage) or mine.status is Status.INTENDED
        return forward and mine.attempts < ATTEMPTS

    async def _undo(self, step: Step) -> None:
        attempts = self.state[step.id].undo_attempts
        if attempts:
            self._flush()
            await self.world.clock.sleep(0.5)
        self._write(Event.UNDOING, step)
        try:
            timeout = self.budget.undo_timeout(step, attempts)
            proof = await self._perform(step, step.undo or step.action, timeout, undo=True)
        except QxError as error:
            self._write(Event.UNDO_ENDED, step, Outcome.FAILED, error=error)
        else:
            self._write(Event.UNDO_ENDED, step, Outcome.UNDONE, proof=proof)

    async def _perform(
        self, step: Step, action: Action, timeout: float, *, first: bool = False, undo: bool = False
    ) -> dict[str, Any]:
        self.keeper.check(step.stage)
        act = act_for(action, self._kind(step))
        try:
            async with asyncio.timeout(timeout + GRACE_S):
                return await act.perform(action, self._doing(step, timeout, first=first, undo=undo))
        except TimeoutError as error:
            raise Unsure("QX-RUN-002", f"{step.id}: no answer within {timeout + GRACE_S:.1f} s") from error

    def _doing(self, step: Step, timeout: float, *, first: bool = False, undo: bool = False) -> Doing:
        proofs = {name: state.proof for name, state in self.state.steps.items()}
        outcomes = {name: state.status.value for name, state in self.state.steps.items()}
        until = self.world.clock.elapsed() + timeout
        epoch = self.keeper.epochs[step.stage]
        name = f"{step.id}.undo" if undo else step.id
        return Doing(self.world, self.plan, self.run, epoch, proofs, until, first, name, outcomes, self._is_stopped)

    def _kind(self, step: Step) -> str:
        """'' for a step of a runbook, whose acts are the same everywhere."""
        return "" if self.plan.runbook is not None else self.world.platform.clusters[step.action.cluster].kind

    def _check(self, cluster: str) -> None:
        """A runbook holds one lease, its own, whatever it looks at."""
        self.keeper.check(cluster if self.plan.runbook is None else self.plan.runbook.scope)

    def _is_stopped(self) -> bool:
        return self._stop or self._stopped()

    async def _due(self, step: Step) -> bool:
        """Whether the step's condition holds, if it has one; when not, or when that cannot be told, it has ended."""
        when = getattr(step.action, "when", "")
        if not when or self.state[step.id].seen:
            return True
        self._flush()
        self._check(step.stage)
        try:
            if await due(when, self._doing(step, LOOK_S)):
                return True
        except QxError as error:
            self._write(Event.ENDED, step, Outcome.FAILED, error=error)
        else:
            self._write(Event.ENDED, step, Outcome.SKIPPED, proof={"when": when})
        return False

    def _abandon(self, *, resumed: bool) -> None:
        """`resumed`: an unplanned stage goes forward then, if its old writer was proven gone or any loss accepted, and
        one that hurts nobody yet is simply continued.
        """
        modes = {stage.cluster: stage.mode for stage in self.plan.stages}
        for stage in dict.fromkeys(step.stage for step in self.plan.steps):
            if stage in self.state.abandoned or passed(self.plan, self.state, stage):
                continue
            back = outage_begun if modes.get(stage) == "planned" else unproven
            if not resumed or (has_return(self.plan, stage) and back(self.plan, self.state, stage)):
                self._write(Event.ABANDONED, name=stage)

    def _flush(self) -> None:
        """Before anything that takes its time: what is known to be done has been written.

        Entries whose answer was lost are repeated: a store writes them once, however often it is given them.
        """
        if not self._unwritten:
            return
        for attempt in range(1, APPENDS + 1):
            try:
                self.world.store.append(*self._unwritten)
                break
            except Unsure:
                if attempt == APPENDS:
                    raise
        written, self._unwritten = self._unwritten, ()
        for entry in written:
            self.world.reporter.wrote(entry)

    def _write(
        self,
        event: Event,
        step: Step | None = None,
        outcome: Outcome | None = None,
        *,
        name: str = "",
        proof: dict[str, Any] | None = None,
        error: QxError | None = None,
        later: bool = False,
    ) -> None:
        """`later`: with the entry that follows."""
        epoch = self.keeper.epochs.get(step.stage, 0) if step else 0
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
        self._unwritten += (entry,)
        self.state = advance(self.state, entry)
        if not later:
            self._flush()
