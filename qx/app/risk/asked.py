"""Asked: what a run of `qx risk` is to compute, read from words; refused here where the words mean nothing."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.risk_answers import LEVELS, Level, Method
from qx.risk.level import level

if TYPE_CHECKING:
    from fractions import Fraction

    from qx.model.risk_answers import Distribution, Horizon, Revaluation

DRAWS = 1_000_000  # of a simulation, where nothing else is said
MOST_DAYS = 2520  # ten years
MOST_DRAWS = 100_000_000  # until --precision gives up
EMULATED = ("historical", "parametric", "cornish-fisher")
VOLATILE: dict[str, tuple[Method, ...]] = {  # where each way of estimating a volatility has a use
    "equal": ("parametric", "monte-carlo"), "ewma": ("parametric", "monte-carlo", "filtered"),
    "garch": ("parametric", "filtered"),
}  # fmt: skip
SETTING = "QX-RISK-001"
_DAYS = re.compile(r"\s*(\d{1,4})\s*d?\s*")
_SHARE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")
_EWMA = 0.94


class Volatility(NamedTuple):
    """How the volatility of returns is estimated. `decay`: of ewma."""

    kind: Literal["equal", "ewma", "garch"]
    decay: float = _EWMA

    @property
    def words(self) -> str:
        named = {"equal": "equal weights", "garch": "GARCH(1,1)"}
        return named.get(self.kind) or f"EWMA, decay {self.decay:g}"


class Asked(NamedTuple):
    """Of one run. None: what the method does by itself."""

    method: Method = "historical"
    alpha: Fraction = level("99%")
    horizon: int = 1  # trading days
    scaling: Horizon | None = None
    quantile: str = "kth-worst"
    emulate: str = ""
    by: tuple[Level, ...] = ()
    currency: str = "USD"
    as_of: date | None = None
    window: int | None = None
    seed: int = 0
    draws: int = DRAWS
    precision: float | None = None
    engine: str = ""
    jobs: int | None = None
    distribution: Distribution = "normal"
    volatility: Volatility | None = None  # None: what the method does by itself
    revaluation: Revaluation = "full"
    decay: float = 0.995
    correlations: str = ""  # a file of those that are given
    liquidity: bool = False  # with the days that it takes to get out
    split: bool = True  # with what each name loses alone, and what it adds


def days_of(text: str) -> int:
    """`10d`, `10`. Raises QX-RISK-001."""
    found = _DAYS.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= MOST_DAYS:
        raise QxError(SETTING, f"no horizon: {text}", hint=f"trading days, 1d to {MOST_DAYS}d, as 10d")
    return int(found[1])


def share_of(text: str) -> float:
    """`1%`. Raises QX-RISK-001."""
    found = _SHARE.fullmatch(text)
    if found is None or not 0 < float(found[1]) < 100:
        raise QxError(SETTING, f"no precision: {text}", hint="a share of the VaR, above 0% and below 100%: 1%, 0.5%")
    return float(found[1]) / 100


def day_of(text: str) -> date:
    """`2026-11-20`. Raises QX-RISK-001."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QxError(SETTING, f"no date: {text}", hint="year-month-day: 2026-11-20") from None


def volatility_of(text: str) -> Volatility:
    """`equal`, `ewma`, `ewma:0.97`, `garch`. Raises QX-RISK-001."""
    kind, colon, rate = text.partition(":")
    if kind not in ("equal", "ewma", "garch") or (colon and kind != "ewma"):
        raise QxError(SETTING, f"no volatility: {text}", hint="equal, ewma, ewma:0.97 or garch")
    if colon:
        return Volatility("ewma", decay_of(rate))
    return Volatility(cast("Literal['equal', 'ewma', 'garch']", kind))


def decay_of(text: str | float) -> float:
    """Above 0, below 1. Raises QX-RISK-001."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise QxError(SETTING, f"no decay: {text}", hint="above 0 and below 1: 0.94, 0.995")
    return rate


def levels_of(text: str) -> tuple[Level, ...]:
    """`book,factor`; '' none. Raises QX-RISK-001."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    for word in found:
        if word not in LEVELS:
            raise QxError(SETTING, f"no level '{word}' to drill down by", hint=did_you_mean(word, LEVELS))
    return cast("tuple[Level, ...]", tuple(dict.fromkeys(found)))


def currency_of(text: str) -> str:
    """Three letters, in capitals. Raises QX-RISK-001."""
    code = text.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise QxError(SETTING, f"no currency: {text}", hint="three letters of ISO 4217: USD, EUR, BHD")
    return code


def check(asked: Asked) -> Asked:
    """Settings that do not go together. Raises QX-RISK-001."""
    simulated = asked.method == "monte-carlo"
    if asked.engine and not (simulated and asked.engine.startswith("dask://")):
        said = f"--engine {asked.engine}" + ("" if simulated else f" with --method {asked.method}")
        raise QxError(SETTING, f"{said}: nothing is spread so", hint="--method monte-carlo --engine dask://HOST:PORT")
    if asked.precision is not None and not simulated:
        said = f"--precision with --method {asked.method}: only a simulation can draw until it is precise enough"
        raise QxError(SETTING, said, hint="--method monte-carlo --precision 1%")
    allowed = {"monte-carlo": ("normal", "t5", "copula"), "parametric": ("normal", "t5")}
    if asked.distribution not in allowed.get(asked.method, ("normal",)):
        said = f"--distribution {asked.distribution} with --method {asked.method}"
        raise QxError(SETTING, said, hint="copula is Monte Carlo's, t5 also parametric's")
    if asked.emulate and asked.method not in EMULATED:
        said = f"--emulate {asked.emulate} with --method {asked.method}"
        raise QxError(SETTING, said, hint=f"with {', '.join(EMULATED)}")
    if asked.emulate and asked.quantile != "kth-worst":
        said = f"--emulate {asked.emulate} with --quantile {asked.quantile}: it has a rule of its own"
        raise QxError(SETTING, said, hint="leave one of the two out")
    if asked.volatility is not None and asked.method not in VOLATILE[asked.volatility.kind]:
        said = f"--volatility {asked.volatility.kind} with --method {asked.method}"
        raise QxError(SETTING, said, hint=f"with {', '.join(VOLATILE[asked.volatility.kind])}")
    if asked.correlations:
        _check_correlations(asked)
    return asked


def _check_correlations(asked: Asked) -> None:
    can = asked.method == "parametric" or (asked.method == "monte-carlo" and asked.distribution != "copula")
    grown = asked.volatility is not None and asked.volatility.kind == "garch"
    if not can or grown or asked.emulate:
        said = "--correlations" + (" with --volatility garch" if grown else "") + f" with --method {asked.method}"
        raise QxError(SETTING, said, hint="--method parametric, or monte-carlo of a normal or a Student-t")
