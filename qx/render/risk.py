"""`qx risk var|es` as people read it: the figures, what they mean, who adds what, and what they rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qx.model.risk import Treatment
    from qx.model.risk_answers import Breakdown, ErrorInterval, InputFile, Liquidity, RiskFigures, Simulation

T = TypeVar("T")
DIGEST = 12  # characters of a SHA-256 that a terminal shows
_WHOLE = 1000.0  # from there on cents tell nothing


def money(amount: float | None, beside: float = 0.0) -> str:
    """`1,234,568`, `12.34`, `-0.50`; '' for None. `beside`: the largest that stands with it: cents for all, or none."""
    if amount is None:
        return ""
    text = f"{amount:,.2f}" if max(abs(amount), abs(beside)) < _WHOLE else f"{amount:,.0f}"
    return text.removeprefix("-") if text.strip("-0.,") == "" else text


def percent(share: float | None) -> str:
    """`12.3%`; '' for None."""
    return "" if share is None else f"{100 * share:.1f}%"


def days(count: int) -> str:
    return plural(count, "day")


class Shown(NamedTuple):
    """`top`: so many names of each level; the rest stands in one line."""

    top: int = 10
    worst: int = 5


def risk_text(
    found: RiskFigures, palette: Palette = PLAIN, width: int | None = None, shown: Shown | None = None
) -> str:
    shown = shown or Shown()
    blocks = [_head(found, palette, width)]
    blocks += [_breakdown(each, palette, width, shown.top) for each in found.by]
    if found.liquidity is not None:
        blocks.append(_liquidity(found.liquidity, found.currency, palette, width))
    if found.worst:
        blocks.append(_worst(found, palette, width, shown.worst))
    blocks += [*about_data(found.notes, found.treatments, palette, width), inputs_text(found.inputs, palette, width)]
    return "\n\n".join(block for block in blocks if block)


def _head(found: RiskFigures, palette: Palette, width: int | None) -> str:
    figures: list[tuple[str, Cell | str]] = [
        (_title("VaR", found), Cell(_figure(found.var, found.var_interval, found.currency), "strong")),
        (_title("ES", found), Cell(_figure(found.es, found.es_interval, found.currency), "strong")),
    ]
    if found.measure == "es":
        figures.reverse()
    of = f"{plural(found.positions, 'position')} moved by {plural(found.factors, 'factor')}"
    said = found.convention
    pairs: list[tuple[str, Cell | str]] = [
        *figures,
        ("value", f"{money(found.value)} {found.currency} on {found.as_of}; {of}"),
        ("method", said.words),
        ("tail", said.tail),
        ("ES is", said.es),
        ("horizon", said.horizon),
        ("returns", ", ".join(f"{count} {kind}" for kind, count in said.returns.items())),
        ("valued by", said.revaluation),
        ("sign", said.sign),
    ]
    extra = (("volatility", said.volatility), ("emulates", said.emulates))
    pairs += [(name, words) for name, words in extra if words]
    if found.simulation is not None:
        pairs.append(("simulation", simulation_words(found.simulation)))
    return fields([(name, words) for name, words in pairs if words], width=width, palette=palette)


def _title(what: str, found: RiskFigures) -> str:
    return f"{what} {found.alpha} {days(found.horizon_days)}"


def _figure(amount: float | None, interval: ErrorInterval | None, currency: str) -> str:
    if amount is None:
        return "none"
    return f"{money(amount)} {currency}{between(interval)}"


def between(interval: ErrorInterval | None) -> str:
    """` (95% sure: 1,000 to 2,000, order statistics)`, or that there is none."""
    if interval is None:
        return " (no interval: the method has none)"
    return f" ({interval.level:.0%} sure: {money(interval.low)} to {money(interval.high)}, {interval.method})"


def simulation_words(how: Simulation) -> str:
    reached = f", interval within ±{percent(how.reached)}" if how.reached is not None else ""
    asked = f" of ±{percent(how.precision)}" if how.precision is not None else ""
    return (
        f"{how.draws:,} draws ({how.distribution}), seed {how.seed}, {how.generator} in blocks of {how.block:,}"
        f"{reached}{asked}; {how.kept:,} kept"
    )


def heaviest(parts: Sequence[T], most: int, weight: Callable[[T], float]) -> tuple[Sequence[T], Sequence[T]]:
    """(`most` of them that weigh most whichever way, the others), both in their order: a hedge is not left out for
    what it takes off.
    """
    order = sorted(range(len(parts)), key=lambda at: -abs(weight(parts[at])))
    left = sorted(order[most:])
    return [parts[at] for at in sorted(order[:most])], [parts[at] for at in left]


def _breakdown(by: Breakdown, palette: Palette, width: int | None, top: int) -> str:
    """Only columns that say something; the last lines make the sum whole."""
    told = [
        name for name in ("alone", "without", "marginal") if any(getattr(part, name) is not None for part in by.parts)
    ]
    columns = [
        Column(by.level.upper(), give="cut"), Column("VAR", right=True), Column("ES", right=True),
        Column("OF ES", right=True), *(Column(name.upper(), right=True) for name in told),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = []
    first, rest = heaviest(by.parts, top, lambda part: part.es)
    parts_var, parts_es = (sum(getattr(part, name) for part in by.parts) for name in ("var", "es"))
    largest = max([abs(parts_var), abs(parts_es), *(max(abs(part.var), abs(part.es)) for part in first)])

    def figure(amount: float | None) -> str:
        return money(amount, largest)

    for part in first:
        values = {"alone": figure(part.alone), "without": figure(part.without), "marginal": _marginal(part.marginal)}
        rows.append([part.name or "(none)", figure(part.var), figure(part.es), percent(part.share),
                     *(values[name] for name in told)])  # fmt: skip
    empty = [""] * len(told)
    if rest:
        share = sum(part.share or 0.0 for part in rest)
        rows.append([Cell(f"({len(rest)} more)", "dim"), figure(sum(part.var for part in rest)),
                     figure(sum(part.es for part in rest)), percent(share), *empty])  # fmt: skip
    if max(abs(by.residual_var), abs(by.residual_es)) > 1e-9 * max(1.0, largest):
        rows.append([Cell("(residual)", "warn"), figure(by.residual_var), figure(by.residual_es), "", *empty])
    rows.append([Cell("total", "strong"), Cell(figure(parts_var + by.residual_var), "strong"),
                 Cell(figure(parts_es + by.residual_es), "strong"), "", *empty])  # fmt: skip
    text = table(columns, rows, width=width, palette=palette)
    if by.diversification is not None:
        text += f"\ndiversification: {figure(by.diversification)} less than the sum of what each loses alone"
    return text


def _marginal(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _liquidity(found: Liquidity, currency: str, palette: Palette, width: int | None) -> str:
    slow = f"{plural(found.slow_positions, 'position')} take more than a day, at most {days(found.longest_days)}"
    head = fields([
        (f"ES {found.alpha} by liquidity horizon", Cell(f"{money(found.es)} {currency}", "strong")),
        ("closed in equal parts",
         f"VaR {money(found.orderly_var)}, ES {money(found.orderly_es)} {currency}, one part a day; {slow}"),
    ], width=width, palette=palette)  # fmt: skip
    columns = [Column("FROM", right=True), Column("FACTORS", right=True), Column("10-DAY ES", right=True),
               Column("TIMES", right=True)]  # fmt: skip
    rows = [[days(each.horizon_days), str(each.factors), money(each.es), f"{each.scale:.4f}"] for each in found.steps]
    return f"{head}\n{table(columns, rows, width=width, palette=palette)}"


def _worst(found: RiskFigures, palette: Palette, width: int | None, most: int) -> str:
    columns = [Column("WORST"), Column(worst_title(found).upper(), right=True)]
    tones: dict[bool, Tone] = {True: "bad", False: "plain"}
    rows: list[list[Cell | str]] = [
        [each.date, Cell(money(each.pnl), tones[each.pnl < 0])] for each in found.worst[:most]
    ]
    return table(columns, rows, width=width, palette=palette)


def worst_title(found: RiskFigures) -> str:
    """Of the scenarios' P&L, which is of fewer days than the figures where those are stretched."""
    moved = {each.days for each in found.worst}
    return "P&L" if moved <= {found.horizon_days} else f"P&L of {days(min(moved))}"


def about_data(
    notes: Sequence[str], treatments: Sequence[Treatment], palette: Palette = PLAIN, width: int | None = None
) -> list[str]:
    """Notes and treatments, a block each; none of what there is none."""
    blocks = []
    if notes:
        blocks.append(fields([("note", Cell(words, "warn")) for words in notes], width=width, palette=palette))
    if treatments:
        columns = [Column("DATA"), Column("OF", give="wrap"), Column("TIMES", right=True), Column("WHAT", give="wrap")]
        rows = [[each.what, each.subject, str(each.count), each.words] for each in treatments]
        blocks.append(table(columns, rows, width=width, palette=palette))
    return blocks


def inputs_text(inputs: Iterable[InputFile], palette: Palette = PLAIN, width: int | None = None) -> str:
    """Digests whole where nothing may be cut."""
    columns = [Column("INPUT"), Column("FILE", give="cut"), Column("ROWS", right=True), Column("SHA-256")]
    rows = [
        [each.role, each.path, f"{each.rows:,}", each.sha256 if width is None else each.sha256[:DIGEST]]
        for each in inputs
    ]
    return table(columns, rows, width=width, palette=palette) if rows else ""
