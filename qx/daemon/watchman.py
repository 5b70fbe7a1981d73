"""Watchman: judges what the eyes see, keeps the vigil of each cluster, decides, and acts where policy lets it.

One cluster is considered by one task at a time; while a run acts on it nobody considers it. What is decided is told
once, when it changes, and kept in the ledger.
"""

from __future__ import annotations

import asyncio
import functools
import math
import traceback
from typing import TYPE_CHECKING

from qx.app.automatic import Lost, carry_out, plan_homing, plan_unasked
from qx.app.run import resume
from qx.daemon.confirming import Confirming
from qx.daemon.decisions import Decisions
from qx.daemon.log import RunLog
from qx.daemon.nearby import Nearby
from qx.daemon.record import Record, recall
from qx.daemon.witness import testify
from qx.engine.leading import Leadership
from qx.failover.homing import may_return, well_since
from qx.failover.judge import judge
from qx.failover.sampling import samples_of
from qx.failover.vetoes import vetoes, vetoes_of_homing
from qx.failover.vigil import End, Finding, Vigil, end_of, heed, missing
from qx.kernel.errors import QxError
from qx.kernel.spans import format_seconds
from qx.model.approval import ApprovalRequest
from qx.model.plan import Refusal
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.eyes import Eyes
    from qx.daemon.log import Log
    from qx.daemon.trust import Trust
    from qx.model.journal import Run
    from qx.model.standing import Decided
    from qx.model.topology import ClusterView, Topology
    from qx.ports.controls import NodeControl

INSPECT_S = 1.0
ANSWER_S = 0.5  # a server that says nothing to a neighbour for so long hangs, for the moment
RELEASE_S = 0.1  # so long the controller beside the writer has to make its end true before it is asked for more
ASKS_AGAIN_S = 2.5  # and a tick: whoever lives and could not reach the store has told it something by then
CLOSER_S = 1.0  # for so long a cluster is looked at closely after one of its servers hung up
CLOSER_EVERY_S = 0.02


