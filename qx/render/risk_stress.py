"""`qx risk stress` as people read it: scenarios by what they cost, and of the first ones what moved and who lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette
from qx.render.risk import about_data, heaviest, inputs_text, money, percent
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.risk_stress import FactorMove, Plausible, ScenarioList, StressFigures, StressResult

_IN_FULL = 3  # scenarios: of more than so many only the table is shown


def stress_text(
    found: StressFigures, palette: Palette = PLAIN, width: int | None = None, top: int = 10
) -> str:
    blocks = [_head(found, palette, width), _scenarios(found, palette, width)]
    full = [each for each in found.scenarios if each.kind in ("reverse", "conditional")]
    if len(found.scenarios) <= _IN_FULL:
        full = list(found.scenarios)
    blocks += [block for each in full for block in _in_full(each, palette, width, top)]
    blocks += [*about_data(found.notes, found.treatments, palette, width), inputs_text(found.inputs, palette, width)]
    return "\n\n".join(block for block in blocks if block)


def _head(found: StressFigures, palette: Palette, width: int | None) -> str:
    of = f"{plural(found.positions, 'position')} moved by {plural(found.factors, 'factor')}"
    pairs: list[tuple[str, Cell | str]] = [
        ("value", f"{money(found.value)} {found.currency} on {found.as_of}; {of}"), ("P&L", found.convention),
    ]  # fmt: skip
    return fields(pairs, width=width, palette=palette)


def _scenarios(found: StressFigures, palette: Palette, width: int | None) -> str:
    columns = [Column("SCENARIO", give="cut"), Column("P&L", right=True), Column("OF VALUE", right=True),
               Column("WHEN"), Column("DAYS", right=True), Column("WORST", give="cut")]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [each.scenario, Cell(money(each.pnl), "bad" if each.pnl < 0 else "plain"), percent(each.share),
         each.date.rpartition("..")[2] or each.kind, str(each.horizon_days), worst_of(each)]
        for each in found.scenarios
    ]  # fmt: skip
    return table(columns, rows, width=width, palette=palette) if rows else "no scenario"


def worst_of(result: StressResult) -> str:
    """`crude -1,200,000, CL.M1 -900,000`: of each level the name that loses most."""
    firsts = [by.parts[0] for by in result.by if by.parts]
    return ", ".join(f"{part.name or '(none)'} {money(part.pnl)}" for part in firsts if part.pnl < 0)


def _in_full(result: StressResult, palette: Palette, width: int | None, top: int) -> list[str]:
    pairs: list[tuple[str, Cell | str]] = [("scenario", Cell(result.scenario, "strong")), ("what", result.title),
                                           ("method", result.method), ("note", result.note)]  # fmt: skip
    if result.plausible is not None:
        pairs.append(("plausible", plausible_words(result.plausible)))
    if result.unmatched:
        pairs.append(("no factor", "; ".join(result.unmatched)))
    if result.probability is not None:
        pairs.append(("probability", percent(result.probability)))
    blocks = [fields([(name, words) for name, words in pairs if words], width=width, palette=palette)]
    if result.moves:
        blocks.append(_moves(result, palette, width, top))
    for by in result.by:
        if by.level == "factor":  # the moves tell it
            continue
        columns = [Column(by.level.upper(), give="cut"), Column("P&L", right=True)]
        first, rest = heaviest(by.parts, top, lambda part: part.pnl)
        rows: list[list[Cell | str]] = [[part.name or "(none)", money(part.pnl)] for part in first]
        if rest:
            rows.append([Cell(f"({len(rest)} more)", "dim"), money(sum(part.pnl for part in rest))])
        blocks.append(table(columns, rows, width=width, palette=palette))
    return blocks


def _moves(result: StressResult, palette: Palette, width: int | None, top: int) -> str:
    conditional = any(each.deviation is not None for each in result.moves)
    columns = [Column("FACTOR", give="cut"), Column("FROM", right=True), Column("TO", right=True),
               Column("MOVE", right=True), Column("P&L", right=True), Column("BY")]  # fmt: skip
    if conditional:
        columns[4:4] = [Column("±", right=True), Column("EXPLAINED", right=True)]
    rows: list[list[Cell | str]] = []
    first, rest = heaviest(result.moves, top, lambda each: each.pnl)
    for each in first:
        levels = level(each.before), level(each.after), moved(each)
        row: list[Cell | str] = [each.factor, *levels, money(each.pnl), each.how]
        if conditional:
            row[4:4] = [level(each.deviation or 0.0), percent(each.explained)]
        rows.append(row)
    if rest:
        empty = [""] * (len(columns) - 3)
        rows.append([Cell(f"({len(rest)} more)", "dim"), *empty, money(sum(each.pnl for each in rest)), ""])
    text = table(columns, rows, width=width, palette=palette)
    return f"{text}\nunmoved: {plural(result.unmoved, 'factor')}" if result.unmoved else text


def level(value: float) -> str:
    return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.2f}"


def moved(move: FactorMove) -> str:
    """`-10.0%`; from a level that has no share, the difference."""
    if move.before > 0:
        return f"{move.after / move.before - 1:+.1%}"
    return f"{move.after - move.before:+.4g}"


def plausible_words(found: Plausible) -> str:
    said = (
        f"{found.mahalanobis:.2f} standard deviations away (Mahalanobis): farther than {_share(found.percentile)} of "
        f"normal days over {plural(found.degrees, 'direction')}, than {found.history - found.history_as_far} of the "
        f"{found.history} days of the history"
    )
    if found.beyond is not None:
        often = f"one day in {found.one_in_days:,.0f}" if found.one_in_days is not None else "practically never"
        past = plural(found.history_as_bad or 0, "day")
        said += f"; a normal market loses as much {often}, the history did on {past}"
    return said


def _share(value: float) -> str:
    return "all but one in a million" if value > 1 - 1e-6 else f"{value:.4%}"


def scenarios_text(found: ScenarioList, palette: Palette = PLAIN, width: int | None = None) -> str:
    columns = [Column("SCENARIO", give="cut"), Column("WHEN"), Column("DAYS", right=True), Column("MOVES", give="wrap")]
    rows: list[list[Cell | str]] = [
        [Cell(each.name, "strong"), each.date.replace("..", "\n") or each.kind, str(each.horizon_days),
         "\n".join([*([each.title] if each.title else []), *each.moves, *([each.note] if each.note else [])])]
        for each in found.scenarios
    ]  # fmt: skip
    names = fields([("factors", ", ".join(found.factors))], width=width, palette=palette)
    return "\n\n".join([table(columns, rows, width=width, palette=palette), names])
