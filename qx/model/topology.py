"""What the observations add up to: who writes, who follows whom, and the judgement on it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from qx.model.observation import Observation, Silence
from qx.model.redis_cluster import Shard


class Role(StrEnum):
    WRITER = "writer"
    REPLICA = "replica"
    STALE_WRITER = "stale-writer"  # takes writes although a newer epoch was promoted elsewhere
    SILENT = "silent"
    MEMBER = "member"  # of a Redis Cluster: masters and replicas stand there, see its shards


class Verdict(StrEnum):
    HEALTHY = "healthy"  # as it should be
    DEGRADED = "degraded"  # it works, and something is wrong
    SUSPECT = "suspect"  # what is seen contradicts itself, or nobody can tell: no reason to act yet
    DOWN = "down"  # a cluster: nobody writes; a region: refused, or its peers have lost it too
    ISOLATED = "isolated"  # a region that does not answer qx, while a peer still hears from it
    UNKNOWN = "unknown"  # nothing answers at all: qx itself may be cut off


class Cause(StrEnum):
    """Named reasons of a verdict, most serious first within a cluster."""

    NOTHING_ANSWERS = "nothing-answers"  # no node of the cluster, nothing of the region
    FOREIGN_STORE = "foreign-store"  # the cluster says that another store rules it
    TWO_WRITERS = "two-writers"  # and no record says which of them may
    STALE_WRITER = "stale-writer"  # a node writes although a newer epoch was given to another
    UNRECORDED_WRITER = "unrecorded-writer"  # a node writes, and the record names another
    WRITER_SILENT = "writer-silent"  # but a replica still receives from it
    WRITER_DEAD = "writer-dead"  # and no replica receives
    NO_WRITER = "no-writer"  # every node answers, none writes
    WRONG_KIND = "wrong-kind"  # the configuration says redis, and it is a Redis Cluster
    SLOTS_UNCOVERED = "slots-uncovered"  # Redis Cluster: slots that no master owns
    MASTERS_DOWN = "masters-down"  # Redis Cluster: a master of slots failed, or the members suspect it
    VIEWS_DIFFER = "views-differ"  # Redis Cluster: members disagree on who owns which slots, or on the state
    MEMBER_SILENT = "member-silent"  # Redis Cluster: a member does not answer qx
    REPLICA_SILENT = "replica-silent"  # does not answer
    REPLICA_DIVERGED = "replica-diverged"  # its history is not the writer's: rejoin
    REPLICA_NOT_STREAMING = "replica-not-streaming"  # receives nothing, or follows the wrong node
    REPLICA_MISSING = "replica-missing"  # Redis Cluster: a shard has none that could take over
    REPLAY_PAUSED = "replay-paused"  # receives, and does not apply
    LAGGING = "lagging"  # defaults.lag_warning or more behind
    ARCHIVE_FAILING = "archive-failing"  # the writer cannot archive its WAL
    SLOT_LOST = "slot-lost"  # the writer removed WAL that a replica needs
    ENDPOINT_FAILING = "endpoint-failing"  # a service of the region does not answer as it should
    NONE = "none"  # nothing is wrong


class Lag(Struct, frozen=True):
    """How far a replica is behind. None where it cannot be known, never a guess.

    seconds: 0 when everything received is replayed and nothing more is known of; else the age of the last
    replayed transaction.
    """

    bytes: int | None
    seconds: float | None
    transactions: int | None
    because: str = ""  # why a value is missing, or what makes it grow


class NodeView(Struct, frozen=True, kw_only=True):
    """One node as judged: its role, whom it follows, what was seen."""

    cluster: str
    region: str
    role: Role
    seen: Observation | Silence
    upstream: str | None = None  # region that it follows
    streaming: bool = False
    lag: Lag | None = None
    cause: Cause = Cause.NONE
    note: str = ""


class ClusterView(Struct, frozen=True, kw_only=True):
    """One cluster as judged. `writer` is the region of the one lawful writer, None when there is none to be seen."""

    name: str
    verdict: Verdict
    cause: Cause
    because: str
    writer: str | None
    recorded_writer: str | None
    epoch: int
    nodes: dict[str, NodeView]
    elects_itself: bool = False  # Redis Cluster: its members choose its masters, and qx only looks
    shards: tuple[Shard, ...] = ()  # of a Redis Cluster


class RegionView(Struct, frozen=True, kw_only=True):
    name: str
    verdict: Verdict
    cause: Cause
    because: str
    endpoints: dict[str, Observation | Silence]


class Topology(Struct, frozen=True, kw_only=True):
    at: float
    observer: str
    clusters: dict[str, ClusterView]
    regions: dict[str, RegionView]
