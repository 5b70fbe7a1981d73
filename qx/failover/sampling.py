"""Which positions are worth keeping, so that a loss can be estimated once the writer is dark.

Of a writer that answers, its own. Of one that does not, what it last told each standby: dated by the message, under the
standby's transaction id, which is a lower bound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qx.failover.sight import facts_of, lineage, position, receives, takes_writes
from qx.model.observation import PgFacts, Sample
from qx.model.topology import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.topology import ClusterView, NodeView, Topology


def samples_of(topology: Topology) -> tuple[Sample, ...]:
    return tuple(sample for view in topology.clusters.values() for sample in _of(view))


def _of(view: ClusterView) -> Iterator[Sample]:
    for region, node in view.nodes.items():
        facts = facts_of(node.seen)
        if facts is None:
            continue
        if takes_writes(facts):
            next_xid, clock = (facts.next_xid, facts.clock) if isinstance(facts, PgFacts) else (0, None)
            yield Sample(view.name, region, node.seen.at, lineage(facts), position(facts), next_xid, clock)
        elif isinstance(facts, PgFacts) and node.upstream and view.nodes[node.upstream].role is Role.SILENT:
            yield from _told(node, facts)


def _told(node: NodeView, facts: PgFacts) -> Iterator[Sample]:
    receiver = facts.receiver
    if receiver is None or not receiver.latest_end or not receives(facts) or not math.isfinite(receiver.message_age_s):
        return
    at = node.seen.at - receiver.message_age_s
    told = f"{facts.system_id}/{receiver.timeline}"
    end, clock = receiver.latest_end, receiver.told_clock
    yield Sample(node.cluster, str(node.upstream), at, told, end, facts.next_xid, clock)
