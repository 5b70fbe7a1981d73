"""Is the target fit to be the writer: does it answer, follow, belong to the same lineage, and carry the load?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.move import no, yes
from qx.kernel.spans import format_bytes
from qx.model.observation import PgFacts, RedisFacts

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation
    from qx.model.plan import GateResult

NOT_LOWER = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)


def health(at: Situation, move: Move) -> GateResult:
    """The target answers, belongs to the same lineage, follows, and can carry the writer's load."""
    facts = at.facts(move.cluster, move.target)
    if at.platform.clusters[move.cluster].nodes[move.target].priority == 0:
        return no(
            "health",
            move,
            f"{move.target} has priority 0: never a target",
            "choose another region, or raise its priority",
        )
    if facts is None:
        seen = at.node(move.cluster, move.target).seen
        return no(
            "health",
            move,
            f"{move.target} does not answer: {getattr(seen, 'detail', '')}",
            "set the secret that the message names" if getattr(seen, "reason", "") == "secret" else "see qx doctor",
        )
    problem = _pg_problem(at, move, facts) if isinstance(facts, PgFacts) else _redis_problem(at, move, facts)
    if problem:
        return no("health", move, f"{move.target} {problem[0]}", problem[1])
    return yes("health", move, f"{move.target} follows, same lineage")


def _pg_problem(at: Situation, move: Move, target: PgFacts) -> tuple[str, str] | None:
    source = at.facts(move.cluster, move.source) if move.source else None
    if not target.in_recovery:
        return "is no standby: it takes writes", "see qx status: two writers must be resolved first"
    if target.replay_paused:
        return "has its replay paused", "SELECT pg_wal_replay_resume() there"
    if target.settings.get("recovery_min_apply_delay", "0") not in ("0", "0ms"):
        return "replays with a delay", "choose another region, or set recovery_min_apply_delay = 0"
    if isinstance(source, PgFacts):
        if target.system_id != source.system_id:
            return (
                f"has system id {target.system_id}, the writer {source.system_id}",
                f"qx rejoin --cluster {move.cluster}",
            )
        if target.timeline != source.timeline:
            return (
                f"is on timeline {target.timeline}, the writer on {source.timeline}",
                f"qx rejoin --cluster {move.cluster}",
            )
        if move.mode == "planned" and not at.node(move.cluster, move.target).streaming:
            return "does not stream from the writer", "see qx lag; repair its link first"
        for name in NOT_LOWER:
            mine, its = target.settings.get(name, ""), source.settings.get(name, "")
            if mine.isdigit() and its.isdigit() and int(mine) < int(its):
                return (
                    f"has {name} = {mine}, the writer {its}",
                    f"raise {name} on {move.target} and restart it",
                )
    if move.mode == "planned" and move.loss.bytes_high is None:
        return "is behind by an unknown amount", "see qx lag"
    return None


def _redis_problem(at: Situation, move: Move, target: RedisFacts) -> tuple[str, str] | None:
    source = at.facts(move.cluster, move.source) if move.source else None
    if target.role == "master":
        return "is no replica: it takes writes", "see qx status: two writers must be resolved first"
    if target.loading or target.sync_in_progress:
        return "is still loading or syncing", "wait until qx lag shows it in step"
    if not target.config_file:
        return (
            "runs without a configuration file: its role could not be persisted",
            "start it with a writable file",
        )
    if isinstance(source, RedisFacts):
        if not source.config_file:
            return (
                f"is fine, but {move.source} runs without a configuration file: it could not be pinned",
                "start it with a file",
            )
        if source.replid not in (target.replid, target.replid2):
            return "belongs to another replication history", f"qx rejoin --cluster {move.cluster}"
        if move.mode == "planned" and not target.link_up:
            return "has no link to the writer", "see qx lag; repair its link first"
        upstream = at.node(move.cluster, move.target).upstream
        if move.mode == "planned" and upstream != move.source:
            return f"follows {upstream}, not the writer", f"REPLICAOF the node in {move.source} there"
    return None


def capacity(at: Situation, move: Move) -> GateResult:
    """There is room: disk for WAL that replicas have not taken yet, memory for what the writer holds."""
    needed = at.platform.clusters[move.cluster].objectives.min_free
    control, facts = at.control(move.cluster, move.target), at.facts(move.cluster, move.target)
    if control is not None and control.free_bytes < needed:
        return no(
            "capacity",
            move,
            f"{move.target} has {format_bytes(control.free_bytes)} of disk left, {format_bytes(needed)} are wanted",
            f"free space there, or lower objectives.min_free of {move.cluster}",
        )
    source = at.facts(move.cluster, move.source) if move.source else None
    if isinstance(facts, RedisFacts) and isinstance(source, RedisFacts) and 0 < facts.memory_max < source.memory_used:
        return no(
            "capacity",
            move,
            f"{move.target} may use {format_bytes(facts.memory_max)}, the writer holds more",
            f"CONFIG SET maxmemory on {move.target}",
        )
    return yes("capacity", move, "room enough")
