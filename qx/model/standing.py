"""What is kept of a cluster beside its rule, each a typed record of the store: who armed it, whose server may write for
how long, who was released, what was acknowledged, drilled, decided.

`KIND` names the kind of record; the key is the cluster unless said otherwise. See `qx.ports.store`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct


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

    `guard`: the identity of the process that kills it; '' when none does: then its end proves nothing. Standing for as
    long as it is renewed is the record `grant-live` of the same cluster, which runs out by itself.
    """

    KIND: ClassVar[str] = "grant"
    LIVE: ClassVar[str] = "grant-live"
    cluster: str
    region: str
    epoch: int
    guard: str
    ttl: float
    margin: float


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
    """Key: the run that moved the writer away. Seconds; `met`: every objective of the cluster was."""

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


class Witness(Struct, frozen=True, kw_only=True):
    """What the controller of `region` sees: clusters whose writer is gone, and whose writer answers it. Key: region."""

    KIND: ClassVar[str] = "witness"
    region: str
    at: float
    gone: tuple[str, ...]
    heard: tuple[str, ...]


class Decided(Struct, frozen=True, kw_only=True):
    """A line of the ledger: what the daemon did, or in `observe` would have done. Key: cluster/instant.

    `verdict`: act, would-act, veto, blocked, ended. `false_positive` is set when the writer came back by itself before
    anything was done.
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
