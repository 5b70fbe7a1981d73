"""What one observer saw of one node at one instant, or the dated silence instead.

Positions are integers: PostgreSQL's LSN in bytes, Redis' replication offset in bytes. They compare only
within one lineage:
(system_id, timeline) for PostgreSQL, replid for Redis. Instants are Unix seconds (UTC) of the observer; ages
were computed
by the server itself, so that clocks of different machines never mix.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.redis_cluster import RedisClusterFacts

Reason = Literal["refused", "timeout", "unreachable", "auth", "protocol", "secret", "starting"]


class Marker(Struct, frozen=True):
    """What qx wrote into the cluster itself: which store rules it, under which epoch, who was made writer."""

    store_id: str
    epoch: int
    writer: str


class Receiver(Struct, frozen=True):
    """A standby's view of its upstream connection."""

    status: str
    host: str
    port: int
    slot: str
    timeline: int
    latest_end: int  # the upstream's position as last told to the receiver; 0: nothing told yet
    message_age_s: float
    told_clock: float | None = None  # Unix seconds by the upstream's own clock, when it told `latest_end`


class Sender(Struct, frozen=True):
    """A writer's view of one connected replica."""

    name: str  # application_name
    state: str
    sync_state: str
    sent: int
    flushed: int
    replayed: int
    reply_age_s: float
    pid: int = 0


class Slot(Struct, frozen=True):
    name: str
    kind: str
    active: bool
    restart: int
    wal_status: str


class Archiver(Struct, frozen=True):
    mode: str
    failed: int
    last_failed_age_s: float | None
    ready: int | None  # segments that wait; None where the role may not look


class PgFacts(Struct, frozen=True, kw_only=True, tag="postgresql"):
    in_recovery: bool
    system_id: str
    timeline: int
    version: int  # server_version_num
    position: int  # writer: end of flushed WAL; standby: the most it has received or replayed
    replayed: int  # standby: replayed so far; writer: equals position
    replay_paused: bool
    replay_age_s: float | None  # age of the last replayed transaction; None on a writer or when none was replayed
    next_xid: int  # writer: next transaction id; standby: next as far as replayed
    receiver: Receiver | None
    senders: tuple[Sender, ...]
    slots: tuple[Slot, ...]
    archiver: Archiver | None
    settings: dict[str, str]  # those that matter to a move, as pg_settings prints them
    upstream: str  # primary_conninfo's host:port in force; '' on a writer
    started_age_s: float
    prepared: int  # prepared transactions
    longest_xact_s: float
    base_backups: int
    marker: Marker | None
    clock: float | None = None  # Unix seconds by its own clock, when it answered; None where it does not tell


class RedisReplica(Struct, frozen=True):
    """A writer's view of one replica."""

    address: str  # as announced
    state: str
    offset: int
    ack_age_s: int


class RedisFacts(Struct, frozen=True, kw_only=True, tag="redis"):
    role: Literal["master", "replica"]
    flavour: Literal["redis", "valkey"]
    version: str
    mode: Literal["standalone", "sentinel", "cluster"]
    run_id: str
    replid: str
    replid2: str
    offset: int
    second_offset: int  # up to where replid2 is shared; -1: none
    link_up: bool
    link_down_s: int  # 0 while up
    sync_in_progress: bool
    upstream: str  # host:port; '' on a master
    replicas: tuple[RedisReplica, ...]
    failover_state: str
    memory_used: int
    memory_max: int
    backlog_size: int
    persistence: tuple[str, ...]  # of 'aof', 'rdb'
    config_file: str  # '' when the server has none, so that nothing can be persisted
    min_replicas: int
    loading: bool
    priority: int
    announce: str  # host:port that it announces; '' when it announces nothing
    uptime_s: int
    marker: Marker | None
    io_age_s: int = 0  # a replica: since its master last said anything
    clock: float | None = None  # Unix seconds by its own clock, when it answered; None where it does not tell


class SentinelFacts(Struct, frozen=True, kw_only=True):
    """What the Sentinels of one Redis cluster say. Addresses are host:port, as configured and as announced."""

    name: str  # under which they watch the cluster
    master: str  # the address that most of all configured Sentinels name; '' when no majority does
    masters: dict[str, str]  # Sentinel -> the master that it names; '' where it does not know `name`
    silent: dict[str, str]  # Sentinel -> why it did not answer
    quorum: bool  # every one that answers says, and a majority does, that a failover could be agreed on
    detail: str  # the first objection, in their own words; '' when there is none
    failover_in_progress: bool


class EndpointFacts(Struct, frozen=True, tag="endpoint"):
    ok: bool
    detail: str  # '200', 'tcp', '503 Service Unavailable'


class Observation(Struct, frozen=True, kw_only=True, tag="observation"):
    """`subject` is the cluster, or the endpoint's name; `took_s` the time the answer took."""

    subject: str
    region: str
    observer: str
    at: float
    took_s: float
    facts: PgFacts | RedisFacts | RedisClusterFacts | EndpointFacts


class Silence(Struct, frozen=True, kw_only=True, tag="silence"):
    """No answer is not a bad answer: it says who got none, when, and how."""

    subject: str
    region: str
    observer: str
    at: float
    reason: Reason
    detail: str


class Sample(Struct, frozen=True):
    """A position kept in the store, so that a loss can be estimated when the writer is dark."""

    cluster: str
    region: str  # whose position it is
    at: float
    lineage: str  # '<system_id>/<timeline>' or replid
    position: int
    next_xid: int  # 0 for Redis
    clock: float | None = None  # Unix seconds by the server's own clock, when it told; None where it does not
