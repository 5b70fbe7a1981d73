"""What a node's control tells of its files, processes and guard, running or not; and the term that a guard enforces."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Exited = Literal["", "clean", "crash", "expired"]


class Term(Struct, frozen=True, kw_only=True):
    """How long a server may write. `sent`: the instant of `Clock.elapsed()` just before the renewal was sent that
    grants it; others may write `ttl` seconds later, so the guard ends the server `margin` seconds before that.

    `paused`: until then, or until it is told another term, it stands still and acknowledges nothing.
    """

    sent: float
    ttl: float
    margin: float
    paused: bool = False

    @property
    def until(self) -> float:
        """The deadline."""
        return self.sent + self.ttl - self.margin


class PgControl(Struct, frozen=True, kw_only=True, tag="postgresql"):
    """`state` as pg_controldata prints it: 'shut down', 'in production', 'shut down in recovery', ...; or 'no data', as
    on a new disk: then there is no `system_id`.

    `guard`: the identity of the process that the server would not outlive and that ends it when its term is over, ''
    for none that answers; `guard_epoch`: lower ones may not extend it; `guard_left_s`: seconds until its deadline,
    None: the server runs freely. `exited`: how a server that is down ended, as its guard saw it: 'expired' by the guard
    itself, at the deadline; '' unknown.
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
    guard: str = ""
    guard_epoch: int = 0
    guard_left_s: float | None = None
    exited: Exited = ""


class RedisControl(Struct, frozen=True, kw_only=True, tag="redis"):
    """The guard's fields are those of PgControl."""

    running: bool
    pid: int | None
    pids: tuple[int, ...]
    replicaof: str  # as persisted in the configuration file: host:port, '' for none
    held_epoch: int
    held_for: str
    free_bytes: int
    guard: str = ""
    guard_epoch: int = 0
    guard_left_s: float | None = None
    exited: Exited = ""


Control = PgControl | RedisControl
