"""What `qx risk var` and `qx risk es` answer. VaR and ES have losses positive, every P&L has gains positive; amounts
are in the currency of the run. Nothing here tells the time of day: the same files and flags give the same bytes.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from qx.model.risk import Treatment

Method = Literal["historical", "age", "filtered", "evt", "parametric", "cornish-fisher", "monte-carlo"]
METHODS: tuple[Method, ...] = (
    "historical", "age", "filtered", "evt", "parametric", "cornish-fisher", "monte-carlo",
)  # fmt: skip
Distribution = Literal["normal", "t5", "copula"]
Revaluation = Literal["full", "greeks"]
Level = Literal[
    "book", "desk", "strategy", "region", "counterparty", "limit_group", "instrument", "currency", "trade", "factor",
    "tenor",
]
LEVELS: tuple[Level, ...] = get_args(Level)
Horizon = Literal["overlapping", "sqrt", "autocorrelated"]


class ErrorInterval(Struct, frozen=True, kw_only=True):
    """How far the sampling of scenarios alone may have put a figure off."""

    low: float  # its lower end
    high: float  # its upper end
    level: float  # 0.95: so often such an interval holds the true figure
    method: str  # order statistics, delta method...


class Convention(Struct, frozen=True, kw_only=True):
    """What the figures mean, so that somebody else can compute the same."""

    words: str  # all of it in a few sentences
    tail: str  # which scenarios make the VaR: `5th worst of 500 scenarios`
    quantile: str  # the rule by its name; '' of a closed form
    emulates: str  # the other tool whose rules these are; '' none
    es: str  # what the expected shortfall is the mean of
    horizon: str  # how it came to that many days
    returns: dict[str, int]  # return type -> how many factors move so
    revaluation: str  # how positions were valued again
    volatility: str  # how it was estimated; '' none was
    ddof: int | None  # taken off the number of observations in a variance; null: none was estimated
    sign: str = "VaR and ES: losses positive; P&L: gains positive"  # always


class Contribution(Struct, frozen=True, kw_only=True):
    """What one name of a level adds. Those of a level sum to the total, but for the residual that it tells."""

    name: str  # '' of positions that tell none
    var: float  # its part of the VaR (component)
    es: float  # its part of the ES (component)
    share: float | None  # of the ES; null where that is 0
    alone: float | None = None  # VaR of it alone; null: not asked for
    without: float | None = None  # by how much the VaR falls when it is taken away (incremental)
    marginal: float | None = None  # of the VaR, for one more unit of the currency of its exposure


class Breakdown(Struct, frozen=True, kw_only=True):
    """The figures by one level."""

    level: Level  # by which it is split
    parts: tuple[Contribution, ...]  # those that add most to the ES first
    residual_var: float  # the VaR less the sum of the parts
    residual_es: float  # the ES less the sum of the parts
    diversification: float | None = None  # sum of what each loses alone, less the VaR


class TailScenario(Struct, frozen=True, kw_only=True):
    """One of the worst."""

    date: str  # the last day of the move; of a simulated one its number
    pnl: float  # of the whole portfolio
    days: int = 1  # trading days of the move; fewer than the horizon where the figure is stretched to it


class InputFile(Struct, frozen=True, kw_only=True):
    """A file that the answer rests on."""

    role: str  # portfolio, prices, factors, scenarios, limits, pnl
    path: str  # as it was named
    sha256: str  # of its bytes
    rows: int  # lines of data in it


class Simulation(Struct, frozen=True, kw_only=True):
    """How a Monte Carlo run went. The same digits come from any number of workers."""

    draws: int  # scenarios that were drawn
    seed: int  # of all streams
    generator: str  # and how each block's stream is keyed
    block: int  # scenarios of one stream
    distribution: str  # that they were drawn from
    precision: float | None  # relative half width of the interval that was asked for; null: none
    reached: float | None  # that there is at the end
    kept: int  # P&Ls of the tail that were held in memory


class LiquidityStep(Struct, frozen=True, kw_only=True):
    """Of the cascade: what moves for at least so long."""

    horizon_days: int  # 10, 20, 40, 60, 120
    factors: int  # that have at least this liquidity horizon
    es: float  # over ten days, when only these move
    scale: float  # the root of the days that this horizon adds, in tens


class Liquidity(Struct, frozen=True, kw_only=True):
    """The figures when it takes days to get out; by historical simulation."""

    es: float  # the cascade of the steps (MAR33.5)
    alpha: str  # of all of them
    base_days: int  # over which the ES of a step is measured
    steps: tuple[LiquidityStep, ...]  # the shortest horizon first
    orderly_var: float  # each position closed in equal parts, one a day
    orderly_es: float  # likewise
    longest_days: int  # that a position takes
    slow_positions: int  # that take more than a day


class RiskFigures(Struct, frozen=True, kw_only=True):
    """The document `qx.risk/1`."""

    measure: Literal["var", "es"]  # what was asked for; both are told
    var: float  # a loss is positive
    es: float | None  # likewise; null where the tool that is emulated has none
    currency: str  # of every amount
    alpha: str  # confidence level, as 99%
    horizon_days: int  # trading days
    method: Method  # that estimated it
    as_of: str  # the day of the last prices
    var_interval: ErrorInterval | None  # null: the method has none
    es_interval: ErrorInterval | None  # likewise
    convention: Convention  # what the figures mean
    value: float  # of the portfolio on that day
    positions: int  # in it
    factors: int  # that move it
    scenarios: int  # it was valued under; of a closed form days of returns
    worst: tuple[TailScenario, ...]  # the worst first; of a closed form none
    by: tuple[Breakdown, ...]  # in the order asked for
    notes: tuple[str, ...]  # what to bear in mind when these figures are read
    treatments: tuple[Treatment, ...]  # what was done to the data, or found in them
    inputs: tuple[InputFile, ...]  # that it rests on
    simulation: Simulation | None = None  # of Monte Carlo only
    liquidity: Liquidity | None = None  # with --liquidity only
    software: dict[str, str] = {}  # versions that the digits may depend on
