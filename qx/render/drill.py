"""A drill's result beside its objectives, and the trend of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.failover.trend import Trend
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
        f" {word} (write outage {goals.write_outage}, rto {goals.rto}, rpo {goals.rpo_bytes} or {goals.rpo})"
    )
    return head + "\n\n" + _table(trend[:SHOWN], palette, width)


def history_text(
    drills: Sequence[DrillResult], trends: Sequence[Trend], context: str, palette: Palette = PLAIN,
    width: int | None = None,
) -> str:
    """Every drill that is kept, and a sentence on each cluster's."""
    if not drills:
        return f"{context}\nno drill yet: qx drill --cluster CLUSTER"
    return "\n".join([context, *(_sentence(each, palette) for each in trends), "", _table(drills, palette, width)])


def _sentence(trend: Trend, palette: Palette) -> str:
    usual = "the first" if trend.median_s is None else f"before that {format_seconds(trend.median_s)}"
    said = [
        f"{trend.cluster}: {plural(trend.drills, 'drill')}, {trend.met} met the objectives",
        f"write outage {format_seconds(trend.latest_s)} at last, {usual}",
        f"{format_seconds(trend.best_s)} at best and {format_seconds(trend.worst_s)} at worst",
    ]
    if trend.limit_s is not None:
        said.append(f"{format_seconds(trend.limit_s)} allowed")
    line = ", ".join(said)
    return f"{line}; {palette.paint('slower than it was', 'warn')}" if trend.slower else line


def _table(drills: Sequence[DrillResult], palette: Palette, width: int | None) -> str:
    columns = [
        Column("AT"), Column("CLUSTER"), Column("TO"), Column("AWAY", right=True), Column("BACK", right=True),
        Column("BEHIND", right=True), Column("LOST", right=True), Column("OBJECTIVES"), Column("RUN"),
    ]  # fmt: skip
    rows = [
        [
            Cell(moment(each.at)), Cell(each.cluster), Cell(each.target), Cell(format_seconds(each.away_outage_s)),
            Cell("-" if each.back_outage_s is None else format_seconds(each.back_outage_s)),
            Cell("-" if each.behind_bytes is None else format_bytes(each.behind_bytes)), Cell(str(each.lost)),
            Cell("met", "good") if each.met else Cell("missed", "bad"), Cell(each.runs[0], "dim"),
        ]
        for each in drills
    ]  # fmt: skip
    return table(columns, rows, width=width, palette=palette)
