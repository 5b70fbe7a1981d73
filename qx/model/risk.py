"""Holdings and what moves their value, as the files of `qx risk` give them: one Struct for a line of each file.

Amounts are in the currency named beside them; quantities are signed, positive is long.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

Instrument = Literal["future", "swap", "option", "asian_option", "spread_option", "cargo", "fx", "cash"]
ReturnType = Literal["absolute", "relative", "log", "shifted_log"]
FactorKind = Literal["price", "vol", "fx", "rate", "basis"]
ShockType = Literal["abs", "rel", "log", "set"]
Style = Literal["black76", "bachelier", "shifted"]
RiskMeasure = Literal["var", "es", "stress", "delta", "vega", "drawdown"]


class Place(Struct, frozen=True):
    """Where something was read: what an error names."""

    file: str
    line: int  # the header is 1; in Parquet the row, from 1


class Position(Struct, frozen=True, kw_only=True):
    """A line of portfolio.csv. '' and None: not told."""

    position_id: str
    instrument: Instrument
    underlying: str  # root of its price factors (CL); of `fx` the foreign currency, of `cash` its currency
    quantity: float  # in `unit`
    unit: str
    currency: str  # of its prices; ISO 4217
    place: Place
    book: str = ""
    desk: str = ""
    strategy: str = ""
    region: str = ""
    counterparty: str = ""
    limit_group: str = ""
    contract: str = ""  # YYYY-MM, or YYYY-MM..YYYY-MM: equal parts of the quantity in each month
    lot_size: float | None = None  # units of the underlying in a lot
    price: float | None = None  # entry or mark, in `price_unit`
    price_unit: str = ""  # USD/bbl
    option_type: Literal["call", "put", ""] = ""
    strike: float | None = None  # in `price_unit`
    expiry: date | None = None
    exercise: Literal["european", "american", ""] = ""
    style: Style | Literal[""] = ""
    underlying_2: str = ""  # second leg of a spread
    ratio_2: float = 1.0  # units of the second leg for one of the first
    vol_factor: str = ""
    vol_factor_2: str = ""
    correlation: float | None = None  # of the two legs of a spread
    vol_shift: float = 0.0  # of `shifted`, in price units
    delta: float | None = None  # in money of `currency` for one price unit; given greeks replace pricing
    gamma: float | None = None
    vega: float | None = None  # for one unit of the vol factor
    location: str = ""
    grade: str = ""
    basis_factor: str = ""
    volume_tolerance_pct: float | None = None
    pricing_window: tuple[date, date] | None = None  # days over which it is priced; the part before as_of is fixed
    liquidity_days: int | None = None


class Factor(Struct, frozen=True, kw_only=True):
    """A line of factors.csv: what moves a value, and how its moves are measured."""

    factor: str  # ROOT, or ROOT.TENOR (CL.M1)
    kind: FactorKind
    return_type: ReturnType
    place: Place
    shift: float = 0.0  # of `shifted_log`, in `unit`
    unit: str = ""  # bbl, gal, MMBtu, t, MWh; of fx the currency that is priced
    currency: str = ""  # in which its level is told
    tenor_days: int | None = None  # distance of its delivery month from today
    roll_rule: str = ""
    liquidity_days: int | None = None
    frtb_bucket: str = ""
    simm_bucket: str = ""
    max_stale_days: int = 5

    @property
    def root(self) -> str:
        return self.factor.partition(".")[0]


class Quote(Struct, frozen=True, kw_only=True):
    """A line of prices.csv."""

    date: date
    factor: str
    value: float
    place: Place
    unit: str = ""
    currency: str = ""
    contract: str = ""  # the contract that was priced, where the factor rolls


class Shock(Struct, frozen=True, kw_only=True):
    """A line of scenarios.csv; `factor` may hold wildcards (CL*)."""

    scenario: str
    factor: str
    shock: float
    shock_type: ShockType
    place: Place
    unit: str = ""
    probability: float | None = None
    horizon_days: int = 1
    date: str = ""  # when it happened


class Correlation(Struct, frozen=True, kw_only=True):
    """A line of correlations.csv: of the returns of two factors, instead of history's."""

    factor: str
    factor_2: str
    correlation: float  # -1 to 1
    place: Place


class Limit(Struct, frozen=True, kw_only=True):
    """A line of limits.csv. `soft` and `hard` are amounts of `currency`."""

    scope_level: str  # total, book, desk, strategy, region, factor...
    scope: str  # its name at that level; '' or * of total
    measure: RiskMeasure
    place: Place
    soft: float | None = None
    hard: float | None = None
    currency: str = ""
    alpha: str = ""  # as written: 99%
    horizon: str = ""  # 1d


class Treatment(Struct, frozen=True, kw_only=True):
    """Something that was done to the data, or found in them: each is printed with the answer."""

    what: str  # filled, stale, rolled, chained, converted, assumed, repaired, dropped
    subject: str  # the factor, position or file
    words: str  # one sentence
    count: int = 1
