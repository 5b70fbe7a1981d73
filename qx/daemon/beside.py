"""Beside: what a controller does for the servers of its own region, whatever anybody decides elsewhere.

It extends the lease of an armed cluster's writer, and the guard's term with it: first the store, then the guard, and
the term counts from before the store was asked. A lease that ran out is never brought back: a new one is a new epoch,
under the cluster's own lease, which whoever fails it over would hold. It makes a crash true: start lock, no process
left, and only then RELEASED. A server that its guard ended is started as the writer again if nobody was promoted since.
A writer whose place no standby could take is bound by nothing: its end would help nobody.
Never: extends a guard that the store was not told of, or releases what still runs.
"""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from qx.app.reinstate import reinstate
from qx.engine.acts.fencing import NOBODY
from qx.engine.records import read, read_all, write
from qx.engine.rivals import FAR_BACK, unended
from qx.failover.coldstart import is_replica
from qx.failover.fences import is_released
from qx.failover.isolation import has_successor
from qx.failover.vigil import End, end_of
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.control import Term
from qx.model.standing import Arming, Grant, Release, Renewal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.log import Log
    from qx.model.control import Control
    from qx.model.lease import Lease, Rule
    from qx.model.topology import Topology
    from qx.ports.controls import NodeControl
    from qx.ports.store import Still

ACT_S = 5.0
START_S = 20.0
AGAIN_S = 0.25  # between two questions out of turn; each waits for as long as any does
GRANTING_S = START_S + 2 * ACT_S  # how long the cluster is held at most while a lease is given
KINDS = (Arming.KIND, Grant.KIND, Renewal.KIND, Release.KIND)
# Somebody else acts, or no guard is left: it is not extended any more.
FREED = ("QX-STORE-001", "QX-STORE-002", "QX-STORE-008", "QX-NODE-002", "QX-NODE-011")


class Held(NamedTuple):
    """A writer's lease that this controller extends. `revision`: of its live record; `told`: its guard heard of it;
    `term`: that it heard of last, None: not from here.
    """

    grant: Grant
    revision: int
    told: bool = True
    term: Term | None = None


