"""Runs that have not ended: is somebody at work on them, and since when can clients not write because of them?

A run is orphaned when it is open, or stuck, and no lease of it is in force: nobody will go on with it unasked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.model.journal import Event, Outcome, RunOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.journal import Entry, Run
    from qx.model.lease import Lease
    from qx.model.plan import Plan

UNENDED = frozenset({RunOutcome.OPEN, RunOutcome.STUCK})


class OpenRun(Struct, frozen=True, kw_only=True):
    """`stopped_s`: cluster -> seconds for which its clients have not been able to write. `step`: the last one begun."""

    run: str
    intent: str
    by: str
    clusters: tuple[str, ...]
    orphaned: bool
    last_entry_at: float
    step: str
    stopped_s: dict[str, float]

    @property
    def resume(self) -> str:
        return f"qx runs resume {self.run}"


def open_run(run: Run, plan: Plan, entries: Iterable[Entry], leases: Iterable[Lease], now: float) -> OpenRun:
    """`run` is one that has not ended (`UNENDED`); `leases` are those in force at `now`, of any run."""
    entries = tuple(entries)
    begun = [entry.step for entry in entries if entry.event in {Event.INTENDED, Event.UNDOING}]
    stages = {stage.cluster for stage in plan.stages}
    stopped = {cluster: _stopped_since(plan, cluster, entries) for cluster in sorted(stages)}
    return OpenRun(
        run=run.id,
        intent=run.intent,
        by=run.by,
        clusters=run.clusters,
        orphaned=not any(lease.holder == run.id and lease.until > now for lease in leases),
        last_entry_at=entries[-1].at if entries else run.started_at,
        step=begun[-1] if begun else "",
        stopped_s={cluster: max(0.0, now - since) for cluster, since in stopped.items() if since is not None},
    )


def _stopped_since(plan: Plan, cluster: str, entries: Iterable[Entry]) -> float | None:
    """From the first step of the outage on, until its last is done or its first is undone."""
    outage = [step.id for step in plan.steps if step.stage == cluster and step.outage]
    since: float | None = None
    for entry in entries:
        if entry.step not in outage:
            continue
        if entry.event is Event.INTENDED and since is None:
            since = entry.at
        ended = entry.event is Event.ENDED and entry.step == outage[-1] and entry.outcome is Outcome.DONE
        undone = entry.event is Event.UNDO_ENDED and entry.step == outage[0] and entry.outcome is Outcome.UNDONE
        if ended or undone:
            since = None
    return since
