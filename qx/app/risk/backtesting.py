"""`qx risk backtest`: every book of pnl.csv, its VaR and ES held against what came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.app.risk import files
from qx.kernel.errors import Place, QxError
from qx.kernel.text import did_you_mean, plural
from qx.model.risk_backtest import Backtests, BookBacktest
from qx.risk.backtest.suite import backtest
from qx.risk.level import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from qx.app.risk.files import Pnl
    from qx.model.backtest import Verdict
    from qx.model.risk_backtest import PnlKind

UNFIT = "QX-RISK-016"
YEAR = 250  # days that a backtest should have
_WORST_FIRST: tuple[Verdict, ...] = ("rejected", "doubtful", "accepted")


class BacktestAsked(NamedTuple):
    """`horizon`: days of one P&L; `books`: none names all."""

    alpha: Fraction
    horizon: int
    significance: Fraction
    of: tuple[PnlKind, ...] = ("actual",)
    books: tuple[str, ...] = ()


def backtested(path: str, asked: BacktestAsked) -> Backtests:
    """Raises QX-RISK-002 to 004, QX-RISK-009, QX-RISK-016."""
    made, read = files.read_pnl(Path(path))
    chosen = chosen_books(made, asked.books)
    found = [each for code in chosen for each in _book(made, code, asked)]
    found.sort(key=lambda each: _WORST_FIRST.index(each.result.verdict))
    return Backtests(
        verdict=found[0].result.verdict, alpha=written(asked.alpha), horizon_days=asked.horizon,
        significance=written(asked.significance), books=tuple(found), notes=tuple(_notes(found)), inputs=(read,),
    )  # fmt: skip


def chosen_books(made: Pnl, books: Sequence[str]) -> list[int]:
    """Codes of books, in the order of the file. Raises QX-RISK-016."""
    there = [int(code) for code in dict.fromkeys(made.book.codes.tolist())]
    if not there:
        raise QxError(UNFIT, f"{made.file} has no line", hint="a line for each day and book", place=Place(made.file, 1))
    names = {made.book.words[code]: code for code in there}
    for name in books:
        if name not in names:
            raise QxError(UNFIT, f"no book '{name}' in {made.file}", hint=did_you_mean(name, names))
    return [names[name] for name in books] if books else there


def _book(made: Pnl, code: int, asked: BacktestAsked) -> Iterator[BookBacktest]:
    rows = np.flatnonzero(made.book.codes == code)
    name = made.book.words[code]
    var, es = column_of(made, made.var, "var", rows), made.es[rows]
    dates = made.day[rows].tolist()
    for kind in asked.of:
        pnl = made.actual[rows] if kind == "actual" else column_of(made, made.hypothetical, "pnl_hypothetical", rows)
        has_es = not bool(np.isnan(es).all())
        if has_es:
            es = column_of(made, made.es, "es", rows)
        result = backtest(
            dates, pnl, var, es if has_es else None, asked.alpha, overlap=asked.horizon,
            significance=asked.significance, book=name,
        )  # fmt: skip
        yield BookBacktest(of=kind, currency=currency_of(made, rows), result=result)


def column_of(made: Pnl, values: NDArray[np.float64], column: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Every line tells it. Raises QX-RISK-016 with the first that does not."""
    odd = rows[np.isnan(values[rows])]
    if len(odd):
        row = int(odd[0])
        said = f"{made.day[row]} {made.book.at(row)}: no {column}".replace(" :", ":")
        hint = "on every line of the book, losses of VaR and ES positive"
        raise QxError(UNFIT, said, hint=hint, place=Place(made.file, int(made.line[row])))
    return np.ascontiguousarray(values[rows])


def currency_of(made: Pnl, rows: NDArray[np.intp]) -> str:
    """Raises QX-RISK-016 where there are several."""
    names = {made.currency.at(int(row)) for row in rows}
    if len(names) > 1:
        row = int(next(row for row in rows if made.currency.at(int(row)) != made.currency.at(int(rows[0]))))
        said = f"book '{made.book.at(row)}' is told in {' and '.join(sorted(names))}"
        raise QxError(UNFIT, said, hint="one currency for a book", place=Place(made.file, int(made.line[row])))
    return names.pop()


def _notes(found: Sequence[BookBacktest]) -> Iterator[str]:
    short = [each.result.book or "(all)" for each in found if each.result.days < YEAR and each.of == found[0].of]
    if short:
        yield f"less than {plural(YEAR, 'day')} of {', '.join(short)}: few tests can say anything"
