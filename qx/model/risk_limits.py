"""Limits held against figures, and what is kept of risk: results of a portfolio, and the last verdict on its limits."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from qx.model.risk_answers import InputFile

State = Literal["within", "soft", "hard", "unknown"]


class LimitVerdict(Struct, frozen=True, kw_only=True):
    """One limit, and how much of it is used."""

    line: int  # of limits.csv
    scope_level: str  # total, book, desk, strategy, region, factor...
    scope: str  # its name at that level; '' of total
    measure: str  # var, es, stress, delta, vega, drawdown
    alpha: str  # '' of a measure that has none
    horizon: str  # '' likewise
    currency: str  # of the amounts
    value: float | None  # that was found; null: it could not be told
    soft: float | None  # above it: a warning
    hard: float | None  # above it: a breach
    used: float | None  # value over the hard limit, else the soft one
    state: State  # within, soft, hard, unknown
    because: str = ""  # why it is unknown, or what was measured

    @property
    def words(self) -> str:
        """For people: `var 99% 1d of desk oil: 1,200,000 USD, hard limit 1,000,000`."""
        what = " ".join(filter(None, (self.measure, self.alpha, self.horizon)))
        place = " ".join(filter(None, (self.scope_level, self.scope)))
        if self.value is None:
            return f"{what} of {place}: {self.because}"
        name = "hard" if self.state == "hard" or self.soft is None else "soft"
        bound = self.hard if name == "hard" else self.soft
        limit = "" if bound is None else f", {name} limit {bound:,.0f}"
        return f"{what} of {place}: {self.value:,.0f} {self.currency}{limit}"


class LimitsVerdict(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-limits/1`: all limits of a file held against one portfolio."""

    portfolio: str  # its name
    as_of: str  # the day of the last prices
    state: State  # the worst of all
    limits: tuple[LimitVerdict, ...]  # the worst first
    inputs: tuple[InputFile, ...]  # that it rests on
    told: tuple[str, ...] = ()  # channels that took the alert
    untold: str = ""  # which did not, and why


class RiskKept(Struct, frozen=True, kw_only=True):
    """A figure that was kept. Key: portfolio/as_of/method/alpha/horizon/region, so that a day counts once."""

    KIND: ClassVar[str] = "risk"
    portfolio: str  # its name: of the file, or as --name says
    region: str  # whose positions; '' all of them
    as_of: str  # the day of the last prices
    method: str  # that estimated it
    alpha: str  # confidence level
    horizon_days: int  # trading days
    currency: str  # of the amounts
    var: float  # a loss is positive
    es: float | None  # likewise; null where the tool that was emulated has none
    var_low: float | None  # of the interval; null: there is none
    var_high: float | None  # likewise
    value: float | None  # of the portfolio; null of one region's part
    digests: dict[str, str]  # role -> SHA-256 of the file it rests on
    at: float  # when it was kept


class RiskStanding(Struct, frozen=True, kw_only=True):
    """The last verdict on the limits of a portfolio, which the gate `risk` reads. Key: the portfolio."""

    KIND: ClassVar[str] = "risk-limits"
    portfolio: str  # its name
    state: State  # within, soft, hard, unknown
    because: str  # the worst of them in words
    as_of: str  # the day of the last prices
    at: float  # when it was judged
    by: str  # account@machine


class RiskHistory(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-history/1`."""

    kept: tuple[RiskKept, ...]  # the earliest first
    standings: tuple[RiskStanding, ...]  # the last verdict on limits of each portfolio
