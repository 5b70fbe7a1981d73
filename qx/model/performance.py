"""Performance: what a series of returns earned, and what it went through."""

from __future__ import annotations

from msgspec import Struct


class Drawdown(Struct, frozen=True, kw_only=True):
    """From a peak to the lowest point after it. A loss on the first day counts: the start is a peak."""

    depth: float  # a loss is positive: of the value at the peak, or where nothing compounds of the capital
    peak: str  # the last day at the peak; '' before the first
    trough: str
    recovered: str  # the first day back at the peak; '' not yet
    days_down: int  # steps from peak to trough
    days_back: int | None  # from trough to recovery; null: not yet


class Performance(Struct, frozen=True, kw_only=True):
    """Returns are fractions, 0.01 is 1%. A ratio is null where it is not defined, or its divisor is 0."""

    days: int  # in the series
    missing: int  # of them without a return: they count as time only
    since: str
    until: str
    periods: float  # in a year: 252 of days
    compounding: bool  # false: returns are P&L over a capital that stays the same
    total_return: float
    annual_return: float
    volatility: float | None  # a year's standard deviation, ddof 1
    downside_risk: float  # a year's root mean square of what falls short of the required return, over all days
    sharpe: float | None  # a year's
    sharpe_error: float | None  # its standard error (Mertens 2002); null where that is
    sortino: float | None
    calmar: float | None  # annual return over the deepest drawdown
    omega: float | None  # sum of what exceeds the required return over that of what falls short
    tail_ratio: float | None  # 95% point of returns over the 5% point, both without sign
    skewness: float | None  # ddof 0
    excess_kurtosis: float | None  # likewise
    winning: float  # share of days with a gain
    best: float
    worst: float
    drawdown: Drawdown | None  # the deepest; null: there was none
