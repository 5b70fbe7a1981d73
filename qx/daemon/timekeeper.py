"""Timekeeper: begins what the timetable of regions.yaml says when its instant has come, each start once.

One that was missed because nobody watched, or that something held up, begins as soon as it can within its grace; of
several instants that have passed only the last one counts. What could not begin in time is told, not made up for.
Invariants: only the controller that leads begins anything; a start is claimed in the store, so that of two daemons one
begins it; what goes on is not begun again.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Self

from msgspec import convert
from msgspec.structs import replace

from qx.app.ledger import keep
from qx.app.scheduled import MISSED, RUNNING, Came, against, by_of, carry_out, rule_of, scope_of, what_of
from qx.app.telling import tell
from qx.daemon.log import RunLog
from qx.engine.records import read, write
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.journal import RunOutcome
from qx.model.standing import Decided, Scheduled
from qx.render.moment import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench
    from qx.config.cron import Cron
    from qx.daemon.log import Log
    from qx.model.plan import Plan
    from qx.model.schedules import Schedule

LOOK_S = 1.0
FINISH_S = 60.0  # what goes on when the daemon is stopped has so long to end; then it is left to be resumed
TELL_S = 10.0
NOBODY = "no daemon that leads was watching then"
LEFT = "left"


class Timekeeper:
    """`leads`: whether it is for this controller to act, and it trusts itself. `async with`: it keeps time."""

    def __init__(self, bench: Workbench, leads: Callable[[], bool], log: Log) -> None:
        self._bench, self._leads, self._log = bench, leads, log
        self._crons: dict[str, Cron] = {}
        self._next: dict[str, float | None] = {}  # by what was read last; not there: not read yet
        self._held: dict[str, tuple[float, str]] = {}  # what is due, and what holds it up
        self._doing: dict[str, asyncio.Task[None]] = {}
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._bench.platform.schedules:
            self._keeping = asyncio.create_task(self.keep(), name="timekeeper")
            self._keeping.add_done_callback(self._ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is None:
            return
        self._keeping.cancel()
        if self._doing:
            await asyncio.wait(self._doing.values(), timeout=FINISH_S)
        left = [self._keeping, *self._doing.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)  # `_ended` tells

    @property
    def busy(self) -> bool:
        """Whether something that it began goes on: until then the configuration is not read anew."""
        return bool(self._doing)

    def check(self) -> None:
        """Raises what ended its keeping time: nobody would tell what is missed from then on."""
        if self._keeping is not None and self._keeping.done():
            self._keeping.result()

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            self.turn()
            await self._bench.clock.sleep(LOOK_S)

    def turn(self) -> None:
        """Begin what is due now."""
        if not self._leads():
            return
        for name, schedule in self._bench.platform.schedules.items():
            try:
                self._one(name, schedule)
            except QxError as error:
                self._log.tell("error", schedule=name, code=error.code, message=error.message)

    async def settle(self) -> None:
        """Until nothing that was begun goes on."""
        while self._doing:
            await asyncio.wait(self._doing.values())

    def _one(self, name: str, schedule: Schedule) -> None:
        now = self._bench.clock.now()
        following = self._next.get(name, 0.0)
        if name in self._doing or following is None or following > now:
            return
        cron = self._cron(name, schedule)
        last, revision = self._last(name, schedule, now)
        due = cron.last(last.due, now)
        if due is None:
            self._next[name] = cron.after(last.due)
            return
        because = against(self._bench, schedule)
        if now - due > schedule.grace:
            self._miss(name, schedule, replace(last, due=due), revision)
        elif because:
            self._hold(name, schedule, due, because)
        else:
            self._begin(name, schedule, replace(last, due=due), revision)

    def _cron(self, name: str, schedule: Schedule) -> Cron:
        if name not in self._crons:
            from qx.config.cron import Cron

            self._crons[name] = Cron(schedule.cron, schedule.timezone)
        return self._crons[name]

    def _last(self, name: str, schedule: Schedule, now: float) -> tuple[Scheduled, int]:
        """What was dealt with last; one that is new, or was changed, counts from now on."""
        found = self._bench.store.record(Scheduled.KIND, name)
        if found is not None:
            last = convert(found.value, Scheduled)
            if last.rule == rule_of(schedule):
                return last, found.revision
        fresh = Scheduled(schedule=name, rule=rule_of(schedule), due=now, at=now, by=self._bench.observer)
        return fresh, write(self._bench.store, fresh, name, expect=found.revision if found else 0).revision

    def _hold(self, name: str, schedule: Schedule, due: float, because: str) -> None:
        """Told once; looked at again at the next turn."""
        if self._held.get(name) != (due, because):
            self._held[name] = (due, because)
            self._log.tell("schedule-held", schedule=name, due=due, because=because)
            self._keep(name, schedule, "veto", f"due {moment(due)}, held up", (because,))

    def _miss(self, name: str, schedule: Schedule, due: Scheduled, revision: int) -> None:
        held = self._held.pop(name, None)
        because = held[1] if held is not None else NOBODY
        missed = replace(due, at=self._bench.clock.now(), outcome=MISSED, because=because, run="")
        if self._claim(name, missed, revision):
            self._log.tell("schedule-missed", schedule=name, due=due.due, because=because)
            self._keep(name, schedule, MISSED, f"due {moment(due.due)}: {because}")
            task = asyncio.create_task(self._tell(missed, schedule), name=f"tell of schedule {name}")
            self._doing[name] = task
            task.add_done_callback(self._ended)

    def _begin(self, name: str, schedule: Schedule, due: Scheduled, revision: int) -> None:
        self._held.pop(name, None)
        begun = replace(due, at=self._bench.clock.now(), outcome=RUNNING, because="", run="", by=self._bench.observer)
        if self._claim(name, begun, revision):
            self._log.tell("schedule-begins", schedule=name, due=due.due, what=what_of(schedule))
            self._keep(name, schedule, "act", f"due {moment(due.due)}")
            task = asyncio.create_task(self._do(schedule, begun), name=f"schedule {name}")
            self._doing[name] = task
            task.add_done_callback(self._ended)

    def _claim(self, name: str, claimed: Scheduled, revision: int) -> bool:
        """Whether it is for this daemon to do; another one may have been faster."""
        self._next.pop(name, None)
        store = self._bench.store
        try:
            write(store, claimed, name, expect=revision)
        except Refused:
            return False
        except Unsure:
            return read(store, Scheduled, name) == claimed
        return True

    async def _do(self, schedule: Schedule, begun: Scheduled) -> None:
        name = begun.schedule
        hearing = _Hearing(self._bench, self._log, begun)
        try:
            came = await carry_out(self._bench, schedule, by_of(self._bench, name), hearing)
        except QxError as error:
            came = Came(RunOutcome.FAILED.value, f"{error.code}: {error.message}")
        except asyncio.CancelledError:
            hearing.write(LEFT, "the daemon was stopped before it had ended")
            raise
        ended = hearing.write(came.outcome, came.because)
        self._log.tell("schedule-ended", schedule=name, outcome=came.outcome, because=came.because or None,
                       run=ended.run or None)  # fmt: skip
        self._keep(name, schedule, "ended", f"{came.outcome}. {came.because}".rstrip(". "), run=ended.run)
        if came.outcome != RunOutcome.DONE.value:
            await self._tell(ended, schedule)

    async def _tell(self, ended: Scheduled, schedule: Schedule) -> None:
        """People are told of what did not go well, where there is a channel."""
        if not self._bench.platform.notify.channels:
            return
        message = f"schedule {ended.schedule} ({what_of(schedule)}), due {moment(ended.due)}: {ended.outcome}"
        try:
            await tell(
                self._bench, f"schedule/{ended.schedule}", "warning", message, ended.because, (), ended.run, TELL_S
            )
        except QxError as error:
            self._log.tell("error", schedule=ended.schedule, code=error.code, message=error.message)

    def _keep(
        self, name: str, schedule: Schedule, verdict: str, because: str, vetoes: tuple[str, ...] = (), run: str = ""
    ) -> None:
        """In the ledger."""
        at = self._bench.clock.now()
        keep(self._bench.store, Decided(cluster=scope_of(schedule), at=at, verdict=verdict, cause=f"schedule {name}",
                                        because=because, vetoes=vetoes, run=run))  # fmt: skip

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What nobody expects is told with its trace; the rest of the timetable stands."""
        for name in [name for name, doing in self._doing.items() if doing is task]:
            del self._doing[name]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.tell("bug", task=task.get_name(), trace="".join(traceback.format_exception(error)))


class _Hearing(RunLog):
    """Keeps which run the schedule is at."""

    def __init__(self, bench: Workbench, log: Log, begun: Scheduled) -> None:
        super().__init__(log)
        self._bench, self._kept = bench, begun

    def began(self, plan: Plan, run: str) -> None:
        super().began(plan, run)
        self._kept = replace(self._kept, run=run)
        self.write(RUNNING, "")

    def write(self, outcome: str, because: str) -> Scheduled:
        self._kept = replace(self._kept, at=self._bench.clock.now(), outcome=outcome, because=because)
        write(self._bench.store, self._kept, self._kept.schedule)
        return self._kept
