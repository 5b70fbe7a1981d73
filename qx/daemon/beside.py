"""Beside: what a controller does for the servers of its own region, whatever anybody decides elsewhere.

It extends the lease of an armed cluster's writer, and the guard's term with it: first the store, then the guard, and
the term counts from before the store was asked. A lease that ran out is never brought back: a new one is a new epoch,
under the cluster's own lease, which whoever fails it over would hold. It makes a crash true: start lock, no process
left, and only then RELEASED. A server that its guard ended is started as the writer again if nobody was promoted since.
Never: extends a guard that the store was not told of, or releases what still runs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from qx.engine.acts.fencing import NOBODY
from qx.engine.records import read, read_all, write
from qx.failover.vigil import End, end_of
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.control import PgControl, Term
from qx.model.standing import Arming, Grant, Release

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.daemon.log import Log
    from qx.failover.profiles import Watch
    from qx.model.control import Control
    from qx.model.lease import Lease, Rule
    from qx.ports.controls import NodeControl

ACT_S = 5.0
START_S = 20.0
GRANTING_S = START_S + 2 * ACT_S  # how long the cluster is held at most while a lease is given
# Somebody else acts, or no guard is left: it is not extended any more.
FREED = ("QX-STORE-001", "QX-STORE-002", "QX-STORE-008", "QX-NODE-002", "QX-NODE-011")


class Held(NamedTuple):
    """A writer's lease that this controller extends. `revision`: of its live record."""

    grant: Grant
    revision: int


