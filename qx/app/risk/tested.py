"""The backtest of a report: today's portfolio under each past day's moves, against the VaR of the days before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.text import plural
from qx.model.risk_report import BacktestDay, Backtested
from qx.risk.backtest.rolling import rolled
from qx.risk.backtest.suite import backtest
from qx.risk.level import tail, written

if TYPE_CHECKING:
    from fractions import Fraction

    from qx.app.risk.inputs import Loaded

WINDOW = 250  # days that each VaR is taken from
LEAST = 50  # days that are held against theirs


class Tested(NamedTuple):
    found: Backtested | None
    why_not: str  # '' where there is one


def tested(loaded: Loaded, alpha: Fraction) -> Tested:
    """Of one day's VaR by historical simulation, whatever method the report is of."""
    market = loaded.market
    days = len(market.returns) - WINDOW
    if days < LEAST:
        said = f"{plural(len(market.returns), 'day')} of returns: at least {WINDOW + LEAST} are wanted"
        return Tested(None, f"No backtest: {said}, the VaR of a day coming from the {WINDOW} before it.")
    if tail(alpha, WINDOW).mass < 1:
        return Tested(None, f"No backtest: none of {WINDOW} days lies beyond {written(alpha)}.")
    pnl = loaded.book.totals(market.moved(market.returns))
    told = rolled(pnl[:, None], alpha, WINDOW)
    var, es = told.var[:, 0], told.es[:, 0]
    if not (var > 0).all():
        return Tested(None, "No backtest: on some days the portfolio could not lose.")
    dates = market.dates[WINDOW:].tolist()
    held = pnl[WINDOW:]
    lines = tuple(
        BacktestDay(date=day.isoformat(), pnl=float(gain), var=float(loss), exception=bool(gain < -loss))
        for day, gain, loss in zip(dates, held, var, strict=True)
    )
    source = (
        f"The portfolio of {market.as_of} under the moves of each day, against its VaR by historical simulation of "
        f"the {WINDOW} days before"
    )
    return Tested(Backtested(source=source, result=backtest(dates, held, var, es, alpha), days=lines), "")
