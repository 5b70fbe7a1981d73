"""Stress: the shipped scenarios of the past as their file has them, and what `qx risk stress` answers.

P&L has gains positive; a loss that is asked for is positive. Amounts are in the currency of the run.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.risk import FactorKind, Treatment
from qx.model.risk_answers import InputFile, Level

ScenarioKind = Literal["historical", "file", "conditional", "reverse"]


class PastMove(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A level before and after."""

    root: str  # of the curve or the volatility; of `fx` the currency that is priced
    kind: FactorKind
    before: float
    after: float
    shock_type: Literal["abs", "rel"]  # their difference, or their ratio
    source: str  # key of `sources`
    unit: str  # USD/bbl; of `fx` the currency it is told in
    tenor: str = ""  # M1: the point of the curve; '' all of it


class PastScenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: str
    first: str  # day of the levels before
    last: str  # day of those after
    horizon_days: int  # trading days between
    note: str
    moves: tuple[PastMove, ...]


class Past(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file historical.json."""

    about: str
    sources: dict[str, str]
    scenarios: tuple[PastScenario, ...]


class FactorMove(Struct, frozen=True, kw_only=True):
    """What a scenario does to one factor, and what that brings."""

    factor: str  # its name
    before: float  # today's level, in its own unit
    after: float  # that it takes
    how: str  # named, tenor, curve, wildcard, given, expected, sought
    pnl: float  # that it brings; those of all factors sum to the whole
    deviation: float | None = None  # conditional: standard deviation that is left of the level
    explained: float | None = None  # conditional: share of its variance that the given factors explain


class StressPart(Struct, frozen=True, kw_only=True):
    name: str  # '' of positions that tell none
    pnl: float  # its part


class StressBreakdown(Struct, frozen=True, kw_only=True):
    """The P&L by one level; the parts sum to it."""

    level: Level  # by which it is split
    parts: tuple[StressPart, ...]  # the worst first


class Plausible(Struct, frozen=True, kw_only=True):
    """How far from an ordinary day, if days were normal with the covariance of the history."""

    mahalanobis: float  # distance of the moves
    degrees: int  # of freedom: directions in which the factors moved
    percentile: float  # share of such days that stray less far
    beyond: float | None  # chance of such a day to lose as much; of a reverse stress only
    one_in_days: float | None  # its inverse; null where the chance is too small for a number
    history_as_far: int  # days of the history that strayed as far
    history_as_bad: int | None  # days of the history under which the book loses as much; of a reverse stress only
    history: int  # days of it


class StressResult(Struct, frozen=True, kw_only=True):
    """One scenario on the book."""

    scenario: str  # its name
    kind: ScenarioKind  # historical, file, conditional, reverse
    title: str  # what it is
    pnl: float  # of the whole book
    share: float | None  # of the absolute value of the book; null where that is 0
    date: str  # when it happened; '' it did not
    horizon_days: int  # trading days over which it happened
    probability: float | None  # as its file tells it
    by: tuple[StressBreakdown, ...]  # in the order asked for
    moves: tuple[FactorMove, ...]  # what brings the greatest loss first
    unmoved: int  # factors that it leaves where they are
    unmatched: tuple[str, ...]  # what of it fits no factor of this market: of shipped ones only, else it is refused
    note: str = ""  # what to bear in mind
    method: str = ""  # reverse: closed form or search
    plausible: Plausible | None = None  # reverse and conditional


class StressFigures(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-stress/1`."""

    as_of: str  # the day of the last prices
    currency: str  # of every amount
    value: float  # of the portfolio on that day
    positions: int  # in it
    factors: int  # that move it
    scenarios: tuple[StressResult, ...]  # the worst first
    convention: str  # what the figures mean
    notes: tuple[str, ...]  # what to bear in mind when they are read
    treatments: tuple[Treatment, ...]  # what was done to the data, or found in them
    inputs: tuple[InputFile, ...]  # that they rest on


class ScenarioListed(Struct, frozen=True, kw_only=True):
    """A scenario that may be asked for."""

    name: str
    kind: ScenarioKind  # historical or file
    title: str
    date: str  # when it happened; '' it did not
    horizon_days: int  # trading days over which it happened
    moves: tuple[str, ...]  # each of its lines in words, with its source
    note: str = ""  # what to bear in mind


class ScenarioList(Struct, frozen=True, kw_only=True):
    """The document `qx.risk-scenarios/1`."""

    scenarios: tuple[ScenarioListed, ...]  # those of the file first
    factors: tuple[str, ...]  # names that a line may tell
