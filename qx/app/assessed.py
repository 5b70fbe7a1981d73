"""What an unplanned move lost is measured later, by the run that salvages the old writer: that run's entries, found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.journal import Outcome

if TYPE_CHECKING:
    from qx.model.journal import Entry, Run
    from qx.model.plan import Plan
    from qx.ports.store import Store

RUNS = 200  # so many, the latest of all, are looked through


def assessments(store: Store, run: Run, plan: Plan | None) -> tuple[Entry, ...]:
    """The first salvage since `run` of each writer that it left behind; () when it left none, or none was salvaged."""
    stages = plan.stages if plan is not None else ()
    wanted = {f"{stage.cluster}.salvage.{stage.source}" for stage in stages if stage.mode == "unplanned"}
    found: dict[str, Entry] = {}
    if wanted:
        for later in reversed(store.runs(RUNS)):
            if later.started_at > run.started_at and set(later.clusters) & set(run.clusters):
                for entry in (chained.entry for chained in store.entries(later.id)):
                    if entry.step in wanted and entry.outcome is Outcome.DONE:
                        found.setdefault(entry.step, entry)
    return tuple(found.values())
