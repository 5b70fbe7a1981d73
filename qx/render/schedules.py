"""The timetable: each schedule with its next instant and what came of its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_seconds
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.schedules import Appointment

_TONES: dict[str, Tone] = {"done": "good", "running": "accent", "degraded": "warn", "": "dim"}


def schedules_text(
    found: Sequence[Appointment], now: float, context: str, palette: Palette = PLAIN, width: int | None = None
) -> str:
    """Instants as everywhere, in UTC."""
    if not found:
        return f"{context}\nno schedule: `schedules:` in regions.yaml"
    columns = [
        Column("SCHEDULE"), Column("DOES"), Column("NEXT"), Column("LAST"), Column("OUTCOME"),
        Column("BECAUSE", give="wrap"),
    ]  # fmt: skip
    rows = [
        [
            Cell(each.name, "strong"), Cell(f"{each.do} {each.what}"), Cell(_next(each.next_at, now)),
            Cell("never" if each.due_at is None else moment(each.due_at)),
            Cell(each.outcome or "-", _TONES.get(each.outcome, "bad")),
            Cell(" ".join(filter(None, (each.because, each.run and f"(run {each.run})")))),
        ]
        for each in found
    ]  # fmt: skip
    return f"{context}\n{table(columns, rows, width=width, palette=palette)}"


def _next(at: float | None, now: float) -> str:
    return "never" if at is None else f"{moment(at)}, in {format_seconds(max(0.0, at - now))}"
