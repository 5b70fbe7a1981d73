"""What the observations add up to: who writes, who follows whom, and the judgement on it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from qx.model.observation import Observation, Silence


class Role(StrEnum):
    WRITER = "writer"
    REPLICA = "replica"
    STALE_WRITER = "stale-writer"  # takes writes although a newer epoch was promoted elsewhere
    SILENT = "silent"


class Verdict(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    SUSPECT = "suspect"
    DOWN = "down"
    ISOLATED = "isolated"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Named reasons of a verdict, most serious first within a cluster."""

    NOTHING_ANSWERS = "nothing-answers"
    FOREIGN_STORE = "foreign-store"
    TWO_WRITERS = "two-writers"
    STALE_WRITER = "stale-writer"
    UNRECORDED_WRITER = "unrecorded-writer"
    WRITER_SILENT = "writer-silent"  # but a replica still receives from it
    WRITER_DEAD = "writer-dead"  # and no replica receives
    NO_WRITER = "no-writer"  # every node answers, none writes
    REPLICA_SILENT = "replica-silent"
    REPLICA_DIVERGED = "replica-diverged"
    REPLICA_NOT_STREAMING = "replica-not-streaming"
    REPLAY_PAUSED = "replay-paused"
    LAGGING = "lagging"
    ARCHIVE_FAILING = "archive-failing"
    SLOT_LOST = "slot-lost"
    ENDPOINT_FAILING = "endpoint-failing"
    NONE = "none"


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
