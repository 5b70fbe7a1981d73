"""What `qx risk explain` answers: why VaR and ES are not what they were, and what a P&L came from.

VaR and ES have losses positive, P&L has gains positive; amounts are in the currency of the run.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.risk import Treatment
from qx.model.risk_answers import InputFile, Level

Change = Literal["added", "removed", "changed", "kept"]


class FigureEffect(Struct, frozen=True, kw_only=True):
    """One thing that changed, all before it in the list already changed. Those of a list sum to the whole change."""

    name: str  # window, market, time, positions
    words: str  # what it is, and how much of it
    var: float  # by how much the VaR rose
    es: float  # by how much the ES rose


class PositionEffect(Struct, frozen=True, kw_only=True):
    """What one position does to the effect of positions; those of a list sum to it."""

    position_id: str
    change: Change  # kept: its own line is as it was
    before: float  # quantity, in its unit
    after: float  # likewise
    unit: str  # bbl, lot...
    var: float  # its component now, less its component before
    es: float  # likewise


class PnlParts(Struct, frozen=True, kw_only=True):
    """A P&L by what brought it: the parts sum to the total."""

    name: str  # at its level; '' of positions that tell none
    total: float  # all of it, by full revaluation
    carry: float  # time alone, at the later levels
    delta: float  # prices and bases, first order
    gamma: float  # prices and bases, second order
    vega: float  # volatilities, first order
    rate: float  # interest, first order
    fx: float  # exchange rates
    unexplained: float  # what is left: higher and mixed orders


class PnlBreakdown(Struct, frozen=True, kw_only=True):
    """The P&L by one level."""

    level: Level  # by which it is split
    parts: tuple[PnlParts, ...]  # the greatest first, of either sign


class RiskExplained(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-explain/1`."""

    since: str  # the day before
    as_of: str  # the day after
    currency: str  # of every amount
    alpha: str  # confidence level
    horizon_days: int  # trading days
    method: str  # that estimated the figures
    var_before: float  # of the portfolio before on that day
    var_after: float  # of the portfolio now
    es_before: float  # likewise
    es_after: float  # likewise
    effects: tuple[FigureEffect, ...]  # in the order in which they were let in
    positions: tuple[PositionEffect, ...]  # the greatest first; kept ones whose component moved among them
    positions_left_out: int  # for which there is no room
    others_var: float  # the effect of those, so that the list and this sum to the effect of positions
    others_es: float  # likewise
    worst_before: tuple[str, ...]  # days whose moves made the VaR and ES before, the worst first
    worst_after: tuple[str, ...]  # now
    pnl: PnlParts  # of the portfolio before, held from `since` to `as_of`
    pnl_by: tuple[PnlBreakdown, ...]  # the same by level
    convention: str  # what the figures mean
    notes: tuple[str, ...]  # what to bear in mind when they are read
    treatments: tuple[Treatment, ...]  # what was done to the data, or found in them
    inputs: tuple[InputFile, ...]  # that they rest on
