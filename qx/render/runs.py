"""The list of runs: what each was, where it stands, and which have lost their executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.kernel.spans import format_seconds
from qx.model.journal import RunOutcome
from qx.render import encode
from qx.render.approvals import waiting_lines
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qx.model.approval import Waiting
    from qx.model.journal import Run
    from qx.model.lease import Lease

ROOMY = 100  # columns from which on everything is shown

_TONES: dict[str, Tone] = {
    "done": "good", "running": "accent", "orphaned": "bad", "failed": "bad", "stuck": "bad", "undone": "warn",
    "partial": "warn", "degraded": "warn",
}


def standing(run: Run, leases: Iterable[Lease]) -> str:
    """The outcome in a word; an open run is `running` while somebody holds a lease for it, else `orphaned`."""
    if run.outcome is not RunOutcome.OPEN:
        return run.outcome.value
    return "running" if any(lease.holder == run.id for lease in leases) else "orphaned"


def standing_cell(word: str) -> Cell:
    return Cell(word, _TONES.get(word, "plain"))


def run_fields(run: Run, leases: Iterable[Lease]) -> dict[str, Any]:
    """A run as JSON has it: its own fields, `standing`, and `took_s` once it has ended."""
    took = None if run.ended_at is None else round(run.ended_at - run.started_at, 6)
    return {**encode.builtins(run), "standing": standing(run, leases), "took_s": took}


def runs_text(
    runs: Sequence[Run], leases: Sequence[Lease], waiting: Sequence[Waiting], now: float, context: str,
    palette: Palette = PLAIN, width: int | None = None,
) -> str:
    """`context` first, what waits for a person, a row per run, and for each orphan the command that resumes it."""
    context = "\n".join([context, *waiting_lines(waiting, now, palette)])
    if not runs:
        return f"{context}\nno run yet"
    roomy = width is None or width >= ROOMY
    columns = [Column("run"), Column("started"), Column("intent"), Column("outcome"), Column("clusters", give="cut")]
    columns += [Column("took", right=True), Column("by", give="cut")] if roomy else []
    rows: list[list[Cell | str]] = []
    for run in runs:
        started = moment(run.started_at) if roomy else moment(run.started_at)[5:16]
        state = standing_cell(standing(run, leases))
        row: list[Cell | str] = [run.id, started, run.intent, state, ", ".join(run.clusters)]
        took = "" if run.ended_at is None else format_seconds(max(0.0, run.ended_at - run.started_at))
        rows.append([*row, took, run.by] if roomy else row)
    lines = [context, table(columns, rows, width=width, palette=palette)]
    lost = [run.id for run in runs if standing(run, leases) in {"orphaned", "stuck"}]
    lines += [palette.paint(f"not finished: qx runs resume {run}", "bad") for run in lost]
    return "\n".join(lines)
