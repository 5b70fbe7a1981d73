"""From one day to several: the square root of time, with autocorrelation, or overlapping moves of that length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.risk.estimate import Estimate, Interval, Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def root_of_time(horizon: int, correlation: float = 0.0) -> float:
    """The deviation of the sum of `horizon` days over that of one, when each day is correlated by `correlation` with
    the day before: sqrt(h + 2 * sum over i < h of (h - i) * correlation^i). Raises QX-RISK-001 unless it is in (-1, 1).
    """
    if not -1 < correlation < 1:
        raise QxError("QX-RISK-001", f"no autocorrelation: {correlation:g}", hint="above -1 and below 1")
    return math.sqrt(horizon + 2 * sum((horizon - lag) * correlation**lag for lag in range(1, horizon)))


def autocorrelation(series: Floats) -> float:
    """Of a day with the day before; 0 of a series that never moves."""
    moves = series - series.mean()
    square = float(moves @ moves)
    return float(moves[1:] @ moves[:-1]) / square if square > 0 else 0.0


def effective(observations: int, horizon: int) -> float:
    """As many independent moves the overlapping ones are worth: their intervals are of so many."""
    return max(observations / horizon, 1.0)


def stretched(estimate: Estimate, factor: float) -> Estimate:
    """Every figure times `factor`; the rows with it, so that parts sum to the longer horizon's figure."""
    return Estimate(
        estimate.var * factor, estimate.es * factor,
        _rows(estimate.var_rows, factor), _rows(estimate.es_rows, factor),
        _interval(estimate.var_interval, factor), _interval(estimate.es_interval, factor),
    )  # fmt: skip


def _rows(rows: Rows, factor: float) -> Rows:
    return Rows(rows.at, rows.weight * factor)


def _interval(interval: Interval | None, factor: float) -> Interval | None:
    if interval is None:
        return None
    return interval._replace(low=interval.low * factor, high=interval.high * factor)
