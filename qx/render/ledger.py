"""The daemon's decisions, and how often they would have been wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.standing import Decided

_TONES: dict[str, Tone] = {
    "act": "accent", "asks": "accent", "would-act": "warn", "veto": "warn", "blocked": "bad", "well": "good",
}  # fmt: skip


def ledger_text(
    decided: Sequence[Decided], wrong: int, would: int, context: str, palette: Palette = PLAIN, width: int | None = None
) -> str:
    """`wrong` of `would`: would have acted although the writer came back by itself, of all that would have acted."""
    if not decided:
        return f"{context}\nnothing was decided yet: `qx daemon` watches and tells"
    rows = [
        [
            Cell(moment(each.at)), Cell(each.cluster, "strong"), Cell(each.verdict, _TONES.get(each.verdict, "plain")),
            Cell(each.cause), Cell("; ".join((each.because, *each.vetoes))),
        ]
        for each in decided
    ]  # fmt: skip
    columns = [Column("AT"), Column("CLUSTER"), Column("DECIDED"), Column("CAUSE"), Column("BECAUSE")]
    often = f"would have acted {plural(would, 'time')}, {wrong} of them needlessly"
    rate = often if would else "would never have acted"
    return f"{context}\n{rate}\n\n{table(columns, rows, width=width, palette=palette)}"
