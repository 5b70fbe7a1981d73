"""Cornish-Fisher: a normal quantile corrected for skewness and kurtosis. Only where the correction is monotone.

Beyond, a worse level has a smaller loss, and the figure means nothing: a book of nothing but gamma would be told a loss
thousands of times too large. There it refuses. ES is the same expansion, integrated over the tail in closed form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import normal_pdf, normal_ppf
from qx.risk.estimate import Estimate, Interval, Rows

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95
REACH = 4.0
"""Deviations of the normal, up to which it must be monotone at least; at rarer levels one beyond the level's."""

HINT = "--method monte-carlo or historical holds for any distribution"


class Moments(NamedTuple):
    """Of a P&L, gains positive. `kurtosis` is what exceeds the normal's 3."""

    mean: float
    deviation: float
    skewness: float
    kurtosis: float


class Loss(NamedTuple):
    var: float
    es: float


def moments(pnl: Floats) -> Moments:
    """Of the scenarios themselves: sums over S, not S - 1. Raises QX-RISK-009 below two."""
    if len(pnl) < 2:
        raise QxError("QX-RISK-009", f"{len(pnl)} scenarios have no moments", hint="bring more days of prices")
    mean = float(pnl.mean())
    moves = pnl - mean
    square = moves * moves
    variance = float(square.mean())
    if variance <= 0:
        return Moments(mean, 0.0, 0.0, 0.0)
    third, fourth = float((square * moves).mean()), float((square * square).mean())
    return Moments(mean, math.sqrt(variance), third / variance**1.5, fourth / variance**2 - 3)


def of_delta_gamma(delta: Floats, gamma: Floats, covariance: Floats) -> Moments:
    """Of delta'u + u' gamma u / 2 with u normal: delta (F,), gamma and covariance (F, F)."""
    spread = gamma @ covariance
    square = spread @ spread
    forward = covariance @ delta
    mean = float(np.trace(spread)) / 2
    variance = float(delta @ forward) + float(np.trace(square)) / 2
    if variance <= 0:
        return Moments(mean, 0.0, 0.0, 0.0)
    third = 3 * float(forward @ gamma @ forward) + float(np.trace(square @ spread))
    fourth = 12 * float(forward @ gamma @ spread.T @ forward) + 3 * float(np.trace(square @ square))
    return Moments(mean, math.sqrt(variance), third / variance**1.5, fourth / variance**2)


def monotone(skewness: float, kurtosis: float, reach: float = REACH) -> bool:
    """Whether the corrected quantile rises with the normal one from -reach to reach: its derivative is a parabola."""
    square = skewness**2
    high, middle, low = kurtosis / 8 - square / 6, skewness / 3, 1 - kurtosis / 8 + 5 * square / 36
    least = low + high * reach**2 - abs(middle) * reach
    if high > 0 and abs(middle) < 2 * high * reach:
        least = low - middle**2 / (4 * high)
    return least > 0


def loss(of: Moments, alpha: Fraction, *, mean: bool = True) -> Loss:
    """Without `mean` it is taken as zero, as that of the closed forms. Raises QX-RISK-012 where it is not monotone."""
    if not monotone(of.skewness, of.kurtosis, max(REACH, 1 - normal_ppf(float(1 - alpha)))):
        said = f"Cornish-Fisher is not monotone at skewness {of.skewness:.3f} and excess kurtosis {of.kurtosis:.3f}"
        raise QxError("QX-RISK-012", said, hint=HINT)
    var, es = _multiples(of, alpha)
    expected = of.mean if mean else 0.0
    return Loss(of.deviation * var.value - expected, of.deviation * es.value - expected)


def cornish_fisher(pnl: Floats, alpha: Fraction, *, mean: bool = True) -> Estimate:
    """Of `pnl` (S,). The rows are the gradient in each scenario's P&L, so that the figures split into parts like any
    other. The intervals are the delta method's. Raises QX-RISK-009, QX-RISK-012.
    """
    of = moments(pnl)
    found = loss(of, alpha, mean=mean)
    at = np.arange(len(pnl), dtype=np.intp)
    if of.deviation == 0:
        still = Rows(at, np.full(len(pnl), float(mean) / len(pnl)))
        return Estimate(found.var, found.es, still, still, None, None)
    units = (pnl - of.mean) / of.deviation
    var, es = (_split(each, of, units, mean=mean) for each in _multiples(of, alpha))
    return Estimate(
        found.var, found.es, Rows(at, var.weights), Rows(at, es.weights),
        _interval(found.var, var.error), _interval(found.es, es.error),
    )  # fmt: skip


class _Multiple(NamedTuple):
    """A loss in deviations, and its derivatives."""

    value: float
    by_skewness: float
    by_kurtosis: float


class _Split(NamedTuple):
    weights: Floats  # (S,): minus the figure's derivative in the P&L of each scenario
    error: float  # standard error of the figure


def _multiples(of: Moments, alpha: Fraction) -> tuple[_Multiple, _Multiple]:
    """VaR, ES."""
    beyond = float(1 - alpha)
    z = normal_ppf(beyond)
    skewness, kurtosis = of.skewness, of.kurtosis
    cubic, odd = (z**3 - 3 * z) / 24, (2 * z**3 - 5 * z) / 36
    var = z + (z**2 - 1) / 6 * skewness + cubic * kurtosis - odd * skewness**2
    square, even = (z**2 - 1) / 24, (2 * z**2 - 1) / 36
    es = 1 + z / 6 * skewness + square * kurtosis - even * skewness**2
    density = normal_pdf(z) / beyond
    return (
        _Multiple(-var, -(z**2 - 1) / 6 + 2 * odd * skewness, -cubic),
        _Multiple(density * es, density * (z / 6 - 2 * even * skewness), density * square),
    )


def _split(of_loss: _Multiple, of: Moments, units: Floats, *, mean: bool) -> _Split:
    """`units` (S,): P&L less its mean, in deviations."""
    count = len(units)
    skewness, fourth = of.skewness, of.kurtosis + 3
    square = units**2
    cube = square * units
    by_skewness = 3 * (square - 1) - 3 * skewness * units
    by_kurtosis = 4 * (cube - skewness) - 4 * fourth * units
    slope = of_loss.value * units + of_loss.by_skewness * by_skewness + of_loss.by_kurtosis * by_kurtosis - mean
    # What one more scenario of that P&L would do to the figure: its influence.
    more_skewness = cube - skewness - 3 * units - 1.5 * skewness * (square - 1)
    more_kurtosis = square**2 - fourth - 4 * skewness * units - 2 * fourth * (square - 1)
    influence = of_loss.value * (square - 1) / 2 - mean * units
    influence += of_loss.by_skewness * more_skewness + of_loss.by_kurtosis * more_kurtosis
    return _Split(-slope / count, of.deviation * float(np.sqrt((influence**2).mean() / count)))


def _interval(figure: float, error: float) -> Interval:
    half = normal_ppf((1 + LEVEL) / 2) * error
    return Interval(figure - half, figure + half, LEVEL, "delta method on the moments")
