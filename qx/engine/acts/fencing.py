"""Fence, hold, contain, attest, pin: the old writer stopped, or about to hand over, and unable to come back as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from qx.engine.acts import Settled
from qx.engine.acts.seeing import pg_facts, redis_facts
from qx.failover.links import address, application_name
from qx.failover.sight import takes_writes
from qx.kernel.errors import QxError, Refused
from qx.model import plan
from qx.model.control import Control, PgControl
from qx.model.standing import Grant, Renewal

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.ports.controls import NodeControl

HUNG_S = 3.0  # a replica without a word for so long may not confirm the last record either
CONFIRM_S = 0.3  # within which a replica that keeps up has confirmed what was written before
# Whom a held Redis would follow, should somebody start it: a successor would make it drop what was not salvaged yet.
NOBODY = "127.0.0.1:1"
ANSWER_S = 0.5  # a server that says nothing beside it for so long would not stop cleanly either
CLEAN_STOP_S = 5.0  # unplanned: this long for a clean stop, which loses nothing, before the kill


class PgFence:
    async def perform(self, action: plan.Fence, doing: Doing) -> dict[str, Any]:
        """Pinned and held first, stopped then: from the stop on nothing can bring it back as a writer."""
        control = doing.world.control(action.cluster, action.region)
        server = doing.world.postgres(action.cluster, action.region)
        if doing.proofs.get(f"{action.cluster}.pin", {}).get("epoch") != doing.epoch:  # resumed, since it was pinned
            await _pin(action.cluster, action.region, "", doing)
        if late := await _late_senders(action, doing):
            await server.end_senders(late, doing.timeout)
        return _proof_of_stop(action, await control.stop(doing.epoch, "clean", doing.timeout))

    async def settled(self, action: plan.Fence, doing: Doing) -> Settled | None:
        found = await doing.world.control(action.cluster, action.region).inspect(doing.timeout)
        if found.running:
            return Settled(False, {})
        return Settled(True, _proof_of_stop(action, found))


async def _late_senders(action: plan.Fence, doing: Doing) -> tuple[int, ...]:
    """A clean stop waits until every replica confirmed everything. Those that do not keep up, the successor aside,
    would hold it up: it is not from this node that they are going to get the rest.
    """
    clock, successor = doing.world.clock, application_name(action.successor)
    facts = await pg_facts(doing.world, action.cluster, action.region)
    position, until = facts.position, clock.elapsed() + CONFIRM_S
    while True:
        others = [sender for sender in facts.senders if sender.pid and sender.name != successor]
        hung = tuple(sender.pid for sender in others if sender.flushed < position or sender.reply_age_s > HUNG_S)
        if not hung or clock.elapsed() >= until:
            return hung
        await clock.sleep(0.02)
        facts = await pg_facts(doing.world, action.cluster, action.region)


def _proof_of_stop(action: plan.Fence, found: Control) -> dict[str, Any]:
    if (
        not isinstance(found, PgControl)
        or found.pids
        or found.state != "shut down"
        or not (found.standby_signal and found.held_for)
    ):
        raise QxError(
            "QX-RUN-005", f"{action.cluster} in {action.region} is not proven to be stopped: {_words(found)}"
        )
    return {
        "checkpoint": found.checkpoint,
        "timeline": found.timeline,
        "system_id": found.system_id,
        "state": found.state,
        "held": found.held_for,
    }


def _words(found: Control) -> str:
    state = found.state if isinstance(found, PgControl) else "stopped"
    return f"{state}, {len(found.pids)} processes left, held for '{found.held_for}'"


class Hold:
    purpose: ClassVar[Literal["standby", "stop"]] = "standby"

    async def perform(self, action: plan.Hold | plan.Contain, doing: Doing) -> dict[str, Any]:
        """Start lock taken, stopped (cleanly if it still can), no process left, and pinned as a replica of nobody. What
        was contained stays so: only a return lifts that.
        """
        control = doing.world.control(action.cluster, action.region)
        upstream = "" if doing.kind(action.cluster) == "postgresql" else NOBODY
        found = await control.inspect(doing.timeout)
        await control.hold(doing.epoch, "stop" if found.held_for == "stop" else self.purpose, doing.timeout)
        await control.pin(doing.epoch, upstream, doing.timeout)
        found = await control.inspect(doing.timeout)
        mode = "was down"
        hangs = isinstance(action, plan.Hold) and action.mode == "kill"
        if found.pids and (hangs or not await control.answers(ANSWER_S)):
            found, mode = await control.stop(doing.epoch, "kill", doing.timeout), "killed, it did not answer"
        elif found.pids:
            try:
                found, mode = (
                    await control.stop(doing.epoch, "clean", min(CLEAN_STOP_S, doing.timeout / 2)),
                    "clean",
                )
            except QxError:
                found, mode = await control.stop(doing.epoch, "kill", doing.timeout), "killed"
        if found.pids:
            raise QxError(
                "QX-RUN-005",
                f"{action.cluster} in {action.region} is not proven to be stopped: {_words(found)}",
            )
        state = (
            {"state": found.state, "timeline": found.timeline, "checkpoint": found.checkpoint}
            if isinstance(found, PgControl)
            else {}
        )
        return {"stopped": mode, "processes": 0, "held": found.held_for, **state}

    async def settled(self, action: plan.Hold, doing: Doing) -> Settled | None:
        return Settled(False, {})


class PgContain(Hold):
    """A stale writer: nobody starts it, not even as a standby, before it was made a copy of the lawful writer. One that
    wrote on that one's own timeline would follow it, and nobody would see that it holds other data.
    """

    purpose = "stop"


class RedisContain(Hold):
    """A stale writer: the same as a hold. Whatever it holds, a replica takes over all of its master's data."""


