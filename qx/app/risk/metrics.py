"""`qx risk metrics`: how the P&L of each book did, and that of all together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.app.risk import files
from qx.app.risk.backtesting import chosen_books, column_of, currency_of
from qx.model.risk_backtest import BookPerformance, Performances
from qx.risk.metrics import YEAR, performance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qx.app.risk.files import Pnl
    from qx.model.risk_backtest import PnlKind

    Floats = NDArray[np.float64]
    Days = NDArray[np.datetime64]


class MetricsAsked(NamedTuple):
    """`capital` None: amounts. `returns`: the column holds returns. `risk_free`, `required`: a year's."""

    capital: float | None = None
    returns: bool = False
    periods: float = YEAR
    risk_free: float = 0.0
    required: float = 0.0
    of: PnlKind = "actual"
    books: tuple[str, ...] = ()


def metrics(path: str, asked: MetricsAsked) -> Performances:
    """Raises QX-RISK-002 to 004, QX-RISK-009, QX-RISK-016."""
    made, read = files.read_pnl(Path(path))
    found = tuple(_books(made, asked))
    amounts = not asked.returns and asked.capital is None
    return Performances(
        capital=None if asked.returns else asked.capital or 1.0, per_unit=amounts, risk_free=asked.risk_free,
        required=asked.required, books=found, inputs=(read,), convention=_convention(asked, amounts=amounts),
    )  # fmt: skip


def _books(made: Pnl, asked: MetricsAsked) -> Iterator[BookPerformance]:
    codes = chosen_books(made, asked.books)
    rows = [np.flatnonzero(made.book.codes == code) for code in codes]
    for code, its in zip(codes, rows, strict=True):
        yield _one(made.book.words[code], made.day[its], _pnl(made, its, asked), currency_of(made, its), asked)
    currencies = {currency_of(made, its) for its in rows}
    if len(codes) > 1 and len(currencies) == 1 and not asked.returns:
        every = np.concatenate(rows)
        days, at = np.unique(made.day[every], return_inverse=True)
        total = np.bincount(at, _pnl(made, every, asked), len(days)).astype(np.float64)
        yield _one("", days, total, currencies.pop(), asked, whole=True)


def _pnl(made: Pnl, rows: NDArray[np.intp], asked: MetricsAsked) -> Floats:
    if asked.of == "hypothetical":
        return column_of(made, made.hypothetical, "pnl_hypothetical", rows)
    return column_of(made, made.actual, "pnl_actual", rows)


def _one(
    book: str, days: Days, pnl: Floats, currency: str, asked: MetricsAsked, *, whole: bool = False
) -> BookPerformance:
    dates: Sequence[object] = days.tolist()
    result = performance(
        dates, pnl / (asked.capital or 1.0), periods=asked.periods,  # type: ignore[arg-type]  # days as dates
        risk_free=asked.risk_free / asked.periods, required=asked.required / asked.periods, compounding=asked.returns,
    )  # fmt: skip
    return BookPerformance(book=book, whole=whole, of=asked.of, currency=currency, result=result)


def _convention(asked: MetricsAsked, *, amounts: bool) -> str:
    if asked.returns:
        over = "returns as they stand in the file, which compound"
    elif amounts:
        over = "no capital was told: returns and drawdowns are amounts of P&L, and ratios are free of it"
    else:
        over = f"P&L over a capital of {asked.capital:,.0f} that stays the same"
    return (
        f"{over}; {asked.periods:g} periods a year; deviations with ddof 1; downside over all days; "
        f"a loss of the first day counts in the drawdown"
    )
