"""A drill's result beside its objectives, and the trend of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_seconds
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.platform import Objectives
    from qx.model.standing import DrillResult

SHOWN = 10


def drill_text(
    result: DrillResult, goals: Objectives, trend: tuple[DrillResult, ...], palette: Palette = PLAIN,
    width: int | None = None,
) -> str:
    """`trend`: all drills of the cluster, the latest first."""
    word = palette.paint("met", "good") if result.met else palette.paint("missed", "bad")
    head = (
        f"{result.cluster}: {result.source} → {result.target} and back in {format_seconds(result.took_s)}, objectives"
        f" {word} (write outage {goals.write_outage}, rto {goals.rto})"
    )
    columns = [Column("AT"), Column("TO"), Column("AWAY", right=True), Column("BACK", right=True), Column("OBJECTIVES")]
    rows = [
        [
            Cell(moment(each.at)), Cell(each.target), Cell(format_seconds(each.away_outage_s)),
            Cell("-" if each.back_outage_s is None else format_seconds(each.back_outage_s)),
            Cell("met", "good") if each.met else Cell("missed", "bad"),
        ]
        for each in trend[:SHOWN]
    ]  # fmt: skip
    return head + "\n\n" + table(columns, rows, width=width, palette=palette)
