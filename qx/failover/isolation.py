"""Isolation: is an armed writer cut off from everything that counts, and is there anybody to write in its place? Pure.

Quorum and receivers vanish together when a region is cut off, and then every write that is still acknowledged may be
lost. One of them alone is no isolation: the store may be down, a standby may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.residency import NO_LAW, may_live
from qx.model.observation import PgFacts
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.model.observation import RedisFacts
    from qx.model.platform import Platform
    from qx.model.residency import Law
    from qx.model.topology import ClusterView

PAUSE_S = 0.75  # at most so long: clients wait meanwhile, and a server that answers nobody for longer is one that hangs
WHOLE_S = 1.0  # Redis counts whole seconds


def received_ago(facts: PgFacts | RedisFacts) -> float | None:
    """Seconds since any receiver last said something to the writer that told `facts`; None: it has no receiver."""
    if isinstance(facts, PgFacts):
        ages = [sender.reply_age_s for sender in facts.senders]
    else:
        ages = [max(0.0, replica.ack_age_s - WHOLE_S) for replica in facts.replicas]
    return min(ages, default=None)


def is_cut_off(store_heard: float, received: float | None, at: float, stop_after: float, together: float) -> bool:
    """`store_heard`, `received`: when the store and any receiver were last heard, `at`: now, of one clock. Both have
    been silent for `stop_after` seconds, and fell silent within `together` of each other.
    """
    if received is None or not stop_after:
        return False
    silent = at - max(store_heard, received) >= stop_after
    return silent and abs(store_heard - received) <= together


def pause_after(stop_after: float) -> float:
    """After how many seconds of both silences the writer stands still, before it is ended after `stop_after`."""
    return stop_after - min(stop_after / 2, PAUSE_S)


def has_successor(
    platform: Platform, name: str, view: ClusterView, source: str, today: str, law: Law = NO_LAW
) -> bool:
    """Whether some standby could become the writer in place of `source`: it streams, and policy and law let it."""
    cluster = platform.clusters[name]
    return any(
        region != source
        and node.role is Role.REPLICA
        and node.streaming
        and cluster.nodes[region].priority > 0
        and all(may_live(platform, each, cluster.home, region, today, law).allowed for each in cluster.data_classes)
        for region, node in view.nodes.items()
    )
