"""`qx risk explain` as people read it: from the figure before to that of now, who did it, and what brought the P&L."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette
from qx.render.risk import about_data, inputs_text, money
from qx.render.risk_svg import short
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.risk_explain import PnlParts, RiskExplained

_WIDE = 120  # columns: on fewer, amounts of the P&L are shortened
PARTS = ("carry", "delta", "gamma", "vega", "rate", "fx", "unexplained")


def explain_text(
    found: RiskExplained, palette: Palette = PLAIN, width: int | None = None, top: int = 10
) -> str:
    blocks = [_head(found, palette, width), _effects(found, palette, width), _positions(found, palette, width, top),
              _pnl(found, palette, width, top)]  # fmt: skip
    blocks += [*about_data(found.notes, found.treatments, palette, width), inputs_text(found.inputs, palette, width)]
    return "\n\n".join(block for block in blocks if block)


def _head(found: RiskExplained, palette: Palette, width: int | None) -> str:
    days = plural(found.horizon_days, "day")
    pairs: list[tuple[str, Cell | str]] = [
        ("between", f"{found.since} and {found.as_of}"),
        ("figures", f"{found.method}, {found.alpha}, {days}, in {found.currency}"),
        ("method", found.convention),
    ]
    if found.worst_after:
        came = [day for day in found.worst_after if day not in found.worst_before]
        went = [day for day in found.worst_before if day not in found.worst_after]
        pairs.append(("tail", f"came: {', '.join(came) or 'none'}; went: {', '.join(went) or 'none'}"))
    return fields(pairs, width=width, palette=palette)


def _effects(found: RiskExplained, palette: Palette, width: int | None) -> str:
    columns = [Column("CHANGED"), Column("VAR", right=True), Column("ES", right=True), Column("BY", give="wrap")]
    rows: list[list[Cell | str]] = [[found.since, money(found.var_before), money(found.es_before), ""]]
    rows += [[f"+ {each.name}", signed(each.var), signed(each.es), each.words] for each in found.effects]
    rows.append([Cell(found.as_of, "strong"), Cell(money(found.var_after), "strong"),
                 Cell(money(found.es_after), "strong"), ""])  # fmt: skip
    return table(columns, rows, width=width, palette=palette)


def _positions(found: RiskExplained, palette: Palette, width: int | None, top: int) -> str:
    if not found.positions:
        return ""
    columns = [Column("POSITION", give="cut"), Column("IS"), Column("BEFORE", right=True), Column("AFTER", right=True),
               Column("UNIT"), Column("VAR", right=True), Column("ES", right=True)]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [each.position_id, each.change, f"{each.before:,.10g}", f"{each.after:,.10g}", each.unit, signed(each.var),
         signed(each.es)]
        for each in found.positions[:top]
    ]  # fmt: skip
    rest = found.positions[top:]
    count = len(rest) + found.positions_left_out
    if count:
        var = sum(each.var for each in rest) + found.others_var
        es = sum(each.es for each in rest) + found.others_es
        rows.append([Cell(f"({count} more)", "dim"), "", "", "", "", signed(var), signed(es)])
    return table(columns, rows, width=width, palette=palette)


def _pnl(found: RiskExplained, palette: Palette, width: int | None, top: int) -> str:
    """Only columns that anything brought."""
    shown = short if width is not None and width < _WIDE else money
    told = [name for name in PARTS if getattr(found.pnl, name) or name == "unexplained"]
    titles = [*told[:-1], "unexpl." if shown is short else told[-1]]
    amounts = (Column(name.upper(), right=True) for name in ("total", *titles))
    columns = [Column("P&L OF", give="cut"), *amounts]
    rows: list[list[Cell | str]] = [_line(Cell("portfolio before", "strong"), found.pnl, told, shown)]
    for by in found.pnl_by:
        rows += [_line(f"{by.level} {each.name or '(none)'}", each, told, shown) for each in by.parts[:top]]
        if len(by.parts) > top:
            rows.append([Cell(f"({len(by.parts) - top} more of {by.level})", "dim"), *[""] * (len(told) + 1)])
    return table(columns, rows, width=width, palette=palette)


def _line(
    name: Cell | str, parts: PnlParts, told: list[str], shown: Callable[[float], str]
) -> list[Cell | str]:
    total = Cell(shown(parts.total), "bad" if parts.total < 0 else "plain")
    return [name, total, *(shown(getattr(parts, each)) for each in told)]


def signed(amount: float) -> str:
    """`+1,234`; `0.00` has no sign."""
    text = money(amount)
    return f"+{text}" if amount > 0 and text != "0.00" else text
