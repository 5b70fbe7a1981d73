"""The factors of the example book: curves by relative tenor, bases, volatilities, currencies, a rate."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from tools.energy_book.calendar import AMERICAN, BRITISH

TENORS = {1: 30, 2: 61, 3: 91, 6: 183, 12: 365}  # days


class Curve(NamedTuple):
    """A root whose contracts are listed month by month. Volatilities are annual."""

    root: str
    tenors: tuple[int, ...]
    level: float  # of the front month on the first day
    slope: float  # of the logarithm, for a year
    season: float  # how far winter lies above the mean; below zero: summer does
    short: float  # volatility of the front
    fading: float  # of it with the delivery month, for a year
    long: float
    group: str  # whose common move it shares
    share: float  # correlation of its short move with the group's
    decimals: int
    unit: str
    currency: str
    return_type: str
    shift: str
    roll: int  # which trading day of the month
    offset: int  # months ahead of the front before that day
    holidays: frozenset[date]
    liquidity: int
    frtb: str
    simm: str


class Single(NamedTuple):
    """A factor without contracts."""

    factor: str
    kind: str
    level: float
    volatility: float  # annual, of its own return type
    reversion: float  # a day
    group: str
    share: float
    decimals: int
    unit: str
    currency: str
    return_type: str
    tenor: str
    liquidity: int
    frtb: str
    simm: str
    stale: int = 5
    holidays: frozenset[date] = frozenset()


HEADER = (
    "factor,kind,return_type,shift,unit,currency,tenor_days,roll_rule,liquidity_days,frtb_bucket,simm_bucket,"
    "max_stale_days"
)
_US, _UK = frozenset(AMERICAN), frozenset(BRITISH)
_NONE: frozenset[date] = frozenset()
_ALL, _FEW, _TWO = (1, 2, 3, 6, 12), (1, 2, 3), (1, 2)
CURVES = (
    Curve("CL", _ALL, 78.6, -0.055, 0.0, 0.31, 1.1, 0.14, "oil", 0.96, 2, "bbl", "USD", "shifted_log", "50",
          12, 1, _US, 20, "2", "2"),
    Curve("BZ", _ALL, 82.9, -0.050, 0.0, 0.29, 1.1, 0.14, "oil", 0.97, 2, "bbl", "USD", "shifted_log", "50",
          -1, 2, _NONE, 20, "2", "2"),
    Curve("DUB", _TWO, 82.1, -0.048, 0.0, 0.28, 1.1, 0.14, "oil", 0.93, 2, "bbl", "USD", "relative", "",
          -1, 2, _NONE, 20, "2", "2"),
    Curve("HO", _FEW, 2.46, -0.020, 0.01, 0.33, 1.2, 0.15, "oil", 0.88, 4, "gal", "USD", "log", "",
          -1, 1, _US, 20, "2", "4"),
    Curve("RB", _TWO, 2.47, -0.040, -0.05, 0.35, 1.3, 0.15, "oil", 0.85, 4, "gal", "USD", "log", "",
          -1, 1, _US, 20, "2", "3"),
    Curve("GO", _TWO, 744.5, -0.015, 0.01, 0.33, 1.2, 0.15, "oil", 0.88, 2, "t", "USD", "log", "",
          8, 0, _NONE, 20, "2", "4"),
    Curve("NG", _ALL, 2.75, 0.080, 0.14, 0.72, 2.2, 0.16, "hub", 0.97, 3, "MMBtu", "USD", "log", "",
          -3, 1, _US, 20, "6", "6"),
    Curve("TTF", _FEW, 32.4, 0.030, 0.12, 0.58, 1.6, 0.20, "gas", 0.96, 3, "MWh", "EUR", "log", "",
          -2, 1, _NONE, 20, "6", "7"),
    Curve("NBP", _TWO, 78.9, 0.030, 0.13, 0.60, 1.6, 0.20, "gas", 0.94, 2, "therm", "GBp", "log", "",
          -2, 1, _UK, 20, "6", "7"),
    Curve("JKM", _TWO, 11.4, 0.030, 0.10, 0.50, 1.4, 0.20, "gas", 0.80, 3, "MMBtu", "USD", "log", "",
          15, 1, _NONE, 20, "6", "7"),
)  # fmt: skip
SINGLES = (
    Single("MEH", "basis", 1.35, 2.6, 0.04, "oil", 0.1, 2, "bbl", "USD", "absolute", "", 20, "2", "2"),
    Single("WAHA", "basis", -1.10, 3.2, 0.06, "hub", 0.25, 3, "MMBtu", "USD", "absolute", "", 60, "6", "6"),
    Single("VCL.M1", "vol", 0.315, 0.85, 0.03, "oil", -0.45, 4, "", "", "log", "30", 60, "2", "2"),
    Single("VCL.M6", "vol", 0.285, 0.45, 0.02, "oil", -0.45, 4, "", "", "log", "183", 60, "2", "2"),
    Single("VBZ.M1", "vol", 0.300, 0.80, 0.03, "oil", -0.45, 4, "", "", "log", "30", 60, "2", "2"),
    Single("VBZ.M6", "vol", 0.275, 0.42, 0.02, "oil", -0.45, 4, "", "", "log", "183", 60, "2", "2"),
    Single("VHO", "vol", 0.320, 0.60, 0.03, "oil", -0.35, 4, "", "", "log", "", 60, "2", "4"),
    Single("VNG.M1", "vol", 0.610, 0.95, 0.03, "hub", 0.40, 4, "", "", "log", "30", 60, "6", "6"),
    Single("VNG.M6", "vol", 0.390, 0.50, 0.02, "hub", 0.40, 4, "", "", "log", "183", 60, "6", "6"),
    Single("EURUSD", "fx", 1.0860, 0.073, 0.004, "fx", 0.90, 4, "EUR", "USD", "log", "", 10, "", ""),
    Single("GBPUSD", "fx", 1.2705, 0.078, 0.004, "fx", 0.85, 4, "GBP", "USD", "log", "", 10, "", ""),
    Single("USDSGD", "fx", 1.3460, 0.045, 0.004, "fx", -0.75, 4, "USD", "SGD", "log", "", 10, "", ""),
    Single("USDBHD", "fx", 0.3760, 0.0, 0.0, "fx", 0.0, 4, "USD", "BHD", "absolute", "", 10, "", ""),
    Single("SOFR", "rate", 4.85, 0.60, 0.002, "fx", -0.3, 2, "%", "USD", "absolute", "91", 10, "", "", 7, _US),
)  # fmt: skip


def factors() -> str:
    lines = [HEADER]
    lines += [
        f"{curve.root}.M{tenor},price,{curve.return_type},{curve.shift},{curve.unit},{curve.currency},"
        f"{TENORS[tenor]},expiry,{curve.liquidity},{curve.frtb},{curve.simm},5"
        for curve in CURVES for tenor in curve.tenors
    ]  # fmt: skip
    lines += [
        f"{each.factor},{each.kind},{each.return_type},,{each.unit},{each.currency},{each.tenor},,{each.liquidity},"
        f"{each.frtb},{each.simm},{each.stale}"
        for each in SINGLES
    ]
    return "\n".join(lines) + "\n"
