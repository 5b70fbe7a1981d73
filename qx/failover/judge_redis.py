"""One Redis or Valkey node against the rest of its cluster: is its link up, to whom, and what is wrong with it?

A node's `note` is one plain sentence without its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.lag import lag
from qx.failover.sight import facts_of, region_at
from qx.kernel.spans import format_bytes, format_seconds
from qx.model.observation import Observation, RedisFacts
from qx.model.topology import Cause, NodeView, Role

if TYPE_CHECKING:
    from qx.failover.scene import Scene
    from qx.model.topology import Lag


def redis_replica(scene: Scene, region: str, seen: Observation, facts: RedisFacts) -> NodeView:
    writer = facts_of(scene.seen.get(scene.measure or ""))
    upstream = region_at(scene.cluster, region, facts.upstream) if facts.upstream else None
    streaming = facts.link_up and upstream is not None
    behind = lag(writer, facts, scene.samples, seen.at)
    cause, note = Cause.NONE, _link(scene, facts, upstream)
    if isinstance(writer, RedisFacts) and not streaming and (diverged := _diverged(writer, facts, behind)):
        cause, note = Cause.REPLICA_DIVERGED, diverged
    elif not streaming:
        cause = Cause.REPLICA_NOT_STREAMING
    elif astray := scene.astray(upstream):
        cause, note = Cause.REPLICA_NOT_STREAMING, f"{note}, {astray}"
    elif _lagging(scene, behind):
        cause, note = Cause.LAGGING, f"{note}, {format_bytes(behind.bytes or 0)} behind: {behind.because}"
    return NodeView(
        cluster=scene.name,
        region=region,
        role=Role.REPLICA,
        seen=seen,
        upstream=upstream,
        streaming=streaming,
        lag=behind,
        cause=cause,
        note=note,
    )


def redis_writer(facts: RedisFacts) -> tuple[Cause, str]:
    """What is wrong with a master that writes, and the sentence."""
    if facts.loading:
        return Cause.NONE, "is the master, but still loads its data"
    if facts.failover_state not in {"", "no-failover"}:
        return Cause.NONE, f"takes writes and hands over: {facts.failover_state}"
    return Cause.NONE, f"takes writes at offset {facts.offset}"


def _link(scene: Scene, facts: RedisFacts, upstream: str | None) -> str:
    if upstream is None:
        return f"follows {facts.upstream or 'nobody'}, which is no node of this cluster"
    silent = "" if facts_of(scene.seen.get(upstream)) is not None else f" ({upstream} does not answer qx)"
    if facts.sync_in_progress:
        return f"copies all data from {upstream}{silent}"
    if not facts.link_up:
        return f"lost its link to {upstream} {format_seconds(facts.link_down_s)} ago{silent}"
    return f"follows {upstream}{silent}"


def _diverged(writer: RedisFacts, facts: RedisFacts, behind: Lag) -> str:
    if behind.bytes is not None or facts.sync_in_progress or not facts.offset:
        return ""
    return f"holds another history (replid {facts.replid[:8]}) than the writer (replid {writer.replid[:8]})"


def _lagging(scene: Scene, behind: Lag) -> bool:
    if behind.seconds is not None:
        return behind.seconds >= scene.defaults.lag_warning
    return behind.bytes is not None and behind.bytes > scene.cluster.objectives.rpo_bytes
