"""A market of seventeen factors in four currencies, and positions in it, written shortly."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qx.model.risk import Place, Position
from qx.risk.positions import BEGIN, END, Positions
from qx.risk.words import words_of
from tests.unit.risk.quoting import factor, made, series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Factor, Instrument
    from qx.risk.market import Market

    Floats = NDArray[np.float64]

AS_OF = "2026-11-20"  # a Friday
START = "2026-09-01"
DAYS = 59
FACTORS: tuple[tuple[Factor, float], ...] = (
    (factor("CL.M1", "log", tenor_days=30), 75.0),
    (factor("CL.M6", "log", tenor_days=180), 72.0),
    (factor("BZ.M1", "relative", tenor_days=45), 79.0),
    (factor("HO", "log", unit="gal"), 2.4),
    (factor("TTF", "shifted_log", unit="MWh", currency="EUR", shift=50.0), 30.0),
    (factor("BASIS", "absolute", kind="basis", unit="t"), -12.0),
    (factor("VCL.M1", "log", kind="vol", unit="", currency="", tenor_days=30), 0.35),
    (factor("VCL.M6", "log", kind="vol", unit="", currency="", tenor_days=180), 0.30),
    (factor("VBZ", "log", kind="vol", unit="", currency=""), 0.33),
    (factor("VHO", "log", kind="vol", unit="", currency=""), 0.36),
    (factor("VTTF", "log", kind="vol", unit="", currency=""), 0.60),
    (factor("NTTF", "log", kind="vol", unit="MWh", currency="EUR"), 15.0),
    (factor("EURUSD", "log", kind="fx", unit="EUR"), 1.08),
    (factor("USDBHD", "log", kind="fx", unit="USD", currency="BHD"), 0.376),
    (factor("GBPUSD", "relative", kind="fx", unit="GBP"), 1.27),
    (factor("SOFR.3M", "absolute", kind="rate", unit="", tenor_days=91), 0.05),
    (factor("SOFR.1Y", "absolute", kind="rate", unit="", tenor_days=365), 0.045),
)


@cache
def market_of_all() -> Market:
    rng = np.random.default_rng(7)
    told = []
    for each, level in FACTORS:
        steps = rng.standard_normal(DAYS) * (0.0005 if each.kind == "rate" else 0.02)
        path = (
            level + np.cumsum(steps) if each.return_type == "absolute" else level * np.exp(np.cumsum(steps))
        )
        told += series(each.factor, path.tolist(), start=START)
    return made([each for each, _ in FACTORS], told, as_of=AS_OF)


def scenarios(market: Market, count: int, seed: int = 11) -> Floats:
    """Levels (S, F) after moves of 2 %."""
    draws = np.random.default_rng(seed).standard_normal((count, len(market.factors))) * 0.02
    small = [each.kind == "rate" for each in market.factors]
    draws[:, small] /= 40
    return market.moved(draws)


def position(
    name: str, instrument: Instrument, underlying: str, quantity: float, unit: str, **told: Any
) -> Position:
    told = {"currency": "USD", **told}
    return Position(
        position_id=name, instrument=instrument, underlying=underlying, quantity=quantity, unit=unit,
        place=Place("portfolio.csv", 2), **told,
    )  # fmt: skip


LINEAR = (
    position("future", "future", "CL", 10, "lot", contract="2027-02", price=70.0, price_unit="USD/bbl"),
    position("strip", "swap", "CL", -100_000, "bbl", contract="2027-01..2027-06", price=70.0, price_unit="USD/bbl"),
    position("tonnes", "swap", "HO", 500, "t", contract="2027-01", grade="diesel"),
    position("euro", "future", "TTF", 30, "MWh", currency="EUR", contract="2027-01"),
    position("cargo", "cargo", "BZ", 500, "kbbl", basis_factor="BASIS", grade="crude", volume_tolerance_pct=10.0),
    position("fixing", "cargo", "TTF", 1000, "MMBtu", currency="EUR",
             pricing_window=(date(2026, 11, 2), date(2026, 12, 4))),
    position("bought", "fx", "EUR", 1e6, "EUR", price=1.05),
    position("cross", "fx", "GBP", -1e6, "GBP", currency="EUR", price=1.15),
    position("dinars", "cash", "BHD", 5e5, "BHD", currency="BHD"),
    position("dollars", "cash", "USD", 5e5, "USD"),
)  # fmt: skip


def option(name: str, **told: Any) -> Position:
    told = {
        "instrument": "option", "underlying": "CL", "quantity": 10, "unit": "lot", "option_type": "call",
        "strike": 74.0, "expiry": date(2027, 2, 15), "vol_factor": "VCL", "contract": "2027-03",
        "price_unit": "USD/bbl", **told,
    }  # fmt: skip
    return position(name, **told)


SPREAD = {"instrument": "spread_option", "quantity": 40_000, "unit": "bbl", "underlying_2": "CL", "vol_factor_2": "VCL",
          "expiry": date(2027, 1, 5)}  # fmt: skip
EURO = {"underlying": "TTF", "quantity": 3000, "unit": "MWh", "currency": "EUR", "price_unit": "EUR/MWh",
        "strike": 28.0, "option_type": "put", "contract": ""}  # fmt: skip
OPTIONS = (
    option("european"),
    option("american", option_type="put", exercise="american", quantity=-10, contract="2027-03..2027-05"),
    option("normal", **EURO, style="bachelier", vol_factor="NTTF"),
    option("shifted", **EURO, style="shifted", vol_factor="VTTF", vol_shift=20.0),
    option("average", instrument="asian_option", contract="2027-01", expiry=None),
    option("fixing average", instrument="asian_option", contract="2026-11", expiry=None, strike=78.0),
    option("normal average", **{**EURO, "contract": "2027-01"}, instrument="asian_option", style="bachelier",
           vol_factor="NTTF", expiry=None),
    option("spread", **SPREAD, underlying="BZ", vol_factor="VBZ", strike=4.0, contract="2027-02"),
    option("crack", **SPREAD, underlying="HO", vol_factor="VHO", strike=20.0, contract="2027-02", correlation=0.8),
    option("told", delta=5000.0, gamma=300.0, vega=10_000.0, price=3.0),
)  # fmt: skip
ALL = (*LINEAR, *OPTIONS)

NUMBERS = (
    "quantity", "lot_size", "price", "strike", "ratio_2", "correlation", "vol_shift", "delta", "gamma", "vega",
    "volume_tolerance_pct", "liquidity_days",
)  # fmt: skip
APART = {"place", "expiry", "pricing_window", *NUMBERS}


def positions_of(positions: Sequence[Position]) -> Positions:
    """The same as columns; all of one file."""
    texts = [name for name in Position.__struct_fields__ if name not in APART]
    windows = [each.pricing_window or (None, None) for each in positions]
    days = {"expiry": [each.expiry for each in positions]}
    days |= {BEGIN: [begin for begin, _ in windows], END: [end for _, end in windows]}
    return Positions(
        positions[0].place.file if positions else "", np.array([each.place.line for each in positions], np.int64),
        texts={name: words_of([getattr(each, name) for each in positions]) for name in texts},
        numbers={name: np.array([getattr(each, name) for each in positions], np.float64) for name in NUMBERS},
        days={name: np.array(column, "datetime64[D]") for name, column in days.items()},
    )  # fmt: skip
