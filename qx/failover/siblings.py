"""The replicas that a move takes along: compared with the target while it is chosen, and made to follow it then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation


def siblings_of(at: Situation, move: Move) -> tuple[str, ...]:
    """Replicas other than source and target that answer and can be re-parented."""
    nodes = at.topology.clusters[move.cluster].nodes
    return tuple(
        region
        for region, view in nodes.items()
        if region not in (move.source, move.target)
        and view.role is Role.REPLICA
        and at.facts(move.cluster, region)
        and not _waits_for_rejoin(at, move.cluster, region)
    )


def _waits_for_rejoin(at: Situation, name: str, region: str) -> bool:
    """A writer of before that was held, and came up as its pin said: following anybody would erase what only it has.
    One that came back since is held too, and follows.
    """
    if at.node(name, region).upstream is not None:
        return False
    control = at.control(name, region)
    return at.platform.clusters[name].kind == "redis" or (control is not None and bool(control.held_for))
