"""VaR and ES as other systems print them, from one P&L vector: to reconcile a figure, not to trust it.

Each repeats its system's own arithmetic, doubles where that takes doubles: (1 - 0.99) * 500 is a little more than 5,
so two of them take the 6th worst of 500 where their own definition says the 5th. A loss is positive, as all over qx.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import normal_cdf, normal_pdf, normal_ppf
from qx.risk.estimate import Rows
from qx.risk.quantile import rule
from qx.risk.tail import enough, figure, finite, worst

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


class Emulated(NamedTuple):
    """Losses positive, in the P&L's currency."""

    system: str
    words: str  # what it does
    var: float
    es: float | None  # None: it has no such figure
    var_rows: Rows | None = None  # None: the figure comes from moments, no scenario makes it up
    es_rows: Rows | None = None


def emulate(pnl: Floats, alpha: Fraction, system: str, method: str = "historical") -> Emulated:
    """What `system` prints of `pnl` (S,) when asked for `method`: historical, parametric or cornish-fisher.

    Raises QX-RISK-001 for a system that is not known or has no such method, QX-RISK-009 when there is less than one
    scenario beyond the level, QX-RISK-011 at a NaN, QX-RISK-012 where the system itself refuses.
    """
    name = system.strip().lower()
    if name not in SYSTEMS:
        raise QxError("QX-RISK-001", f"no system to emulate: {system}", hint=f"one of {', '.join(sorted(SYSTEMS))}")
    methods = SYSTEMS[name]
    if method not in methods:
        raise QxError("QX-RISK-001", f"{name} is not emulated with {method}", hint=f"it is with {', '.join(methods)}")
    enough(alpha, pnl.size)
    finite(pnl)
    return methods[method](pnl, alpha)


# -- one scenario, or the line between two ---------------------------------------------------------
def _quantlib(pnl: Floats, alpha: Fraction) -> Emulated:
    """RiskStatistics: valueAtRisk is a percentile, expectedShortfall the mean strictly below it; neither below 0."""
    words = "RiskStatistics: the percentile at 1 - level in doubles; ES the mean of what lies strictly below"
    if 10 * alpha < 9:
        raise QxError("QX-RISK-012", "QuantLib takes levels from 90% up")
    rows, edge = _picked(pnl, alpha, "quantlib")
    below = pnl < min(-edge, 0.0)
    if not below.any():
        raise QxError("QX-RISK-012", "QuantLib gives no ES: nothing lies below its VaR")
    es_rows, es = _mean(pnl, below)
    return Emulated("quantlib", words, max(edge, 0.0), max(es, 0.0), rows, es_rows)


def _ore(pnl: Floats, alpha: Fraction) -> Emulated:
    words = "tail_quantile from the best P&L, in doubles; ES the mean of what lies at or below it"
    rows, var = _picked(pnl, alpha, "ore")
    es_rows, es = _mean(pnl, pnl <= -var)
    return Emulated("ore", words, var, es, rows, es_rows)


def _performanceanalytics(pnl: Floats, alpha: Fraction) -> Emulated:
    words = 'method="historical": type 7; ES the mean of what lies strictly below it'
    rows, var = _picked(pnl, alpha, "performanceanalytics")
    below = pnl < -var
    if not below.any():
        return Emulated("performanceanalytics", words, var, None, rows)
    es_rows, es = _mean(pnl, below)
    return Emulated("performanceanalytics", words, var, es, rows, es_rows)


def _empyrical(pnl: Floats, alpha: Fraction) -> Emulated:
    words = "type 7; ES the mean of the int((n - 1) (1 - level)) + 1 worst"
    rows, var = _picked(pnl, alpha, "empyrical")
    at = worst(pnl, int((pnl.size - 1) * float(1 - alpha)) + 1)
    es_rows = Rows(at, np.full(at.size, 1 / at.size))
    return Emulated("empyrical", words, var, figure(es_rows, pnl), rows, es_rows)


def _excel(pnl: Floats, alpha: Fraction) -> Emulated:
    rows, var = _picked(pnl, alpha, "excel")
    return Emulated("excel", "PERCENTILE.INC, which is type 7; Excel has no ES", var, None, rows)


def _riskfolio(pnl: Floats, alpha: Fraction) -> Emulated:
    words = "alpha = 1 - level as written; Rockafellar-Uryasev"
    return _rockafellar("riskfolio", words, pnl, float(1 - alpha) * pnl.size)


def _skfolio(pnl: Floats, alpha: Fraction) -> Emulated:
    words = "beta = level, 1 - beta in doubles; Rockafellar-Uryasev"
    return _rockafellar("skfolio", words, pnl, (1 - float(alpha)) * pnl.size)


