"""Promote and mark: the point of no return, and what makes it known.

A promotion that did not happen is taken back only by proof: the target was stopped and its files say that it is still
a standby (the signal file is removed by PostgreSQL before it takes its first write). Everything else is unknown, and
stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts
from qx.kernel.errors import QxError, Unsure
from qx.model.control import PgControl
from qx.model.lease import Lease
from qx.model.observation import Marker
from qx.model.standing import Arming

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan

DECIDE_S = 3.0  # how long a promotion without an answer is watched before the target is cut from it
NOT_SENT = "QX-NODE-001"
CUT_S = 1.0  # at least this long for each call that cuts it
START_S = 10.0  # and for the start of one that had been promoted


class Withdrawn(QxError):
    """The promotion did not happen and cannot happen any more: the stage may be undone."""

    def __init__(self, cause: QxError, seen: dict[str, Any]) -> None:
        super().__init__(cause.code, f"{cause.message}; withdrawn", hint=cause.hint)
        self.proof = {"withdrawn": True, **seen}


class PgPromote:
    async def perform(self, action: plan.Promote, doing: Doing) -> dict[str, Any]:
        """Half of the time for the answer; the rest is for finding out, and for taking the promotion back."""
        server = doing.world.postgres(action.cluster, action.region)
        try:
            timeline = await server.promote(doing.timeout / 2)
        except QxError as error:
            if doing.first and error.code == NOT_SENT:
                raise Withdrawn(error, {"sent": False}) from error
            return await self._decide(action, doing, error)
        return await _fork(action, doing, timeline)

    async def _decide(self, action: plan.Promote, doing: Doing, cause: QxError) -> dict[str, Any]:
        """Watch for a while, then cut the target from promotion through its control; without control it
        stays unknown.
        """
        clock = doing.world.clock
        until = clock.elapsed() + min(DECIDE_S, doing.timeout / 2)
        while (left := until - clock.elapsed()) > 0:
            settled = await self._look(action, doing, left)
            if settled is not None and settled.done:
                return settled.proof
            await clock.sleep(0.1)
        try:
            control = doing.world.control(action.cluster, action.region)
            await control.hold(doing.epoch, "stop", max(CUT_S, doing.timeout))
            found = await control.stop(doing.epoch, "kill", max(CUT_S, doing.timeout))
        except QxError as unreached:
            raise Unsure(
                "QX-RUN-002", f"{cause.message}; and its control: {unreached.message}", hint=cause.hint
            ) from cause
        if not isinstance(found, PgControl) or found.pids:
            raise Unsure("QX-RUN-002", f"{cause.message}; and it could not be stopped", hint=cause.hint)
        if found.standby_signal:
            restarted = await _restart_as_standby(action, doing)
            seen = {"state": found.state, "timeline": found.timeline, "standby_signal": True, "restarted": restarted}
            raise Withdrawn(cause, seen)
        await control.hold(doing.epoch, "", max(CUT_S, doing.timeout))
        await control.start(doing.epoch, "writer", max(START_S, doing.timeout))
        facts = await pg_facts(doing.world, action.cluster, action.region)
        return await _fork(action, doing, facts.timeline)

    async def settled(self, action: plan.Promote, doing: Doing) -> Settled | None:
        """A target that does not even run has not finished it: trying again brings it up as what its files say."""
        seen = await self._look(action, doing, doing.timeout)
        if seen is not None:
            return seen
        found = await doing.world.control(action.cluster, action.region).inspect(doing.timeout)
        return None if found.running else Settled(False, {})

    async def _look(self, action: plan.Promote, doing: Doing, timeout: float) -> Settled | None:
        try:
            facts = await pg_facts(doing.world, action.cluster, action.region, timeout)
            if facts.in_recovery:
                return Settled(False, {})
            return Settled(True, await _fork(action, doing, facts.timeline))
        except QxError:
            return None  # silence tells nothing


async def _restart_as_standby(action: plan.Promote, doing: Doing) -> str:
    """The promotion is withdrawn whether it comes up again or not: in words, for the record."""
    control = doing.world.control(action.cluster, action.region)
    try:
        await control.hold(doing.epoch, "standby", max(CUT_S, doing.timeout))
        await control.start(doing.epoch, "replica", max(CUT_S, doing.timeout))
    except QxError as error:
        return str(error)
    return "as a standby"


async def _fork(action: plan.Promote, doing: Doing, timeline: int) -> dict[str, Any]:
    """Where the new timeline left the old one, and the first transaction that is its own: what a salvage
    measures against.
    """
    history = await doing.world.postgres(action.cluster, action.region).history(timeline, 2.0)
    parent, fork = history[-1] if history else (timeline, 0)
    before = [doing.proofs.get(f"{action.cluster}.{step}", {}).get("next_xid") for step in ("drain", "fast-forward")]
    next_xid = next((each for each in before if each is not None), None)
    if next_xid is None:
        next_xid = (await pg_facts(doing.world, action.cluster, action.region)).next_xid
    return {"timeline": timeline, "parent": parent, "fork": fork, "next_xid": int(next_xid)}


class RedisPromote:
    async def perform(self, action: plan.Promote, doing: Doing) -> dict[str, Any]:
        """REPLICAOF NO ONE. A lone new master must not refuse writes for want of replicas; the role is persisted."""
        server = doing.world.redis(action.cluster, action.region)
        try:
            before = await redis_facts(doing.world, action.cluster, action.region)
        except QxError as error:
            if doing.first:
                raise Withdrawn(error, {"sent": False}) from error
            await keep_up(action.cluster, action.region, doing)
            before = await redis_facts(doing.world, action.cluster, action.region)
        await server.replicate(None, doing.timeout)
        if before.min_replicas:
            await server.configure({"min-replicas-to-write": "0"}, doing.timeout)
        await server.persist(doing.timeout)
        return {"offset": before.offset, "replid": before.replid, "min_replicas_was": before.min_replicas}

    async def settled(self, action: plan.Promote, doing: Doing) -> Settled | None:
        """One that does not even run is tried again: that starts it as what it was to become."""
        try:
            facts = await redis_facts(doing.world, action.cluster, action.region, doing.timeout / 2)
        except QxError:
            found = await doing.world.control(action.cluster, action.region).inspect(doing.timeout)
            return None if found.running else Settled(False, {})
        return Settled(facts.role == "master", {"offset": facts.offset, "replid": facts.replid})


class PgMark:
    async def perform(self, action: plan.Mark, doing: Doing) -> dict[str, Any]:
        """Marker into the cluster, checkpoint on the new timeline (a rewind lies without one), record in the
        store, hold lifted.
        """
        kept = await _kept_up(action, doing)
        server = doing.world.postgres(action.cluster, action.region)
        await server.write_marker(
            Marker(doing.world.store.store_id, doing.epoch, action.region), doing.timeout
        )
        facts = await pg_facts(doing.world, action.cluster, action.region)
        record = f"{facts.system_id}/{facts.timeline}"
        _record(action, doing, record)
        await server.checkpoint(doing.timeout)
        return {"epoch": doing.epoch, "lineage": record, **kept}

    async def settled(self, action: plan.Mark, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisMark:
    async def perform(self, action: plan.Mark, doing: Doing) -> dict[str, Any]:
        """As `PgMark`. A FAILOVER is not persisted: a target that was started since is a replica again."""
        kept = await _kept_up(action, doing)
        server = doing.world.redis(action.cluster, action.region)
        if (await redis_facts(doing.world, action.cluster, action.region)).role != "master":
            await server.replicate(None, doing.timeout)
        await server.persist(doing.timeout)
        await server.write_marker(
            Marker(doing.world.store.store_id, doing.epoch, action.region), doing.timeout
        )
        facts = await redis_facts(doing.world, action.cluster, action.region)
        _record(action, doing, facts.replid)
        return {"epoch": doing.epoch, "lineage": facts.replid, **kept}

    async def settled(self, action: plan.Mark, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _kept_up(action: plan.Mark, doing: Doing) -> dict[str, Any]:
    """Of an armed cluster the controller beside the new writer may be dead, and the move does not wait for it: it lifts
    the hold when it is back, before it binds the writer.
    """
    try:
        await keep_up(action.cluster, action.region, doing)
    except QxError as error:
        if error.code != NOT_SENT or doing.world.store.record(Arming.KIND, action.cluster) is None:
            raise
        return {"hold": f"left to its controller: {error.message}"}
    return {}


async def keep_up(cluster: str, region: str, doing: Doing) -> None:
    """The new writer may start as one from now on; and if it died since the promotion began, it is started."""
    control = doing.world.control(cluster, region)
    await control.hold(doing.epoch, "", doing.timeout / 2)
    if not (await control.inspect(doing.timeout)).running:
        await control.unpin(doing.epoch, doing.timeout)
        await control.start(doing.epoch, "writer", doing.timeout)


def _record(action: plan.Mark, doing: Doing, lineage: str) -> None:
    now = doing.world.clock.now()
    doing.world.store.record_writer(
        Lease(action.cluster, doing.run, doing.epoch, now), action.region, lineage, now
    )
