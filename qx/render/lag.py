"""`qx lag` as people read it: every replica, how far behind its writer, and what makes it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.spans import format_bytes, format_seconds
from qx.model.redis_cluster import slot_words
from qx.model.topology import Cause, Lag, Role
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.status import in_force
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.redis_cluster import Replica, Shard
    from qx.model.topology import ClusterView, NodeView


class ReplicaLag(Struct, frozen=True, kw_only=True):
    """One replica. None: not known, `because` says why."""

    cluster: str
    region: str  # '' of a Redis Cluster's member that the configuration does not name
    role: Role
    upstream: str | None
    streaming: bool
    bytes: int | None
    seconds: float | None
    transactions: int | None
    cause: Cause
    because: str
    address: str = ""  # of a Redis Cluster's replica, which its region alone does not tell


class Lags(Struct, frozen=True, kw_only=True):
    """The document `qx.lag/1`."""

    config_file: str
    why: str
    at: float
    replicas: tuple[ReplicaLag, ...]
    warnings: tuple[str, ...] = ()
    durability: dict[str, str] = {}  # cluster -> whom its commits wait for

    @property
    def answered(self) -> bool:
        return any(each.role is not Role.SILENT for each in self.replicas)


def gist(lags: Lags) -> object:
    """What makes two looks differ for somebody who reads one block per change: figures, not the instant."""
    return lags.replicas, lags.warnings, lags.durability


def replica_lags(view: ClusterView) -> tuple[ReplicaLag, ...]:
    """Of every replica, and of every node that is silent and was not the writer."""
    if view.elects_itself:
        return tuple(_of_shard(view.name, s, r) for s in view.shards if s.slots for r in s.replicas)
    nodes = view.nodes.values()
    return tuple(_replica(n) for n in nodes if n.role is Role.REPLICA or n.cause is Cause.REPLICA_SILENT)


def lag_text(lags: Lags, palette: Palette = PLAIN, width: int | None = None) -> str:
    columns = (
        Column("CLUSTER"), Column("REGION"), Column("BYTES", right=True), Column("SECONDS", right=True),
        Column("XACTS", right=True), Column("BECAUSE", give="wrap"),
    )  # fmt: skip
    head = [in_force(lags.config_file, lags.why, lags.at), *(f"warning: {warning}" for warning in lags.warnings)]
    body = table(columns, [_row(each) for each in lags.replicas], width=width, palette=palette)
    told = [f"{cluster}: {words}" for cluster, words in lags.durability.items()]
    return "\n".join([*head, "", body if lags.replicas else "no replica is described", *(["", *told] if told else [])])


def _replica(node: NodeView) -> ReplicaLag:
    lag = node.lag or Lag(None, None, None)
    because = node.note
    if lag.because and lag.because not in because:
        because = f"{because}; {lag.because}"
    return ReplicaLag(
        cluster=node.cluster,
        region=node.region,
        role=node.role,
        upstream=node.upstream,
        streaming=node.streaming,
        bytes=lag.bytes,
        seconds=lag.seconds,
        transactions=lag.transactions,
        cause=node.cause,
        because=because,
    )


def _of_shard(cluster: str, shard: Shard, replica: Replica) -> ReplicaLag:
    state = "follows" if replica.streaming else "does not follow"
    because = f"{replica.address} {state} {shard.master} (slots {slot_words(shard.slots)})"
    return ReplicaLag(
        cluster=cluster,
        region=replica.region,
        role=Role.REPLICA,
        upstream=shard.region or None,
        streaming=replica.streaming,
        bytes=replica.bytes,
        seconds=replica.seconds,
        transactions=None,
        cause=Cause.NONE if replica.streaming else Cause.REPLICA_NOT_STREAMING,
        because=f"{because}; {replica.because}" if replica.because else because,
        address=replica.address,
    )


def _row(each: ReplicaLag) -> tuple[Cell | str, ...]:
    tone: Tone = "plain" if each.cause is Cause.NONE else "warn"
    return (
        each.cluster,
        each.region or each.address,
        Cell("?" if each.bytes is None else format_bytes(each.bytes), tone),
        Cell("?" if each.seconds is None else format_seconds(each.seconds), tone),
        Cell(_transactions(each), tone),
        Cell(each.because, tone),
    )


def _transactions(each: ReplicaLag) -> str:
    """`-` where there are none to count (Redis)."""
    if each.transactions is not None:
        return str(each.transactions)
    return "?" if each.bytes is None else "-"