def _rockafellar(system: str, words: str, pnl: Floats, mass: float) -> Emulated:
    """The ceil(mass)-th worst, and what lies beyond it over `mass`, a double."""
    at = worst(pnl, math.ceil(mass))
    share = np.full(at.size, 1 / mass)
    share[-1] = 1 - (at.size - 1) / mass
    rows, es_rows = Rows(at[-1:], np.ones(1)), Rows(at, share)
    return Emulated(system, words, figure(rows, pnl), figure(es_rows, pnl), rows, es_rows)


def _picked(pnl: Floats, alpha: Fraction, name: str) -> tuple[Rows, float]:
    ranks = rule(name).ranks(alpha, pnl.size)
    at = worst(pnl, max(one.rank for one in ranks))
    rows = Rows(at[[one.rank - 1 for one in ranks]], np.array([float(one.weight) for one in ranks]))
    return rows, figure(rows, pnl)


def _mean(pnl: Floats, which: NDArray[np.bool_]) -> tuple[Rows, float]:
    at = np.flatnonzero(which)
    rows = Rows(at, np.full(at.size, 1 / at.size))
    return rows, figure(rows, pnl)


# -- moments ---------------------------------------------------------------------------------------
def _gaussian(pnl: Floats, alpha: Fraction) -> Emulated:
    words = 'method="gaussian": mean and deviation of the sample, ddof 0'
    mean, spread = float(pnl.mean()), float(pnl.std())
    z = normal_ppf(float(1 - alpha))
    var, es = -mean - z * spread, -mean + normal_pdf(z) * spread / float(1 - alpha)
    return Emulated("performanceanalytics", words, var, es)


def _quantstats(pnl: Floats, alpha: Fraction) -> Emulated:
    """Its own default, since 0.0.83; before that its ES mixed two estimators."""
    words = "normal VaR and ES, ddof 1"
    mean, spread = float(pnl.mean()), float(pnl.std(ddof=1))
    tail = 1 - float(alpha)
    z = normal_ppf(tail)
    return Emulated("quantstats", words, -mean - z * spread, -mean + normal_pdf(z) * spread / tail)


def _modified(pnl: Floats, alpha: Fraction) -> Emulated:
    """Its default: Cornish-Fisher, and an "operational" ES that never lies below it. Not refused where the expansion is
    not monotone, and not cut at 100% of a value, which a P&L does not have.
    """
    words = 'method="modified": Cornish-Fisher, ddof 0; ES of Boudt, Peterson and Croux, at least the VaR'
    mean, spread = float(pnl.mean()), float(pnl.std())
    if spread == 0:
        raise QxError("QX-RISK-012", "all P&L is the same: it has no skewness")
    around = (pnl - mean) / spread
    skew, excess = float((around**3).mean()), float((around**4).mean()) - 3
    tail = float(1 - alpha)
    z = normal_ppf(tail)
    h = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    density = normal_pdf(h)
    beyond = (
        density
        + (_partial(4, h) - 6 * _partial(2, h) + 3 * density) * excess / 24
        + (_partial(3, h) - 3 * _partial(1, h)) * skew / 6
        + (_partial(6, h) - 15 * _partial(4, h) + 45 * _partial(2, h) - 15 * density) * skew**2 / 72
    ) / tail
    return Emulated("performanceanalytics", words, -mean - h * spread, -mean - spread * min(-beyond, h))


def _partial(power: int, h: float) -> float:
    """PerformanceAnalytics' Ipower: that of its paper's integrals of x^power over the tail that ends at h."""
    first = 2 - power % 2  # 2 4 6... of an even power, 1 3 5... of an odd one
    steps = range(first, power + 1, 2)
    whole = math.prod(steps)
    total = whole * (normal_pdf(h) if power % 2 == 0 else -normal_cdf(h))
    return total + sum(whole / math.prod(range(first, step + 1, 2)) * h**step for step in steps) * normal_pdf(h)


_Method: TypeAlias = "Callable[[Floats, Fraction], Emulated]"
SYSTEMS: Final[dict[str, dict[str, _Method]]] = {
    "quantlib": {"historical": _quantlib},
    "ore": {"historical": _ore},
    "performanceanalytics": {
        "historical": _performanceanalytics, "parametric": _gaussian, "cornish-fisher": _modified,
    },
    "riskfolio": {"historical": _riskfolio},
    "excel": {"historical": _excel},
    "skfolio": {"historical": _skfolio},
    "empyrical": {"historical": _empyrical},
    "quantstats": {"parametric": _quantstats},
}  # fmt: skip
