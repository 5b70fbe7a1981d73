"""Vetoes: what keeps the daemon from acting although the writer is gone. Each is a sentence; all are named. Pure.

Gates judge the plan (residency, loss, health, a fence that can be proven); vetoes judge the one who would act on it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.failover.calendar import window_against
from qx.kernel.spans import format_seconds
from qx.kernel.text import plural
from qx.model.journal import RunOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.config.profiles import Watch
    from qx.model.journal import Run
    from qx.model.lease import Lease, Maintenance
    from qx.model.platform import Cluster
    from qx.model.standing import Arming

DAY_S = 86400.0
AUTOMATIC = "qx daemon"  # the beginning of `Run.by` of what the daemon does unasked
SCHEDULED = ", schedule "  # in `Run.by` of what it does because somebody put it into the timetable


class Standing(Struct, frozen=True, kw_only=True):
    """What the daemon knows beside the topology, at one instant `now` (Unix seconds)."""

    now: float
    distrust_s: float  # what is left of its distrust of itself
    arming: Arming | None
    leases: tuple[Lease, ...]
    unended: tuple[Run, ...]  # runs of the cluster that have not ended
    moves: tuple[Run, ...]  # of the last day, automatic, of any cluster
    acknowledged: frozenset[str]  # runs
    maintenance: tuple[Maintenance, ...]
    witnesses: int  # observers that find the writer gone, this one included
    observers: int  # that watch at all
    heard_by: tuple[str, ...] = ()  # regions whose controller is answered by the writer
    unsafe_store: str = ""  # why the store may forget what it was told


class Veto(Struct, frozen=True):
    name: str
    because: str


def vetoes(name: str, cluster: Cluster, source: str | None, watch: Watch, at: Standing) -> tuple[Veto, ...]:
    """Everything that stands against acting on cluster `name`, whose writer was in `source`; () when nothing does. In
    mode `confirm`: against asking a person, who decides each time, so that how often it was moved is theirs to weigh.
    """
    found = [
        _mode(cluster, at),
        _distrust(at),
        _forgetful(at),
        _busy(name, at),
        _maintained(name, source, at),
        _window(name, watch, at),
        *([] if cluster.mode == "confirm" else [_too_often(name, source, watch, at), _unacknowledged(name, at)]),
        _in_vain(name, watch, at),
        _heard(at),
        _alone(watch, at),
    ]
    return tuple(veto for veto in found if veto is not None)


def vetoes_of_homing(
    name: str, cluster: Cluster, source: str, watch: Watch, at: Standing
) -> tuple[Veto, ...]:
    """Against a failback by policy. It counts as a move of its own; windows and cooldown are gates of the plan."""
    found = [
        _mode(cluster, at), _distrust(at), _forgetful(at), _busy(name, at), _maintained(name, source, at),
        _too_often(name, source, watch, at), _unacknowledged(name, at),
    ]  # fmt: skip
    return tuple(veto for veto in found if veto is not None)


def _mode(cluster: Cluster, at: Standing) -> Veto | None:
    if cluster.mode == "observe":
        return Veto("mode", "its mode is observe: qx only tells what it would do")
    if cluster.mode == "auto" and at.arming is None:
        return Veto("mode", "it is not armed: qx arm CLUSTER --reason TEXT")
    return None


def _distrust(at: Standing) -> Veto | None:
    if at.distrust_s > 0:
        return Veto("distrust", f"qx itself stood still: it only watches for {format_seconds(at.distrust_s)}")
    return None


def _forgetful(at: Standing) -> Veto | None:
    return Veto("store", at.unsafe_store) if at.unsafe_store else None


def _busy(name: str, at: Standing) -> Veto | None:
    for lease in at.leases:
        if lease.cluster == name:
            return Veto("lease", f"run {lease.holder} acts on it")
    for run in at.unended:
        return Veto("run", f"run {run.id} has not ended: qx runs resume {run.id}")
    return None


def _maintained(name: str, source: str | None, at: Standing) -> Veto | None:
    for window in at.maintenance:
        if window.scope in ("*", name, source) and window.since <= at.now < window.until:
            return Veto("maintenance", f"{window.scope} is under maintenance by {window.owner}: {window.reason}")
    return None


def _too_often(name: str, source: str | None, watch: Watch, at: Standing) -> Veto | None:
    """Clusters that left one region together are one region move; a cluster that leaves it again begins another."""
    lately = [run for run in at.moves if at.now - run.started_at < DAY_S and _moved(run)]
    left = [(_left(run), cluster) for run in lately for cluster in run.clusters]
    if _region_moves([*left, (source, name)]) > watch.moves_per_day:
        many = plural(_region_moves(left), "automatic region move")
        return Veto("moves", f"{many} in 24 h, allowed are {watch.moves_per_day}")
    return None


def _region_moves(left: Sequence[tuple[str | None, str]]) -> int:
    """`left`: region and cluster of each move away. Of each region: as often as one of its clusters left it."""
    often: dict[str | None, int] = {}
    for (region, _), count in Counter(left).items():
        often[region] = max(often.get(region, 0), count)
    return sum(often.values())


def _moved(run: Run) -> bool:
    """One that was undone, or came to nothing, has moved nothing."""
    return run.outcome not in (RunOutcome.UNDONE, RunOutcome.FAILED)


def _left(run: Run) -> str:
    """`Run.by` of an automatic run: 'qx daemon on HOST, REGION is gone'."""
    return run.by.rpartition(", ")[2].partition(" ")[0]


def _unacknowledged(name: str, at: Standing) -> Veto | None:
    for run in at.moves:
        if name in run.clusters and _moved(run) and run.id not in at.acknowledged:
            return Veto("cooldown", f"nobody has seen the automatic run {run.id} yet: qx runs ack {run.id}")
    return None


def _in_vain(name: str, watch: Watch, at: Standing) -> Veto | None:
    """What could not be done may be tried again, after a time that doubles with each try."""
    vain = [run for run in at.moves if name in run.clusters and not _moved(run)]
    if not vain:
        return None
    since = at.now - max(run.ended_at or run.started_at for run in vain)
    pause = watch.ttl * 2 ** (len(vain) - 1)
    if not 0 <= since < pause:  # or the clock was set back
        return None
    wait = format_seconds(pause - since)
    return Veto("again", f"{plural(len(vain), 'automatic run')} came to nothing, the next may begin in {wait}")


def _heard(at: Standing) -> Veto | None:
    if at.heard_by:
        return Veto("heard", f"the writer still answers the controller of {', '.join(at.heard_by)}")
    return None


def _alone(watch: Watch, at: Standing) -> Veto | None:
    needed = min(watch.witnesses, at.observers)
    if at.witnesses < needed:
        return Veto("witnesses", f"{at.witnesses} of {at.observers} observers find it gone, {needed} must")
    return None


def _window(name: str, watch: Watch, at: Standing) -> Veto | None:
    against = window_against(watch.windows, name, at.now, planned=False)
    return Veto("calendar", against) if against else None
