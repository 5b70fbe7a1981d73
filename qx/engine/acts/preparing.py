"""Before clients are touched: the target is made ready to be followed, the writer's next stop is made short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts, wait_until
from qx.failover.links import address, slot_name
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.plan import Checkpoint, Prepare, Unprepare

RETRY = "200ms"  # wal_retrieve_retry_interval: a promotion may stall for as long as this setting


class PgPrepare:
    async def perform(self, action: Prepare, doing: Doing) -> dict[str, Any]:
        """Slots do not replicate: the target gets one for each future follower; a long retry interval is shortened."""
        cluster = doing.world.platform.clusters[action.cluster]
        server = doing.world.postgres(action.cluster, action.region)
        created = await server.create_slots(
            tuple(slot_name(cluster, r) for r in action.followers), doing.timeout
        )
        facts = await pg_facts(doing.world, action.cluster, action.region)
        before = facts.settings.get("wal_retrieve_retry_interval", "")
        if before.isdigit() and int(before) > 1000:
            await server.alter_system({"wal_retrieve_retry_interval": RETRY}, doing.timeout)
        return {"slots": list(created), "wal_retrieve_retry_interval": before}

    async def settled(self, action: Prepare, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgUnprepare:
    async def perform(self, action: Unprepare, doing: Doing) -> dict[str, Any]:
        cluster = doing.world.platform.clusters[action.cluster]
        prepared = doing.proofs.get(f"{action.cluster}.prepare", {})
        names = list(prepared.get("slots", [slot_name(cluster, r) for r in action.followers]))
        server = doing.world.postgres(action.cluster, action.region)
        try:
            await server.drop_slots(tuple(names), doing.timeout)
        except QxError as error:  # a target that died keeps no client from writing; its next follow drops them
            return {"dropped": [], "left": names, "because": str(error)}
        return {"dropped": names}

    async def settled(self, action: Unprepare, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgCheckpoint:
    async def perform(self, action: Checkpoint, doing: Doing) -> dict[str, Any]:
        await doing.world.postgres(action.cluster, action.region).checkpoint(doing.timeout)
        return {}

    async def settled(self, action: Checkpoint, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisPrepare:
    async def perform(self, action: Prepare, doing: Doing) -> dict[str, Any]:
        """The master must know the target by the address under which it can reach it: FAILOVER names its target so."""
        cluster, writer = doing.world.platform.clusters[action.cluster], action.writer or ""
        wanted = address(cluster, action.region, writer)
        host, _, port = wanted.rpartition(":")
        facts = await redis_facts(doing.world, action.cluster, writer)
        if wanted in {replica.address for replica in facts.replicas}:
            return {"announced": wanted, "changed": False}
        target = doing.world.redis(action.cluster, action.region)
        await target.configure({"replica-announce-ip": host, "replica-announce-port": port}, doing.timeout)
        await target.relink(doing.timeout)

        async def look() -> dict[str, Any] | None:
            seen = await redis_facts(doing.world, action.cluster, writer)
            online = {replica.address for replica in seen.replicas if replica.state == "online"}
            return {"announced": wanted, "changed": True} if wanted in online else None

        return await wait_until(
            doing, look, 0.1, QxError("QX-NODE-008", f"{action.region} did not come back as {wanted}")
        )

    async def settled(self, action: Prepare, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisUnprepare:
    async def perform(self, action: Unprepare, doing: Doing) -> dict[str, Any]:
        """The announced address is right for the master that stays: nothing to take back."""
        return {}

    async def settled(self, action: Unprepare, doing: Doing) -> Settled | None:
        return Settled(True, {})
