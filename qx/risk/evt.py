"""Extreme value theory, peaks over a threshold: losses beyond it follow a generalised Pareto law, fitted by maximum
likelihood (A. J. McNeil, R. Frey and P. Embrechts, "Quantitative Risk Management"). It speaks of levels that history
has too few scenarios for; what it says rests on the threshold, which is told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import normal_ppf
from qx.risk.estimate import Estimate, Interval, Rows
from qx.risk.level import written

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95
LEAST = 10
"""Exceedances: with fewer there is nothing to fit."""

_STEPS = 100
_NEAR = 1e-6  # a shape this close to 0 is an exponential law's
_HINT = "a lower threshold, more history, or --method historical"


class Pareto(NamedTuple):
    """P(loss - threshold > y | loss > threshold) = (1 + shape * y / scale) ^ (-1 / shape)."""

    threshold: float
    exceeding: int  # scenarios with a loss beyond it
    scenarios: int
    scale: float  # beta
    shape: float  # xi; above 0 the tail is a power's
    log_likelihood: float

    def beyond(self, loss: float) -> float:
        """P(loss > `loss`), for one at or above the threshold."""
        part: float = max(1 + self.shape * (loss - self.threshold) / self.scale, 0.0)
        chance: float = part ** (-1 / self.shape)
        return self.exceeding / self.scenarios * chance


class Fit(NamedTuple):
    """`information`: (2, 2), of scale and shape, of all exceedances; `excesses` (n,) at the scenarios `at` (n,)."""

    pareto: Pareto
    information: Floats
    excesses: Floats
    at: NDArray[np.intp]
    last: int  # the scenario of the largest loss that is not beyond


def fit(pnl: Floats, threshold: float | None = None, share: float = 0.05) -> Fit:
    """Of `pnl` (S,). Without a `threshold` (a loss) it is the largest one that leaves `share` of the scenarios beyond.

    Raises QX-RISK-009 where fewer than 10 are, QX-RISK-012 where the likelihood has no maximum.
    """
    order = np.argsort(pnl, kind="stable")
    losses = -pnl[order]
    count = math.floor(len(pnl) * share) if threshold is None else int(np.searchsorted(-losses, -threshold))
    if not LEAST <= count < len(pnl):
        said = f"{count} of {len(pnl)} scenarios lie beyond the threshold"
        raise QxError("QX-RISK-009", said, hint=f"at least {LEAST} are wanted: a lower threshold or more history")
    edge = float(losses[count]) if threshold is None else threshold
    excesses = losses[:count] - edge
    if excesses[0] <= 0:
        raise QxError("QX-RISK-012", f"no loss exceeds {edge:g}", hint=_HINT)
    scale, shape = _most_likely(excesses)
    z = 1 + shape * excesses / scale
    likelihood = -count * math.log(scale) - (1 + 1 / shape) * float(np.log(z).sum())
    pareto = Pareto(edge, count, len(pnl), scale, shape, likelihood)
    return Fit(pareto, _information(pareto, excesses), excesses, order[:count], int(order[count]))


def evt(pnl: Floats, alpha: Fraction, threshold: float | None = None, share: float = 0.05) -> tuple[Estimate, Pareto]:
    """The rows are the figures' gradients in the losses beyond the threshold, and in the threshold's own.

    A given threshold is a loss above 0, and is held to move with the smallest loss beyond it. Raises QX-RISK-001,
    QX-RISK-009; QX-RISK-012 where the level does not reach beyond the threshold, or the tail has no mean.
    """
    if threshold is not None and threshold <= 0:
        raise QxError("QX-RISK-001", f"no threshold: {threshold:g}", hint="a loss, above 0")
    fitted = fit(pnl, threshold, share)
    pareto = fitted.pareto
    chance = float(1 - alpha)
    if chance * pareto.scenarios > pareto.exceeding:
        said = f"{pareto.exceeding} of {pareto.scenarios} scenarios exceed the threshold, {written(alpha)} lies before"
        raise QxError("QX-RISK-012", said, hint="a higher level, or a lower threshold")
    if pareto.shape >= 1:
        raise QxError("QX-RISK-012", f"a tail of shape {pareto.shape:.2f} has no mean, so no ES", hint=_HINT)
    var, es = _figures(pareto, chance)
    at = np.append(fitted.at, fitted.last)
    by_law = _by_excess(fitted)
    loss = -pnl[at]
    rows = [Rows(at, _weights(one, by_law, loss, threshold)) for one in (var, es)]
    covariance = np.linalg.inv(fitted.information).astype(np.float64)
    intervals = [_interval(one, covariance, pareto) for one in (var, es)]
    return Estimate(var.value, es.value, rows[0], rows[1], intervals[0], intervals[1]), pareto


class _Figure(NamedTuple):
    value: float
    slope: Floats  # (2,): in scale and shape
    by_count: float  # in the log of the number beyond


def _figures(law: Pareto, chance: float) -> tuple[_Figure, _Figure]:
    """VaR, ES."""
    scale, shape = law.scale, law.shape
    far = math.log(law.exceeding / (law.scenarios * chance))
    if abs(shape) < _NEAR:
        gain, bend = far + far**2 * shape / 2, far**2 / 2 + far**3 * shape / 3
    else:
        gain = math.expm1(far * shape) / shape
        bend = (far * math.exp(far * shape) - gain) / shape
    rest = 1 - shape
    growth = scale * math.exp(far * shape)
    var = _Figure(law.threshold + scale * gain, np.array((gain, scale * bend), np.float64), growth)
    slope = np.array(((gain + 1) / rest, scale * (bend + (gain + 1) / rest) / rest), np.float64)
    return var, _Figure(law.threshold + scale * (gain + 1) / rest, slope, growth / rest)


def _by_excess(fitted: Fit) -> Floats:
    """-> (2, n): how scale and shape move with each excess, by the implicit function of the score."""
    law = fitted.pareto
    t = fitted.excesses / law.scale
    z = 1 + law.shape * t
    slopes = np.array([(1 + law.shape) / law.scale + np.zeros_like(t), t - 1]) / (law.scale * z**2)
    return np.linalg.solve(fitted.information, slopes).astype(np.float64)


def _weights(figure: _Figure, by_law: Floats, loss: Floats, threshold: float | None) -> Floats:
    """(n + 1,): on the losses beyond, the last on the one at the threshold."""
    beyond = figure.slope @ by_law
    rest = 1 - float(beyond.sum())
    if threshold is None:
        return np.append(beyond, rest)
    beyond[-1] += rest * threshold / loss[-2]
    return np.append(beyond, 0.0)


def _interval(figure: _Figure, covariance: Floats, law: Pareto) -> Interval:
    counted = figure.by_count**2 * (1 - law.exceeding / law.scenarios) / law.exceeding
    error = math.sqrt(float(figure.slope @ covariance @ figure.slope) + counted)
    half = normal_ppf((1 + LEVEL) / 2) * error
    return Interval(figure.value - half, figure.value + half, LEVEL, "delta method on the fitted law")


# -- likelihood ------------------------------------------------------------------------------------
def _most_likely(excesses: Floats) -> tuple[float, float]:
    """Scale and shape: the best of a grid of shape / scale, then Newton with exact derivatives."""
    unit = float(excesses.mean())
    y = excesses / unit
    ratios = np.concatenate((-np.geomspace(1e-4, 0.999, 60) / y[0], np.geomspace(1e-4, 20, 80)))
    shapes = np.log1p(ratios[:, np.newaxis] * y).mean(axis=1)
    best = int(np.argmin(np.log(shapes / ratios) + shapes))  # the likelihood, with the best shape for each ratio
    shape = float(shapes[best])
    scale = shape / float(ratios[best])
    law = Pareto(0.0, len(y), len(y), scale, shape, 0.0)
    for _ in range(_STEPS):
        score, information = _score(law, y), _information(law, y)
        if np.linalg.eigvalsh(information)[0] <= 0:
            break
        move = np.linalg.solve(information, score).astype(np.float64)
        law = _inside(law, move, float(y[0]))
        if float(score @ move) < 1e-20 * len(y):
            return law.scale * unit, law.shape
    said = f"no generalised Pareto law fits the {len(y)} losses beyond the threshold: the likelihood has no maximum"
    raise QxError("QX-RISK-012", said, hint=_HINT)


def _inside(law: Pareto, move: Floats, largest: float) -> Pareto:
    """The law after the move, or as much of it as leaves the largest excess possible."""
    while True:
        scale, shape = law.scale + float(move[0]), law.shape + float(move[1])
        if scale > 0 and scale + shape * largest > 0:
            return law._replace(scale=scale, shape=shape)
        move = move / 2


def _score(law: Pareto, y: Floats) -> Floats:
    scale, shape = law.scale, law.shape
    t = y / scale
    z = 1 + shape * t
    w = t / z
    by_scale = ((1 + shape) * w - 1) / scale
    if abs(shape) < _NEAR:
        by_shape = t**2 / 2 - t + shape * (t**2 - t**3 * 2 / 3)
    else:
        by_shape = np.log1p(shape * t) / shape**2 - (1 + 1 / shape) * w
    return np.array((by_scale.sum(), by_shape.sum()), np.float64)


def _information(law: Pareto, y: Floats) -> Floats:
    """Minus the second derivatives of the log-likelihood."""
    scale, shape = law.scale, law.shape
    t = y / scale
    z = 1 + shape * t
    w = t / z
    twice = (1 - (1 + shape) * w - (1 + shape) * w / z) / scale**2
    mixed = (w - (1 + shape) * w**2) / scale
    if abs(shape) < _NEAR:
        bent = t**2 - t**3 * 2 / 3
    else:
        bent = 2 * w / shape**2 - 2 * np.log1p(shape * t) / shape**3 + (1 + 1 / shape) * w**2
    cross = -float(mixed.sum())
    return np.array(((-float(twice.sum()), cross), (cross, -float(bent.sum()))), np.float64)
