"""Parametric VaR and ES of a linear book: a normal or a Student-t of the exposures' variance, mean zero.

The covariance of factors is never formed: with x = returns @ exposures, sigma^2 = sum of w_t (x_t - mean)^2, and the
gradient of sigma is sum of w_t (x_t - mean) returns_t / sigma. That is positive semidefinite by construction, with more
factors than days too, and costs two passes over the returns.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import normal_pdf, normal_ppf, t_pdf, t_ppf
from qx.risk.estimate import Estimate, Interval, Rows

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95  # of the intervals
_WIDE = normal_ppf((1 + LEVEL) / 2)


class Multiples(NamedTuple):
    """VaR and ES in standard deviations."""

    var: float
    es: float


class Parametric(NamedTuple):
    """`deviation`: of one day's P&L. The gradients (F,): what a figure gains by one more unit of exposure to a factor;
    exposures @ gradient is the figure. The rows of the estimate name days of the returns.
    """

    estimate: Estimate
    deviation: float
    var_gradient: Floats
    es_gradient: Floats


@lru_cache(maxsize=256)
def multiples(alpha: Fraction, dof: float | None = None, *, scale: bool = False) -> Multiples:
    """Of a normal; with `dof` of a Student-t, of variance 1 or, with `scale`, of scale 1 (its variance is then
    dof / (dof - 2)). Raises QX-RISK-001 where it has no variance, or with `scale` no mean.
    """
    level, beyond = float(alpha), float(1 - alpha)
    if dof is None:
        quantile = -normal_ppf(beyond)
        return Multiples(quantile, normal_pdf(quantile) / beyond)
    least = 1 if scale else 2
    if not dof > least:
        said = f"a Student-t of {dof:g} degrees of freedom has no {'mean of its tail' if scale else 'variance'}"
        raise QxError("QX-RISK-001", said, hint=f"more than {least}, as 5")
    unit = 1.0 if scale else math.sqrt((dof - 2) / dof)
    quantile = -t_ppf(beyond, dof) if level > 0.5 else t_ppf(level, dof)
    tail = t_pdf(quantile, dof) / beyond * (dof + quantile**2) / (dof - 1)
    return Multiples(quantile * unit, tail * unit)


def parametric(
    exposures: Floats, returns: Floats, alpha: Fraction, *,
    weights: Floats | None = None, ddof: int = 0, dof: float | None = None,
) -> Parametric:  # fmt: skip
    """`exposures` (F,): change of value for one unit of a factor's return; `returns` (T, F), oldest day first.

    Without `weights` all days weigh 1 / (T - ddof) about their mean; with `weights` (T,), summing to 1, about zero, as
    EWMA does. `dof`: a Student-t of that variance instead of a normal. Raises QX-RISK-009 below two days, QX-RISK-001.
    """
    days = len(returns)
    if days < 2:
        raise QxError("QX-RISK-009", f"{days} returns tell no variance", hint="bring more days of prices")
    factor = multiples(alpha, dof)
    moves = returns @ exposures
    if weights is None:
        moves -= moves.mean()
        weighed = moves / (days - ddof)
        effective = float(days)
    else:
        weighed = moves * weights
        effective = 1.0 / float(weights @ weights)
    variance = float(weighed @ moves)
    if variance <= 0:
        still = np.zeros(len(exposures))
        return Parametric(_estimate(factor, 0.0, np.zeros(days), 0.0), 0.0, still, still)
    deviation = math.sqrt(variance)
    weighed /= deviation
    gradient = weighed @ returns  # moves have their mean taken off: that of the returns falls out
    squares = moves * moves
    fourth = float(squares @ squares / days if weights is None else weights @ (squares * squares)) / variance**2
    error = math.sqrt(max(fourth - 1, 0.0) / effective) / 2
    found = _estimate(factor, deviation, weighed, error)
    return Parametric(found, deviation, factor.var * gradient, factor.es * gradient)


def of_covariance(exposures: Floats, matrix: Floats, alpha: Fraction, *, dof: float | None = None) -> Parametric:
    """As `parametric`, of a covariance (F, F) that is given: no days tell of an error, and none is named. Raises
    QX-RISK-001.
    """
    factor = multiples(alpha, dof)
    gradient = matrix @ exposures
    deviation = math.sqrt(max(float(exposures @ gradient), 0.0))
    if deviation:
        gradient /= deviation
    none = Rows(np.empty(0, np.intp), np.empty(0, np.float64))
    found = Estimate(factor.var * deviation, factor.es * deviation, none, none, None, None)
    return Parametric(found, deviation, factor.var * gradient, factor.es * gradient)


def _estimate(factor: Multiples, deviation: float, weighed: Floats, error: float) -> Estimate:
    """`weighed` (T,): gradient of the deviation in the P&L of each day; `error`: its relative standard error."""
    at = np.arange(len(weighed), dtype=np.intp)
    half = _WIDE * error

    def interval(figure: float) -> Interval:
        low, high = sorted((figure * math.exp(-half), figure * math.exp(half)))
        return Interval(low, high, LEVEL, "delta method on the log of the deviation, with the kurtosis of the days")

    var, es = factor.var * deviation, factor.es * deviation
    rows = Rows(at, -factor.var * weighed), Rows(at, -factor.es * weighed)
    return Estimate(var, es, *rows, interval(var), interval(es))
