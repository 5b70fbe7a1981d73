"""Isolation watch: ends an armed writer of this controller's region before its lease does, when it is cut off.

`watch.isolation.stop_after` seconds after quorum and every receiver fell silent together, its guard is told a term that
is all but over. Nothing is released: others still wait for the lease. When the store answers again and no higher epoch
is on record, the writer is started again (see `qx.daemon.beside`).
Never: acts on a cluster that is not armed, or on one whose receivers were gone before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.isolation import is_cut_off, received_ago
from qx.kernel.errors import QxError
from qx.model.control import Term
from qx.model.observation import Observation, PgFacts, RedisFacts

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.beside import Beside, Held
    from qx.daemon.eyes import Eyes
    from qx.daemon.log import Log

LOOK_S = 0.05
STALL_S = 0.5  # who did not look for so long himself knows nothing of the silence of others
SOON_S = 0.05  # a guard does not accept a term that is over when it arrives; then the next look tells it again
TELL_S = 0.5


class Isolation:
    def __init__(self, bench: Workbench, watch: Watch, eyes: Eyes, beside: Beside, log: Log) -> None:
        self._bench, self._watch, self._eyes, self._beside, self._log = bench, watch, eyes, beside, log
        self._received: dict[str, float] = {}  # when each writer last heard a receiver (`Clock.elapsed`)
        self._since = self._looked = bench.clock.elapsed()  # of looking without a break

    async def mind(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await self._bench.clock.sleep(LOOK_S)

    async def look(self) -> None:
        now = self._bench.clock.elapsed()
        if now - self._looked > STALL_S:
            self._since = now
        self._looked = now
        for held in self._beside.held:
            if self._is_cut_off(held, now):
                await self._stop(held, now)

    def _is_cut_off(self, held: Held, now: float) -> bool:
        name, region = held.grant.cluster, held.grant.region
        seen, asked = self._eyes.seen.get((name, region)), self._eyes.answered.get((name, region))
        if isinstance(seen, Observation) and isinstance(seen.facts, (PgFacts, RedisFacts)) and asked is not None:
            ago = received_ago(seen.facts)
            if ago is not None:
                self._received[name] = max(self._received.get(name, 0.0), asked - ago)
        after = self._watch.isolation_stop_after
        if now - self._since < after:
            return False
        return is_cut_off(self._beside.heard, self._received.get(name), now, after, after + 2 * self._watch.probe)

    async def _stop(self, held: Held, now: float) -> None:
        grant = held.grant
        last = Term(sent=now, ttl=grant.margin + SOON_S, margin=grant.margin)
        self._log.tell("isolated", cluster=grant.cluster, region=grant.region, epoch=grant.epoch)
        try:
            await self._bench.controls[grant.cluster, grant.region].extend(grant.epoch, last, TELL_S)
        except QxError as error:
            self._log.tell("error", cluster=grant.cluster, code=error.code, message=error.message)
        else:
            self._beside.lose(grant.cluster)
