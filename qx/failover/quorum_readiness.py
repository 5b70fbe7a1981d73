"""Would durability `quorum` keep its promise, as these servers are set up? Advice, before anybody needs it. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qx.failover.links import application_name
from qx.failover.quorum_names import way_of
from qx.failover.readiness import Advice
from qx.failover.sight import facts_of
from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.platform import Cluster, Platform
    from qx.model.topology import ClusterView, Topology

# Before these, commits of the first moments after a restart did not wait: a race in the server's own start.
WAITS_FROM_ITS_START = {14: 140018, 15: 150013, 16: 160009, 17: 170005}


def quorum_readiness(platform: Platform, topology: Topology) -> tuple[Advice, ...]:
    """What should be changed, of clusters with durability quorum whose writer answers; () when nothing should."""
    return tuple(
        advice
        for name, cluster in platform.clusters.items()
        if cluster.durability == "quorum"
        for advice in _of(cluster, topology.clusters[name])
    )


def _of(cluster: Cluster, view: ClusterView) -> Iterator[Advice]:
    writer = facts_of(view.nodes[view.writer].seen) if view.writer is not None else None
    if view.writer is None or not isinstance(writer, PgFacts):
        return
    if way_of(cluster, view.writer, writer.settings).count < cluster.quorum:
        yield Advice(
            cluster=view.name, region=view.writer, status="failed",
            evidence=f"durability is quorum, and commits do not wait for {cluster.quorum} of its standbys",
            fix=f"qx durability {view.name} --apply --reason TEXT; the daemon does it in mode confirm or auto",
        )  # fmt: skip
    yield from _names(view, writer)
    for region, node in view.nodes.items():
        facts = facts_of(node.seen)
        fixed = WAITS_FROM_ITS_START.get(facts.version // 10000, 0) if isinstance(facts, PgFacts) else 0
        if isinstance(facts, PgFacts) and facts.version < fixed:
            yield Advice(
                cluster=view.name, region=region, status="warning",
                evidence="its version lets commits through without waiting in the first moments after a start",
                fix=f"PostgreSQL {fixed // 10000}.{fixed % 10000} or later",
            )  # fmt: skip


def _names(view: ClusterView, writer: PgFacts) -> Iterator[Advice]:
    """A standby counts under the name that it tells its upstream; two of one name count twice."""
    told = Counter(sender.name.lower() for sender in writer.senders if sender.state == "streaming")
    for region, node in view.nodes.items():
        name, facts = application_name(region), facts_of(node.seen)
        if node.upstream == view.writer and isinstance(facts, PgFacts) and node.streaming and not told[name]:
            yield Advice(
                cluster=view.name, region=region, status="failed",
                evidence="it streams under another name, so that no commit counts it",
                fix=f"application_name={name} in its primary_conninfo, then reload",
            )  # fmt: skip
        if told[name] > 1:
            yield Advice(
                cluster=view.name, region=region, status="failed",
                evidence=f"{told[name]} receivers call themselves {name}: one alone may stand for two",
                fix="give the other one a name of its own",
            )  # fmt: skip
