"""Follow and return: a replica streams from the new writer. `Started` is not `joined`: the writer must see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts, wait_until
from qx.failover.links import address, application_name, slot_name
from qx.kernel.errors import QxError
from qx.kernel.spans import format_bytes

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan


class PgFollow:
    async def perform(self, action: plan.Follow, doing: Doing) -> dict[str, Any]:
        """Running standby: new upstream by reload, no restart. One that is ahead of the fork never could follow."""
        await _must_not_be_ahead(action, doing)
        slot = slot_name(doing.world.platform.clusters[action.cluster], action.region)
        await doing.world.postgres(action.cluster, action.upstream).create_slots((slot,), doing.timeout)
        await _repoint(action, doing, slot)
        return await _streaming(action, doing)

    async def settled(self, action: plan.Follow, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgReturn:
    async def perform(self, action: plan.Return, doing: Doing) -> dict[str, Any]:
        """Stopped node: its files are pointed at the new writer, it is started as a replica and nothing else. One that
        was started meanwhile is a replica by its pin, and only told whom to follow.
        """
        control = doing.world.control(action.cluster, action.region)
        slot = slot_name(doing.world.platform.clusters[action.cluster], action.region)
        await doing.world.postgres(action.cluster, action.upstream).create_slots((slot,), doing.timeout)
        await control.hold(doing.epoch, "standby", doing.timeout)
        if not (await control.inspect(doing.timeout)).running:
            conninfo = doing.world.conninfo(action.cluster, action.upstream, action.region)
            await control.follow(doing.epoch, conninfo, slot, doing.timeout)
            await control.start(doing.epoch, "replica", doing.timeout)
        else:
            await _repoint(action, doing, slot)
        return await _streaming(action, doing)

    async def settled(self, action: plan.Return, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _must_not_be_ahead(action: plan.Follow, doing: Doing) -> None:
    promoted = doing.proofs.get(f"{action.cluster}.promote", {})
    facts = await pg_facts(doing.world, action.cluster, action.region)
    if facts.timeline == promoted.get("parent") and facts.replayed > promoted["fork"]:
        beyond = format_bytes(facts.replayed - promoted["fork"])
        words = f"{action.cluster}: {action.region} holds {beyond} that {action.upstream} does not have"
        raise QxError("QX-NODE-008", words, hint=f"qx rejoin {action.region}")


async def _repoint(action: plan.Follow | plan.Return, doing: Doing, slot: str) -> None:
    if not (await pg_facts(doing.world, action.cluster, action.region)).in_recovery:
        raise QxError("QX-NODE-008", f"{action.cluster}: {action.region} takes writes", hint="qx status")
    conninfo = doing.world.conninfo(action.cluster, action.upstream, action.region)
    server = doing.world.postgres(action.cluster, action.region)
    await server.alter_system({"primary_conninfo": conninfo, "primary_slot_name": slot}, doing.timeout)


async def _streaming(action: plan.Follow | plan.Return, doing: Doing) -> dict[str, Any]:
    """Seen by the writer as streaming, on the writer's timeline; then the node's own slots, of which nobody
    reads, are dropped.
    """

    async def look() -> dict[str, Any] | None:
        upstream = await pg_facts(doing.world, action.cluster, action.upstream)
        mine = [
            s
            for s in upstream.senders
            if s.name == application_name(action.region) and s.state == "streaming"
        ]
        facts = await pg_facts(doing.world, action.cluster, action.region)
        if not mine or facts.receiver is None or facts.receiver.timeline != upstream.timeline:
            return None
        return {"streaming": True, "timeline": upstream.timeline, "position": facts.position}

    proof = await wait_until(
        doing,
        look,
        0.05,
        QxError(
            "QX-NODE-008",
            f"{action.cluster}: {action.upstream} does not see {action.region} stream",
            hint=f"qx lag {action.cluster}; qx rejoin {action.region}",
        ),
    )
    cluster = doing.world.platform.clusters[action.cluster]
    stale = tuple(slot_name(cluster, region) for region in cluster.nodes)
    await doing.world.postgres(action.cluster, action.region).drop_slots(stale, doing.timeout)
    return proof


class RedisFollow:
    async def perform(self, action: plan.Follow, doing: Doing) -> dict[str, Any]:
        return await _follow_redis(action, doing)

    async def settled(self, action: plan.Follow, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisReturn:
    async def perform(self, action: plan.Return, doing: Doing) -> dict[str, Any]:
        """The old master, a replica by now or stopped, follows the new one, and would after a restart too."""
        cluster, control = (
            doing.world.platform.clusters[action.cluster],
            doing.world.control(action.cluster, action.region),
        )
        await control.hold(doing.epoch, "standby", doing.timeout)
        if not (await control.inspect(doing.timeout)).running:
            await control.follow(
                doing.epoch, address(cluster, action.upstream, action.region), "", doing.timeout
            )
            await control.start(doing.epoch, "replica", doing.timeout)
        return await _follow_redis(action, doing)

    async def settled(self, action: plan.Return, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _follow_redis(action: plan.Follow | plan.Return, doing: Doing) -> dict[str, Any]:
    """Announce the address under which the upstream reaches this node, follow, persist; the upstream must
    list it as online.
    """
    cluster = doing.world.platform.clusters[action.cluster]
    server = doing.world.redis(action.cluster, action.region)
    announced = address(cluster, action.region, action.upstream)
    upstream = address(cluster, action.upstream, action.region)
    host, _, port = announced.rpartition(":")
    before = await redis_facts(doing.world, action.cluster, action.region)
    await server.configure({"replica-announce-ip": host, "replica-announce-port": port}, doing.timeout)
    if before.upstream != upstream:
        await server.replicate(upstream, doing.timeout)
    await server.persist(doing.timeout)

    async def look() -> dict[str, Any] | None:
        mine = await redis_facts(doing.world, action.cluster, action.region)
        facts = await redis_facts(doing.world, action.cluster, action.upstream)
        states = {replica.address: replica.state for replica in facts.replicas}
        if mine.link_up and announced not in states:  # its link was opened under the address announced before
            await server.relink(doing.timeout)
            return None
        joined = mine.link_up and states.get(announced) == "online"
        return {"online": announced, "replid": facts.replid} if joined else None

    return await wait_until(
        doing,
        look,
        0.05,
        QxError(
            "QX-NODE-008",
            f"{action.cluster}: {action.upstream} does not see {action.region} online",
            hint=f"qx lag {action.cluster}; qx rejoin {action.region}",
        ),
    )
