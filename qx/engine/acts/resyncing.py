"""Salvage and resync: what a node holds beyond the fork is kept, then its data become a copy of the writer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts
from qx.failover.links import address, slot_name
from qx.kernel.errors import QxError
from qx.model.control import PgControl
from qx.model.journal import Event, Outcome

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan


# What pg_controldata says of a server that wrote on its timeline, and did not follow it.
WROTE = frozenset({"in production", "shutting down", "shut down", "in crash recovery"})


class PgSalvage:
    async def perform(self, action: plan.Salvage, doing: Doing) -> dict[str, Any]:
        """WAL, commits and rows beyond the fork into the run's salvage directory; the manifest, with
        digests, into the journal.
        """
        control = doing.world.control(action.cluster, action.region)
        found = await control.inspect(doing.timeout)
        if not isinstance(found, PgControl):
            raise QxError("QX-NODE-006", f"{action.region} is no PostgreSQL node")
        writer = await pg_facts(doing.world, action.cluster, action.upstream)
        if found.system_id != writer.system_id:
            because = f"it belongs to system {found.system_id}" if found.system_id else "it holds no data"
            return {"diverged": True, "because": because, "commits": None}
        server = doing.world.postgres(action.cluster, action.upstream)
        history = await server.history(writer.timeline, doing.timeout)
        if found.timeline == writer.timeline and found.state not in WROTE:
            return {"diverged": False, "because": f"on the writer's timeline {found.timeline}", "commits": 0}
        forks = dict(history)
        if found.timeline not in forks:  # promoted apart from the writer, and numbered alike: nothing compares
            return {"twin": True, **await self._keep(action, doing, found, min(forks.values(), default=0))}
        return await self._keep(action, doing, found, forks[found.timeline])

    async def _keep(self, action: plan.Salvage, doing: Doing, found: PgControl, fork: int) -> dict[str, Any]:
        into = f"{doing.world.salvage_dir(doing.run)}/{action.cluster}-{action.region}"
        xid = fork_xid(doing, action.cluster, fork)
        control = doing.world.control(action.cluster, action.region)
        return await control.salvage(doing.epoch, fork, found.timeline, into, xid, doing.timeout)

    async def settled(self, action: plan.Salvage, doing: Doing) -> Settled | None:
        return Settled(False, {})


def fork_xid(doing: Doing, cluster: str, fork: int) -> int:
    """The first transaction of the new timeline, as the promotion at this fork recorded it; 0 when no record
    is kept.
    """
    for run in doing.world.store.runs(limit=1000):
        if cluster not in run.clusters:
            continue
        for chained in doing.world.store.entries(run.id):
            entry = chained.entry
            done = entry.event is Event.ENDED and entry.outcome is Outcome.DONE
            if done and entry.step == f"{cluster}.promote" and entry.proof.get("fork") == fork:
                return int(entry.proof["next_xid"])
    return 0


class PgResync:
    async def perform(self, action: plan.Resync, doing: Doing) -> dict[str, Any]:
        """Nothing when it did not diverge; else rewind after a checkpoint of the source; else a new clone."""
        salvaged = doing.proofs.get(f"{action.cluster}.salvage.{action.region}", {})
        if salvaged.get("diverged") is False:
            return {"method": "follow"}
        control = doing.world.control(action.cluster, action.region)
        upstream = doing.world.postgres(action.cluster, action.upstream)
        await upstream.checkpoint(doing.timeout)
        conninfo = doing.world.conninfo(action.cluster, action.upstream, action.region)
        because = "its timeline is another one than the writer's of the same number"
        if not salvaged.get("twin"):
            try:
                return {"method": "rewind", **await control.rewind(doing.epoch, conninfo, doing.timeout)}
            except QxError as error:
                if error.code != "QX-NODE-006":
                    raise
                because = error.message
        slot = slot_name(doing.world.platform.clusters[action.cluster], action.region)
        await upstream.create_slots((slot,), doing.timeout)
        cloned = await control.clone(doing.epoch, conninfo, slot, doing.timeout)
        return {"method": "clone", "because": because, **cloned}

    async def settled(self, action: plan.Resync, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisSalvage:
    async def perform(self, action: plan.Salvage, doing: Doing) -> dict[str, Any]:
        """The stopped node's RDB and AOF are kept: REPLICAOF would discard them silently."""
        into = f"{doing.world.salvage_dir(doing.run)}/{action.cluster}-{action.region}"
        control = doing.world.control(action.cluster, action.region)
        return await control.salvage(doing.epoch, 0, 0, into, 0, doing.timeout)

    async def settled(self, action: plan.Salvage, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisResync:
    async def perform(self, action: plan.Resync, doing: Doing) -> dict[str, Any]:
        """Redis synchronises itself once it follows: here its persisted upstream is set."""
        upstream = address(doing.world.platform.clusters[action.cluster], action.upstream, action.region)
        await doing.world.control(action.cluster, action.region).pin(doing.epoch, upstream, doing.timeout)
        return {"method": "sync", "replicaof": upstream}

    async def settled(self, action: plan.Resync, doing: Doing) -> Settled | None:
        return Settled(False, {})
