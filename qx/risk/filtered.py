"""Volatility-scaled history (Hull and White 1998): each day's move in units of what was then to be expected, told in
units of what is to be expected tomorrow.

Per factor the scaled returns are new scenarios, to be valued like others; on the portfolio the P&L itself is scaled.
Both scale by tomorrow's volatility, which knows today's return; a published exercise that uses today's is a day stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.risk.volatility import Volatility

    Floats = NDArray[np.float64]


def ratios(volatility: Volatility) -> Floats:
    """-> (T, ...): tomorrow's volatility over each day's. Where a series never moved both are 0: the ratio is 1."""
    days = volatility.days
    return np.divide(volatility.next, days, out=np.ones_like(days), where=days > 0)


def scaled(moves: Floats, volatility: Volatility) -> Floats:
    """-> as `moves`: returns (T, F) with a volatility per factor or one (T,) for all, or P&L (T,) with its own."""
    ratio = ratios(volatility)
    return moves * (ratio[:, np.newaxis] if moves.ndim > ratio.ndim else ratio)
