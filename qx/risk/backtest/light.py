"""The traffic light: below which number of exceptions a VaR is trusted, and from which it is not.

Green ends where the chance of so many exceptions or fewer reaches 95%, yellow where it reaches 99.99%: Basel Committee,
"Supervisory framework for the use of backtesting" (1996). There the count is binomial, of one-day P&L. P&L of several
days, told daily, shares days with its neighbours: exceptions come in clusters, and the borders lie further out.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.model.backtest import TrafficLight, Zone
from qx.risk.backtest.overlap import overlapping
from qx.risk.distributions import binomial_cdf, binomial_ppf, binomial_sf

if TYPE_CHECKING:
    from numpy.typing import NDArray

GREEN_ENDS: Final = 0.95
YELLOW_ENDS: Final = 0.9999
PLUS_FACTORS: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.50, 0.65, 0.75, 0.85, 1.00)  # the last of 10 and more


class Borders(NamedTuple):
    """The first number of exceptions of each zone."""

    yellow_from: int
    red_from: int


@lru_cache(maxsize=1024)
def borders(days: int, alpha: Fraction, overlap: int = 1) -> Borders:
    """Of `days` >= 1 P&Ls, each over `overlap` days and one for every day."""
    if overlap == 1:
        chance = float(1 - alpha)
        return Borders(binomial_ppf(GREEN_ENDS, days, chance), binomial_ppf(YELLOW_ENDS, days, chance))
    up_to = _up_to(days, alpha, overlap)
    return Borders(int(np.searchsorted(up_to, GREEN_ENDS)), int(np.searchsorted(up_to, YELLOW_ENDS)))


def traffic_light(days: int, exceptions: int, alpha: Fraction, overlap: int = 1) -> TrafficLight:
    """`exceptions` in `days` >= 1 P&Ls over `overlap` days each."""
    found = borders(days, alpha, overlap)
    zone: Zone = "green" if exceptions < found.yellow_from else "yellow" if exceptions < found.red_from else "red"
    if overlap == 1:
        chance = float(1 - alpha)
        probability, type1 = binomial_cdf(exceptions, days, chance), binomial_sf(exceptions - 1, days, chance)
    else:
        up_to = _up_to(days, alpha, overlap)
        probability = float(up_to[min(exceptions, days)])
        type1 = 1 - float(up_to[exceptions - 1]) if exceptions else 1.0
    basel = overlap == 1 and days == 250 and alpha == Fraction(99, 100)
    return TrafficLight(
        zone=zone, exceptions=exceptions, probability=probability, type1=type1,
        yellow_from=found.yellow_from, red_from=found.red_from, overlap=overlap,
        plus_factor=PLUS_FACTORS[min(exceptions, 10)] if basel else None,
    )  # fmt: skip


@lru_cache(maxsize=64)
def _up_to(days: int, alpha: Fraction, overlap: int) -> NDArray[np.float64]:
    """(days + 1,): the chance of so many exceptions or fewer."""
    return np.cumsum(overlapping(days, alpha, overlap))
