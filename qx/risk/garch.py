"""GARCH(1,1) with normal innovations and mean zero, by maximum likelihood: Fisher scoring with exact derivatives.

    variance[t] = omega + alpha * return[t-1]^2 + beta * variance[t-1]

Before the first day both are the mean square of the returns. A fit says how many steps it took and what one more would
add to its likelihood; one that ends at a bound, or does not end, is refused, never handed on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.volatility import Volatility, recursed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 250
"""Days: with fewer the likelihood is too flat to tell alpha from beta."""

_STARTS = ((0.02, 0.97), (0.05, 0.93), (0.08, 0.9), (0.1, 0.8), (0.2, 0.7), (0.3, 0.4))  # alpha, beta
_STEPS = 200
_ENOUGH = 1e-9  # of log-likelihood
_LOG_TWO_PI = math.log(2 * math.pi)


class Garch(NamedTuple):
    """Of one series, whose squares omega is in. `errors`: standard errors of omega, alpha and beta."""

    omega: float
    alpha: float
    beta: float
    errors: tuple[float, float, float]
    log_likelihood: float
    steps: int  # until it converged
    gain: float  # of log-likelihood that one more step promises
    volatility: Volatility

    @property
    def persistence(self) -> float:
        """Of variance: what is left, a day later, of a distance from the long run's variance."""
        return self.alpha + self.beta

    def over(self, horizon: int) -> float:
        """Deviation of the sum of the next `horizon` days."""
        long = self.omega / (1 - self.persistence)
        first = float(self.volatility.next) ** 2
        decayed = (1 - self.persistence**horizon) / (1 - self.persistence)
        return math.sqrt(horizon * long + (first - long) * decayed)


class _Seen(NamedTuple):
    """At one point: mean log-likelihood less its constant, gradient (3,), information (3, 3), variances (T + 1,)."""

    value: float
    score: Floats
    information: Floats
    variance: Floats


def garch(returns: Floats) -> Garch:
    """Of `returns` (T,), oldest first. Raises QX-RISK-009 below 250 days, QX-RISK-012 where it does not converge."""
    days = len(returns)
    if days < LEAST:
        said = f"{days} returns are too few for a GARCH(1,1)"
        raise QxError("QX-RISK-009", said, hint=f"at least {LEAST}; EWMA wants fewer")
    unit = float(returns @ returns) / days
    if unit <= 0:
        raise QxError("QX-RISK-012", "a series that never moves has no GARCH(1,1)", hint="leave the factor out")
    square = returns**2 / unit
    starts = [np.array((1 - alpha - beta, alpha, beta), np.float64) for alpha, beta in _STARTS]
    here, seen = max(((at, _look(at, square)) for at in starts), key=lambda pair: pair[1].value)
    for step in range(1, _STEPS + 1):
        move = np.linalg.solve(seen.information, seen.score).astype(np.float64)
        gain = days * float(seen.score @ move) / 2
        if gain <= _ENOUGH:
            return _told(here, seen, unit, step, gain)
        found = _uphill(here, seen, move, square)
        if found is None:
            raise _refused(here, step, gain)
        here, seen = found
    raise _refused(here, _STEPS, math.inf)


def stacked(fits: Sequence[Garch]) -> Volatility:
    """-> (T, F) and (F,): those of several series side by side."""
    days = np.column_stack([fit.volatility.days for fit in fits])
    return Volatility(days, np.array([float(fit.volatility.next) for fit in fits], np.float64))


def _look(at: Floats, square: Floats) -> _Seen:
    omega, alpha, beta = at.tolist()
    into = np.empty(len(square) + 1)
    into[0] = omega + alpha + beta
    into[1:] = omega + alpha * square
    variance = recursed(into, beta)
    slopes = np.ones((3, len(square)))
    slopes[1, 1:] = square[:-1]
    slopes[2, 1:] = variance[:-2]
    relative = np.array([recursed(each, beta) for each in slopes]) / variance[:-1]
    shocks = square / variance[:-1]
    value = -float((np.log(variance[:-1]) + shocks).mean()) / 2
    count = len(square)
    return _Seen(value, relative @ (shocks - 1) / (2 * count), relative @ relative.T / (2 * count), variance)


def _uphill(here: Floats, seen: _Seen, move: Floats, square: Floats) -> tuple[Floats, _Seen] | None:
    """The first of ever shorter steps that stays inside and gains; None: none does."""
    promised = float(seen.score @ move)
    length = 1.0
    while length > 1e-9:
        at = here + length * move
        if at.min() > 0 and at[1] + at[2] < 1:
            there = _look(at, square)
            if there.value >= seen.value + 1e-4 * length * promised:
                return at, there
        length /= 2
    return None


def _told(at: Floats, seen: _Seen, unit: float, steps: int, gain: float) -> Garch:
    omega, alpha, beta = at.tolist()
    days = len(seen.variance) - 1
    errors = np.sqrt(np.diagonal(np.linalg.inv(seen.information)) / days)
    path = np.sqrt(seen.variance * unit)
    likelihood = days * (seen.value - (_LOG_TWO_PI + math.log(unit)) / 2)
    return Garch(
        omega * unit, alpha, beta, (float(errors[0]) * unit, float(errors[1]), float(errors[2])),
        likelihood, steps, gain, Volatility(path[:-1], path[-1]),
    )  # fmt: skip


def _refused(at: Floats, steps: int, gain: float) -> QxError:
    _, alpha, beta = at.tolist()
    if alpha < 1e-3:
        why = "the size of a move tells nothing of the next one's (alpha goes to 0)"
    elif alpha + beta > 1 - 1e-3:
        why = "its variance has no long run (alpha + beta goes to 1)"
    elif beta < 1e-3:
        why = "its variance remembers one day only (beta goes to 0)"
    else:
        why = f"one more step promises {gain:.2g} of log-likelihood"
    said = f"no GARCH(1,1) fits: after {steps} steps at alpha {alpha:.4f}, beta {beta:.4f} {why}"
    return QxError("QX-RISK-012", said, hint="EWMA needs no fit")
