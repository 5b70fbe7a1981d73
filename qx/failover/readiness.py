"""Would a failover work as these servers are set up? Advice on each node's settings, before anybody needs it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.failover.sight import facts_of, takes_writes
from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.observation import RedisFacts
    from qx.model.topology import ClusterView, Topology

# A standby refuses to start, or to be promoted well, where one of these is lower than on the writer.
NOT_LOWER = (
    "max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_wal_senders",
    "max_worker_processes",
)  # fmt: skip
RETRY_MS = 1000  # above it, a promotion may stall for wal_retrieve_retry_interval
BACKLOG = 16 << 20  # below it, a short break of a link between regions ends in a copy of everything


class Advice(Struct, frozen=True, kw_only=True):
    """`status` 'failed': a failover would fail or lose data; 'warning': it would be slower or a return harder."""

    cluster: str
    region: str
    status: Literal["warning", "failed"]
    evidence: str
    fix: str


def readiness(topology: Topology) -> tuple[Advice, ...]:
    """What should be changed, on nodes that answer; () when nothing should."""
    return tuple(advice for view in topology.clusters.values() for advice in _of(view))


def _of(view: ClusterView) -> Iterator[Advice]:
    writer = facts_of(view.nodes[view.writer].seen) if view.writer else None
    for region, node in view.nodes.items():
        facts = facts_of(node.seen)
        if isinstance(facts, PgFacts):
            found = [*_postgres(facts, len(view.nodes)), *_beside(facts, writer)]
        elif facts is not None:
            found = list(_redis(facts))
        else:
            continue
        for status, evidence, fix in found:
            yield Advice(cluster=view.name, region=region, status=status, evidence=evidence, fix=fix)


_Found = tuple[Literal["warning", "failed"], str, str]


def _postgres(facts: PgFacts, nodes: int) -> Iterator[_Found]:
    of = facts.settings
    if of.get("wal_level", "replica") == "minimal":
        yield "failed", "wal_level is minimal: nothing can follow it", "wal_level = replica, then restart"
    for name in ("fsync", "full_page_writes"):
        if of.get(name, "on") != "on":
            yield "failed", f"{name} is off: a crash may destroy the data", f"{name} = on"
    for name in ("max_wal_senders", "max_replication_slots"):
        if of.get(name, "").isdigit() and int(of[name]) < nodes:
            yield (
                "failed",
                f"{name} is {of[name]}, too few once this node has {plural(nodes - 1, 'replica')}",
                f"{name} = {nodes + 2} or more, then restart",
            )
    if of.get("hot_standby", "on") != "on":
        yield "failed", "hot_standby is off: as a replica it could not be looked at", "hot_standby = on, then restart"
    if of.get("wal_log_hints", "on") != "on" and of.get("data_checksums", "on") != "on":
        yield (
            "warning",
            "neither wal_log_hints nor data checksums: after a failover it must be cloned, it cannot be rewound",
            "wal_log_hints = on, then restart",
        )
    retry = of.get("wal_retrieve_retry_interval", "")
    if retry.isdigit() and int(retry) > RETRY_MS:
        yield (
            "warning",
            f"wal_retrieve_retry_interval is {format_seconds(int(retry) / 1000)}: a promotion may stall that long",
            "wal_retrieve_retry_interval = 200ms, then reload",
        )
    if of.get("max_slot_wal_keep_size", "") == "-1":
        yield (
            "warning",
            "max_slot_wal_keep_size is unlimited: a replica that stays away fills the writer's disk",
            "max_slot_wal_keep_size = 10GB or what the disk allows, then reload",
        )
    delay = of.get("recovery_min_apply_delay", "0")
    if facts.in_recovery and delay not in {"0", ""}:
        yield "warning", f"it replays with a delay of {delay} ms", "recovery_min_apply_delay = 0, then reload"
    if facts.in_recovery and of.get("recovery_target_timeline", "latest") != "latest":
        yield "failed", "it would not follow a promoted writer", "recovery_target_timeline = latest, then restart"


def _beside(facts: PgFacts, writer: PgFacts | RedisFacts | None) -> Iterator[_Found]:
    if not facts.in_recovery or not isinstance(writer, PgFacts):
        return
    for name in NOT_LOWER:
        here, there = facts.settings.get(name, ""), writer.settings.get(name, "")
        if here.isdigit() and there.isdigit() and int(here) < int(there):
            yield "failed", f"{name} is {here}, lower than the writer's {there}", f"{name} = {there}, then restart"


def _redis(facts: RedisFacts) -> Iterator[_Found]:
    if not facts.config_file:
        yield (
            "failed",
            "it runs without a configuration file: a restart would bring an old master back as a master",
            "start it with a configuration file that it may write",
        )
    if not facts.persistence:
        yield (
            "failed",
            "it persists nothing: restarted empty as a master, it would empty its replicas",
            "appendonly yes, or a save line, then CONFIG REWRITE",
        )
    if facts.backlog_size < BACKLOG:
        yield (
            "warning",
            f"repl-backlog-size is {format_bytes(facts.backlog_size)}: a short break ends in a copy of everything",
            f"repl-backlog-size {format_bytes(BACKLOG)} or write rate times the longest break",
        )
    if facts.mode == "cluster":
        yield "failed", "it is a node of Redis Cluster, which moves its own write roles", "use CLUSTER FAILOVER"
    if takes_writes(facts) and facts.min_replicas and not facts.replicas:
        yield (
            "failed",
            f"min-replicas-to-write is {facts.min_replicas} and no replica is there: it refuses writes",
            "min-replicas-to-write 0 while it is alone",
        )
