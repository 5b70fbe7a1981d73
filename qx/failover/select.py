"""Which clusters a failover concerns: the meaning of `--to`, `--from`, `--cluster`, `--except`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.errors import QxError, Refused
from qx.kernel.text import did_you_mean
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.model.platform import Platform
    from qx.model.topology import ClusterView, Topology


ALREADY = "its writer already stands"
ELECTS = "is a Redis Cluster, which elects its masters itself"


class Selection(Struct, frozen=True):
    """`concerned`: cluster -> region whose writer moves away (None: no writer is known), PostgreSQL first."""

    concerned: dict[str, str | None]
    not_concerned: dict[str, str]


def writer_of(topology: Topology, cluster: str) -> str | None:
    """The writer that is seen, else the one on record, else the one silent node when all the others are replicas:
    nobody else can be it. (A silent node that a replica names as its upstream could itself follow another silent one.)
    """
    view = topology.clusters[cluster]
    others = [region for region, node in view.nodes.items() if node.role is not Role.REPLICA]
    certain = len(others) == 1 and view.nodes[others[0]].role is Role.SILENT
    return view.writer or view.recorded_writer or (others[0] if certain else None)


def select_for_failover(
    platform: Platform,
    topology: Topology,
    to: str,
    source: str | None,
    clusters: tuple[str, ...],
    excepted: tuple[str, ...],
) -> Selection:
    """Raises Refused(QX-PLAN-004) for writers in several regions without --from, QX-OBS-002 for an unknown cluster."""
    for name in (*clusters, *excepted):
        if name not in platform.clusters:
            raise QxError("QX-OBS-002", f"no cluster '{name}'", hint=did_you_mean(name, platform.clusters))
    concerned: dict[str, str | None] = {}
    aside: dict[str, str] = {}
    for name, cluster in platform.clusters.items():
        writer = writer_of(topology, name)
        if name in excepted:
            aside[name] = "left out by --except"
        elif topology.clusters[name].elects_itself and name in clusters:
            raise _elects(topology.clusters[name], to)
        elif topology.clusters[name].elects_itself:
            aside[name] = ELECTS
        elif clusters and name not in clusters:
            aside[name] = "not named by --cluster"
        elif to not in cluster.nodes:
            aside[name] = f"has no node in {to}"
        elif writer == to:
            aside[name] = f"{ALREADY} in {to}"
        elif source is not None and writer != source:
            aside[name] = f"its writer stands in {writer or 'no region that is known'}, not in {source}"
        else:
            concerned[name] = writer
    sources = {writer for writer in concerned.values() if writer is not None}
    if source is None and len(sources) > 1:
        choices = "; ".join(
            f"--from {s}: {', '.join(c for c, w in concerned.items() if w == s)}" for s in sorted(sources)
        )
        raise Refused(
            "QX-PLAN-004",
            f"clusters with a node in {to} have their writers in several regions: {', '.join(sorted(sources))}",
            hint=choices,
        )
    if not concerned and ALREADY not in {why.partition(" in ")[0] for why in aside.values()}:
        if set(aside.values()) == {ELECTS}:
            raise _elects(topology.clusters[next(iter(aside))], to)
        reasons = "; ".join(f"{name} {why}" for name, why in aside.items())
        raise QxError("QX-PLAN-006", f"no cluster can move to {to}: {reasons}", hint="qx status shows who is where")
    return Selection(_ordered(platform, concerned), aside)


def select_for_failback(platform: Platform, topology: Topology, clusters: tuple[str, ...]) -> Selection:
    """Every cluster whose writer stands away from home."""
    for name in clusters:
        if name not in platform.clusters:
            raise QxError("QX-OBS-002", f"no cluster '{name}'", hint=did_you_mean(name, platform.clusters))
    concerned: dict[str, str | None] = {}
    aside: dict[str, str] = {}
    for name, cluster in platform.clusters.items():
        writer = writer_of(topology, name)
        if topology.clusters[name].elects_itself and name in clusters:
            raise _elects(topology.clusters[name], cluster.home)
        if topology.clusters[name].elects_itself:
            aside[name] = ELECTS
        elif clusters and name not in clusters:
            aside[name] = "not named by --cluster"
        elif writer == cluster.home:
            aside[name] = f"its writer is at home in {cluster.home}"
        else:
            concerned[name] = writer
    return Selection(_ordered(platform, concerned), aside)


def _elects(view: ClusterView, region: str) -> Refused:
    there = [r.address for s in view.shards for r in s.replicas if s.slots and r.region == region and r.state == "ok"]
    at = f" at {' and '.join(there)}" if there else " at a replica of each shard"
    hint = f"`redis-cli CLUSTER FAILOVER`{at} moves its masters; `--except {view.name}` leaves it out"
    return Refused("QX-PLAN-008", f"{view.name} {ELECTS}: qx observes it and never moves it", hint=hint)


def _ordered(platform: Platform, concerned: dict[str, str | None]) -> dict[str, str | None]:
    """PostgreSQL before Redis: the book first, then what was derived from it."""
    names = sorted(concerned, key=lambda name: platform.clusters[name].kind != "postgresql")
    return {name: concerned[name] for name in names}
