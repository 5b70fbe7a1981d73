"""One PostgreSQL node against the rest of its cluster: does it stream, from whom, and what is wrong with it?

A replica streams when both ends say so: its receiver still gets messages, and its upstream lists it. Where the upstream
does not answer, the receiver alone is believed. A node's `note` is one plain sentence without its name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qx.failover.lag import lag
from qx.failover.sight import facts_of, receives, region_at, region_called, upstream_address
from qx.kernel.lsn import format_lsn
from qx.kernel.spans import format_seconds
from qx.kernel.text import plural
from qx.model.observation import Observation, PgFacts
from qx.model.topology import Cause, NodeView, Role

if TYPE_CHECKING:
    from qx.failover.scene import Scene

class _Stream(NamedTuple):
    up: bool
    because: str


def postgres_replica(scene: Scene, region: str, seen: Observation, facts: PgFacts) -> NodeView:
    writer = facts_of(scene.seen.get(scene.measure or ""))
    address = upstream_address(facts)
    upstream = region_at(scene.cluster, region, address) if address else None
    stream = _stream(scene, region, facts, upstream, address)
    behind = lag(writer, facts, scene.samples, seen.at)
    cause, note = Cause.NONE, stream.because
    if isinstance(writer, PgFacts) and (diverged := _diverged(writer, facts)):
        cause, note = Cause.REPLICA_DIVERGED, diverged
    elif not stream.up:
        cause = Cause.REPLICA_NOT_STREAMING
    elif astray := scene.astray(upstream):
        cause, note = Cause.REPLICA_NOT_STREAMING, f"{stream.because}, {astray}"
    elif facts.replay_paused:
        paused = f"its {behind.because}" if behind.bytes else f"its replay is paused at {format_lsn(facts.replayed)}"
        cause, note = Cause.REPLAY_PAUSED, f"{stream.because}, but {paused}"
    elif behind.seconds is not None and behind.seconds >= scene.defaults.lag_warning:
        cause = Cause.LAGGING
        note = f"{stream.because}, {format_seconds(behind.seconds)} behind: {behind.because}"
    return NodeView(
        cluster=scene.name,
        region=region,
        role=Role.REPLICA,
        seen=seen,
        upstream=upstream,
        streaming=stream.up,
        lag=behind,
        cause=cause,
        note=note,
    )


def postgres_writer(facts: PgFacts) -> tuple[Cause, str]:
    """What is wrong with a writer that writes, and the sentence; NONE and its position when nothing is."""
    lost = [slot.name for slot in facts.slots if slot.wal_status == "lost"]
    if _archive_fails(facts):
        return Cause.ARCHIVE_FAILING, "takes writes, but archiving its WAL fails"
    if lost:
        slots = f"{plural(len(lost), 'slot')} needed: {', '.join(lost)}"
        return Cause.SLOT_LOST, f"takes writes, but has removed WAL that {slots}"
    return Cause.NONE, f"takes writes at {format_lsn(facts.position)} on timeline {facts.timeline}"


def _archive_fails(facts: PgFacts) -> bool:
    """It failed, has not succeeded since, and something waits (or nobody may look whether it does)."""
    archiver = facts.archiver
    if archiver is None or archiver.mode == "off":
        return False
    return archiver.last_failed_age_s is not None and archiver.ready != 0


def _diverged(writer: PgFacts, facts: PgFacts) -> str:
    """Why the replica's history is not the writer's, or ''."""
    if facts.system_id != writer.system_id:
        return f"is another database: system id {facts.system_id}, the writer's is {writer.system_id}"
    if facts.timeline > writer.timeline:
        return f"stands on timeline {facts.timeline}, which the writer's {writer.timeline} does not come from"
    if facts.timeline < writer.timeline and facts.position > writer.position:
        beyond = f"{format_lsn(writer.position)} of the writer's timeline {writer.timeline}"
        return f"went on to {format_lsn(facts.position)} on timeline {facts.timeline}, beyond {beyond}"
    return ""


def _stream(scene: Scene, region: str, facts: PgFacts, upstream: str | None, address: str) -> _Stream:
    if not address:
        return _Stream(up=False, because="follows nobody: its primary_conninfo is empty")
    if upstream is None:
        return _Stream(up=False, because=f"follows {address}, which is no node of this cluster")
    above = facts_of(scene.seen.get(upstream))
    silent = "" if above is not None else f" ({upstream} does not answer qx)"
    if not receives(facts):
        receiver = facts.receiver
        if receiver is None or receiver.status != "streaming":
            return _Stream(up=False, because=f"receives nothing from {upstream}{silent}")
        age = f" for {format_seconds(receiver.message_age_s)}" if math.isfinite(receiver.message_age_s) else ""
        return _Stream(up=False, because=f"has heard nothing from {upstream}{age}{silent}")
    if isinstance(above, PgFacts) and (doubt := _doubt(scene, region, facts, above)):
        return _Stream(up=False, because=f"believes to stream from {upstream}, which {doubt}")
    return _Stream(up=True, because=f"streams from {upstream}{silent}")


def _doubt(scene: Scene, region: str, facts: PgFacts, above: PgFacts) -> str:
    """What the upstream says against the replica's belief, or ''. It knows replicas by name, by slot, or namelessly."""
    states = [sender.state for sender in above.senders if region_called(scene.cluster, sender.name) == region]
    if states:
        return "" if "streaming" in states else f"still sends it older WAL ({states[0]})"
    slot = facts.receiver.slot if facts.receiver else ""
    if slot and any(known.name == slot and known.active for known in above.slots):
        return ""
    nameless = [sender for sender in above.senders if region_called(scene.cluster, sender.name) is None]
    return "" if any(sender.state == "streaming" for sender in nameless) else "does not list it"
