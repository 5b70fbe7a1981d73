"""What durability `quorum` adds to the steps of a move: the target is bound before it is promoted, so that it never
acknowledges a commit alone; then its followers come first, for until they stream nothing is acknowledged at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model import plan as p

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.model.standing import Way


def bind(move: Move, way: Way, compared: frozenset[str]) -> p.Step:
    """`compared`: see `Bind`."""
    unplanned = move.mode == "unplanned"
    return p.Step(
        id=f"{move.cluster}.bind",
        stage=move.cluster,
        action=p.Bind(
            cluster=move.cluster, region=move.target, count=way.count, of=way.of,
            compared=tuple(sorted(compared)) if unplanned else (),
        ),
        because=f"once promoted it acknowledges nothing that fewer than {way.count} of {', '.join(way.of)} hold",
        timeout_s=15,
        undo=p.Unbind(cluster=move.cluster, region=move.target, count=way.count, of=way.of),
        outage=unplanned,
        estimate_s=0.15 if unplanned else 0.0,
    )


def bound(
    steps: list[p.Step], move: Move, way: Way, compared: frozenset[str], siblings: tuple[str, ...]
) -> list[p.Step]:
    """The steps of an unplanned move with the target bound after its recheck; of either, the followers before the mark,
    the old writer too where without it too few would be left to acknowledge.
    """
    early = {f"{move.cluster}.follow.{region}" for region in siblings}
    followers = len(set(siblings) & set(way.of))
    if followers < way.count:
        early.add(f"{move.cluster}.return")
    mark = f"{move.cluster}.mark"
    found = [step for step in steps if step.id not in early]
    at = next((number for number, step in enumerate(found) if step.id == mark), len(found))
    found[at:at] = [step for step in steps if step.id in early]
    if move.mode == "unplanned":
        found.insert(1, bind(move, way, compared))
    old = move.source if move.mode == "planned" else None
    if followers + (old in way.of) >= way.count:
        found.append(_narrow(move, way, old))
    return found


def _narrow(move: Move, way: Way, old: str | None) -> p.Step:
    return p.Step(
        id=f"{move.cluster}.narrow",
        stage=move.cluster,
        action=p.Narrow(cluster=move.cluster, region=move.target, count=way.count, of=way.of, old=old),
        because="what was acknowledged before is held by those that acknowledge now",
        timeout_s=20,
        required=False,
    )
