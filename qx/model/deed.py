"""A deed: something that a person did to the control plane itself, written as a run without a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.model.journal import Entry, Event, Run, RunOutcome

if TYPE_CHECKING:
    from qx.model.lease import Rule


def deed(
    run: str, intent: str, clusters: tuple[str, ...], by: str, at: float, proof: dict[str, Any], epoch: int = 0
) -> tuple[Run, tuple[Entry, ...]]:
    """The run that has ended, and its entries."""
    closed = {"outcome": RunOutcome.DONE.value}
    entries = (
        Entry(run=run, seq=1, at=at, event=Event.STARTED, epoch=epoch, proof=proof | {"by": by}),
        Entry(run=run, seq=2, at=at, event=Event.CLOSED, epoch=epoch, proof=closed),
    )
    ended = Run(
        id=run, plan_id="", plan_digest="", intent=intent, started_at=at, by=by, outcome=RunOutcome.DONE, ended_at=at,
        clusters=clusters,
    )
    return ended, entries


def adoption(
    run: str, before: Rule, after: Rule, seen: int, by: str, reason: str, at: float
) -> tuple[Run, tuple[Entry, ...]]:
    """Who took which cluster over, and why. `seen`: the highest epoch found in the cluster itself."""
    proof = {
        "cluster": after.cluster, "reason": reason, "seen_epoch": seen, "from_epoch": before.epoch,
        "to_epoch": after.epoch, "writer": after.writer, "lineage": after.lineage,
    }  # fmt: skip
    return deed(run, "adopt", (after.cluster,), by, at, proof, after.epoch)
