"""What is kept of a cluster beside its rule, each a typed record of the store: who armed it, whose server may write for
how long, who was released, what was acknowledged, drilled, decided.

`KIND` names the kind of record; the key is the cluster unless said otherwise. See `qx.ports.store`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from msgspec import Struct

from qx.model.control import Control


class Arming(Struct, frozen=True, kw_only=True):
    """Consent to act unasked. `drill`: the run that proved that it can."""

    KIND: ClassVar[str] = "arming"
    cluster: str
    by: str
    reason: str
    at: float
    drill: str = ""


class Grant(Struct, frozen=True, kw_only=True):
    """The writer's lease: the server in `region` may write under `epoch` while its guard is told so.

    `guard`: the identity of the process that kills it; '' when none does: then its end proves nothing. It stands for as
    long as its `Renewal` does.
    """

    KIND: ClassVar[str] = "grant"
    cluster: str
    region: str
    epoch: int
    guard: str
    ttl: float
    margin: float


class Renewal(Struct, frozen=True, kw_only=True):
    """The grant of the same cluster is in force, as its latest renewal says; runs out by itself.

    `ttl`: the guard ends its server in less than so many seconds after this was sent, unless a later one is granted.
    """

    KIND: ClassVar[str] = "grant-live"
    ttl: float = math.inf  # before this was told


class Release(Struct, frozen=True, kw_only=True):
    """RELEASED: the controller beside the old writer held the start lock under `epoch` and saw no process left."""

    KIND: ClassVar[str] = "release"
    cluster: str
    region: str
    epoch: int
    at: float
    because: str
    proof: dict[str, Any] = {}


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """A person has seen the run; its cooldown ends. Key: the run."""

    KIND: ClassVar[str] = "ack"
    run: str
    by: str
    at: float
    reason: str = ""


class DrillResult(Struct, frozen=True, kw_only=True):
    """Key: the run that moved the writer away. Seconds; `met`: every objective of the cluster was.

    `lost`: transactions, by the journal's proof none of a planned move. `behind_*`: the target when the drill began, so
    what a failover without a plan might have lost then; null where it was not known.
    """

    KIND: ClassVar[str] = "drill"
    cluster: str
    source: str
    target: str
    at: float
    away_outage_s: float
    back_outage_s: float | None
    took_s: float
    lost: int
    met: bool
    runs: tuple[str, ...]
    behind_bytes: int | None = None
    behind_s: float | None = None


class Witness(Struct, frozen=True, kw_only=True):
    """What the controller of `region` sees: clusters whose writer is gone, and whose writer answers it; and what the
    controls beside it told some seconds ago, by cluster. Key: region. `ttl`: it speaks again in less than so many
    seconds, if it lives.
    """

    KIND: ClassVar[str] = "witness"
    region: str
    at: float
    gone: tuple[str, ...]
    heard: tuple[str, ...]
    controls: dict[str, Control] = {}
    ttl: float = math.inf  # before this was told


class Decided(Struct, frozen=True, kw_only=True):
    """A line of the ledger: what the daemon did, or in `observe` would have done. Key: cluster/instant.

    `verdict`: act, asks, would-act, veto, blocked, ended. `false_positive` is set when the writer came back by itself
    before anything was done.
    """

    KIND: ClassVar[str] = "decided"
    cluster: str
    at: float
    verdict: str
    cause: str
    because: str
    vetoes: tuple[str, ...] = ()
    run: str = ""
    until: float | None = None
    false_positive: bool | None = None
    plan: str = ""  # that waits for approvals


class Scheduled(Struct, frozen=True, kw_only=True):
    """The last instant of a schedule that was dealt with. Key: the schedule.

    `outcome`: running; how its run ended (`done`, `failed`...); refused; missed: it could not begin within its grace;
    '' when the schedule is new, or was changed. `rule`: its cron expression and timezone at that time.
    """

    KIND: ClassVar[str] = "schedule"
    schedule: str
    rule: str
    due: float
    at: float
    outcome: str = ""
    because: str = ""
    run: str = ""
    by: str = ""


class Way(Struct, frozen=True, kw_only=True):
    """A way in which commits may be acknowledged: by `writer`, once any `count` of the regions `of` have flushed them
    too. 0: by the writer alone. A standby that is no node of the cluster stands in `of` as `?NAME`.
    """

    writer: str
    count: int = 0
    of: tuple[str, ...] = ()  # sorted


class Durable(Struct, frozen=True, kw_only=True):
    """Durability `quorum`: every way in which what was acknowledged of a cluster may have been. Whoever holds one of
    each possible set of acknowledging nodes, of each way, holds everything that was acknowledged.
    """

    KIND: ClassVar[str] = "durable"
    cluster: str
    ways: tuple[Way, ...]
    epoch: int  # under which it was written last
    at: float
