"""Liquidity: what a loss comes to when it takes weeks to get out. Pure rules; figures have losses positive.

The cascade is that of the Basel framework's internal models (MAR33.5): ES over ten days of all factors, and again of
those that take longer, each weighed by the root of the days that are added. Orderly liquidation closes a position in
equal parts, one a day: its standard deviation is that of one day times sqrt(sum over t of (t/n)^2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import FactorKind

    Floats = NDArray[np.float64]

BASE: Final = 10  # trading days of the ES that are scaled
HORIZONS: Final = (10, 20, 40, 60, 120)  # MAR33.5
BY_KIND: Final[dict[FactorKind, int]] = {"price": 20, "basis": 20, "vol": 60, "fx": 10, "rate": 10}
"""MAR33.12: prices and volatilities of energy, pairs and rates of the major currencies. Others are to be told."""


def horizon(days: Floats) -> NDArray[np.intp]:
    """(n,) days -> the number of the first of HORIZONS that is no shorter; the last for what takes longer still."""
    return np.minimum(np.searchsorted(HORIZONS, days), len(HORIZONS) - 1).astype(np.intp)


def scale(step: int) -> float:
    """Of the ES of step `step`: the root of the days that its horizon adds, in units of BASE."""
    return math.sqrt((HORIZONS[step] - (HORIZONS[step - 1] if step else 0)) / BASE)


def cascade(parts: Sequence[float]) -> float:
    """`parts` (5,): ES over BASE days when only factors of at least that horizon move."""
    return math.sqrt(sum((part * scale(step)) ** 2 for step, part in enumerate(parts)))


def orderly(days: Floats) -> Floats:
    """(n,) days >= 1 -> what a day's P&L is multiplied by: 1 for one day, near sqrt(n / 3) for many."""
    factor: Floats = np.sqrt((days + 1) * (2 * days + 1) / (6 * days))
    return factor
