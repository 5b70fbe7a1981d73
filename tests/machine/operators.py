"""Operators: people who move and resume with `qx`, each time from a process of their own, which may be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.app.run import execute, resume
from qx.app.situate import situate
from qx.failover.openruns import UNENDED
from qx.failover.planner import plan_failover
from qx.failover.vetoes import AUTOMATIC
from qx.kernel.errors import QxError
from qx.model.plan import Consent, Plan
from tests.fakes.bench import SimBench
from tests.fakes.loop import Loop
from tests.fakes.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from qx.model.journal import Run
    from tests.fakes.controller import Told
    from tests.fakes.world import SimWorld

    Work = Callable[[SimBench], Coroutine[Any, Any, None]]

LEASE_S = 6.5  # after which the lease of a dead executor has run out
PLACE = "ops"  # where they sit, as the network knows it


class Operators:
    """What they are told in vain goes to `log`."""

    def __init__(self, world: SimWorld, log: Told) -> None:
        self.world, self.log = world, log
        self._store = MemoryStore(world.shelf)
        self._loops: list[Loop] = []

    def check(self) -> None:
        for loop in self._loops:
            loop.check()

    def end(self) -> None:
        for loop in self._loops:
            self.world.simulation.soon(loop.end)

    def open_runs(self) -> list[Run]:
        return [run for run in self._store.runs(100) if run.outcome in UNENDED and run.plan_id]

    def move(self, cluster: str, to: str, dies_at: int) -> None:
        """Planned, or not at all. Killed at that entry of the run; 0: not."""

        async def work(bench: SimBench) -> None:
            plan = plan_failover(await situate(bench, Consent(by="ops")), to, None, (cluster,), ())
            if isinstance(plan, Plan) and plan.stages and plan.stages[0].mode == "planned":
                await execute(bench, plan, _Silent(), attended=False)

        self._begin(work, dies_at)

    def resume_all(self) -> None:
        for run in self.open_runs():
            self._resume(run.id)

    def resume_theirs(self) -> None:
        for run in self.open_runs():
            if not run.by.startswith(AUTOMATIC):
                self._resume(run.id)

    def _resume(self, run: str) -> None:
        async def work(bench: SimBench) -> None:
            await resume(bench, run, _Silent(), LEASE_S, attended=False)

        self._begin(work)

    def _begin(self, work: Work, dies_at: int = 0) -> None:
        process, loop = self.world.process(home=PLACE), Loop(self.world.simulation)
        process.loop = loop
        self._loops.append(loop)

        def die(seq: int) -> None:
            if seq == dies_at:
                process.alive = False
                self.world.simulation.soon(loop.end)

        async def told() -> None:
            try:
                await work(SimBench(process))
            except QxError as error:
                self.log.tell("operator", code=error.code, message=error.message)

        process.after_append = die
        loop.create_task(told(), name="operator")


class _Silent:
    def began(self, plan: object, run: str) -> None: ...

    def wrote(self, entry: object) -> None: ...
