"""Do commits wait, and for whom? What synchronous_standby_names asks for, against the standbys there. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.failover.quorum import streaming
from qx.failover.quorum_names import way_of
from qx.failover.sight import facts_of
from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from qx.failover.sight import Facts
    from qx.model.platform import Cluster
    from qx.model.topology import ClusterView

_COUNTED = re.compile(r"\s*(?:(?:ANY|FIRST)\s+)?(\d+)\s*\(", re.IGNORECASE)


def waiting_for(facts: Facts) -> int:
    """How many more standbys a commit of this writer waits for; 0 when it waits for none."""
    if not isinstance(facts, PgFacts):
        return 0
    names = facts.settings.get("synchronous_standby_names", "").strip()
    if not names or facts.settings.get("synchronous_commit", "on") in {"off", "local"}:
        return 0
    found = _COUNTED.match(names)
    wanted = int(found[1]) if found else 1
    there = sum(s.state == "streaming" and s.sync_state in {"sync", "quorum"} for s in facts.senders)
    return max(0, wanted - there)


def waits_on(cluster: Cluster, view: ClusterView) -> str:
    """Whom a commit of the cluster waits for and who of them is there, in words; '' where it is to wait for nobody, or
    where no writer is seen.
    """
    facts = facts_of(view.nodes[view.writer].seen) if view.writer is not None else None
    if view.writer is None or not isinstance(facts, PgFacts):
        return ""
    way = way_of(cluster, view.writer, facts.settings)
    if not way.count:
        return "not in force: a commit waits for nobody" if cluster.durability == "quorum" else ""
    there = sorted(set(way.of) & streaming(cluster, facts))
    return f"a commit waits for {way.count} of {', '.join(way.of)}; streaming: {', '.join(there) or 'none'}"
