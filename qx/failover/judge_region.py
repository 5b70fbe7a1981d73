"""What is true of one region: do its own nodes and services do their part? Faults of other regions are not its own.

A region that nothing answers from is isolated (from qx) when a peer in another region still hears from it, down when
its hosts refuse or its peers have lost it too, suspect when nobody can tell, and unknown when nothing answers at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.judge_cluster import SEVERITY, Judgement
from qx.failover.sight import facts_of, receives, region_at, region_called, silence_words
from qx.kernel.text import plural
from qx.model.observation import EndpointFacts, Observation, PgFacts, Silence
from qx.model.topology import Cause, RegionView, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.failover.sight import Facts
    from qx.model.platform import Cluster, Platform
    from qx.model.topology import ClusterView, NodeView

REPORT_S = 15.0  # replicas report to their upstream every 10 s (PostgreSQL) or every second (Redis)


def judge_region(
    name: str,
    platform: Platform,
    clusters: Mapping[str, ClusterView],
    endpoints: Mapping[str, Observation | Silence],
    *,
    isolated: bool,
) -> RegionView:
    """`endpoints` of this region by name; `isolated`: nothing at all answered qx, from any region."""
    judged = _judged(name, platform, clusters, endpoints, isolated=isolated)
    return RegionView(
        name=name,
        verdict=judged.verdict,
        cause=judged.cause,
        because=judged.because,
        endpoints=dict(endpoints),
    )


def _judged(
    name: str,
    platform: Platform,
    clusters: Mapping[str, ClusterView],
    endpoints: Mapping[str, Observation | Silence],
    *,
    isolated: bool,
) -> Judgement:
    nodes = {cluster: view.nodes[name] for cluster, view in clusters.items() if name in view.nodes}
    everything = [*(view.seen for view in nodes.values()), *endpoints.values()]
    if not everything:
        return Judgement(Verdict.UNKNOWN, Cause.NONE, "nothing is described here that could be looked at")
    silences = [each for each in everything if isinstance(each, Silence)]
    if len(silences) == len(everything):
        return _unheard(name, platform, clusters, silences, isolated=isolated)
    problems = [
        (view.cause, f"{cluster} {view.note}")
        for cluster, view in nodes.items()
        if _is_own(view, clusters[cluster])
    ]
    problems += [
        (Cause.ENDPOINT_FAILING, f"{label} {words}")
        for label, each in endpoints.items()
        if (words := _failing(each))
    ]
    if not problems:
        good = f"all {len(everything)} services answer" if len(everything) > 1 else "its service answers"
        return Judgement(Verdict.HEALTHY, Cause.NONE, f"{good} as expected")
    problems.sort(key=lambda problem: SEVERITY[problem[0]])
    return Judgement(Verdict.DEGRADED, problems[0][0], "; ".join(because for _, because in problems))


def _is_own(view: NodeView, cluster: ClusterView) -> bool:
    """Whether the node's trouble stands in this region: a replica that lost a silent upstream is not at fault."""
    if view.cause is not Cause.REPLICA_NOT_STREAMING:
        return view.cause is not Cause.NONE
    return view.upstream is None or cluster.nodes[view.upstream].role is not Role.SILENT


def _failing(seen: Observation | Silence) -> str:
    if isinstance(seen, Silence):
        return silence_words(seen)
    facts = seen.facts
    return f"answers {facts.detail}" if isinstance(facts, EndpointFacts) and not facts.ok else ""


def _unheard(
    name: str,
    platform: Platform,
    clusters: Mapping[str, ClusterView],
    silences: list[Silence],
    *,
    isolated: bool,
) -> Judgement:
    cause = Cause.NOTHING_ANSWERS
    none = (
        f"none of its {plural(len(silences), 'service')} answers"
        if len(silences) > 1
        else "its service does not answer"
    )
    if isolated:
        return Judgement(
            Verdict.UNKNOWN, cause, f"{none}, nor does any other region: qx itself may be cut off"
        )
    contacts = {
        region: contact
        for label, view in clusters.items()
        if name in view.nodes
        for region, node in view.nodes.items()
        if (contact := _contact(platform.clusters[label], node, name)) is not None
    }
    hearing = sorted(region for region, contact in contacts.items() if contact)
    if hearing:
        verb = "hear" if len(hearing) > 1 else "hears"
        return Judgement(
            Verdict.ISOLATED, cause, f"{none} qx, but {' and '.join(hearing)} still {verb} from it"
        )
    if all(silence.reason == "refused" for silence in silences):
        return Judgement(Verdict.DOWN, cause, f"{none}: connections are refused")
    if contacts:
        return Judgement(Verdict.DOWN, cause, f"{none}, and {' and '.join(sorted(contacts))} lost it too")
    return Judgement(Verdict.SUSPECT, cause, f"{none}, and no peer can tell whether it lives")


def _contact(cluster: Cluster, node: NodeView, name: str) -> bool | None:
    """Does the peer `node` hear from the cluster's node in region `name`? None when it is not in a place to tell."""
    facts = facts_of(node.seen)
    if facts is None:
        return None
    if node.upstream == name:
        return receives(facts)
    if node.role is Role.REPLICA:
        return None
    return name in _reporting(cluster, node.region, facts)


def _reporting(cluster: Cluster, region: str, facts: Facts) -> set[str | None]:
    """Regions whose replicas lately reported to the writer in `region`."""
    if isinstance(facts, PgFacts):
        return {region_called(cluster, s.name) for s in facts.senders if s.reply_age_s <= REPORT_S}
    return {region_at(cluster, region, r.address) for r in facts.replicas if r.ack_age_s <= REPORT_S}
