"""Greeks of prices: what a formula gives, or central differences of the price itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FIRST: Final = 2.0**-14  # of the size of what is changed: errors of about 1e-9 and 1e-7
_SECOND: Final = 2.0**-10


class Greeks(NamedTuple):
    """For one option, all of the same shape."""

    delta: Floats
    gamma: Floats
    vega: Floats  # for 1.00 of volatility
    theta: Floats  # for one year that passes
    rho: Floats  # for 1.00 of interest


def slope(price: Callable[..., Floats], arguments: Sequence[Floats], at: int, size: Floats) -> Floats:
    """dP/d(argument), `size` the scale on which it changes."""
    step = _FIRST * size
    up, down = (_changed(arguments, {at: way * step}) for way in (1, -1))
    return (price(*up) - price(*down)) / (up[at] - down[at])


def bend(
    price: Callable[..., Floats], arguments: Sequence[Floats], one: int, other: int, sizes: Sequence[Floats]
) -> Floats:
    """d2P/d(one)d(other)."""
    first, second = _SECOND * sizes[one], _SECOND * sizes[other]
    if one == other:
        up, here, down = (price(*_changed(arguments, {one: way * first})) for way in (1, 0, -1))
        return (up - 2 * here + down) / first**2
    corners = [
        way * turn * price(*_changed(arguments, {one: way * first, other: turn * second}))
        for way in (1, -1)
        for turn in (1, -1)
    ]
    total: Floats = np.sum(corners, axis=0)
    return total / (4 * first * second)


def differences(
    price: Callable[..., Floats], forward: Floats, years: Floats, vol: Floats, rate: Floats
) -> Greeks:
    """`price(forward, years, vol, rate)`. Theta is one-sided: what is left of the time may be none."""
    arguments = [np.asarray(each, np.float64) for each in np.broadcast_arrays(forward, years, vol, rate)]
    forward, years, vol, rate = arguments
    one = np.ones_like(rate)
    here = price(*arguments)
    passed = np.minimum(1 / 365 / 16, np.maximum(years, 0.0) / 2)
    later = price(forward, years - passed, vol, rate)
    return Greeks(
        slope(price, arguments, 0, forward), bend(price, arguments, 0, 0, arguments),
        slope(price, arguments, 2, vol), np.divide(later - here, passed, out=np.zeros_like(here), where=passed > 0),
        slope(price, arguments, 3, one),
    )  # fmt: skip


def _changed(arguments: Sequence[Floats], by: dict[int, Floats]) -> list[Floats]:
    return [each + by[at] if at in by else each for at, each in enumerate(arguments)]