class Watchman:
    def __init__(self, bench: Workbench, watch: Watch, eyes: Eyes, trust: Trust, log: Log) -> None:
        self.topology: Topology | None = None
        self.unsafe_store: Callable[[], str] = str  # why the store may forget
        self._bench, self._watch, self._eyes, self._trust, self._log = bench, watch, eyes, trust, log
        self._vigils: dict[str, Vigil] = {}
        self._decisions = Decisions(bench, log, lambda: self._leads)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, bool] = {}  # clusters to be considered once more, and whether closely
        self._quiet: dict[str, int] = {}  # looks in a row in which nobody heard a cluster's writer
        self._released = {name: asyncio.Event() for name in bench.platform.clusters}  # told, since it was last asked
        self._lost: set[str] = set()  # clusters whose writer is dead, judged by its heartbeats
        self._well: dict[str, float | None] = {}  # since when home could take its writer back
        self._silent = -math.inf  # when the store last did not answer
        # Shorter than the writer's: who leads next is known when that runs out, should both be gone.
        self._leadership = (
            Leadership(bench.store, bench.region, watch.ttl / 2, bench.renewals) if bench.region else None
        )
        self._confirming = Confirming(bench, log)
        self._leads = bench.region is None  # the one controller of a platform leads
        self.nearby = Nearby(bench, bench.region) if bench.region else None

    @property
    def leads(self) -> bool:
        """Whether it is for this controller to act."""
        return self._leads

    @property
    def decided(self) -> tuple[Decided, ...]:
        """What stands decided now, one for each cluster of which anything was."""
        return self._decisions.standing

    async def tick(self) -> None:
        """Judge everything that was seen last, and consider every cluster."""
        record = await self._recall()
        if record is None:
            return
        topology = self._judge(record)
        await self._attend(topology)
        await self._keep_samples(topology)
        if self._leads and self._trust.feel() == 0:
            self._take_over(record)
        for name in self._bench.platform.clusters:
            self._start(name)

    async def _attend(self, topology: Topology) -> None:
        """Where each region has a controller: tell the others what is seen here, and stand for leader."""
        region = self._bench.region
        if region is None or self._leadership is None:
            return
        try:
            controls = dict(self.nearby.told) if self.nearby is not None else {}
            await self._bench.apart(
                testify, self._bench.store, region, topology, self._lost, controls, self._watch.probe
            )
            leads = self._trust.feel() == 0 and await self._bench.apart(self._leadership.campaign)
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)
            leads = False
        if leads is not self._leads:
            self._log.tell("leads" if leads else "follows", region=region)
            self._decisions.begin_anew()
        self._leads = leads

    def hurry(self) -> None:
        """A server hung up: its cluster is considered at once, apart from the ticks, by whoever would act on it."""
        alarmed, self._eyes.alarmed = self._eyes.alarmed, set()
        for name in alarmed if self._leads else ():
            self._start(name, closely=True)

    def consider(self, name: str) -> None:
        """At once, by whoever would act on it: its writer's lease has run out."""
        if self._leads and name in self._bench.platform.clusters:
            self._start(name, again=True)

    def released(self, name: str) -> None:
        """The controller beside the writer has told so: nothing else has to be found out about it."""
        if name in self._released:
            self._released[name].set()

    async def settle(self) -> None:
        """Until nothing is being considered or done any more."""
        while self._tasks:  # not by gather, which does not wait for what `_ended` does of a task that has ended
            await asyncio.wait(self._tasks.values())
        await self._decisions.settle()

    def _start(self, name: str, *, closely: bool = False, again: bool = False) -> None:
        """`again`: if it is being considered, then after that; as with `closely`."""
        if name in self._tasks:
            if closely or again:
                self._again[name] = closely or self._again.get(name, False)
            return
        task = asyncio.create_task(self._consider(name, closely=closely), name=f"consider {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda ended: self._ended(name, ended))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        """What no act expects is told with its trace; the watch goes on."""
        self._tasks.pop(name, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.tell("bug", task=task.get_name(), trace="".join(traceback.format_exception(error)))
        if name in self._again:
            self._start(name, closely=self._again.pop(name))

    async def _consider(self, name: str, *, closely: bool) -> None:
        try:
            if closely:
                await self._look_closer(name)
            wait = await self._weigh(name)
            while 0 < wait <= self._watch.probe:  # its grace ends before the next tick
                hangs = self._vigils[name].end is End.HANGS  # whether it still does takes its time to find out
                await self._bench.clock.sleep(max(CLOSER_EVERY_S, wait - ANSWER_S) if hangs else wait)
                wait = await self._weigh(name)
        except QxError as error:
            self._log.tell("error", cluster=name, code=error.code, message=error.message)

    async def _look_closer(self, name: str) -> None:
        """Its replicas notice some milliseconds later that they have lost it."""
        clock = self._bench.clock
        until = clock.elapsed() + CLOSER_S
        record = await self._recall()
        while record is not None:
            await self._eyes.look(name, min(INSPECT_S, self._watch.probe))
            topology = self._judge(record)
            if topology.clusters[name].cause is not Cause.WRITER_SILENT or clock.elapsed() >= until:
                await self._keep_samples(topology)
                return
            await clock.sleep(CLOSER_EVERY_S)

    async def _weigh(self, name: str) -> float:
        """What is left of the writer's grace, 0 for none."""
        if self.topology is None:
            return 0.0
        view = self.topology.clusters[name]
        source = missing(view)
        unheard = view.cause in (Cause.WRITER_DEAD, Cause.WRITER_SILENT) and source is not None
        self._released[name].clear()
        record = await self._recall() if unheard else None
        end = await self._end(name, str(source), record) if record is not None else End.UNKNOWN
        if record is not None and end is End.UNKNOWN:
            record = await self._recall()  # to ask took its time: it may have the next lease, and proves nothing more
        # Nobody's heartbeats come through one that hangs, or that its guard ended: a replica that hears nothing
        # has lost it.
        lost = end is End.HANGS or (end is End.UNKNOWN and self._is_fenced(name, str(source), record))
        within = {name: 2 * self._watch.probe}
        heard = within if lost else {}
        topology = (await self._rejudged(heard) if heard else None) or self.topology
        view = topology.clusters[name]
        (self._lost.add if lost and view.cause is Cause.WRITER_DEAD else self._lost.discard)(name)
        vigil, watched = heed(
            self._vigils.get(name, Vigil()), view, end, self._watch, self._bench.clock.elapsed(),
            self._eyes.answered.get((name, str(source))), self._quiet.get(name, 0),
        )
        quiet = record is not None and self._judged(record, within).clusters[name].cause is Cause.WRITER_DEAD
        self._quiet[name] = self._quiet.get(name, 0) + 1 if quiet and end is End.UNKNOWN else 0
        self._vigils[name] = vigil
        match watched.finding:
            case Finding.WELL:
                self._decisions.came_back(name, view)
                if self._leads and self._bench.platform.clusters[name].mode == "confirm":
                    self._confirming.withdraw(name, "the writer is back")
                await self._go_home(name, view)
            case Finding.GONE if source is not None:
                await self._act(name, source, watched.because, topology, heard)
            case Finding.UNPROVEN if source is not None and self._is_fenced(name, source, record):
                await self._act(name, source, watched.because, topology, heard)
            case Finding.UNPROVEN:
                unproven = ("fence: nothing proves that it cannot write",)
                self._decisions.tell(name, "blocked", view, watched.because, unproven)
            case Finding.WAITING | Finding.SUSPECT | Finding.GONE:
                self._decisions.tell(name, watched.finding.value, view, watched.because)
        return watched.wait_s

    def _is_fenced(self, name: str, source: str, record: Record | None) -> bool:
        """A lease that ran out while nobody could extend it proves as much; but who held it comes first then, unless
        the controller beside it says nothing either.
        """
        fenced = record.fences.get((name, source)) if record is not None else None
        if record is None or fenced is None:
            return False
        speaks = self._bench.region is None or source in record.witnesses
        patience = self._watch.ttl if speaks else min(self._watch.ttl, self._watch.probe + ASKS_AGAIN_S)
        return fenced.how == "released" or self._bench.clock.elapsed() - self._silent >= patience

    async def _end(self, name: str, source: str, record: Record) -> End:
        fenced = record.fences.get((name, source))
        if fenced is not None and fenced.how == "released":
            return End.CRASHED
        control = self._bench.controls.get((name, source))
        if control is None:
            return End.UNKNOWN
        looked = asyncio.ensure_future(self._found(control, RELEASE_S if self._bench.region is not None else 0.0))
        told = asyncio.ensure_future(self._released[name].wait())
        try:
            await asyncio.wait({looked, told}, return_when=asyncio.FIRST_COMPLETED)
            again = await self._recall() if told.done() and not looked.done() else None
            fenced = again.fences.get((name, source)) if again is not None else None
            return End.CRASHED if fenced is not None and fenced.how == "released" else await looked
        finally:
            looked.cancel()
            told.cancel()

    async def _found(self, control: NodeControl, after: float) -> End:
        """`after` so many seconds."""
        if after:
            await self._bench.clock.sleep(after)
        try:
            found = await control.inspect(INSPECT_S)
            return end_of(found, answers=found.running and await control.answers(ANSWER_S))
        except QxError:
            return End.UNKNOWN

    async def _act(
        self, name: str, source: str, because: str, topology: Topology, heard: dict[str, float]
    ) -> None:
        """`heard`: as `judge` has it, `topology` was judged with."""
        record = await self._recall()
        if record is None or not self._leads:
            return
        view, cluster = topology.clusters[name], self._bench.platform.clusters[name]
        standing = record.standing(name, self._bench.clock.now(), self._trust.feel(), self.unsafe_store())
        against = vetoes(name, cluster, source, self._watch, standing)
        if against:
            only_mode = [veto.name for veto in against] == ["mode"]
            words = tuple(f"{veto.name}: {veto.because}" for veto in against)
            self._decisions.tell(name, "would-act" if only_mode else "veto", view, because, words)
            return
        began = self._bench.clock.elapsed()
        asks, vigil = cluster.mode == "confirm", self._vigils[name]
        since = None if vigil.ended is None else self._bench.clock.now() - (began - vigil.ended)
        known = record.known_of(name, source)
        lost = Lost(name, source, topology, record.acknowledged_by(name), vigil.end, since, known)
        plan = await (self._confirming.approved(lost) if asks else plan_unasked(self._bench, lost))
        if isinstance(plan, ApprovalRequest):
            way = f"approvals: qx approve {plan.plan} --reason TEXT"
            self._decisions.tell(name, "asks", view, because, (way,), plan=plan.plan)
            return
        if plan is None or isinstance(plan, Refusal):
            gates = plan.gates if plan is not None else ()
            words = tuple(f"{gate.gate}: {gate.because}" for gate in gates if not gate.passed)
            self._decisions.tell(name, "blocked", view, because, words or ("candidates: none is eligible",))
            return
        if self._trust.feel() > 0 or not await self._is_still_gone(name, began, heard):
            return
        self._decisions.tell(name, "act", view, because)
        ended = await carry_out(self._bench, plan, RunLog(self._log), approvals=1 if asks else 0)
        self._vigils.pop(name, None)
        if asks:
            self._confirming.withdraw(name, f"carried out by run {ended.run}")
        self._decisions.tell(name, "ended", view, f"run {ended.run}: {ended.outcome.value}", run=ended.run)
        await self._eyes.look(name)

    async def _go_home(self, name: str, view: ClusterView) -> None:
        """Failback by policy: planned, and held up by whatever holds up a planned move."""
        cluster, policy, at = self._bench.platform.clusters[name], self._watch.failback, self._bench.clock.elapsed()
        since = well_since(self._well.get(name), view, cluster.home, at)
        self._well[name] = since
        record = await self._recall() if may_return(policy, since, at) and self._leads else None
        if record is None or view.writer is None or cluster.mode != "auto":
            return
        standing = record.standing(name, self._bench.clock.now(), self._trust.feel(), self.unsafe_store())
        against = vetoes_of_homing(name, cluster, view.writer, self._watch, standing)
        if against:
            words = tuple(f"{veto.name}: {veto.because}" for veto in against)
            self._decisions.tell(name, "veto", view, "home is well", words)
            return
        plan = await plan_homing(self._bench, name, view.writer)
        if isinstance(plan, Refusal):
            words = tuple(f"{gate.gate}: {gate.because}" for gate in plan.gates if not gate.passed)
            self._decisions.tell(name, "blocked", view, "home is well", words)
            return
        well_for = format_seconds(at - (since or at))
        self._decisions.tell(name, "act", view, f"{cluster.home} has been well for {well_for}")
        ended = await carry_out(self._bench, plan, RunLog(self._log))
        self._well.pop(name, None)
        self._decisions.tell(name, "ended", view, f"run {ended.run}: {ended.outcome.value}", run=ended.run)

    async def _is_still_gone(self, name: str, since: float, heard: dict[str, float]) -> bool:
        """Planning waits for what does not answer, and the writer may have come back meanwhile."""
        if self._bench.clock.elapsed() - since <= self._watch.probe:
            return True
        await self._eyes.look(name, min(INSPECT_S, self._watch.probe))
        topology = await self._rejudged(heard)
        gone = topology is not None and topology.clusters[name].cause is Cause.WRITER_DEAD
        return gone and self._trust.feel() == 0

    def _take_over(self, record: Record) -> None:
        """An automatic run whose executor died is finished here, where policy still lets qx act by itself; not while a
        writer that was stopped cleanly since has its grace.
        """
        waiting = {each.cluster for each in self.decided if each.verdict == Finding.WAITING.value}
        armed = {name for name, cluster in self._bench.platform.clusters.items() if cluster.mode != "observe"}
        for run in (orphan for orphan in record.orphans() if armed.issuperset(orphan.clusters)):
            if not any(cluster in self._tasks or cluster in waiting for cluster in run.clusters):
                for cluster in run.clusters[:1]:
                    task = asyncio.create_task(self._resume(run), name=f"resume {run.id}")
                    self._tasks[cluster] = task
                    task.add_done_callback(functools.partial(self._ended, cluster))

    async def _resume(self, run: Run) -> None:
        self._log.tell("resume", run=run.id, clusters=list(run.clusters))
        try:
            ended = await resume(self._bench, run.id, RunLog(self._log), 0.0, attended=False)
        except QxError as error:
            self._log.tell("error", run=run.id, code=error.code, message=error.message)
        else:
            self._log.tell("ended", run=run.id, outcome=ended.outcome.value)

    def _judge(self, record: Record) -> Topology:
        self.topology = self._judged(record, {})
        return self.topology

    def _judged(self, record: Record, heard_within: dict[str, float]) -> Topology:
        return judge(
            self._bench.platform, self._eyes.seen, self._eyes.endpoints_seen, record.rules, record.store_id,
            self._bench.clock.now(), record.samples, heard_within,
        )

    async def _keep_samples(self, topology: Topology) -> None:
        """By the leader: all of them see the same."""
        if not self._leads:
            return
        try:
            await self._bench.apart(self._bench.store.keep_samples, samples_of(topology))
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)

    async def _rejudged(self, heard_within: dict[str, float]) -> Topology | None:
        record = await self._recall()
        return None if record is None else self._judged(record, heard_within)

    async def _recall(self) -> Record | None:
        """None: the store does not answer, and without a record nobody may act."""
        try:
            record = await self._bench.apart(recall, self._bench)
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)
            self._silent = self._bench.clock.elapsed()
            return None
        return record