class Beside:
    """`region` None: every region's servers are its own, as for the one controller of a small platform. `seen`: the
    latest judgement.
    """

    def __init__(
        self, bench: Workbench, watch: Watch, region: str | None, log: Log, seen: Callable[[], Topology | None]
    ) -> None:
        self._bench, self._watch, self._region, self._log, self._seen = bench, watch, region, log, seen
        self._held: dict[str, Held] = {}
        self._freeing: dict[str, tuple[Held, str]] = {}  # whose guard is still to be told that it runs freely, and why
        self._woken = asyncio.Event()
        self._hung_up: set[str] = set()  # clusters, of which a server did so since the last round
        self._alone: dict[str, float] = {}  # since when no standby could take a writer's place
        self._asking: set[asyncio.Task[None]] = set()
        self._asked = 0.0
        self.heard = bench.clock.elapsed()  # when the store last answered, from before it was asked

    @property
    def held(self) -> tuple[Held, ...]:
        return tuple(self._held.values())

    def lose(self, name: str) -> None:
        """Its guard was told to end it: it is extended no more."""
        self._held.pop(name, None)

    def ask(self) -> None:
        """Asks the store for a sign of life, beside everything else. Again and again: a question that was lost on its
        way says nothing of the next one.
        """
        now = self._bench.clock.elapsed()
        if now - self._asked >= AGAIN_S:
            self._asked = now
            asking = asyncio.create_task(self._ask(now), name="asking")
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _ask(self, asked: float) -> None:
        try:
            await self._bench.apart(self._bench.store.leases)
        except QxError:
            return  # the rounds tell what is wrong
        self.heard = max(self.heard, asked)

    def alarm(self, cluster: str, region: str) -> None:
        """A server hung up: if it is one of its own it may have to be released."""
        if self._is_mine(cluster, region):
            self._hung_up.add(cluster)
            self._woken.set()

    async def keep(self) -> None:
        """Until cancelled."""
        clock = self._bench.clock
        try:
            while True:
                began = clock.elapsed()
                await self.round()
                try:
                    async with asyncio.timeout(max(0.0, self._watch.renew - (clock.elapsed() - began))):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()
        finally:
            for asking in self._asking:
                asking.cancel()

    async def round(self) -> None:
        asked = self._bench.clock.elapsed()
        for name in self._hung_up:  # looked at before it is extended
            self._held.pop(name, None)
        self._hung_up.clear()
        try:
            store = await self._bench.apart(self._bench.still, KINDS)
            rules, armed, leases = store.rules(), read_all(store, Arming), store.leases()
        except QxError as error:
            self._tell("", error)  # nothing is extended: the guards keep their deadlines
            return
        self.heard = max(self.heard, asked)
        for name in tuple(self._freeing):
            await self._free(name)
        busy = {lease.cluster: lease.epoch for lease in leases}
        mine = [
            (name, rule)
            for name, rule in rules.items()
            if self._may_keep(name, armed) and self._is_mine(name, rule.writer)
            and (name in self._held or busy.get(name) in (None, rule.writer_epoch))
        ]
        for name in set(self._held) - {name for name, _ in mine}:
            await self._let_go(name, "the writer stands elsewhere" if self._may_keep(name, armed) else "disarmed")
        await asyncio.gather(*(self._one(name, rule, busy.get(name), store) for name, rule in mine))

    def _may_keep(self, cluster: str, armed: Collection[str]) -> bool:
        """To bind a server is to act on it."""
        found = self._bench.platform.clusters.get(cluster)
        return cluster in armed and found is not None and found.mode == "auto"

    def _is_mine(self, cluster: str, region: str | None) -> bool:
        return self._region in (None, region) and (cluster, region) in self._bench.controls

    async def _one(self, name: str, rule: Rule, busy: int | None, store: Still) -> None:
        """`busy`: the epoch of the run that acts on the cluster."""
        region = str(rule.writer)
        control = self._bench.controls[name, region]
        try:
            held = self._held.get(name)
            if held is not None and held.grant.region == region:
                if self._has_successor(name, region):
                    await self._renew(name, held, control)
                else:
                    await self._let_go(name, "no standby could take its place")
                    return
            if name not in self._held and busy is None:
                await self._take_up(name, region, control, rule, store)
            elif name not in self._held and busy == rule.writer_epoch:
                await self._bind(name, region, control, rule)
        except QxError as error:
            self._tell(name, error)

    def _has_successor(self, name: str, region: str) -> bool:
        """Whether it helps anybody that the writer ends with its lease. A standby may be missing for a while."""
        topology = self._seen()
        if topology is None or topology.clusters[name].writer != region:
            return True
        now = self._bench.clock.elapsed()
        wall = self._bench.clock.now()
        today, law = datetime.fromtimestamp(wall, UTC).date().isoformat(), self._bench.lawbook.at(wall)
        if has_successor(self._bench.platform, name, topology.clusters[name], region, today, law):
            self._alone.pop(name, None)
            return True
        since = self._alone.setdefault(name, now)
        return name in self._held and now - since < self._watch.restart_grace

    async def _renew(self, name: str, held: Held, control: NodeControl) -> None:
        if not held.told:  # where nobody can be told, the lease runs out as the guard's deadline does
            await control.inspect(self._watch.renew)
        term = self._term()
        try:
            renew = functools.partial(write, expect=held.revision, ttl=term.ttl)
            live = await self._bench.apart(renew, self._bench.store, Renewal(ttl=term.ttl), name)
            self._held[name] = Held(held.grant, live.revision, told=False, term=held.term)
            guard = await control.extend(held.grant.epoch, term, self._watch.renew)
            self._held[name] = Held(held.grant, live.revision, term=term)
        except QxError as error:
            if error.code not in FREED:
                raise
            guard = ""  # it ran out, or a run with a higher epoch acts on the node
        if guard != held.grant.guard:
            self._held.pop(name, None)
            self._log.tell("grant-ended", cluster=name, region=held.grant.region, epoch=held.grant.epoch)

    async def _take_up(self, name: str, region: str, control: NodeControl, rule: Rule, store: Still) -> None:
        """A lease for a writer that has none that this controller knows of."""
        found = await control.inspect(ACT_S)
        grant, live = read(store, Grant, name), store.record(Renewal.KIND, name)
        if grant is not None and live is not None and (grant.region, grant.guard) == (region, found.guard):
            self._held[name] = Held(grant, live.revision)  # as this controller left it: restarted, or not answered
            await self._renew(name, self._held[name], control)
            return
        if found.running and found.guard and not is_replica(found):
            if self._has_successor(name, region):
                await self._grant(name, region, control)
        elif self._is_left(rule, found, read(store, Release, name)):
            await self._start_again(name, region, control, found)
        elif self._region is not None and end_of(found) is End.CRASHED:
            await self._release(name, region, control, rule, read(store, Release, name))

    def _is_left(self, rule: Rule, found: Control, release: Release | None) -> bool:
        """Its guard ended it. Or it was released, and nobody takes its place, or somebody started it: as its pin said,
        a replica of nobody.
        """
        if not found.running and found.exited == "expired":
            return True
        if release is None or not is_released(release, rule) or (found.running and not is_replica(found)):
            return False
        return found.running or self._bench.clock.now() - release.at > self._watch.restart_grace

    async def _bind(self, name: str, region: str, control: NodeControl, rule: Rule) -> None:
        """Under the epoch of the run that has just made it the writer and follows up: that one moves it no more, and
        another one has a higher epoch, which the node refuses this one for.
        """
        found = await control.inspect(ACT_S)
        if found.running and found.guard and not is_replica(found):
            self._bench.store.drop(Grant.KIND, name)
            guard = await control.extend(rule.writer_epoch, self._term(), ACT_S)
            self._record(name, region, guard, rule.writer_epoch)

    async def _grant(self, name: str, region: str, control: NodeControl) -> None:
        """Anew, under a new epoch, to a writer that runs: nobody may act on the cluster meanwhile. First the guard is
        bound, then the record names it: never does a proof rest on a guard that has no deadline, or one that
        no renewal tells of.
        """
        lease = self._lease(name)
        try:
            if self._bench.store.rules()[name].writer != region:
                return
            self._bench.store.check(lease)
            self._bench.store.drop(Grant.KIND, name)
            await control.hold(lease.epoch, "", ACT_S)  # as the run that made it the writer did, if it could
            guard = await control.extend(lease.epoch, self._term(), ACT_S)
            self._bench.store.check(lease)
            self._record(name, region, guard, lease.epoch)
        finally:
            self._bench.store.release((lease,))

    async def _start_again(
        self, name: str, region: str, control: NodeControl, found: Control, *, armed: bool = True
    ) -> None:
        """Its guard ended it, or it was released; nobody was promoted since: the rule would name another writer, and a
        run that has not come so far has not ended.
        """
        lease = self._lease(name)
        store = self._bench.store
        try:
            if store.rules()[name].writer != region or unended(store.runs(FAR_BACK), (name,)):
                return
            bound = armed and (bool(found.guard) or found.exited == "expired")
            await reinstate(store, lease, control, found, START_S, self._term(GRANTING_S) if bound else None)
            self._log.tell("started-again", cluster=name, region=region, epoch=lease.epoch)
            if bound:
                guard = await control.extend(lease.epoch, self._term(), ACT_S)
                store.check(lease)
                self._record(name, region, guard, lease.epoch)
        finally:
            store.release((lease,))

    def _record(self, name: str, region: str, guard: str, epoch: int) -> None:
        watch = self._watch
        grant = Grant(cluster=name, region=region, epoch=epoch, guard=guard, ttl=watch.ttl, margin=watch.margin)
        live = write(self._bench.store, Renewal(ttl=watch.ttl), name, ttl=watch.ttl)
        write(self._bench.store, grant, name)
        self._held[name] = Held(grant, live.revision)
        self._freeing.pop(name, None)
        self._log.tell("granted", cluster=name, region=region, epoch=epoch, guard=guard)

    def _term(self, ttl: float | None = None) -> Term:
        """From this moment on. `ttl`: of a server that is still to start, while nobody else may act on its cluster."""
        return Term(sent=self._bench.clock.elapsed(), ttl=ttl or self._watch.ttl, margin=self._watch.margin)

    async def release(self, held: Held, because: str) -> None:
        """Of a writer that hangs. Raises QX-NODE-* and QX-STORE-*."""
        name, region = held.grant.cluster, held.grant.region
        rule = self._bench.store.rules()[name]
        if rule.writer == region and not any(lease.cluster == name for lease in self._bench.store.leases()):
            before = read(self._bench.store, Release, name)
            await self._release(name, region, self._bench.controls[name, region], rule, before, because)
            self.lose(name)

    async def _release(
        self, name: str, region: str, control: NodeControl, rule: Rule, before: Release | None,
        because: str = "its process was gone without having stopped",
    ) -> None:
        """Made true, under the epoch in force: a run that acts meanwhile has a higher one, and goes first."""
        if before is not None and (before.region, before.epoch) == (region, rule.epoch):
            return
        upstream = "" if self._bench.platform.clusters[name].kind == "postgresql" else NOBODY
        await control.hold(rule.epoch, "standby", ACT_S)
        await control.pin(rule.epoch, upstream, ACT_S)
        found = await control.stop(rule.epoch, "kill", ACT_S)
        if found.pids:
            raise QxError("QX-RUN-005", f"{name} in {region}: {len(found.pids)} processes are left")
        proof = {"held": found.held_for, "processes": 0, "exited": found.exited}
        now = self._bench.clock.now()
        release = Release(
            cluster=name, region=region, epoch=rule.epoch, at=now, because=because, proof=proof
        )
        write(self._bench.store, release, name)
        self._log.tell("released", cluster=name, region=region, epoch=rule.epoch)

    async def _let_go(self, name: str, because: str) -> None:
        """This controller extends it no more. If it is still the writer, it runs freely from now on."""
        self._freeing[name] = (self._held.pop(name), because)
        await self._free(name)

    async def _free(self, name: str) -> None:
        """First the record, then the guard: no deadline, no proof. It is tried again in each round until it is done: a
        guard that was not told ends its server, which is then started again.
        """
        held, because = self._freeing[name]
        region, epoch = held.grant.region, held.grant.epoch
        store, control = self._bench.store, self._bench.controls[name, region]
        try:
            rule = store.rules().get(name)
            if rule is not None and rule.writer == region:
                store.drop(Grant.KIND, name)
                store.drop(Renewal.KIND, name)
                found = await control.inspect(ACT_S)
                if not found.running and found.exited == "expired":
                    await self._start_again(name, region, control, found, armed=False)
                else:
                    await control.extend(epoch, None, ACT_S)
                self._log.tell("freed", cluster=name, region=region, because=because)
        except QxError as error:
            self._tell(name, error)
            if error.code != "QX-NODE-002":  # a run with a higher epoch acts there: it has taken it off its lease
                return
        self._freeing.pop(name, None)

    def _lease(self, name: str) -> Lease:
        """The cluster's own, for a moment. Raises QX-STORE-001 while a run holds it."""
        holder = f"grant-{sortable_id(self._bench.clock.now(), self._bench.clock.noise())}"
        return self._bench.store.acquire((name,), holder, GRANTING_S)[0]

    def _tell(self, name: str, error: QxError) -> None:
        self._log.tell("error", cluster=name or None, code=error.code, message=error.message)
