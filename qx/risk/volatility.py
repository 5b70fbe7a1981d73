"""Volatility day by day: EWMA. What a day is scaled by was known the evening before: its own move is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDE = 8  # series at a time from which on a loop over days beats doubling


class Volatility(NamedTuple):
    """Standard deviations. `days` (T, ...): of each day of the returns; `next` (...): of the day after them."""

    days: Floats
    next: Floats


def ewma(returns: Floats, decay: float, seed: Floats | None = None) -> Volatility:
    """Of `returns` (T,) or (T, F): variance of tomorrow = decay * variance of today + (1 - decay) * today's return^2.

    The mean is taken as zero. `seed` (...): variance of the first day; None takes the sample variance (T - 1) of all
    returns, as the textbooks do, so that the first days know a little of what follows. Raises QX-RISK-001, QX-RISK-009.
    """
    if not 0 < decay < 1:
        raise QxError("QX-RISK-001", f"no decay: {decay:g}", hint="above 0 and below 1, as 0.94")
    first = start(returns) if seed is None else seed
    into = np.concatenate((np.asarray(first, np.float64)[np.newaxis], (1 - decay) * returns**2))
    path = np.sqrt(recursed(into, decay))
    return Volatility(path[:-1], path[-1])


def start(returns: Floats) -> Floats:
    """The sample variance (T - 1) of each series. Raises QX-RISK-009 below two days."""
    if len(returns) < 2:
        raise QxError("QX-RISK-009", f"{len(returns)} returns tell no volatility", hint="bring more days of prices")
    return np.asarray(returns.var(axis=0, ddof=1), np.float64)


def recursed(into: Floats, factor: float) -> Floats:
    """y[t] = into[t] + factor * y[t - 1] along the first axis, 0 <= factor < 1; `into` is not kept.

    A few series double the span summed in each step, which needs log T steps of numpy; many go day by day.
    """
    out = into
    if into[0].size > WIDE:
        for day in range(1, len(out)):
            out[day] += factor * out[day - 1]
        return out
    span = 1
    while span < len(out) and factor > 1e-30:  # beyond, what is left to add is below any digit
        out[span:] += factor * out[:-span]
        factor *= factor
        span *= 2
    return out
