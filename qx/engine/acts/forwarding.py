"""Fast-forward: the frozen target takes what it lacks from the standby that is furthest, and stands still again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, wait_until
from qx.failover.forwarding import MOST_BYTES
from qx.kernel.errors import QxError, Refused
from qx.kernel.spans import format_bytes

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan

POLL_S = 0.01


class PgFastForward:
    async def perform(self, action: plan.FastForward, doing: Doing) -> dict[str, Any]:
        """By the positions that were frozen. What cannot be fetched is lost only where that was accepted."""
        frozen = doing.proofs[f"{action.cluster}.freeze"]
        positions = {region: int(at) for region, at in frozen["positions"].items()}
        best = max(positions, key=lambda region: positions[region])
        lacking = positions[best] - positions[action.region]
        if lacking <= 0:
            return {"fetched": 0, "next_xid": frozen["next_xid"]}
        try:
            if lacking > MOST_BYTES:
                raise QxError("QX-RUN-007", "more than clients should wait for")
            soon = doing._replace(until=doing.world.clock.elapsed() + doing.timeout / 2)
            await _fetch(action, soon, best, positions[best])
        except QxError as error:
            position, next_xid = await _stand_still(action, doing)
            if not doing.plan.consent.accept_loss:
                words = f"{best} is {format_bytes(lacking)} ahead of {action.region}: {error.message}"
                raise Refused("QX-PLAN-002", words, hint=f"--to {best}") from error
            return {"lacking": positions[best] - position, "because": error.message, "next_xid": next_xid}
        position, next_xid = await _stand_still(action, doing)
        return {"fetched": position - positions[action.region], "from": best, "next_xid": next_xid}

    async def settled(self, action: plan.FastForward, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _fetch(action: plan.FastForward, doing: Doing, best: str, until: int) -> None:
    server = doing.world.postgres(action.cluster, action.region)
    upstream = doing.world.conninfo(action.cluster, best, action.region)
    await server.alter_system({"primary_conninfo": upstream, "primary_slot_name": ""}, doing.timeout)

    async def arrived() -> bool | None:
        facts = await pg_facts(doing.world, action.cluster, action.region)
        return min(facts.position, facts.replayed) >= until or None

    await wait_until(doing, arrived, POLL_S, QxError("QX-RUN-007", f"it could not fetch that from {best} in time"))


async def _stand_still(action: plan.FastForward, doing: Doing) -> tuple[int, int]:
    """Its position and next transaction, as no more comes in."""
    await doing.world.postgres(action.cluster, action.region).alter_system({"primary_conninfo": ""}, doing.timeout)

    async def still() -> tuple[int, int] | None:
        facts = await pg_facts(doing.world, action.cluster, action.region)
        quiet = facts.receiver is None and facts.replayed >= facts.position
        return (facts.position, facts.next_xid) if quiet else None

    return await wait_until(doing, still, POLL_S, QxError("QX-RUN-007", f"{action.region} still takes in WAL"))
