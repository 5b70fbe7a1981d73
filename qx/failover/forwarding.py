"""Fast-forward: a target that is a little behind another standby first fetches from it what it lacks. Pure.

So policy may prefer a region without losing what only another one received; and a standby that got one record more
while the plan was made refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.siblings import siblings_of
from qx.failover.situation import lineage
from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation

MOST_BYTES = 16 << 20  # a segment: more takes longer than clients should wait for a preference


def ahead(at: Situation, move: Move) -> str | None:
    """The standby from which the target would fetch: the furthest one of its own timeline; None where none is ahead, or
    by too much. Of a Redis never: a replica without a master feeds nobody.
    """
    target = at.facts(move.cluster, move.target)
    if not isinstance(target, PgFacts) or not target.in_recovery:
        return None
    found = {region: facts for region in siblings_of(at, move) if (facts := at.facts(move.cluster, region))}
    comparable = {
        region: facts.position
        for region, facts in found.items()
        if isinstance(facts, PgFacts) and facts.in_recovery and lineage(facts) == lineage(target)
    }
    best = max(comparable, key=lambda region: comparable[region], default=None)
    if best is None or not 0 < comparable[best] - target.position <= MOST_BYTES:
        return None
    return best
