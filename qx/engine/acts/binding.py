"""Bind, unbind, narrow: durability `quorum` across a change of the writer.

Order is everything: what is recorded is widened before the target is set, the target is set before it is promoted, and
the record is narrowed only when those that acknowledge now hold all that was acknowledged before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import LOOK_S, pg_facts, wait_until
from qx.engine.durable import Ledger
from qx.failover.quorum import caught_up, missing, widened, without
from qx.failover.quorum_names import NAMES, spelled
from qx.kernel.errors import QxError, Refused
from qx.model.standing import Way

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan

POLL_S = 0.05


class PgBind:
    async def perform(self, action: plan.Bind, doing: Doing) -> dict[str, Any]:
        """Judged again under the run's lease, which keeps everybody else from changing the record: then it is widened
        by the target's way, and the target is set, as a standby, which it does not notice.
        """
        ledger = Ledger(doing.world.store, doing.world.clock, action.cluster)
        before = ledger.read()
        if action.compared and not doing.plan.consent.accept_loss:
            _refuse_unless_whole(action, before)
        way = _way(action)
        ledger.write(widened(before, way), doing.epoch)
        await doing.world.postgres(action.cluster, action.region).set_synchronous(spelled(way), doing.timeout)
        return {NAMES: spelled(way), "ways": len(widened(before, way)), "added": way not in before}

    async def settled(self, action: plan.Bind, doing: Doing) -> Settled | None:
        return Settled(False, {})


def _way(action: plan.Bind | plan.Unbind | plan.Narrow) -> Way:
    return Way(writer=action.region, count=action.count, of=action.of)


def _refuse_unless_whole(action: plan.Bind, ways: tuple[Way, ...]) -> None:
    lacking = missing(ways, action.compared)
    if lacking or not ways:
        where = f"may stand in {', '.join(lacking)} alone" if lacking else "is not on record"
        hint = "plan again; --accept-loss SIZE --reason TEXT promotes all the same"
        raise Refused("QX-PLAN-002", f"{action.cluster}: what was acknowledged {where}", hint=hint)


class PgUnbind:
    async def perform(self, action: plan.Unbind, doing: Doing) -> dict[str, Any]:
        """The setting first. One that is not reached keeps it, which a standby does not notice. Where it is not certain
        that the way was new, it stays on record: what is recorded too much is narrowed by and by.
        """
        left = await _cleared(doing, action.cluster, action.region)
        ledger = Ledger(doing.world.store, doing.world.clock, action.cluster)
        ways = ledger.read()
        if doing.proofs.get(f"{action.cluster}.bind", {}).get("added"):
            ways = without(ways, _way(action))
            ledger.write(ways, doing.epoch)
        return {"ways": len(ways), "left": left}

    async def settled(self, action: plan.Unbind, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgNarrow:
    async def perform(self, action: plan.Narrow, doing: Doing) -> dict[str, Any]:
        cluster = doing.world.platform.clusters[action.cluster]
        way = _way(action)

        async def look() -> list[str] | None:
            facts = await pg_facts(doing.world, action.cluster, action.region)
            there = caught_up(cluster, facts) & set(way.of)
            return sorted(there) if len(there) >= way.count else None

        words = f"{action.cluster}: too few standbys hold all that {action.region} holds"
        behind = QxError("QX-RUN-007", words, hint=f"qx lag {action.cluster}")
        holding = await wait_until(doing, look, POLL_S, behind)
        ledger = Ledger(doing.world.store, doing.world.clock, action.cluster)
        ledger.read()
        ledger.write((way,), doing.epoch)
        left = await _cleared(doing, action.cluster, action.old) if action.old else ""
        return {"holding": holding, "left": left}

    async def settled(self, action: plan.Narrow, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _cleared(doing: Doing, cluster: str, region: str) -> str:
    """'' when it is a standby without a setting of its own; else why it is not."""
    try:
        if not (await pg_facts(doing.world, cluster, region)).in_recovery:
            return f"{region} is no standby"
        await doing.world.postgres(cluster, region).set_synchronous("", min(LOOK_S, doing.timeout))
    except QxError as error:  # a standby acknowledges nothing, whatever it is set to; who is promoted is bound anew
        return error.message
    return ""
