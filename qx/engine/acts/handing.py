"""Settle and handover: the Redis master gives its role to the target (FAILOVER), or has it back.

FAILOVER compares the target's last acknowledgement with the master's position. A replica acknowledges once a second:
under writes clients would wait for up to that long. Settle learns the moment of the next one while they still write,
and lets the handover begin just before it.

Taken back is a handover only by proof: the old master is one, with no failover under way; or it has no process left,
and the target still follows. When both are replicas and the target is not behind, nothing is lost by promoting it: the
old master follows, and its file says so. Everything else is unknown, and stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qx.engine.acts import Settled
from qx.engine.acts.promoting import Withdrawn
from qx.engine.acts.seeing import redis_facts, wait_until
from qx.failover.links import address
from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.observation import RedisFacts
    from qx.model.plan import Handover, Settle

WAIT_S = 0.3  # how long the replicas may take to answer the WAIT that measures the way to them and back
EVERY_S = 1.0  # in which rhythm a replica acknowledges unasked: a constant of Redis and Valkey
LEAD_S = 0.06  # between the end of the settling and FAILOVER: the route is closed and the journal written


class RedisSettle:
    async def perform(self, action: Settle, doing: Doing) -> dict[str, Any]:
        """No acknowledgement in time is no reason to stop: the handover may then take a second more."""
        clock, cluster = doing.world.clock, doing.world.platform.clusters[action.cluster]
        source = doing.world.redis(action.cluster, action.writer)
        facts = await redis_facts(doing.world, action.cluster, action.writer)
        asked = clock.elapsed()
        acknowledged = await source.settle_replicas(len(facts.replicas), min(WAIT_S, doing.timeout))
        lead = clock.elapsed() - asked + LEAD_S
        replica = address(cluster, action.region, action.writer)
        last = await source.acknowledgement(replica, min(doing.timeout / 2, 2 * EVERY_S))
        if last is not None:
            await clock.sleep((last - lead - clock.elapsed()) % EVERY_S)
        return {"acknowledged": acknowledged, "in_step": last is not None, "lead_s": round(lead, 3)}

    async def settled(self, action: Settle, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisHandover:
    async def perform(self, action: Handover, doing: Doing) -> dict[str, Any]:
        """FAILOVER from the old master: it pauses writes itself, and takes itself back when the target does
        not catch up in time.
        """
        cluster = doing.world.platform.clusters[action.cluster]
        source = doing.world.redis(action.cluster, action.writer)
        try:
            before = await redis_facts(doing.world, action.cluster, action.writer, doing.timeout / 2)
            if before.role != "master":
                raise QxError("QX-NODE-007", f"{action.writer} is no master any more")
        except QxError as error:
            if doing.first:
                raise Withdrawn(error, {"sent": False}) from error
            return await self._mend(action, doing, error)
        try:
            await source.handover(address(cluster, action.region, action.writer), doing.timeout)
        except Unsure:
            raise
        except QxError as error:
            return await self._mend(action, doing, error)
        return await self._taken(action, doing)

    async def _taken(self, action: Handover, doing: Doing) -> dict[str, Any]:
        """The source follows; the target says that it is the master a moment later."""

        async def look() -> dict[str, Any] | None:
            facts = await redis_facts(doing.world, action.cluster, action.region)
            return _proof(facts) if facts.role == "master" else None

        unseen = Unsure("QX-RUN-002", f"{action.region} does not say that it is the master")
        return await wait_until(doing, look, 0.003, unseen)

    async def _mend(self, action: Handover, doing: Doing, error: QxError) -> dict[str, Any]:
        """To a known end: handed over, withdrawn, or, when nobody is master, the target promoted."""
        ends = await _look(action, doing)
        if ends.handed:
            return _proof(ends.target)
        if ends.kept:
            raise Withdrawn(error, ends.words) from error
        if ends.target_stopped:
            control = doing.world.control(action.cluster, action.region)
            await control.start(doing.epoch, "replica", doing.timeout)
            ends = await _look(action, doing)
        if not ends.leaderless:
            raise Unsure("QX-RUN-002", error.message, hint=error.hint) from error
        await doing.world.redis(action.cluster, action.region).replicate(None, doing.timeout)
        return _proof(ends.target)

    async def settled(self, action: Handover, doing: Doing) -> Settled | None:
        ends = await _look(action, doing)
        if ends.handed:
            return Settled(True, _proof(ends.target))
        if ends.kept:
            return Settled(False, {"withdrawn": True, **ends.words})
        return Settled(False, ends.words) if ends.leaderless or ends.target_stopped else None


class _Ends(NamedTuple):
    """Both ends of the handover; None: silent. Stopped: its control says that no process is left."""

    source: RedisFacts | None
    target: RedisFacts | None
    source_stopped: bool
    target_stopped: bool

    @property
    def handed(self) -> bool:
        return self.target is not None and self.target.role == "master"

    @property
    def kept(self) -> bool:
        """The old master is still the only one that can be it."""
        if self.source is not None:
            return self.source.role == "master" and self.source.failover_state == "no-failover"
        return self.source_stopped and self.target is not None and not self.handed

    @property
    def leaderless(self) -> bool:
        """Both follow, no failover is under way, and the target holds all that the source does."""
        if self.source is None or self.target is None:
            return False
        follow = self.source.role == self.target.role == "replica" and self.source.failover_state == "no-failover"
        return follow and self.target.replid == self.source.replid and self.target.offset >= self.source.offset

    @property
    def words(self) -> dict[str, Any]:
        source = self.source.role if self.source else "stopped" if self.source_stopped else "silent"
        target = self.target.role if self.target else "stopped" if self.target_stopped else "silent"
        return {"source": source, "target": target}


async def _look(action: Handover, doing: Doing) -> _Ends:
    """The source first: what it may still have sent has arrived when the target is asked."""
    source, source_stopped = await _end(action.writer, action, doing)
    target, target_stopped = await _end(action.region, action, doing)
    return _Ends(source, target, source_stopped, target_stopped)


async def _end(region: str, action: Handover, doing: Doing) -> tuple[RedisFacts | None, bool]:
    try:
        return await redis_facts(doing.world, action.cluster, region, doing.timeout / 4), False
    except QxError:
        pass
    try:
        return None, not (await doing.world.control(action.cluster, region).inspect(doing.timeout / 4)).pids
    except QxError:  # neither tells: that is what None, False means
        return None, False


def _proof(target: RedisFacts | None) -> dict[str, Any]:
    return {} if target is None else {"replid": target.replid, "offset": target.offset}
