"""Columns of the files of `qx risk`: what each may hold, and what it means. Reader and reference are made of it."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from qx.model.risk import FactorKind, Instrument, ReturnType, RiskMeasure, ShockType, Style
from qx.model.risk_answers import LEVELS

Kind = Literal["id", "text", "currency", "unit", "month", "months", "number", "whole", "day", "window"]


class Field(NamedTuple):
    name: str
    kind: Kind
    about: str
    must: bool = False  # the column stands in the header
    filled: bool = False  # no cell of it is empty
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None


class File(NamedTuple):
    """`fields` by name; `about` in a sentence or two."""

    role: str
    about: str
    fields: dict[str, Field]


def _file(role: str, about: str, *fields: Field) -> File:
    return File(role, about, {field.name: field for field in fields})


def _need(name: str, kind: Kind, about: str, choices: tuple[str, ...] = ()) -> Field:
    return Field(name, kind, about, must=True, filled=True, choices=choices)


PORTFOLIO = _file(
    "portfolio", "What is held: a line for each position. Quantities are signed, positive is long.",
    _need("position_id", "id", "its name; each once"),
    _need("instrument", "text", "what it is", get_args(Instrument)),
    _need("underlying", "text", "root of its price factors (`CL` of `CL.M1`, `CL.M2`), or a factor; of `fx` the "
          "currency that is held, of `cash` its currency"),
    _need("quantity", "number", "in `unit`"),
    Field("unit", "unit", "of the quantity: a unit of the table below, or `lot`; of `fx` and `cash` its currency "
          "or nothing", must=True),
    Field("currency", "currency", "of its prices, ISO 4217; where it is empty the factor's"),
    Field("book", "text", "a level to drill down by"),
    Field("desk", "text", "likewise"),
    Field("strategy", "text", "likewise"),
    Field("region", "text", "likewise"),
    Field("counterparty", "text", "likewise: who stands on the other side"),
    Field("limit_group", "text", "likewise: what shares a limit"),
    Field("contract", "months", "`2027-03`, or `2027-01..2027-12`: equal parts of the quantity in each month"),
    Field("lot_size", "number", "units of the underlying in a lot; known of themselves: those of CL, BZ, NG, HO, "
          "RB", above=0),
    Field("price", "number", "at which it was entered, or its mark"),
    Field("price_unit", "text", "of `price` and `strike`, as `USD/bbl`; minor currencies: `USc`, `GBp`"),
    Field("option_type", "text", "options", choices=("call", "put")),
    Field("strike", "number", "options"),
    Field("expiry", "day", "options: the last day"),
    Field("exercise", "text", "options", choices=("european", "american")),
    Field("style", "text", "options: the model", choices=get_args(Style)),
    Field("underlying_2", "text", "spread options: the second leg, which is paid"),
    Field("ratio_2", "number", "units of the second leg for one of the first; 1"),
    Field("vol_factor", "text", "options: the factor that is the volatility, or its root"),
    Field("vol_factor_2", "text", "spread options: of the second leg"),
    Field("correlation", "number", "spread options: of the two legs", least=-1, most=1),
    Field("vol_shift", "number", "of style `shifted`, in price units"),
    Field("delta", "number", "money for one price unit; greeks that are given replace pricing"),
    Field("gamma", "number", "likewise, for its square"),
    Field("vega", "number", "likewise, for one unit of the volatility"),
    Field("location", "text", "cargoes"),
    Field("grade", "text", "what converts mass to volume: a product, `API 38.3`, or a figure as `7.45 bbl/t`"),
    Field("basis_factor", "text", "cargoes: a factor that is added to the price"),
    Field("volume_tolerance_pct", "number", "cargoes: how far the quantity may be chosen, in %", least=0, most=100),
    Field("pricing_window", "window", "`2026-11-02..2026-11-30`: the days over which it is priced"),
    Field("liquidity_days", "whole", "instead of its factors'", least=1),
)  # fmt: skip

PRICES = _file(
    "prices", "What was quoted, long form: a line for each factor and day, days ascending within each series. "
    "Where a factor rolls, `contract` says which one was priced, and on the day of a roll both are.",
    _need("date", "day", "the day of the price"),
    _need("factor", "text", "as factors.csv names it; a series that it does not name is left out, and told"),
    _need("value", "number", "finite; no line where there is no price"),
    Field("unit", "text", "of the price: `bbl`, or `USD/bbl`; of a volatility or a rate `%`, `bp` or nothing. "
          "Converted to the factor's"),
    Field("currency", "currency", "of the price; the factor's"),
    Field("contract", "month", "`2027-03`"),
    Field("settle_type", "text", "for other readers; not used"),
    Field("source", "text", "likewise"),
)  # fmt: skip

FACTORS = _file(
    "factors", "What moves values, and how its moves are measured.",
    _need("factor", "id", "`ROOT`, or `ROOT.TENOR` (`CL.M1`); of a currency pair `EURUSD`"),
    _need("kind", "text", "what it is", get_args(FactorKind)),
    _need("return_type", "text", "how a move is measured: `log` and `relative` want prices above zero, "
          "`shifted_log` above -shift", get_args(ReturnType)),
    Field("shift", "number", "of `shifted_log`, in `unit`"),
    Field("unit", "text", "of its level, as in prices.csv; of `fx` the currency that is priced"),
    Field("currency", "currency", "of its level; minor ones as in prices.csv"),
    Field("tenor_days", "whole", "days from today to its delivery month: its place on the curve, where its prices "
          "name no contract", least=0),
    Field("roll_rule", "text", "`back_adjusted`: its levels are no prices, and only `absolute` is allowed; another "
          "is told where prices name no contract"),
    Field("liquidity_days", "whole", "days that it takes to get out", least=1),
    Field("frtb_bucket", "text", "for cascades"),
    Field("simm_bucket", "text", "likewise"),
    Field("max_stale_days", "whole", "days for which its last price is carried; 5", least=0),
)  # fmt: skip

SCENARIOS = _file(
    "scenarios", "Moves that are named. A scenario is all lines of its name.",
    _need("scenario", "text", "its name"),
    _need("factor", "text", "a factor, or a pattern of several (`CL*`)"),
    _need("shock", "number", "how far: `abs` in `unit`, `rel` as a share (-0.2), `log` of the ratio, `set` the "
          "level itself"),
    _need("shock_type", "text", "how it is measured", get_args(ShockType)),
    Field("unit", "text", "of `abs` and `set`; the factor's"),
    Field("probability", "number", "of the scenario in a year", least=0, most=1),
    Field("horizon_days", "whole", "over which it happens; 1", least=1),
    Field("date", "text", "when it happened"),
)  # fmt: skip

LIMITS = _file(
    "limits", "What may not be exceeded; losses are positive.",
    _need("scope_level", "text", "at which it is measured", ("total", *LEVELS)),
    Field("scope", "text", "the name at that level; of `total` nothing", must=True),
    _need("measure", "text", "what is measured", get_args(RiskMeasure)),
    Field("soft", "number", "a warning above it", above=0),
    Field("hard", "number", "a breach above it", above=0),
    Field("currency", "currency", "of both; that of the run"),
    Field("alpha", "text", "of `var` and `es`: 99%"),
    Field("horizon", "text", "of `var` and `es`: 1d"),
)  # fmt: skip

CORRELATIONS = _file(
    "correlations", "Of the returns of two factors, instead of history's; `--correlations` names it. What then "
    "contradicts itself is repaired, and told; what would have to move far is refused.",
    _need("factor", "text", "one of factors.csv"),
    _need("factor_2", "text", "another"),
    Field("correlation", "number", "of their returns", must=True, filled=True, least=-1, most=1),
)  # fmt: skip

PNL = _file(
    "pnl", "What was made and what was said beforehand, a line for each day and book. P&L: gains positive; VaR and "
    "ES: losses positive.",
    _need("date", "day", "ascending within a book"),
    Field("book", "text", "whose it is"),
    _need("pnl_actual", "number", "what was made"),
    Field("pnl_hypothetical", "number", "what the positions of the day before made by themselves"),
    Field("var", "number", "said for the day, above zero", above=0),
    Field("es", "number", "likewise", above=0),
    Field("currency", "currency", "of all amounts"),
)  # fmt: skip

FILES = (PORTFOLIO, PRICES, FACTORS, SCENARIOS, LIMITS, CORRELATIONS, PNL)
