"""Options on the average of a future's price over some days (average price options).

Lognormal: the mean and the second moment of what is still to be fixed are matched, S. Turnbull and L. Wakeman,
"A quick algorithm for pricing European average options" (1991), over the single days and cost of carry 0.
Normal moves: the average is normal itself, so its price is exact. What is fixed already lowers the strike of
the rest:

    average - K = share (rest - K*),  share = left / all,  K* = (K - (1 - share) fixed) / share

With nothing left it is the discounted intrinsic value of the fixed average. Volatility is that of the future,
the same for each day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.risk.pricing import bachelier, black76
from qx.risk.pricing.greeks import Greeks, differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Days(NamedTuple):
    """The days that are left, for options of any shape: (N, ...) years from today, and the weights of exp(vol^2
    t).
    """

    years: Floats
    weight: Floats  # (2 (n - k) + 1) / n^2 of the k-th of n; 0 beyond n

    def of(self, rows: slice | NDArray[np.intp]) -> Days:
        return Days(self.years[:, rows], self.weight[:, rows])


def days(options: Sequence[Sequence[float]]) -> Days:
    """Of each option the ascending years to the days that are left; (N, m, 1), so that scenarios go on beside
    them.
    """
    most = max((len(each) for each in options), default=0)
    years, weight = np.zeros((most, len(options), 1)), np.zeros((most, len(options), 1))
    for at, each in enumerate(options):
        n = len(each)
        years[:n, at, 0] = each
        weight[:n, at, 0] = (2 * (n - np.arange(1, n + 1)) + 1) / n**2
    return Days(years, weight)


def price(
    forward: ArrayLike, strike: ArrayLike, left: Days, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike,
    *, settled: ArrayLike, share: ArrayLike = 1.0, fixed: ArrayLike = 0.0,
) -> Floats:  # fmt: skip
    """`settled`: years to the payment; `share` of the days is left, `fixed` is the average of the others. Raises
    QX-RISK-012 as Black-76 does.
    """
    f, v, w, live = (np.asarray(x, np.float64) for x in (forward, vol, sign, share))
    black76.refuse(f, v)
    second = np.zeros(np.broadcast_shapes(f.shape, v.shape, left.years.shape[1:]), np.float64)
    variance = v * v
    for years, weight in zip(left.years, left.weight, strict=True):
        second += weight * np.expm1(variance * years)  # the weights sum to 1
    deviation = np.sqrt(np.log1p(second))
    value = black76.price(f, _rest(strike, live, fixed), 1.0, deviation, 0.0, w)
    return _discounted(np.where(live > 0, live * value, _known(strike, fixed, w)), rate, settled)


def price_normal(
    forward: ArrayLike, strike: ArrayLike, left: Days, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike,
    *, settled: ArrayLike, share: ArrayLike = 1.0, fixed: ArrayLike = 0.0,
) -> Floats:  # fmt: skip
    """As `price`, for normal moves: `vol` in price units."""
    f, v, w, live = (np.asarray(x, np.float64) for x in (forward, vol, sign, share))
    variance = np.sum(left.weight * left.years, axis=0)
    value = bachelier.undiscounted(w * (f - _rest(strike, live, fixed)), bachelier.deviation(v, variance))
    return _discounted(np.where(live > 0, live * value, _known(strike, fixed, w)), rate, settled)


def _rest(strike: ArrayLike, share: Floats, fixed: ArrayLike) -> Floats:
    live = np.where(share > 0, share, 1.0)
    rest: Floats = (np.asarray(strike, np.float64) - (1 - live) * np.asarray(fixed, np.float64)) / live
    return rest


def _known(strike: ArrayLike, fixed: ArrayLike, sign: Floats) -> Floats:
    return np.maximum(sign * (np.asarray(fixed, np.float64) - np.asarray(strike, np.float64)), 0.0)


def _discounted(value: Floats, rate: ArrayLike, settled: ArrayLike) -> Floats:
    later = np.maximum(np.asarray(settled, np.float64), 0.0)
    out: Floats = value * np.exp(-np.asarray(rate, np.float64) * later)
    return out


def greeks(
    forward: ArrayLike, strike: ArrayLike, left: Days, vol: ArrayLike, rate: ArrayLike, sign: ArrayLike,
    *, settled: ArrayLike, share: ArrayLike = 1.0, fixed: ArrayLike = 0.0, normal: bool = False,
) -> Greeks:  # fmt: skip
    """Central differences. Theta: all days come nearer by the same time, and none is fixed by it."""
    formula = price_normal if normal else price
    f, t, v, r = (np.asarray(x, np.float64) for x in (forward, settled, vol, rate))

    def at(f: Floats, later: Floats, v: Floats, r: Floats) -> Floats:
        nearer = Days(np.maximum(left.years + (later - t), 0.0), left.weight)
        return formula(f, strike, nearer, v, r, sign, settled=later, share=share, fixed=fixed)

    return differences(at, f, t, v, r)
