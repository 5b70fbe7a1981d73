"""What a node's control tells of its files and processes, running or not."""

from __future__ import annotations

from msgspec import Struct


class PgControl(Struct, frozen=True, kw_only=True, tag="postgresql"):
    """`state` as pg_controldata prints it: 'shut down', 'in production', 'shut down in recovery', ...; or 'no data', as
    on a new disk: then there is no `system_id`.
    """

    running: bool
    pid: int | None
    pids: tuple[int, ...]  # every process of that data directory
    state: str
    system_id: str
    timeline: int
    checkpoint: int  # start of the latest checkpoint record
    redo: int
    min_recovery_end: int
    standby_signal: bool
    held_epoch: int  # start lock: starts under a lower epoch are refused; 0: none
    held_for: str  # '' free | 'standby': may start as a standby only | 'stop': may not start
    free_bytes: int


class RedisControl(Struct, frozen=True, kw_only=True, tag="redis"):
    running: bool
    pid: int | None
    pids: tuple[int, ...]
    replicaof: str  # as persisted in the configuration file: host:port, '' for none
    held_epoch: int
    held_for: str
    free_bytes: int


Control = PgControl | RedisControl
