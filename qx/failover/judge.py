"""Observations -> Topology: who writes, who follows whom, how far behind, what is wrong, each in one plain sentence.

Pure, and total: any set of observations has a judgement. What was not observed counts as nothing: never as an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.judge_cluster import judge_cluster
from qx.failover.judge_redis_cluster import judge_redis_cluster, recognised
from qx.failover.judge_region import judge_region
from qx.model.observation import Observation, Silence
from qx.model.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.lease import Rule
    from qx.model.observation import Sample
    from qx.model.platform import Cluster, Defaults, Platform
    from qx.model.topology import ClusterView

Seen = Observation | Silence


def judge(
    platform: Platform,
    observations: Mapping[tuple[str, str], Seen],
    endpoints: Mapping[tuple[str, str], Seen],
    rules: Mapping[str, Rule],
    store_id: str,
    now: float,
    samples: Mapping[str, tuple[Sample, ...]] | None = None,
    heard_within: Mapping[str, float] | None = None,
) -> Topology:
    """`observations` by (cluster, region), `endpoints` by (region, name), `rules` and `samples` by cluster.

    `heard_within`: by cluster, the seconds after which a replica that heard nothing has lost its upstream; only where
    heartbeats are known to be sent beside the writer, so that their absence says something of the writer.
    `store_id` '' and no rules: the store could not be opened. `now` in Unix seconds dates the topology.
    """
    reached = frozenset(region for (_, region), seen in observations.items() if isinstance(seen, Observation))
    reached |= frozenset(region for (region, _), seen in endpoints.items() if isinstance(seen, Observation))
    observer = next((seen.observer for seen in (*observations.values(), *endpoints.values())), "")
    clusters = {
        name: _cluster(
            name,
            cluster,
            platform.defaults,
            {
                region: observations.get((name, region)) or _unasked(name, region, observer, now)
                for region in cluster.nodes
            },
            rules.get(name),
            store_id,
            (samples or {}).get(name, ()),
            reached,
            (heard_within or {}).get(name),
        )
        for name, cluster in platform.clusters.items()
    }
    regions = {
        name: judge_region(
            name,
            platform,
            clusters,
            {label: seen for (region, label), seen in endpoints.items() if region == name},
            isolated=not reached,
        )
        for name in platform.regions
    }
    return Topology(at=now, observer=observer, clusters=clusters, regions=regions)


def _cluster(
    name: str,
    cluster: Cluster,
    defaults: Defaults,
    seen: Mapping[str, Seen],
    rule: Rule | None,
    store_id: str,
    samples: tuple[Sample, ...],
    reached: frozenset[str],
    heard_within: float | None,
) -> ClusterView:
    if cluster.kind == "redis-cluster":
        return judge_redis_cluster(name, cluster, defaults, seen)
    view = judge_cluster(name, cluster, defaults, seen, rule, store_id, samples, reached, heard_within)
    return recognised(view) if cluster.kind == "redis" else view


def _unasked(subject: str, region: str, observer: str, now: float) -> Silence:
    return Silence(
        subject=subject,
        region=region,
        observer=observer,
        at=now,
        reason="unreachable",
        detail="was not asked",
    )