class Beside:
    """`region` None: every region's servers are its own, as for the one controller of a small platform."""

    def __init__(self, bench: Workbench, watch: Watch, region: str | None, log: Log) -> None:
        self._bench, self._watch, self._region, self._log = bench, watch, region, log
        self._held: dict[str, Held] = {}

    async def keep(self) -> None:
        """Until cancelled."""
        clock = self._bench.clock
        while True:
            began = clock.elapsed()
            await self.round()
            await clock.sleep(max(0.0, self._watch.renew - (clock.elapsed() - began)))

    async def round(self) -> None:
        try:
            rules, armed = self._bench.store.rules(), read_all(self._bench.store, Arming)
            leases = self._bench.store.leases()
        except QxError as error:
            self._tell("", error)  # nothing is extended: the guards keep their deadlines
            return
        busy = {lease.cluster for lease in leases}
        mine = [
            (name, rule)
            for name, rule in rules.items()
            if name in armed and self._is_mine(name, rule.writer) and (name in self._held or name not in busy)
        ]
        for name in set(self._held) - {name for name, _ in mine}:
            await self._let_go(name)
        await asyncio.gather(*(self._one(name, rule) for name, rule in mine))

    def _is_mine(self, cluster: str, region: str | None) -> bool:
        return self._region in (None, region) and (cluster, region) in self._bench.controls

    async def _one(self, name: str, rule: Rule) -> None:
        region = str(rule.writer)
        control = self._bench.controls[name, region]
        try:
            held = self._held.get(name)
            if held is not None and held.grant.region == region:
                await self._renew(name, held, control)
            else:
                await self._take_up(name, region, control, rule)
        except QxError as error:
            self._tell(name, error)

    async def _renew(self, name: str, held: Held, control: NodeControl) -> None:
        term = self._term()
        try:
            live = self._bench.store.put(Grant.LIVE, name, {}, expect=held.revision, ttl=self._watch.ttl)
            self._held[name] = Held(held.grant, live.revision)
            guard = await control.extend(held.grant.epoch, term, self._watch.renew)
        except QxError as error:
            if error.code not in FREED:
                raise
            guard = ""  # it ran out, or a run with a higher epoch acts on the node
        if guard != held.grant.guard:
            self._held.pop(name, None)
            self._log.tell("grant-ended", cluster=name, region=held.grant.region, epoch=held.grant.epoch)

    async def _take_up(self, name: str, region: str, control: NodeControl, rule: Rule) -> None:
        """A lease for a writer that has none that this controller knows of."""
        found = await control.inspect(ACT_S)
        store = self._bench.store
        grant, live = read(store, Grant, name), store.record(Grant.LIVE, name)
        if grant is not None and live is not None and (grant.region, grant.guard) == (region, found.guard):
            self._held[name] = Held(grant, live.revision)  # as this controller left it before it was restarted
            return
        if found.running and found.guard and not _is_replica(found):
            await self._grant(name, region, control)
        elif not found.running and found.exited == "expired":
            await self._start_again(name, region, control)
        elif self._region is not None and end_of(found) is End.CRASHED:
            await self._release(name, region, control, rule)

    async def _grant(self, name: str, region: str, control: NodeControl) -> None:
        """Anew, under a new epoch, to a writer that runs: nobody may act on the cluster meanwhile. First the guard is
        bound, then the record names it: never does a proof rest on a guard that has no deadline.
        """
        lease = self._lease(name)
        try:
            if self._bench.store.rules()[name].writer != region:
                return
            self._bench.store.check(lease)
            guard = await control.extend(lease.epoch, self._term(), ACT_S)
            self._record(name, region, guard, lease)
        finally:
            self._bench.store.release((lease,))

    async def _start_again(self, name: str, region: str, control: NodeControl) -> None:
        """Its guard ended it; nobody was promoted since, or the rule would name another writer. What proved its end is
        taken back before it writes, so that nobody can act on that proof any more, whatever becomes of this start.
        """
        lease = self._lease(name)
        store = self._bench.store
        try:
            if store.rules()[name].writer != region:
                return
            store.check(lease)
            for kind in (Release.KIND, Grant.KIND):
                store.drop(kind, name)
            await control.hold(lease.epoch, "", ACT_S)
            await control.unpin(lease.epoch, ACT_S)
            store.check(lease)
            found = await control.start(lease.epoch, "writer", START_S, self._term())
            self._log.tell("started-again", cluster=name, region=region, epoch=lease.epoch)
            self._record(name, region, found.guard, lease)
        finally:
            store.release((lease,))

    def _record(self, name: str, region: str, guard: str, lease: Lease) -> None:
        watch = self._watch
        grant = Grant(cluster=name, region=region, epoch=lease.epoch, guard=guard, ttl=watch.ttl, margin=watch.margin)
        self._bench.store.check(lease)
        live = self._bench.store.put(Grant.LIVE, name, {}, ttl=watch.ttl)
        write(self._bench.store, grant, name)
        self._held[name] = Held(grant, live.revision)
        self._log.tell("granted", cluster=name, region=region, epoch=lease.epoch, guard=guard)

    def _term(self) -> Term:
        """From this moment on."""
        return Term(sent=self._bench.clock.elapsed(), ttl=self._watch.ttl, margin=self._watch.margin)

    async def _release(self, name: str, region: str, control: NodeControl, rule: Rule) -> None:
        """A crash made true, under the epoch in force: a run that acts meanwhile has a higher one, and goes first."""
        before = read(self._bench.store, Release, name)
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
        because = "its process was gone without having stopped"
        release = Release(
            cluster=name, region=region, epoch=rule.epoch, at=now, because=because, proof=proof
        )
        write(self._bench.store, release, name)
        self._log.tell("released", cluster=name, region=region, epoch=rule.epoch)

    async def _let_go(self, name: str) -> None:
        """Disarmed, or the writer stands elsewhere now: this controller extends it no more."""
        held = self._held.pop(name)
        rule, armed = self._bench.store.rules().get(name), read(self._bench.store, Arming, name)
        if armed is None and rule is not None and rule.writer == held.grant.region:
            await self._free(name, held)

    async def _free(self, name: str, held: Held) -> None:
        """Disarmed: the server runs freely again. First the guard, then the record: no proof without a deadline."""
        try:
            self._bench.store.drop(Grant.KIND, name)
            self._bench.store.drop(Grant.LIVE, name)
            await self._bench.controls[name, held.grant.region].extend(held.grant.epoch, None, ACT_S)
        except QxError as error:
            self._tell(name, error)

    def _lease(self, name: str) -> Lease:
        """The cluster's own, for a moment. Raises QX-STORE-001 while a run holds it."""
        holder = f"grant-{sortable_id(self._bench.clock.now(), self._bench.clock.noise())}"
        return self._bench.store.acquire((name,), holder, GRANTING_S)[0]

    def _tell(self, name: str, error: QxError) -> None:
        self._log.tell("error", cluster=name or None, code=error.code, message=error.message)


def _is_replica(found: Control) -> bool:
    if isinstance(found, PgControl):
        return found.standby_signal or found.state in ("in archive recovery", "shut down in recovery")
    return bool(found.replicaof)
