"""What `qx risk backtest` and `qx risk metrics` answer: whether a book's VaR and ES were right, and how its P&L did."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.backtest import Backtest, Verdict
from qx.model.performance import Performance
from qx.model.risk_answers import InputFile

PnlKind = Literal["actual", "hypothetical"]


class BookBacktest(Struct, frozen=True, kw_only=True):
    """One book, held against one of its two P&Ls."""

    of: PnlKind  # which P&L: what was made, or what the positions of the day before made by themselves
    currency: str  # of its amounts; '' not told
    result: Backtest  # all tests


class Backtests(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-backtest/1`."""

    verdict: Verdict  # the worst of all
    alpha: str  # level of VaR and ES
    horizon_days: int  # of one P&L
    significance: str  # of the tests
    books: tuple[BookBacktest, ...]  # the worst first
    notes: tuple[str, ...]  # what to bear in mind
    inputs: tuple[InputFile, ...]  # that it rests on
    convention: str = (
        "an exception is a day whose P&L lies below -VaR; P&L: gains positive, VaR and ES: losses positive"
    )  # always


class BookPerformance(Struct, frozen=True, kw_only=True):
    """How one P&L did."""

    book: str  # '' where the file tells none
    whole: bool  # the sum of all books
    of: PnlKind  # which P&L
    currency: str  # of it; '' not told
    result: Performance  # its returns are over `capital`


class Performances(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-metrics/1`."""

    capital: float | None  # that P&L is a return on; null: returns were given, which compound
    per_unit: bool  # no capital was told: it is 1, and what is called a return is an amount
    risk_free: float  # a year's
    required: float  # a year's
    books: tuple[BookPerformance, ...]  # in the order of the file, the sum of all last
    inputs: tuple[InputFile, ...]  # that it rests on
    convention: str  # what the figures mean
