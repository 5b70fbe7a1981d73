"""European options of prices that may be negative: L. Bachelier (1900), normal moves. `vol` is in price units
for a year.

exp(-rT) (sign (F - K) N(sign d) + vol sqrt(T) phi(d)),  d = (F - K) / (vol sqrt T)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.pricing.greeks import Greeks
from qx.risk.pricing.normal import cdf, pdf

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_TINY: Final = 1e-150  # in place of no deviation at all


def price(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike
) -> Floats:
    f, k, t, v, r, w = (np.asarray(each, np.float64) for each in (forward, strike, years, vol, rate, sign))
    t = np.maximum(t, 0.0)
    return np.exp(-r * t) * undiscounted(w * (f - k), deviation(v, t))


def deviation(vol: Floats, years: Floats) -> Floats:
    """What is vol sqrt(T). Raises QX-RISK-012 for a volatility below zero."""
    if vol.size and (low := float(vol.min())) < 0:
        hint = "return_type log for the factors of kind vol keeps them above zero"
        raise QxError("QX-RISK-012", f"a volatility of {low:.6g} is none", hint=hint)
    return vol * np.sqrt(np.maximum(years, 0.0))


def undiscounted(gain: Floats, spread: Floats) -> Floats:
    """The mean of max(X, 0), X normal with mean `gain` and standard deviation `spread`."""
    with np.errstate(over="ignore", under="ignore"):
        d = gain / np.maximum(spread, _TINY)
        value: Floats = gain * cdf(d) + spread * pdf(d)
    return value


def greeks(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike
) -> Greeks:
    f, k, t, v, r, w = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (forward, strike, years, vol, rate, sign))
    )
    t = np.maximum(t, 0.0)
    spread = deviation(v, t)
    alive = spread > 0
    discount = np.exp(-r * t)
    with np.errstate(over="ignore", under="ignore"):
        d = (f - k) / np.maximum(spread, _TINY)
        density = np.where(alive, pdf(d), 0.0)
    value = discount * undiscounted(w * (f - k), spread)
    root = np.sqrt(t)
    safe = np.where(alive, spread, 1.0)
    decay = np.divide(density * v, 2 * root, out=np.zeros_like(root), where=alive)
    theta = np.where(t > 0, r * value, 0.0) - discount * decay
    return Greeks(
        discount * w * cdf(w * d), discount * density / safe, discount * density * root, theta, -t * value
    )
