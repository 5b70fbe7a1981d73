"""Backtest: VaR and ES of a series of days held against what was then won or lost."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Verdict = Literal["accepted", "doubtful", "rejected"]
Zone = Literal["green", "yellow", "red"]
TestName = Literal[
    "kupiec", "christoffersen", "joint", "tuff", "z1-normal", "z1-t3", "z2-normal", "z2-t3",
]  # fmt: skip


class BacktestCheck(Struct, frozen=True, kw_only=True):
    """One test of the hypothesis that the figures are right."""

    name: TestName
    words: str  # what it asks
    statistic: float | None  # null: it cannot be computed of this series
    critical: float | None  # its border at the significance; likewise
    p_value: float | None  # chance of a statistic as bad or worse if the figures are right; likewise
    rejected: bool | None  # at the significance; likewise
    observations: int  # days that it looked at


class TrafficLight(Struct, frozen=True, kw_only=True):
    """The zones of the Basel Committee (1996), for any level and number of days."""

    zone: Zone
    exceptions: int
    probability: float  # chance of so many exceptions or fewer if the VaR is right
    type1: float  # chance of so many or more: that of calling a right VaR wrong
    yellow_from: int  # exceptions
    red_from: int
    overlap: int  # days that P&L of neighbours share; 1: none, and the count is binomial
    plus_factor: float | None  # on the multiplier of capital; null: told for 250 days at 99% only


class BacktestException(Struct, frozen=True, kw_only=True):
    """A day on which more was lost than the VaR."""

    date: str
    pnl: float  # below -var
    var: float
    es: float | None  # null: none was told


class Backtest(Struct, frozen=True, kw_only=True):
    """P&L has gains positive, VaR and ES have losses positive."""

    book: str  # '' all
    alpha: str  # level of VaR and ES: 99%
    horizon_days: int  # of one P&L; above 1, those of neighbouring days overlap
    days: int
    since: str
    until: str
    exceptions: int
    expected: float  # exceptions, if the VaR is right
    significance: str  # of the tests: 5%
    traffic_light: TrafficLight
    tests: tuple[BacktestCheck, ...]
    exception_days: tuple[BacktestException, ...]
    verdict: Verdict
    because: tuple[str, ...]  # what speaks against the figures; none when accepted
