"""Gate `durability`: a cluster with durability `quorum` loses nothing that was acknowledged, or it is not moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.estimate import nothing_lost
from qx.failover.move import no, yes
from qx.failover.quorum import NOT_COVERED, eligible, missing
from qx.failover.siblings import siblings_of
from qx.model.standing import Way

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation
    from qx.model.plan import GateResult, Loss


def durability(at: Situation, move: Move) -> GateResult:
    """Quorum: enough standbys are there to acknowledge what the target will write; and in an unplanned move those that
    answer have one of each set of nodes that may have acknowledged anything, so that the furthest of them holds it all.
    """
    cluster = at.platform.clusters[move.cluster]
    if cluster.durability != "quorum":
        return yes("durability", move, "asynchronous: a commit waits for no standby")
    may_count = eligible(at.platform, move.cluster, move.target, at.today, at.law)
    if len(may_count) < cluster.quorum:
        because = f"commits wait for {cluster.quorum}, and beside {move.target} only {len(may_count)} may acknowledge"
        return no("durability", move, because, f"lower clusters.{move.cluster}.quorum, or choose another region")
    if move.mode == "planned":
        return yes("durability", move, "the writer is drained; then commits wait for the quorum of the new one")
    record = at.durable.get(move.cluster)
    lacking = missing(record.ways, compared(at, move)) if record is not None else ()
    if record is not None and not lacking:
        return yes("durability", move, f"those that answer hold all that was acknowledged; not covered: {NOT_COVERED}")
    because = "no record says who may have acknowledged: it was not in force yet"
    if lacking:
        because = f"what was acknowledged may stand in {', '.join(lacking)} alone, which does not answer"
    if at.consent.accept_loss and at.consent.reason:
        return yes("durability", move, because, consent=f"accepted {at.consent.accept_loss}: {at.consent.reason}")
    wanted = f"bring back {' or '.join(lacking)}" if lacking else f"qx durability {move.cluster}"
    return no("durability", move, because, f"{wanted}, or --accept-loss SIZE --reason TEXT")


def compared(at: Situation, move: Move) -> frozenset[str]:
    """Of these the furthest is promoted."""
    there = {move.target} if at.facts(move.cluster, move.target) is not None else set()
    return frozenset({*there, *siblings_of(at, move)})


def covered_loss(at: Situation, move: Move) -> Loss | None:
    """None where nothing says that the loss is none."""
    record = at.durable.get(move.cluster)
    if at.platform.clusters[move.cluster].durability != "quorum" or record is None or not record.ways:
        return None
    if missing(record.ways, compared(at, move)):
        return None
    return nothing_lost(f"0 acknowledged: those that answer hold it all; not covered: {NOT_COVERED}")


def bound_way(at: Situation, move: Move, followers: tuple[str, ...]) -> Way | None:
    """How the target is to acknowledge; None where it does so alone. `followers`: who will stream from it soon."""
    cluster = at.platform.clusters[move.cluster]
    if cluster.durability != "quorum":
        return None
    may_count = eligible(at.platform, move.cluster, move.target, at.today, at.law)
    soon = tuple(sorted(set(may_count) & set(followers)))
    return Way(writer=move.target, count=cluster.quorum, of=soon if len(soon) >= cluster.quorum else may_count)
