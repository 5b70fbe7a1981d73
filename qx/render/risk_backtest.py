"""`qx risk backtest` and `qx risk metrics` as people read them: whether what was said was right, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.render.paint import PLAIN, Palette, Tone
from qx.render.risk import inputs_text, money, percent
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.backtest import Backtest, BacktestCheck, Verdict, Zone
    from qx.model.performance import Performance
    from qx.model.risk_backtest import Backtests, BookBacktest, BookPerformance, Performances

VERDICTS: dict[Verdict, Tone] = {"accepted": "good", "doubtful": "warn", "rejected": "bad"}
_ZONES: dict[Zone, Tone] = {"green": "good", "yellow": "warn", "red": "bad"}
MOST = 5  # exceptions of each book that are shown
_LABEL, _COLUMN = 15, 16  # columns of a terminal that a name takes, and a book


def backtest_text(found: Backtests, palette: Palette = PLAIN, width: int | None = None, most: int = MOST) -> str:
    pairs: list[tuple[str, Cell | str]] = [
        ("verdict", Cell(found.verdict, VERDICTS[found.verdict])),
        ("held against", f"VaR and ES {found.alpha}, {found.horizon_days}-day P&L; tests at {found.significance}"),
        ("convention", found.convention),
        *(("note", Cell(words, "warn")) for words in found.notes),
    ]
    blocks = [fields(pairs, width=width, palette=palette), _books(found, palette, width)]
    for each in found.books:
        blocks += [_tests(each, palette, width), *_exceptions(each, palette, width, most)]
    blocks.append(inputs_text(found.inputs, palette, width))
    return "\n\n".join(blocks)


def _books(found: Backtests, palette: Palette, width: int | None) -> str:
    columns = [
        Column("BOOK", give="cut"), Column("P&L"), Column("DAYS", right=True), Column("EXCEPTIONS", right=True),
        Column("EXPECTED", right=True), Column("LIGHT"), Column("VERDICT"), Column("BECAUSE", give="wrap"),
    ]  # fmt: skip
    rows = [_book(each.of, each.result) for each in found.books]
    return table(columns, rows, width=width, palette=palette)


def _book(of: str, result: Backtest) -> list[Cell | str]:
    light = result.traffic_light
    return [
        result.book or "(all)", of, str(result.days), str(result.exceptions), f"{result.expected:.1f}",
        Cell(light.zone, _ZONES[light.zone]), Cell(result.verdict, VERDICTS[result.verdict]),
        "; ".join(result.because),
    ]  # fmt: skip


def _tests(each: BookBacktest, palette: Palette, width: int | None) -> str:
    result = each.result
    light = result.traffic_light
    plus = f", plus factor {light.plus_factor:.2f}" if light.plus_factor is not None else ""
    head = fields([
        (result.book or "(all)", Cell(f"{each.of} P&L from {result.since} to {result.until}", "strong")),
        ("light", f"{light.zone}; yellow from {light.yellow_from} exceptions, red from {light.red_from}{plus}"),
    ], width=width, palette=palette)  # fmt: skip
    columns = [
        Column("TEST"), Column("STATISTIC", right=True), Column("CRITICAL", right=True), Column("P", right=True),
        Column("ANSWER"), Column("ASKS", give="wrap"),
    ]  # fmt: skip
    rows = [_check(check) for check in result.tests]
    return f"{head}\n{table(columns, rows, width=width, palette=palette)}"


def _check(check: BacktestCheck) -> list[Cell | str]:
    answer = {True: Cell("rejected", "bad"), False: Cell("passed", "good"), None: Cell("cannot tell", "dim")}
    return [check.name, _number(check.statistic), _number(check.critical), _number(check.p_value),
            answer[check.rejected], check.words]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _exceptions(each: BookBacktest, palette: Palette, width: int | None, most: int) -> list[str]:
    """The worst of them, as a share of what was said."""
    days = sorted(each.result.exception_days, key=lambda day: day.pnl / day.var)[:most]
    if not days:
        return []
    columns = [Column("EXCEPTION"), Column("P&L", right=True), Column("VAR", right=True), Column("BEYOND", right=True)]
    rows = [[day.date, money(day.pnl), money(day.var), percent(-day.pnl / day.var - 1)] for day in days]
    return [table(columns, rows, width=width, palette=palette)]


def metrics_text(found: Performances, palette: Palette = PLAIN, width: int | None = None) -> str:
    """A column for each book where they fit, so that figures stand side by side."""
    pairs = [("convention", found.convention), ("risk-free", percent(found.risk_free)),
             ("required", percent(found.required))]  # fmt: skip
    blocks = [fields(pairs, width=width, palette=palette)]
    room = len(found.books) if width is None else max(1, (width - _LABEL) // _COLUMN)
    blocks += [
        _side_by_side(found, found.books[first : first + room], palette, width)
        for first in range(0, len(found.books), room)
    ]
    blocks.append(inputs_text(found.inputs, palette, width))
    return "\n\n".join(blocks)


def _side_by_side(
    found: Performances, books: Sequence[BookPerformance], palette: Palette, width: int | None
) -> str:
    def size(value: float | None) -> str:
        return money(value) if found.per_unit else percent(value)

    def fall(result: Performance) -> list[str]:
        its = result.drawdown
        if its is None:
            return ["none", "", "", ""]
        return [size(-its.depth), its.peak or "the start", its.trough, its.recovered or "not yet"]

    names = [each.book or ("all books" if each.whole else "(all)") for each in books]
    results = [each.result for each in books]
    falls = [fall(result) for result in results]
    lines: list[tuple[str, list[str]]] = [
        ("days", [str(result.days) for result in results]),
        ("until", [result.until for result in results]),
        ("total", [size(result.total_return) for result in results]),
        ("a year's", [size(result.annual_return) for result in results]),
        ("volatility", [size(result.volatility) for result in results]),
        ("downside risk", [size(result.downside_risk) for result in results]),
        ("Sharpe", [_error(result.sharpe, result.sharpe_error) for result in results]),
        ("Sortino", [_ratio(result.sortino) for result in results]),
        ("Calmar", [_ratio(result.calmar) for result in results]),
        ("Omega", [_ratio(result.omega) for result in results]),
        ("tail ratio", [_ratio(result.tail_ratio) for result in results]),
        ("skewness", [_ratio(result.skewness) for result in results]),
        ("excess kurtosis", [_ratio(result.excess_kurtosis) for result in results]),
        ("winning days", [percent(result.winning) for result in results]),
        ("best day", [size(result.best) for result in results]),
        ("worst day", [size(result.worst) for result in results]),
        *((label, [its[n] for its in falls]) for n, label in enumerate(("drawdown", "from", "to", "recovered"))),
    ]
    columns = [Column("OF"), *(Column(name, right=True, give="cut") for name in names)]
    return table(columns, [[label, *values] for label, values in lines], width=width, palette=palette)


def _ratio(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _error(value: float | None, error: float | None) -> str:
    return _ratio(value) if value is None or error is None else f"{value:.2f} ± {error:.2f}"
