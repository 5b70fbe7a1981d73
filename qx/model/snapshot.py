"""Snapshot: everything that the daemon's metrics are made from, at the end of one tick."""

from __future__ import annotations

from msgspec import Struct

from qx.model.alert import Told
from qx.model.journal import Run
from qx.model.lease import Lease, Maintenance, Rule
from qx.model.standing import Arming, Decided, DrillResult, Grant
from qx.model.topology import Topology


class Figures(Struct, frozen=True, kw_only=True):
    """The daemon's own. Instants are Unix seconds; durations seconds."""

    started_at: float
    tick_at: float  # the end of the last tick
    tick_s: float  # that it took
    every_s: float  # that should lie between two ticks
    loop_lag_s: float = 0.0  # how late the event loop was
    distrust_s: float = 0.0  # for how long it still only watches
    connections: dict[str, int] = {}  # kind -> open ones
    notices: dict[tuple[str, str], int] = {}  # (channel, delivered | failed | gave-up): `Alerting.outbox.counts`
    waiting: dict[str, int] = {}  # channel -> notices that it has not taken yet
    ready: bool = True
    because: str = ""  # why it is not ready


class Stepped(Struct, frozen=True):
    """One attempt at a step, or at undoing it, of a run that ended."""

    action: str  # of the closed union in `qx.model.plan`
    outcome: str
    took_s: float


class Snapshot(Struct, frozen=True, kw_only=True):
    topology: Topology
    figures: Figures
    rules: dict[str, Rule] = {}
    leases: tuple[Lease, ...] = ()
    grants: dict[str, tuple[Grant, float]] = {}  # cluster -> its writer's lease, and until when it is live
    armings: dict[str, Arming] = {}
    decided: tuple[Decided, ...] = ()
    runs: tuple[Run, ...] = ()  # the latest
    stepped: tuple[Stepped, ...] = ()  # of runs that have ended since the snapshot before this
    drills: dict[str, DrillResult] = {}  # cluster -> its last one
    maintenance: tuple[Maintenance, ...] = ()
    told: tuple[Told, ...] = ()
