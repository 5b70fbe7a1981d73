"""What `qx risk report` shows, as numbers: the figures of `qx risk var`, and what the pictures beside them are made of.

VaR and ES have losses positive, P&L has gains positive; amounts are in the currency of the run.
"""

from __future__ import annotations

from msgspec import Struct

from qx.model.backtest import Backtest
from qx.model.risk_answers import RiskFigures
from qx.model.risk_stress import StressResult


class Bin(Struct, frozen=True):
    """Scenarios whose P&L is at least `low` and below `high`; the last one's `high` belongs to it."""

    low: float  # P&L of its lower end
    high: float  # of its upper end
    count: int  # scenarios in it


class Distribution(Struct, frozen=True, kw_only=True):
    """Of the P&L under the scenarios that the VaR was taken from."""

    scenarios: int  # how many
    mean: float  # of their P&L
    deviation: float  # standard deviation, divided by the number of scenarios
    skewness: float | None  # null: nothing moved
    excess_kurtosis: float | None  # likewise
    worst: float  # the least P&L
    best: float  # the greatest
    bins: tuple[Bin, ...]  # of equal width, ascending


class BacktestDay(Struct, frozen=True, kw_only=True):
    date: str  # of the P&L
    pnl: float  # gains positive
    var: float  # told the day before; a loss is positive
    exception: bool  # it lost more


class Backtested(Struct, frozen=True, kw_only=True):
    """VaR held against P&L, day by day."""

    source: str  # where P&L and VaR come from
    result: Backtest  # as of `qx risk backtest`
    days: tuple[BacktestDay, ...]  # all of them


class Correlation(Struct, frozen=True, kw_only=True):
    """Of the returns of factors."""

    factors: tuple[str, ...]  # those that weigh most, in the order of factors.csv
    left_out: int  # factors of less weight
    matrix: tuple[tuple[float, ...], ...]  # row by row; 1 on its diagonal


class RiskReport(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-report/1`."""

    portfolio: str  # its file
    figures: RiskFigures  # as of `qx risk var`
    distribution: Distribution | None  # null: of a closed form, and where scenarios are too many to keep
    backtest: Backtested | None  # null: `untested` says why
    untested: str  # '' where it was tested
    stress: tuple[StressResult, ...]  # the worst first
    unstressed: tuple[str, ...]  # scenarios that fit no factor of this market
    correlation: Correlation | None  # null: of fewer than two factors that moved
