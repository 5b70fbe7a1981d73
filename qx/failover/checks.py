"""Checks for a monitoring system: one level, one sentence, figures with their thresholds. Pure.

Levels are Nagios': 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. What cannot be known is UNKNOWN, never OK; among several
findings CRITICAL speaks first, then WARNING, then UNKNOWN.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.model.topology import Cause, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.failover.openruns import OpenRun
    from qx.model.redis_cluster import Replica
    from qx.model.topology import ClusterView, NodeView, Topology


class Level(IntEnum):
    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Figure(Struct, frozen=True, kw_only=True):
    """One measured value; `unit` as Nagios has it: 's', 'B', 'c', ''. None where it could not be measured."""

    label: str
    value: float | None
    unit: str = ""
    warning: float | None = None
    critical: float | None = None
    minimum: float | None = 0


class Check(Struct, frozen=True, kw_only=True):
    name: str
    level: Level
    summary: str
    figures: tuple[Figure, ...] = ()


class _Found(Struct, frozen=True):
    level: Level
    words: str


_SPEAKS_FIRST = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.OK)
_LEVELS = {
    Verdict.HEALTHY: Level.OK,
    Verdict.DEGRADED: Level.WARNING,
    Verdict.SUSPECT: Level.CRITICAL,
    Verdict.DOWN: Level.CRITICAL,
    Verdict.ISOLATED: Level.CRITICAL,
    Verdict.UNKNOWN: Level.UNKNOWN,
}
_GRAVE = frozenset({Cause.STALE_WRITER, Cause.TWO_WRITERS, Cause.UNRECORDED_WRITER})


def check_health(topology: Topology) -> Check:
    """Every cluster's and every region's verdict."""
    found = [
        _Found(_level(view), _verdict(name, view.verdict, view.because))
        for name, view in topology.clusters.items()
    ]
    found += [
        _Found(_LEVELS[region.verdict], _verdict(name, region.verdict, region.because))
        for name, region in topology.regions.items()
        if region.cause is not Cause.NONE or region.verdict is Verdict.HEALTHY
    ]
    good = f"{plural(len(topology.clusters), 'cluster')} and {plural(len(topology.regions), 'region')} healthy"
    return _check("HEALTH", found, good, _counted(found))


def check_writer(topology: Topology) -> Check:
    """Does every cluster have its one lawful writer?"""
    found = []
    for name, view in topology.clusters.items():
        if view.elects_itself:
            found.append(_masters(name, view))
            continue
        writing = [r for r, node in view.nodes.items() if node.role in {Role.WRITER, Role.STALE_WRITER}]
        if view.writer is not None and len(writing) == 1:
            found.append(_Found(Level.OK, f"{name} in {view.writer}"))
        else:
            level = Level.UNKNOWN if view.verdict is Verdict.UNKNOWN else Level.CRITICAL
            found.append(_Found(level, _verdict(name, view.verdict, view.because)))
    return _check("WRITER", found, ", ".join(each.words for each in found), _counted(found))


def _masters(name: str, view: ClusterView) -> _Found:
    """A Redis Cluster has a master for each of its shards."""
    if view.cause in {Cause.SLOTS_UNCOVERED, Cause.MASTERS_DOWN, Cause.WRONG_KIND} or not view.shards:
        level = Level.UNKNOWN if view.verdict is Verdict.UNKNOWN else Level.CRITICAL
        return _Found(level, _verdict(name, view.verdict, view.because))
    return _Found(Level.OK, f"{name} in {plural(sum(bool(s.slots) for s in view.shards), 'shard')}")


def check_lag(topology: Topology, warning: float, critical: float, region: str | None = None) -> Check:
    """Every replica's lag (or those in `region`) against thresholds in seconds; one that is not known is UNKNOWN."""
    everyone = _replicas(topology.clusters.values())
    replicas = [(name, node) for name, node in everyone if region in {None, node.region}]
    found = [_lag(name, node, warning, critical) for name, node in replicas]
    shards = _of_shards(topology.clusters.values(), region)
    found += [_shard_lag(name, replica, warning, critical) for name, replica in shards]
    figures = []
    for name, node in replicas:
        label = f"{name}_{node.region}"
        seconds = node.lag.seconds if node.lag else None
        size = node.lag.bytes if node.lag else None
        figures.append(Figure(label=f"{label}_seconds", value=seconds, unit="s", warning=warning, critical=critical))
        figures.append(Figure(label=f"{label}_bytes", value=size, unit="B"))
    for name, replica in shards:
        label = f"{name}_{replica.address}"
        figures.append(Figure(label=f"{label}_bytes", value=replica.bytes, unit="B"))
    good = f"{plural(len(replicas) + len(shards), 'replica')} within {format_seconds(warning)}"
    return _check("LAG", found, good, tuple(figures))


