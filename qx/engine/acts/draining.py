"""Drain: the target has replayed all that the fence proved. Freeze: candidates stand still, so that they can
be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.fencing import NOBODY
from qx.engine.acts.seeing import LOOK_S, each_of, pg_facts, redis_facts, wait_until
from qx.failover.links import address, slot_name
from qx.kernel.errors import QxError, Refused
from qx.kernel.spans import format_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.engine.world import Doing
    from qx.model import plan
    from qx.model.observation import PgFacts

POLL_S = 0.003
STILL_POLL_S = 0.01


class PgDrain:
    async def perform(self, action: plan.Drain, doing: Doing) -> dict[str, Any]:
        """Replayed position beyond the start of the shutdown checkpoint record, on the writer's timeline."""
        proof = doing.proofs[f"{action.cluster}.fence"]
        checkpoint, timeline = int(proof["checkpoint"]), int(proof["timeline"])
        server = doing.world.postgres(action.cluster, action.region)

        async def look() -> int | None:
            replayed, on = await server.replayed(doing.timeout)
            return replayed if replayed > checkpoint and on == timeline else None

        late = QxError("QX-RUN-006", f"{action.region} did not replay up to {checkpoint} of {action.writer}")
        replayed = await wait_until(doing, look, POLL_S, late)
        facts = await pg_facts(doing.world, action.cluster, action.region)
        if facts.system_id != proof["system_id"]:
            words = f"{action.region} belongs to system {facts.system_id}, the writer to {proof['system_id']}"
            raise QxError("QX-RUN-006", words)
        return {"replayed": replayed, "beyond": checkpoint, "timeline": timeline, "next_xid": facts.next_xid}

    async def settled(self, action: plan.Drain, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgFreeze:
    async def perform(self, action: plan.Freeze, doing: Doing) -> dict[str, Any]:
        """WAL intake of every candidate is stopped, and what came in is replayed."""
        regions = (action.region, *action.others)
        stand = await each_of(_frozen(action.cluster, region, doing) for region in regions)
        positions = {region: facts.position for region, facts in zip(regions, stand, strict=True)}
        facts = stand[0]
        return {"positions": positions, "next_xid": facts.next_xid, "timeline": facts.timeline}

    async def settled(self, action: plan.Freeze, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _frozen(cluster: str, region: str, doing: Doing) -> PgFacts:
    if not (await pg_facts(doing.world, cluster, region)).in_recovery:
        raise Refused("QX-PLAN-002", f"{region} takes writes", hint="qx status; plan again.")
    await doing.world.postgres(cluster, region).alter_system({"primary_conninfo": ""}, doing.timeout)

    async def look() -> PgFacts | None:
        facts = await pg_facts(doing.world, cluster, region)
        return facts if facts.receiver is None and facts.replayed >= facts.position else None

    otherwise = QxError("QX-RUN-007", f"{region} still takes in or replays WAL")
    return await wait_until(doing, look, STILL_POLL_S, otherwise)


class RedisFreeze:
    async def perform(self, action: plan.Freeze, doing: Doing) -> dict[str, Any]:
        """Every candidate follows nobody; then none may be ahead of the target, unless that loss was accepted: it could
        not be fetched, as a replica without a master feeds nobody.
        """
        regions = (action.region, *action.others)
        offsets = await each_of(_follows_nobody(action.cluster, region, doing) for region in regions)
        positions = dict(zip(regions, offsets, strict=True))
        best = max(positions, key=lambda region: positions[region])
        more = positions[best] - positions[action.region]
        if more and not doing.plan.consent.accept_loss:
            words = f"{best} is {format_bytes(more)} ahead of {action.region}"
            raise Refused("QX-PLAN-002", words, hint=f"--to {best}")
        return {"positions": positions}

    async def settled(self, action: plan.Freeze, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _follows_nobody(cluster: str, region: str, doing: Doing) -> int:
    if (await redis_facts(doing.world, cluster, region)).role != "replica":
        raise Refused("QX-PLAN-002", f"{region} takes writes", hint="qx status; plan again.")
    await doing.world.redis(cluster, region).replicate(NOBODY, doing.timeout)

    async def look() -> int | None:
        facts = await redis_facts(doing.world, cluster, region)
        return None if facts.link_up or facts.sync_in_progress else facts.offset

    return await wait_until(doing, look, POLL_S, QxError("QX-RUN-007", f"{region} still takes in data"))


class PgUnfreeze:
    async def perform(self, action: plan.Unfreeze, doing: Doing) -> dict[str, Any]:
        """Every candidate follows the old upstream again, should it come back."""
        cluster = doing.world.platform.clusters[action.cluster]

        async def thaw(region: str, upstream: str) -> None:
            conninfo = doing.world.conninfo(action.cluster, upstream, region)
            settings: dict[str, str | None] = {
                "primary_conninfo": conninfo, "primary_slot_name": slot_name(cluster, region),
            }  # fmt: skip
            server = doing.world.postgres(action.cluster, region)
            await server.alter_system(settings, min(LOOK_S, doing.timeout))

        return await _thawed(action, doing, thaw)

    async def settled(self, action: plan.Unfreeze, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisUnfreeze(PgUnfreeze):
    async def perform(self, action: plan.Unfreeze, doing: Doing) -> dict[str, Any]:
        """As `PgUnfreeze`."""
        cluster = doing.world.platform.clusters[action.cluster]

        async def thaw(region: str, upstream: str) -> None:
            server = doing.world.redis(action.cluster, region)
            await server.replicate(address(cluster, upstream, region), min(LOOK_S, doing.timeout))

        return await _thawed(action, doing, thaw)


async def _thawed(
    action: plan.Unfreeze, doing: Doing, thaw: Callable[[str, str], Awaitable[None]]
) -> dict[str, Any]:
    """One that cannot be reached follows nobody, as a rejoin will see; the writer need not wait for that."""
    nodes = doing.world.platform.clusters[action.cluster].nodes
    frozen = doing.proofs.get(f"{action.cluster}.freeze", {}).get("positions", nodes)
    thawed: list[str] = []
    left: dict[str, str] = {}
    for region in frozen if action.upstream is not None else ():
        if region == action.upstream:
            continue
        try:
            await thaw(region, action.upstream or "")
        except QxError as error:
            left[region] = str(error)
        else:
            thawed.append(region)
    return {"thawed": thawed, "left": left}
