"""European options on futures: F. Black, "The pricing of commodity contracts" (1976); shifted: of F + s struck
at K + s.

    exp(-rT) sign (F N(sign d1) - K N(sign d2)),  d1 = ln(F/K) / (vol sqrt T) + vol sqrt(T) / 2,  d2 = d1 - vol sqrt T

F must be above zero, and volatility not below it: QX-RISK-012. A strike at or below zero is certain to be passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.pricing.greeks import Greeks
from qx.risk.pricing.normal import BLOCK, Scratch, cdf, cdf_into, pdf

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# In place of no time or no volatility: d is then far out on its side, and 0 at the money.
_TINY: Final = 1e-200
SMALLEST: Final = 1e-150


def price(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike
) -> Floats:
    arguments = [np.asarray(each, np.float64) for each in (forward, strike, years, vol, rate, sign)]
    refuse(arguments[0], arguments[3])
    arguments[3] = np.maximum(arguments[3], SMALLEST)
    shape = np.broadcast_shapes(*(each.shape for each in arguments))
    if len(shape) > 2:
        arguments = [np.broadcast_to(each, shape).reshape(-1, shape[-1]) for each in arguments]
    matrices = [each.reshape((1,) * (2 - each.ndim) + each.shape) for each in arguments]
    out = np.empty(np.broadcast_shapes(*(each.shape for each in matrices)), np.float64)
    tall, wide = len(out), out.size // max(1, len(out))
    across = max(1, min(wide, BLOCK // 16))
    down = max(1, min(tall, BLOCK // across))
    scratch = Scratch.of((down * across,))
    for row in range(0, tall, down):
        for column in range(0, wide, across):
            to = out[row : row + down, column : column + across]
            f, k, t, v, r, w = (_part(each, row, column, down, across) for each in matrices)
            price_into(to, f, k, t, v, r, w, scratch.part(*to.shape))
    return out.reshape(shape)


def _part(matrix: Floats, row: int, column: int, down: int, across: int) -> Floats:
    rows = slice(None) if matrix.shape[0] == 1 else slice(row, row + down)
    return matrix[rows, slice(None) if matrix.shape[1] == 1 else slice(column, column + across)]


def price_into(
    out: Floats,
    forward: Floats,
    strike: Floats,
    years: Floats,
    vol: Floats,
    rate: Floats,
    sign: Floats,
    scratch: Scratch,
) -> None:
    """As `price`, unchecked and without new arrays of the size of `out` (m, s). What does not change with the
    scenario may be (m, 1). Volatility must not be below SMALLEST. `out` may be `vol`.
    """
    one, two, left = scratch.c, scratch.d, np.maximum(years, 0.0)
    # Both d are wanted with the sign of the option: it goes into what they are divided by.
    np.multiply(vol, sign * np.sqrt(np.maximum(left, _TINY)), out=two)
    np.divide(forward, np.maximum(strike, 1e-300), out=one)  # ln 0
    np.log(one, out=one)
    one /= two
    np.multiply(two, 0.5, out=out)
    one += out
    np.subtract(one, two, out=two)
    cdf_into(one, one, scratch)
    cdf_into(two, two, scratch)
    one *= forward
    two *= strike
    np.subtract(one, two, out=out)
    if rate.shape != out.shape:
        out *= sign * np.exp(-rate * left)
        return
    discount = scratch.a
    np.multiply(rate, -left, out=discount)
    np.exp(discount, out=discount)
    out *= discount
    out *= sign


def greeks(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike
) -> Greeks:
    f, k, t, v, r, w = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (forward, strike, years, vol, rate, sign))
    )
    refuse(f, v)
    t = np.maximum(t, 0.0)
    alive = (t > 0) & (v > 0) & (k > 0)
    root = np.sqrt(t)
    deviation = np.where(alive, v * root, 1.0)
    d1 = np.where(
        alive, np.log(f / np.where(k > 0, k, f)) / deviation + deviation / 2, np.where(f > k, np.inf, -np.inf)
    )
    d1 = np.where(~alive & (f == k), 0.0, d1)
    discount = np.exp(-r * t)
    density = np.where(alive, pdf(np.where(alive, d1, 0.0)), 0.0)
    value = price(f, k, t, v, r, w)
    delta = discount * w * cdf(w * d1)
    decay = np.divide(density * f * v, 2 * root, out=np.zeros_like(root), where=alive)
    theta = np.where(t > 0, r * value, 0.0) - discount * decay
    return Greeks(
        delta, discount * density / (f * deviation), discount * f * density * root, theta, -t * value
    )


def refuse(forward: Floats, vol: Floats) -> None:
    """Raises QX-RISK-012 where a price at or below zero, or a volatility below it, is among these."""
    if forward.size and (low := float(forward.min())) <= 0:
        raise QxError("QX-RISK-012", f"Black-76 has no value for a price of {low:.6g}",
                      hint="style: bachelier, or shifted with a vol_shift above it")  # fmt: skip
    if vol.size and (low := float(vol.min())) < 0:
        hint = "return_type log for the factors of kind vol keeps them above zero"
        raise QxError("QX-RISK-012", f"a volatility of {low:.6g} is none", hint=hint)
