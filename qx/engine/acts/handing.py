"""Handover: the Redis master gives its role to the target (FAILOVER), or has it back.

Taken back is a handover only by proof: the old master is one, with no failover under way; or it has no process left,
and the target still follows. When both are replicas and the target is not behind, nothing is lost by promoting it: the
old master follows, and its file says so. Everything else is unknown, and stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.promoting import Withdrawn
from qx.engine.acts.seeing import redis_facts, wait_until
from qx.failover.links import address
from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.observation import RedisFacts
    from qx.model.plan import Handover

SETTLE_S = 0.3  # how long a replica may take to acknowledge before the handover is begun without that


class RedisHandover:
    async def perform(self, action: Handover, doing: Doing) -> dict[str, Any]:
        """FAILOVER from the old master: it pauses writes itself, and takes itself back when the target does
        not catch up in time.
        """
        cluster = doing.world.platform.clusters[action.cluster]
        source = doing.world.redis(action.cluster, action.writer)
        before = await _seen(action.writer, action, doing)
        if before is None or before.role != "master":
            return await self._mend(action, doing, QxError("QX-NODE-007", f"{action.writer} is no master any more"))
        try:
            # A write and WAIT make the replicas acknowledge now instead of at their next second: FAILOVER then
            # need not wait for them.
            acknowledged = await source.settle_replicas(len(before.replicas), min(SETTLE_S, doing.timeout))
            await source.handover(address(cluster, action.region, action.writer), doing.timeout)
        except Unsure:
            raise
        except QxError as error:
            return await self._mend(action, doing, error)
        return {"acknowledged": acknowledged, **await self._taken(action, doing)}

    async def _taken(self, action: Handover, doing: Doing) -> dict[str, Any]:
        """The source follows; the target says that it is the master a moment later."""

        async def look() -> dict[str, Any] | None:
            facts = await redis_facts(doing.world, action.cluster, action.region)
            return {"replid": facts.replid, "offset": facts.offset} if facts.role == "master" else None

        unseen = Unsure("QX-RUN-002", f"{action.region} does not say that it is the master")
        return await wait_until(doing, look, 0.003, unseen)

    async def _mend(self, action: Handover, doing: Doing, error: QxError) -> dict[str, Any]:
        settled = await self.settled(action, doing)
        if settled is None:
            raise Unsure("QX-RUN-002", error.message, hint=error.hint) from error
        if settled.done:
            return settled.proof
        if settled.proof.get("withdrawn"):
            raise Withdrawn(error, settled.proof) from error
        await doing.world.redis(action.cluster, action.region).replicate(None, doing.timeout)
        return settled.proof

    async def settled(self, action: Handover, doing: Doing) -> Settled | None:
        source = await _seen(action.writer, action, doing)
        stopped = source is None and await _stopped(action, doing)
        target = await _seen(action.region, action, doing)
        if target is not None and target.role == "master":
            return Settled(True, _proof(target))
        if source is not None and source.role == "master" and source.failover_state == "no-failover":
            return Settled(False, {"withdrawn": True, "source": "master"})
        if target is not None and stopped:
            return Settled(False, {"withdrawn": True, "source": "stopped"})
        if target is not None and source is not None and _leaderless(source, target):
            return Settled(False, {"source": "replica", **_proof(target)})
        return None


def _leaderless(source: RedisFacts, target: RedisFacts) -> bool:
    """Both follow, no failover is under way, and the target holds all that the source does."""
    follow = source.role == target.role == "replica" and source.failover_state == "no-failover"
    return follow and target.replid == source.replid and target.offset >= source.offset


def _proof(target: RedisFacts) -> dict[str, Any]:
    return {"replid": target.replid, "offset": target.offset}


async def _seen(region: str, action: Handover, doing: Doing) -> RedisFacts | None:
    try:
        return await redis_facts(doing.world, action.cluster, region, doing.timeout / 2)
    except QxError:
        return None  # silence tells nothing


async def _stopped(action: Handover, doing: Doing) -> bool:
    """Does the control say that no process of the old master is left?"""
    try:
        return not (await doing.world.control(action.cluster, action.writer).inspect(doing.timeout / 2)).pids
    except QxError:
        return False