class Attest:
    async def perform(self, action: plan.Attest, doing: Doing) -> dict[str, Any]:
        """Nothing is done: the operator's word is what the journal keeps. Unless the node itself contradicts it."""
        look = pg_facts if doing.kind(action.cluster) == "postgresql" else redis_facts
        try:
            writes = takes_writes(await look(doing.world, action.cluster, action.region, 1.0))
        except QxError:
            writes = False
        if writes:
            raise Refused(
                "QX-RUN-005",
                f"{action.cluster} in {action.region} takes writes, whatever was attested",
                hint="power it off; or plan again, without the attestation",
            )
        return {"attested": f"{action.cluster}/{action.region}", "by": action.by, "reason": action.reason}

    async def settled(self, action: plan.Attest, doing: Doing) -> Settled | None:
        return Settled(True, {"by": action.by, "reason": action.reason})


class PgPin:
    async def perform(self, action: plan.Pin, doing: Doing) -> dict[str, Any]:
        """Clients do not notice."""
        await _pin(action.cluster, action.region, "", doing)
        return {"epoch": doing.epoch}

    async def settled(self, action: plan.Pin, doing: Doing) -> Settled | None:
        return Settled(False, {})


class RedisPin(PgPin):
    async def perform(self, action: plan.Pin, doing: Doing) -> dict[str, Any]:
        """As `PgPin`."""
        upstream = address(doing.world.platform.clusters[action.cluster], action.successor, action.region)
        await _pin(action.cluster, action.region, upstream, doing)
        return {"epoch": doing.epoch, "replicaof": upstream}


async def _pin(cluster: str, region: str, upstream: str, doing: Doing) -> None:
    """From here on the run's lease rules the server, and nobody extends its own any more: it would end in mid-move."""
    control = doing.world.control(cluster, region)
    await set_free(cluster, await control.inspect(doing.timeout), control, doing)
    await control.hold(doing.epoch, "standby", doing.timeout)
    await control.pin(doing.epoch, upstream, doing.timeout)


async def set_free(cluster: str, found: Control, control: NodeControl, doing: Doing) -> None:
    """A writer that a guard would end when its lease is over runs freely. First the record: no deadline, no proof."""
    for kind in (Grant.KIND, Renewal.KIND):
        doing.world.store.drop(kind, cluster)
    if found.running and found.guard_left_s is not None:
        await control.extend(doing.epoch, None, doing.timeout)
