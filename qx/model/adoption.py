"""An adoption, written as a run without a plan: who took which cluster over, from which epoch to which, and why."""

from __future__ import annotations

from qx.model.journal import Entry, Event, Run, RunOutcome
from qx.model.lease import Rule


def adoption(
    run: str, before: Rule, after: Rule, seen: int, by: str, reason: str, at: float
) -> tuple[Run, tuple[Entry, ...]]:
    """The run that has ended, and its entries. `seen`: the highest epoch found in the cluster itself."""
    proof = {
        "cluster": after.cluster, "by": by, "reason": reason, "seen_epoch": seen, "from_epoch": before.epoch,
        "to_epoch": after.epoch, "writer": after.writer, "lineage": after.lineage,
    }
    entries = (
        Entry(run=run, seq=1, at=at, event=Event.STARTED, epoch=after.epoch, proof=proof),
        Entry(run=run, seq=2, at=at, event=Event.CLOSED, epoch=after.epoch, proof={"outcome": RunOutcome.DONE.value}),
    )
    ended = Run(
        id=run, plan_id="", plan_digest="", intent="adopt", started_at=at, by=by, outcome=RunOutcome.DONE, ended_at=at,
        clusters=(after.cluster,),
    )
    return ended, entries
