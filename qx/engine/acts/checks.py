"""Recheck just before acting, and verify at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts, wait_until
from qx.failover.links import address, application_name
from qx.failover.sight import lineage, position, takes_writes
from qx.kernel.errors import QxError, Refused
from qx.model.observation import Marker

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.observation import PgFacts, RedisFacts
    from qx.model.plan import Recheck, Verify

CATCH_UP_POLL_S = 0.02
BACK_S = 0.25  # a writer that is back answers within this


class PgRecheck:
    async def perform(self, action: Recheck, doing: Doing) -> dict[str, Any]:
        """The writer writes; the target is its standby, same system id and timeline, streaming. Then the cluster is
        claimed: a run of another store, or of a lower epoch, is refused before anything is touched. And the target
        receives what was written just now: a link that died quietly must not be found out when clients wait.
        """
        target = await pg_facts(doing.world, action.cluster, action.region)
        if action.writer is None:
            await _is_still_gone(action, doing)
            return _unclaimed(action, doing, target)
        writer = await pg_facts(doing.world, action.cluster, action.writer)
        wrong = [(f"{action.writer} does not write any more", writer.in_recovery)]
        if action.region != action.writer:
            receiver = target.receiver
            wrong += [
                (f"{action.region} is no standby any more", not target.in_recovery),
                (f"{action.region} belongs to another system", target.system_id != writer.system_id),
                (
                    f"{action.region} is on timeline {target.timeline}, the writer on {writer.timeline}",
                    target.timeline != writer.timeline,
                ),
                (f"{action.region} does not stream", receiver is None or receiver.status != "streaming"),
                (f"{action.region} has its replay paused", target.replay_paused),
            ]
        _refuse(wrong)
        server = doing.world.postgres(action.cluster, action.writer)
        await server.write_marker(_claim(action.writer, doing), doing.timeout)
        if action.region != action.writer:
            standby = doing.world.postgres(action.cluster, action.region)

            async def look() -> bool | None:
                return (await standby.replayed(doing.timeout))[0] > writer.position or None

            await wait_until(doing, look, CATCH_UP_POLL_S, _behind(action))
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
        """As `PgRecheck`; and no failover that somebody else began."""
        target = await redis_facts(doing.world, action.cluster, action.region)
        if action.writer is None:
            await _is_still_gone(action, doing)
            return _unclaimed(action, doing, target)
        writer = await redis_facts(doing.world, action.cluster, action.writer)
        wrong = [
            (f"{action.writer} is no master any more", writer.role != "master"),
            (
                f"{action.writer} is in a failover of its own: {writer.failover_state}",
                writer.failover_state != "no-failover",
            ),
        ]
        if action.region != action.writer:
            wrong += [
                (f"{action.region} is no replica any more", target.role != "replica"),
                (f"{action.region} has no link to the master", not target.link_up),
                (f"{action.region} follows another history", target.replid != writer.replid),
            ]
        _refuse(wrong)
        server = doing.world.redis(action.cluster, action.writer)
        await server.write_marker(_claim(action.writer, doing), doing.timeout)
        if action.region != action.writer:

            async def look() -> bool | None:
                facts = await redis_facts(doing.world, action.cluster, action.region, doing.timeout)
                return facts.offset > writer.offset or None

            await wait_until(doing, look, CATCH_UP_POLL_S, _behind(action))
        return {"writer": writer.offset, "target": target.offset, "replid": writer.replid}

    async def settled(self, action: Recheck, doing: Doing) -> Settled | None:
        return Settled(False, {})


def _behind(action: Recheck) -> QxError:
    return QxError(
        "QX-RUN-006",
        f"{action.cluster}: {action.region} does not receive what {action.writer} writes",
        hint=f"its link is slow or cut: qx lag {action.cluster}",
    )


def _claim(writer: str, doing: Doing) -> Marker:
    return Marker(doing.world.store.store_id, doing.epoch, writer)


async def _is_still_gone(action: Recheck, doing: Doing) -> None:
    """The writer that is to be replaced may have come back since it was seen, longest before a run that is resumed."""
    source = doing.stage(action.cluster).source
    if source is None:
        return
    look = pg_facts if doing.kind(action.cluster) == "postgresql" else redis_facts
    try:
        facts: PgFacts | RedisFacts = await look(doing.world, action.cluster, source, BACK_S)
    except QxError:
        return
    _refuse([(f"{source} takes writes again", takes_writes(facts))])


def _unclaimed(action: Recheck, doing: Doing, target: PgFacts | RedisFacts) -> dict[str, Any]:
    """No writer answers that could be marked: what it was marked with last, as the target has it, must not forbid."""
    _refuse([(f"{action.region} takes writes", takes_writes(target))])
    marker = target.marker
    if marker is not None and marker.store_id != doing.world.store.store_id:
        raise Refused(
            "QX-STORE-003",
            f"{action.cluster} belongs to store {marker.store_id}",
            hint=f"qx control adopt {action.cluster} --reason TEXT takes it over, knowingly",
        )
    if marker is not None and marker.epoch > doing.epoch:
        raise Refused("QX-STORE-006", f"{action.cluster} was marked under epoch {marker.epoch}, this is {doing.epoch}")
    return {"target": position(target), "lineage": lineage(target)}


def _refuse(wrong: list[tuple[str, bool]]) -> None:
    """Raises with every sentence that is true."""
    found = [text for text, bad in wrong if bad]
    if found:
        raise Refused("QX-PLAN-002", "; ".join(found), hint="Plan again.")


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
            if facts.in_recovery or facts.marker != _claim(action.region, doing):
                return None
            streaming = {sender.name for sender in facts.senders if sender.state == "streaming"}
            if not all(application_name(region) in streaming for region in action.followers):
                return None
            return {
                "writer": action.region,
                "timeline": facts.timeline,
                "epoch": doing.epoch,
                "streaming": sorted(streaming),
            }

        return await wait_until(doing, look, 0.05, otherwise)

    async def settled(self, action: Verify, doing: Doing) -> Settled | None:
        return Settled(False, {})


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
            if facts.role != "master" or facts.marker != _claim(action.region, doing):
                return None
            online = {replica.address for replica in facts.replicas if replica.state == "online"}
            if not wanted.keys() <= online:
                return None
            return {
                "writer": action.region,
                "replid": facts.replid,
                "epoch": doing.epoch,
                "online": sorted(wanted.values()),
            }

        return await wait_until(doing, look, 0.05, otherwise)

    async def settled(self, action: Verify, doing: Doing) -> Settled | None:
        return Settled(False, {})
