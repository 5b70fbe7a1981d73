"""Stepping: what the steps of runs took, from the journal, each attempt counted once: for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.snapshot import Stepped
from qx.render.acts import acts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.journal import Entry, Run
    from qx.model.plan import Plan
    from qx.ports.store import Store


class Stepping:
    """`since`: Unix seconds; runs that ended before are not counted."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._counted: dict[str, tuple[float, int]] = {}  # run -> when it had ended, and its last entry then

    def news(self, store: Store, runs: tuple[Run, ...]) -> tuple[Stepped, ...]:
        """Of those of `runs` that have ended since the last call; one that was resumed counts from there on."""
        found: list[Stepped] = []
        for run in runs:
            if run.plan_id and run.ended_at is not None and run.ended_at >= self._since:
                ended, seq = self._counted.get(run.id, (0.0, 0))
                if ended != run.ended_at:
                    entries = tuple(chained.entry for chained in store.entries(run.id))
                    found += _steps(store.plan(run.id), entries, seq)
                    self._counted[run.id] = (run.ended_at, entries[-1].seq)
        latest = {run.id for run in runs}
        self._counted = {run: counted for run, counted in self._counted.items() if run in latest}
        return tuple(found)


def _steps(plan: Plan, entries: tuple[Entry, ...], after: int) -> Iterator[Stepped]:
    kinds = {step.id: type(step.action).__name__ for step in plan.steps}
    for act in acts(entries):
        if act.seq > after and act.outcome is not None and act.took_s is not None:
            yield Stepped(kinds.get(act.step, ""), act.outcome.value, act.took_s)
