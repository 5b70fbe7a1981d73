"""Options on the difference of two futures: pays max(sign (F1 - F2 - K), 0); a ratio is part of F2.

Lognormal: E. Kirk, "Correlation in the energy markets" (1995); F1 / (F2 + K) is taken as lognormal, so all
three of F1, F2 and F2 + K must be above zero (QX-RISK-012). Normal moves: the difference is normal itself, so
its price is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.pricing import bachelier, black76

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def price(
    first: ArrayLike, second: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, vol_2: ArrayLike,
    correlation: ArrayLike, rate: ArrayLike, sign: ArrayLike,
) -> Floats:  # fmt: skip
    f, g, k, v, u, c = (np.asarray(x, np.float64) for x in (first, second, strike, vol, vol_2, correlation))
    black76.refuse(g, u)
    black76.refuse(f, v)
    paid = g + k
    if paid.size and (low := float(paid.min())) <= 0:
        hint = "style: bachelier prices every difference"
        raise QxError(
            "QX-RISK-012", f"Kirk's formula has no value where second leg and strike are {low:.6g}", hint=hint
        )
    part = g / paid
    joint = np.sqrt(np.maximum(v * v - 2 * c * v * u * part + (u * part) ** 2, 0.0))
    return paid * black76.price(f / paid, 1.0, years, joint, rate, sign)


def price_normal(
    first: ArrayLike, second: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, vol_2: ArrayLike,
    correlation: ArrayLike, rate: ArrayLike, sign: ArrayLike,
) -> Floats:  # fmt: skip
    """As `price`, for normal moves: both volatilities in price units."""
    f, g, v, u, c = (np.asarray(x, np.float64) for x in (first, second, vol, vol_2, correlation))
    joint = np.sqrt(np.maximum(v * v - 2 * c * v * u + u * u, 0.0))
    return bachelier.price(f - g, strike, years, joint, rate, sign)
