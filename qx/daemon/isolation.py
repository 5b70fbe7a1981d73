"""Isolation watch: ends an armed writer of this controller's region before its lease does, when it is cut off.

Somewhat before `watch.isolation.stop_after` seconds have passed since quorum and every receiver fell silent together,
the writer is paused: what it would still acknowledge might be lost. It goes on when one of them is heard again. When
they have passed, its guard is told a term that is all but over. Nothing is released: others still wait for the lease.
When the store answers again and no higher epoch is on record, the writer is started again (see `qx.daemon.beside`).
Never: acts on a cluster that is not armed, or on one whose receivers were gone before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.failover.isolation import is_cut_off, pause_after, received_ago
from qx.kernel.errors import QxError
from qx.model.control import Term
from qx.model.observation import Observation, PgFacts, RedisFacts

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.beside import Beside, Held
    from qx.daemon.eyes import Eyes
    from qx.daemon.log import Log
    from qx.model.standing import Grant

LOOK_S = 0.05
LATER_S = 0.05  # more than two ways of a message to the guard differ by, less than lies between two renewals
ASKED_S = 0.3  # the store is asked so long before its silence counts
STALL_S = 0.5  # who did not look for so long himself knows nothing of the silence of others
SOON_S = 0.05  # a guard does not accept a term that is over when it arrives; then the next look tells it again
TELL_S = 0.5


class Isolation:
    def __init__(self, bench: Workbench, watch: Watch, eyes: Eyes, beside: Beside, log: Log) -> None:
        self._bench, self._watch, self._eyes, self._beside, self._log = bench, watch, eyes, beside, log
        self._received: dict[str, float] = {}  # when each writer last heard a receiver (`Clock.elapsed`)
        self._since = self._looked = bench.clock.elapsed()  # of looking without a break
        self._paused: dict[str, Term] = {}  # of clusters whose writer was told to stand still

    async def mind(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await self._bench.clock.sleep(LOOK_S)

    async def look(self) -> None:
        now, after = self._bench.clock.elapsed(), self._watch.isolation_stop_after
        if now - self._looked > STALL_S:
            self._since = now
        self._looked = now
        for held in self._beside.held:
            self._hear(held)
            if self._is_cut_off(held, now, after):
                await self._stop(held, now)
                continue
            if self._is_cut_off(held, now, pause_after(after) - ASKED_S):
                self._beside.ask()  # it may only be that nothing was to be said
            await self._pause(held, self._is_cut_off(held, now, pause_after(after)))
        held_still = {held.grant.cluster for held in self._beside.held}
        self._paused = {name: term for name, term in self._paused.items() if name in held_still}

    def _hear(self, held: Held) -> None:
        name, region = held.grant.cluster, held.grant.region
        seen, asked = self._eyes.seen.get((name, region)), self._eyes.answered.get((name, region))
        if isinstance(seen, Observation) and isinstance(seen.facts, (PgFacts, RedisFacts)) and asked is not None:
            ago = received_ago(seen.facts)
            if ago is not None:
                self._received[name] = max(self._received.get(name, 0.0), asked - ago)

    def _is_cut_off(self, held: Held, now: float, after: float) -> bool:
        if now - self._since < after:
            return False
        together = self._watch.isolation_stop_after + 2 * self._watch.probe
        return is_cut_off(self._beside.heard, self._received.get(held.grant.cluster), now, after, together)

    async def _pause(self, held: Held, pauses: bool) -> None:  # noqa: FBT001 - what is to be
        """The term that its guard has, as if sent a little later: its end stays where it is, and a renewal that is on
        its way is later still.
        """
        grant, last = held.grant, held.term
        paused = self._paused.get(grant.cluster)
        if pauses is (paused is not None) or last is None:
            return
        if paused is not None and paused.sent > last.sent:
            last = paused
        term = replace(last, sent=last.sent + LATER_S, ttl=last.ttl - LATER_S, paused=pauses)
        if not await self._told(grant, term, "paused" if pauses else "resumed"):
            return
        if pauses:
            self._paused[grant.cluster] = term
        else:
            del self._paused[grant.cluster]

    async def _stop(self, held: Held, now: float) -> None:
        grant = held.grant
        paused = grant.cluster in self._paused
        last = Term(sent=now, ttl=grant.margin + SOON_S, margin=grant.margin, paused=paused)
        if await self._told(grant, last, "isolated"):
            self._beside.lose(grant.cluster)

    async def _told(self, grant: Grant, term: Term, what: str) -> bool:
        self._log.tell(what, cluster=grant.cluster, region=grant.region, epoch=grant.epoch)
        try:
            await self._bench.controls[grant.cluster, grant.region].extend(grant.epoch, term, TELL_S)
        except QxError as error:
            self._log.tell("error", cluster=grant.cluster, code=error.code, message=error.message)
            return False
        return True
