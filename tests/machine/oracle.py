"""Oracle: what must be true of a daemon and its world at every moment (design section 3), judged by what really is.

That no two servers acknowledge, that none is promoted while another could write, that no executor of an old epoch
changes anything, the world asserts itself at every event. Here: who may act, on what, when, and what it may cost.
Whatever is wrong is raised where it happens, and kept in `wrong`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import convert

from qx.config.profiles import watch_of
from qx.daemon.trust import PULSE_S
from qx.engine.records import read, read_all
from qx.failover.fences import fences_of
from qx.failover.forwarding import MOST_BYTES
from qx.failover.vetoes import AUTOMATIC
from qx.model.approval import Approved
from qx.model.journal import Event
from qx.model.standing import Acknowledgement, Arming, Grant, Release, Renewal
from tests.fakes.clusters import STALE_S
from tests.fakes.postgres import PgNode
from tests.fakes.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.journal import Entry, Run
    from qx.model.lease import Record
    from qx.model.plan import StagePlan
    from tests.fakes.clusters import Group
    from tests.fakes.nodes import Node
    from tests.fakes.process import Process
    from tests.fakes.world import SimWorld

BLINK_S = 0.05  # what came back so shortly ago could not be known
LOOK_S = 0.6  # nor what woke, or could be reached again, while it was looked at
ON_THEIR_WAY = 3


class Move(NamedTuple):
    """A promotion by a run of the daemon."""

    cluster: str
    source: str
    run: str


class Oracle:
    """`foreign`: clusters of another store. Daemons are told apart by where they stand."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.watch = watch_of(world.platform.watch)
        self.store = MemoryStore(world.shelf)
        self.wrong: list[str] = []
        self.moves: list[Move] = []
        self.began: set[str] = set()  # clusters that the daemon has acted on
        self.armed_once: set[str] = set()
        self.foreign: set[str] = set()
        self._chosen: set[str] = set()  # runs whose choice was judged
        self.set_clock = False
        self._alone_until: dict[tuple[str, str], float] = {}  # nodes that were cut off from all others
        self._counts: dict[str, Process] = {}  # that judge by themselves when a lease has run out
        self._distrusts: dict[str, float] = {}  # until then a daemon has reason to distrust itself
        self._lost: dict[str, int] = dict.fromkeys(world.groups, 0)
        for group in world.groups.values():
            group.on_promotion = lambda node, group=group: self._promoted(group, node)  # type: ignore[misc]
            for each in group.nodes.values():
                each.on_expiry = lambda node=each: self._expired(node)  # type: ignore[misc]
        world.shelf.told = self._recorded
        world.network.before_healing = self._heals

    # -- of the daemon

    def judges(self, process: Process, place: str) -> None:
        """Every deed of that process, the daemon's at that place; its journal entries are brought by `wrote`."""
        process.on_deed = self._did
        self._counts[place] = process
        self._distrusts[place] = 0.0

    def forbids(self, process: Process) -> None:
        """That daemon's store does not rule these clusters."""
        process.on_deed = lambda what: self.violated(f"a daemon of another store has changed something: {what}")

    def stood_still(self, place: str, seconds: float) -> None:
        if seconds > self.watch.stall + PULSE_S + BLINK_S:
            self._distrust(place)

    def clock_was_set(self, place: str, by: float) -> None:
        self.set_clock = True
        if abs(by) > self.watch.stall:
            self._distrust(place)

    def _distrust(self, place: str) -> None:
        self._distrusts[place] = self.world.simulation.now + self.watch.distrust - BLINK_S

    def begins(self, place: str) -> None:
        """What the daemon there chose is judged now that it begins, although it may die before its first entry: one
        that goes on with it later looks again itself.
        """
        for run in self.store.runs():
            if run.id not in self._chosen and run.by.startswith(AUTOMATIC):
                self._chosen.add(run.id)
                for stage in self.store.plan(run.id).stages:
                    self._is_the_furthest(stage, place)

    def wrote(self, entry: Entry, place: str) -> None:
        """An entry of a run that the daemon there executes. Its first step, which looks again, hurts nobody."""
        run = self.store.run(entry.run)
        if entry.event is Event.LEASED:
            for cluster in run.clusters:
                self._may_act(cluster, place, "goes on" if entry.seq > 2 else "acts")
        for stage in self.store.plan(entry.run).stages:
            if entry.seq == 1:
                self._has_reason(run, stage)
                self.began.add(stage.cluster)
            if entry.event is Event.INTENDED and entry.step in (f"{stage.cluster}.hold", f"{stage.cluster}.proven"):
                self._is_gone(stage, known=entry.step.endswith("hold"))

    def _did(self, what: str) -> None:
        """Beside the writer of an armed cluster it may keep a guard, and make a crash true."""
        cluster = what.rpartition(" ")[2].partition("/")[0]
        kept = cluster in self.armed_once and self.world.platform.clusters[cluster].mode == "auto"
        posted = any(lease.cluster == cluster for lease in self.store.leases())  # by somebody's run
        if cluster not in self.began and not ((kept or posted) and what.startswith("control")):
            self.violated(f"the daemon changed something ({what}) without a run")

    def _expired(self, node: Node) -> None:
        if self.world.platform.clusters[node.cluster].mode != "auto" or node.cluster not in self.armed_once:
            self.violated(f"{node} was ended by its guard, and qx may do nothing to {node.cluster}")

    def _recorded(self, record: Record) -> None:
        if record.kind == Arming.KIND:
            self.armed_once.add(record.key)
        if record.kind == Release.KIND:
            self._released(convert(record.value, Release))

    def _released(self, release: Release) -> None:
        node = self.world.groups[release.cluster].nodes[release.region]
        if node.rogue:
            return
        if node.up:
            self.violated(f"{node} was released, and it runs")
        if not node.held_for or node.held_epoch < release.epoch or node.may_write:
            held = f"held for '{node.held_for}' under epoch {node.held_epoch}"
            self.violated(f"{node} was released under epoch {release.epoch}, and nothing keeps it from writing: {held}")

    def proofs_hold(self) -> None:
        """What anybody may conclude at this moment is true: who is proven to be fenced, by what the store tells or by
        how long one of them has seen it tell the same, does not write.
        """
        acting = (process for process in self._counts.values() if process.alive and not process.ahead)
        counts = [process.renewals for process in acting]
        standing = self.store.records(Renewal.KIND)
        live = {each.key for each in standing if all(count.outlived(each) is None for count in counts)}
        fenced = fences_of(self.store.rules(), read_all(self.store, Release), read_all(self.store, Grant), live)
        for (cluster, region), fence in fenced.items():
            node = self.world.groups[cluster].nodes[region]
            woke = node.bound and self.world.simulation.now - node.woken <= STALE_S
            if node.accepts and not (node.rogue or node.loose or woke):
                self.violated(f"{node} takes writes, and anybody may promote: {fence.because}")

    def _may_act(self, cluster: str, place: str, acts: str) -> None:
        mode = self.world.platform.clusters[cluster].mode
        approved = any(cluster in each.clusters for each in read_all(self.store, Approved).values())
        if mode != "auto" and not (mode == "confirm" and approved):
            self.violated(f"it {acts} on {cluster} in mode {mode}, approved by nobody")
        if acts == "acts" and mode == "auto" and read(self.store, Arming, cluster) is None:
            self.violated(f"it acts on {cluster}, which is not armed")
        if self.world.simulation.now < self._distrusts[place]:
            self.violated(f"it {acts} on {cluster} while it has reason to distrust itself")
        if cluster in self.foreign:
            self.violated(f"it {acts} on {cluster}, which another store rules")

    def _has_reason(self, run: Run, stage: StagePlan) -> None:
        cluster = stage.cluster
        if stage.mode != "unplanned":
            self.violated(f"it moves the living writer of {cluster}: {stage.mode}")
        seen = read_all(self.store, Acknowledgement)
        for move in self.moves:
            if move.cluster == cluster and move.run not in seen:
                self.violated(f"it acts on {cluster} again, and nobody has acknowledged run {move.run}")
        for window in () if self.set_clock else self.store.maintenance(self.world.simulation.wall):
            if window.scope in ("*", cluster, stage.source):
                self.violated(f"it acts on {cluster} under the maintenance of {window.scope}")

    def _is_the_furthest(self, stage: StagePlan, place: str) -> None:
        """Does another candidate hold what the chosen one cannot get? A few writes may be on their way; a PostgreSQL
        fetches what it lacks before it is promoted (`_has_fetched`).
        """
        group, joins = self.world.groups[stage.cluster], self.world.network.joins
        target = group.nodes[stage.target]
        for node in group.nodes.values():
            if node.region in (stage.source, stage.target) or not (node.serves and joins(place, node.region)):
                continue
            if stage.source is not None and node.beyond(group.nodes[stage.source]):
                continue  # it has gone its own way, and is no candidate
            more = [record for record in node.beyond(target) if record.write is not None]
            fetches = isinstance(node, PgNode) and node.end - target.end <= MOST_BYTES
            if len(more) > ON_THEIR_WAY and not fetches:
                self.violated(f"it chose {target}, and {node} holds {len(more)} acknowledged writes more")

    def _is_gone(self, stage: StagePlan, *, known: bool) -> None:
        """`known`: the control beside it answers, so that how it ended could be known."""
        group, now = self.world.groups[stage.cluster], self.world.simulation.now
        for region in {stage.source, group.writer.region} - {None}:
            node = group.nodes[region or ""]
            known_s = self.world.simulation.now - self._alone_until.get((group.name, node.region), -LOOK_S)
            alone = self._alone(group, node) or known_s < LOOK_S
            well = "" if alone else self._writes(node, now) or (known and self._waits(node, now))
            if well:
                self.violated(f"it acts on {stage.cluster}, and {region} {well}")

    def _writes(self, node: Node, now: float) -> str:
        known = now - node.woken > LOOK_S and now - node.started > BLINK_S
        return "writes" if node.accepts and known else ""

    def _waits(self, node: Node, now: float) -> str:
        """In words why this writer should have been left alone; '' when its end is a reason to act."""
        gone = now - node.accepted_at
        if node.frozen and gone < self.watch.hang_after:
            return f"stands still for only {now - node.frozen_since:.2f} s"
        if node.stopped and not node.up and gone < self.watch.restart_grace:
            return f"was stopped cleanly only {gone:.2f} s ago"
        return ""

    def _heals(self) -> None:
        for group in self.world.groups.values():
            for node in group.nodes.values():
                if self._alone(group, node):
                    self._alone_until[group.name, node.region] = self.world.simulation.now

    def _alone(self, group: Group, node: Node) -> bool:
        """Is it cut off from every other node?"""
        joins, others = self.world.network.joins, (each for each in group.nodes.values() if each is not node)
        return not any(each.serves and joins(node.region, each.region) for each in others)

    # -- of whoever promotes

    def _promoted(self, group: Group, node: Node) -> None:
        lost = [record for record in group.acked if not node.holds(record)]
        newly, self._lost[group.name] = len(lost) - self._lost[group.name], len(lost)
        lease = {lease.cluster: lease for lease in self.store.leases()}.get(group.name)
        if lease is None:  # what was sent in time arrived late
            return
        run = self.store.run(lease.holder)
        stage = next(stage for stage in self.store.plan(run.id).stages if stage.cluster == group.name)
        if stage.mode == "planned" and newly:
            self.violated(f"{newly} acknowledged writes of {group.name} lost in a planned move")
        if node.region == stage.source:  # an undo
            return
        if run.by.startswith(AUTOMATIC):
            self._moved(group, node, run, stage)
        if stage.mode == "unplanned" and newly > 0:
            self._cost(group, node, stage, lost[-1].end, newly, unasked=run.by.startswith(AUTOMATIC))

    def _moved(self, group: Group, node: Node, run: Run, stage: StagePlan) -> None:
        old = group.nodes[stage.source or ""]
        epochs = [each.entry.proof for each in self.store.entries(run.id) if each.entry.event is Event.LEASED]
        plan = self.store.plan(run.id)
        if not plan.consent.accept_loss:
            self._has_fetched(group, node, run, old)
        proven = any(step.id == f"{group.name}.proven" for step in plan.steps)
        locked = old.held_for and old.held_epoch >= min(granted[group.name] for granted in epochs)
        if not (locked or proven or old.rogue):
            held = f"held for '{old.held_for}' under epoch {old.held_epoch}"
            self.violated(f"{node} was promoted, and nothing keeps {old} from starting as a writer: {held}")
        self.moves.append(Move(group.name, stage.source or "", run.id))
        if (many := moves_of_regions(self.moves)) > self.watch.moves_per_day:
            self.violated(f"{many} automatic moves in a day, allowed are {self.watch.moves_per_day}: {self.moves}")

    def _has_fetched(self, group: Group, target: Node, run: Run, old: Node) -> None:
        """It holds whatever any of those holds that were frozen with it."""
        frozen: set[str] = set()
        for each in self.store.entries(run.id):
            if each.entry.step == f"{group.name}.freeze" and each.entry.event is Event.ENDED:
                frozen = set(each.entry.proof.get("positions", ()))
        for node in (group.nodes[region] for region in sorted(frozen - {target.region})):
            more = [] if node.beyond(old) else [record for record in node.beyond(target) if record.write is not None]
            if more:
                self.violated(f"{target} was promoted, and {node} holds {len(more)} acknowledged writes more")

    def _cost(self, group: Group, node: Node, stage: StagePlan, end: int, many: int, *, unasked: bool) -> None:
        loss = stage.loss
        if loss is None or loss.bytes_high is None:
            if unasked:
                self.violated(f"{many} writes of {group.name} lost, and nothing was announced")
            return
        held = next((at for parent, at in reversed(node.history)), 0) if isinstance(node, PgNode) else node.end
        size, slack = end - held, self.slack(group)
        budget = self.world.platform.clusters[group.name].objectives.rpo_bytes
        if size > loss.bytes_high + slack:
            self.violated(f"{size} bytes of {group.name} lost, {loss.bytes_high} announced: {loss.because}")
        if unasked and size > budget + slack:
            self.violated(f"{size} bytes of {group.name} lost unasked, the budget is {budget}")

    def slack(self, group: Group) -> int:
        """What is written between two ticks is seen by nobody: two of them, and a heartbeat."""
        return 2 * 2 * group.write_bytes[1] + 0x60

    # -- all together

    def violated(self, what: str) -> None:
        text = f"{self.world.simulation.now:.3f} {what}"
        self.wrong.append(text)
        raise AssertionError(text)

    def check(self) -> None:
        for text in self.found():
            raise AssertionError(text)

    def found(self) -> Iterator[str]:
        yield from self.wrong
        for group in self.world.groups.values():
            yield from group.violations


def moves_of_regions(moves: list[Move]) -> int:
    """Clusters that left a region together are one move; a cluster that left it twice left it twice."""
    left = {(move.source, move.cluster) for move in moves}
    often = {pair: sum((move.source, move.cluster) == pair for move in moves) for pair in left}
    regions = {source for source, _ in left}
    return sum(max(count for (source, _), count in often.items() if source == region) for region in regions)
