"""Recheck just before acting, and verify at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts, wait_until
from qx.failover.links import address, application_name
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.observation import Marker
    from qx.model.plan import Recheck, Verify


class PgRecheck:
    async def perform(self, action: Recheck, doing: Doing) -> dict[str, Any]:
        """The writer writes; the target is its standby, same system id and timeline, streaming."""
        target = await pg_facts(doing.world, action.cluster, action.region)
        writer = await pg_facts(doing.world, action.cluster, action.writer or "")
        wrong = [
            text
            for text, bad in (
                (f"{action.writer} does not write any more", writer.in_recovery),
                (f"{action.region} is no standby any more", not target.in_recovery),
                (f"{action.region} belongs to another system", target.system_id != writer.system_id),
                (
                    f"{action.region} is on timeline {target.timeline}, the writer on {writer.timeline}",
                    target.timeline != writer.timeline,
                ),
                (
                    f"{action.region} does not stream",
                    target.receiver is None or target.receiver.status != "streaming",
                ),
                (f"{action.region} has its replay paused", target.replay_paused),
            )
            if bad
        ]
        if wrong:
            raise Refused("QX-PLAN-002", "; ".join(wrong), hint="Plan again.")
        return {
            "writer": writer.position,
            "target": target.position,
            "timeline": writer.timeline,
            "system_id": writer.system_id,
        }

    async def settled(self, action: Recheck, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisRecheck:
    async def perform(self, action: Recheck, doing: Doing) -> dict[str, Any]:
        target = await redis_facts(doing.world, action.cluster, action.region)
        writer = await redis_facts(doing.world, action.cluster, action.writer or "")
        wrong = [
            text
            for text, bad in (
                (f"{action.writer} is no master any more", writer.role != "master"),
                (
                    f"{action.writer} is in a failover of its own: {writer.failover_state}",
                    writer.failover_state != "no-failover",
                ),
                (f"{action.region} is no replica any more", target.role != "replica"),
                (f"{action.region} has no link to the master", not target.link_up),
                (f"{action.region} follows another history", target.replid != writer.replid),
            )
            if bad
        ]
        if wrong:
            raise Refused("QX-PLAN-002", "; ".join(wrong), hint="Plan again.")
        return {"writer": writer.offset, "target": target.offset, "replid": writer.replid}

    async def settled(self, action: Recheck, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgVerify:
    async def perform(self, action: Verify, doing: Doing) -> dict[str, Any]:
        """The writer writes under this epoch, and sees every follower stream."""
        otherwise = QxError(
            "QX-NODE-008",
            f"{action.cluster}: not every replica streams from {action.region}",
            hint=f"qx status; qx rejoin --cluster {action.cluster}",
        )

        async def look() -> dict[str, Any] | None:
            facts = await pg_facts(doing.world, action.cluster, action.region)
            if facts.in_recovery or not _rules(facts.marker, action, doing):
                return None
            streaming = {sender.name for sender in facts.senders if sender.state == "streaming"}
            if not all(application_name(region) in streaming for region in action.followers):
                return None
            return {
                "writer": action.region,
                "timeline": facts.timeline,
                "epoch": facts.marker.epoch if facts.marker else 0,
                "streaming": sorted(streaming),
            }

        return await wait_until(doing, look, 0.05, otherwise)

    async def settled(self, action: Verify, doing: Doing) -> Settled | None:
        return Settled(False, {})


def _rules(marker: Marker | None, action: Verify, doing: Doing) -> bool:
    """Does the cluster say of itself that this store rules it, and that this node was made its writer?

    A cluster that qx never moved says nothing yet.
    """
    if marker is None:
        return True
    mine = marker.store_id == doing.world.store.store_id and marker.epoch <= doing.epoch
    return mine and marker.writer == action.region


class RedisVerify:
    async def perform(self, action: Verify, doing: Doing) -> dict[str, Any]:
        cluster = doing.world.platform.clusters[action.cluster]
        wanted = {address(cluster, region, action.region): region for region in action.followers}
        otherwise = QxError(
            "QX-NODE-008",
            f"{action.cluster}: not every replica is in step with {action.region}",
            hint=f"qx status; qx rejoin --cluster {action.cluster}",
        )

        async def look() -> dict[str, Any] | None:
            facts = await redis_facts(doing.world, action.cluster, action.region)
            if facts.role != "master" or not _rules(facts.marker, action, doing):
                return None
            online = {replica.address for replica in facts.replicas if replica.state == "online"}
            if not wanted.keys() <= online:
                return None
            return {
                "writer": action.region,
                "replid": facts.replid,
                "epoch": facts.marker.epoch if facts.marker else 0,
                "online": sorted(wanted.values()),
            }

        return await wait_until(doing, look, 0.05, otherwise)

    async def settled(self, action: Verify, doing: Doing) -> Settled | None:
        return Settled(False, {})