def check_runs(open_runs: Iterable[OpenRun]) -> Check:
    """Is there a run that nobody goes on with?"""
    open_runs = tuple(open_runs)
    found = []
    for run in open_runs:
        stopped = "".join(f", {c} not writable for {format_seconds(s)}" for c, s in run.stopped_s.items())
        if run.orphaned:
            found.append(_Found(Level.CRITICAL, f"run {run.run} ({run.intent}) is orphaned{stopped}: {run.resume}"))
        else:
            found.append(_Found(Level.OK, f"run {run.run} ({run.intent}) is under way{stopped}"))
    orphaned = sum(run.orphaned for run in open_runs)
    figures = (Figure(label="orphaned", value=orphaned), Figure(label="under_way", value=len(open_runs) - orphaned))
    good = "; ".join(each.words for each in found) or "no run is open"
    return _check("RUNS", found, good, figures)


def narrowed(topology: Topology, cluster: str | None, region: str | None) -> Topology:
    """Only that cluster, or only that region and, whole, the clusters with a node there."""
    return replace(
        topology,
        clusters={
            name: view
            for name, view in topology.clusters.items()
            if cluster in {None, name} and (region is None or region in view.nodes)
        },
        regions={name: view for name, view in topology.regions.items() if region in {None, name} and cluster is None},
    )


def unknown(name: str, why: str) -> Check:
    """A check that could not be made."""
    return Check(name=name, level=Level.UNKNOWN, summary=why)


def _lag(name: str, node: NodeView, warning: float, critical: float) -> _Found:
    where = f"{name} in {node.region}"
    if node.role is Role.SILENT or node.lag is None:
        return _Found(Level.UNKNOWN, f"{where} {node.note}")
    seconds = node.lag.seconds
    if seconds is None:
        if node.lag.bytes is not None and node.streaming:
            return _Found(Level.OK, f"{where} {format_bytes(node.lag.bytes)} behind")
        return _Found(Level.UNKNOWN, f"{where}: {node.lag.because}")
    level = Level.CRITICAL if seconds >= critical else Level.WARNING if seconds >= warning else Level.OK
    if level is Level.OK and not node.streaming:
        return _Found(Level.WARNING, f"{where} {node.note}")
    return _Found(level, f"{where} {format_seconds(seconds)} behind")


def _of_shards(clusters: Iterable[ClusterView], region: str | None) -> list[tuple[str, Replica]]:
    return [
        (view.name, replica) for view in clusters for shard in view.shards if shard.slots
        for replica in shard.replicas if region in {None, replica.region}
    ]  # fmt: skip


def _shard_lag(name: str, replica: Replica, warning: float, critical: float) -> _Found:
    where = f"{name} at {replica.address}"
    seconds = replica.seconds
    if seconds is not None and seconds >= warning:
        return _Found(Level.CRITICAL if seconds >= critical else Level.WARNING, f"{where}: {replica.because or 'late'}")
    if not replica.streaming:
        return _Found(Level.WARNING, f"{where}: {replica.because}")
    if replica.bytes is None:
        return _Found(Level.UNKNOWN, f"{where}: its lag is not known")
    return _Found(Level.OK, f"{where} {format_bytes(replica.bytes)} behind")


def _replicas(clusters: Iterable[ClusterView]) -> Iterator[tuple[str, NodeView]]:
    for view in clusters:
        for node in view.nodes.values():
            if node.role is Role.REPLICA or node.cause is Cause.REPLICA_SILENT:
                yield view.name, node


def _level(view: ClusterView) -> Level:
    return Level.CRITICAL if view.cause in _GRAVE else _LEVELS[view.verdict]


def _verdict(name: str, verdict: Verdict, because: str) -> str:
    return f"{name} {verdict}: {because}"


def _counted(found: list[_Found]) -> tuple[Figure, ...]:
    return tuple(
        Figure(label=level.name.lower(), value=sum(each.level is level for each in found)) for level in Level
    )


def _check(name: str, found: list[_Found], good: str, figures: tuple[Figure, ...]) -> Check:
    level = next((level for level in _SPEAKS_FIRST if any(each.level is level for each in found)), Level.OK)
    if not found:
        return Check(name=name, level=level, summary=good, figures=figures)
    told = [each.words for rank in _SPEAKS_FIRST[:3] for each in found if each.level is rank]
    return Check(name=name, level=level, summary=good if level is Level.OK else "; ".join(told), figures=figures)
