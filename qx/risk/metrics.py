"""Performance of a series of returns: Sharpe, Sortino, Calmar, drawdown and their like.

`returns` (T,) are fractions; NaN marks a day without one: it counts as time, and as nothing else. A ratio whose divisor
is 0 is infinite with the sign of what it divides, NaN when that is 0 too or too few days are there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from qx.kernel.errors import QxError
from qx.model.performance import Drawdown, Performance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

YEAR: Final = 252.0  # periods; 52 of weeks, 12 of months


def sharpe(returns: Floats, risk_free: float | Floats = 0.0, periods: float = YEAR) -> float:
    """A year's: mean over standard deviation (ddof 1) of the returns less `risk_free`, that of a period (T,) or one."""
    excess = _told(returns - risk_free)
    return _over(float(excess.mean()), _deviation(excess)) * math.sqrt(periods) if excess.size > 1 else math.nan


def sharpe_error(returns: Floats, risk_free: float | Floats = 0.0, periods: float = YEAR) -> float:
    """Standard error of `sharpe` for independent returns of any distribution: E. Mertens, "Comments on variance of the
    IID estimator in Lo (2002)".
    """
    excess = _told(returns - risk_free)
    ratio = sharpe(excess) / math.sqrt(YEAR)
    third, fourth = skewness(excess), excess_kurtosis(excess) + 3
    return math.sqrt((1 - third * ratio + (fourth - 1) / 4 * ratio**2) / excess.size * periods)


def sortino(returns: Floats, required: float | Floats = 0.0, periods: float = YEAR) -> float:
    """A year's mean excess over `required` (of a period, (T,) or one), over `downside_risk`."""
    return _over(float(_told(returns - required).mean()) * periods, downside_risk(returns, required, periods))


def downside_risk(returns: Floats, required: float | Floats = 0.0, periods: float = YEAR) -> float:
    """A year's root mean square of what falls short of `required`: the mean is over all days, good ones as 0."""
    short = np.minimum(_told(returns - required), 0.0)
    return math.sqrt(float((short**2).mean()) * periods)


def volatility(returns: Floats, periods: float = YEAR) -> float:
    """A year's standard deviation, ddof 1; NaN of a single day."""
    told = _told(returns)
    return _deviation(told) * math.sqrt(periods) if told.size > 1 else math.nan


def total_return(returns: Floats, *, compounding: bool = True) -> float:
    told = _told(returns)
    return float(np.prod(1 + told) - 1) if compounding else float(told.sum())


def annual_return(returns: Floats, periods: float = YEAR, *, compounding: bool = True) -> float:
    """A year's at the same pace, all days of `returns` being time; -1 where everything was lost."""
    years = returns.size / periods
    total = total_return(returns, compounding=compounding)
    if not compounding:
        return total / years
    return math.pow(max(1 + total, 0.0), 1 / years) - 1


def calmar(returns: Floats, periods: float = YEAR, *, compounding: bool = True) -> float:
    """Annual return over the deepest drawdown; NaN where there was none."""
    depth = max_drawdown(returns, compounding=compounding)
    return annual_return(returns, periods, compounding=compounding) / depth if depth > 0 else math.nan


def omega(returns: Floats, required: float | Floats = 0.0) -> float:
    """Sum of what exceeds `required` (of a period) over the sum of what falls short of it; NaN where nothing does."""
    excess = _told(returns - required)
    short = -float(excess[excess < 0].sum())
    return float(excess[excess > 0].sum()) / short if short > 0 else math.nan


def tail_ratio(returns: Floats) -> float:
    """The 95% point over the 5% point, both of type 7 and without sign."""
    low, high = np.percentile(_told(returns), [5, 95])
    return _over(abs(float(high)), abs(float(low)))


def skewness(returns: Floats) -> float:
    """About the mean, ddof 0; NaN where nothing moves."""
    return _moment(returns, 3)


def excess_kurtosis(returns: Floats) -> float:
    """About the mean, ddof 0, less the 3 of a normal; NaN where nothing moves."""
    return _moment(returns, 4) - 3


class Fall(NamedTuple):
    """Of a wealth that begins before day 0 with 1: indices of days, -1 is the beginning."""

    depth: float  # > 0
    peak: int
    trough: int
    recovered: int | None


def deepest(returns: Floats, *, compounding: bool = True) -> Fall | None:
    """The deepest drawdown, the first of equal ones; None: the wealth never fell."""
    wealth, peaks = _wealth(returns, compounding=compounding)
    falls = 1 - wealth / peaks if compounding else peaks - wealth
    trough = int(falls.argmax())
    if not falls[trough] > 0:
        return None
    peak = int(np.flatnonzero(wealth[: trough + 1] == peaks[trough])[-1])
    back = np.flatnonzero(wealth[trough:] >= peaks[trough])
    return Fall(float(falls[trough]), peak - 1, trough - 1, trough - 1 + int(back[0]) if back.size else None)


def max_drawdown(returns: Floats, *, compounding: bool = True) -> float:
    """Its depth, a loss being positive; 0 where there was none."""
    fall = deepest(returns, compounding=compounding)
    return fall.depth if fall else 0.0


def performance(
    dates: Sequence[date], returns: Floats, *,
    periods: float = YEAR, risk_free: float | Floats = 0.0, required: float | Floats = 0.0, compounding: bool = True,
) -> Performance:  # fmt: skip
    """All of it. `risk_free` and `required` are returns of one period. Without `compounding`, returns are P&L over a
    capital that stays the same, and drawdowns are told of that capital.

    Raises QX-RISK-009 when no day has a return, QX-RISK-011 at an infinity.
    """
    if returns.shape != (len(dates),) or not periods > 0:
        raise ValueError(f"returns of shape {returns.shape}, {len(dates)} days, {periods} periods")
    told = _told(returns)
    if told.size == 0:
        raise QxError("QX-RISK-009", "no day has a return")
    if np.isinf(told).any():
        day = dates[int(np.flatnonzero(np.isinf(returns))[0])]
        raise QxError("QX-RISK-011", f"the return of {day.isoformat()} is infinite")
    fall = deepest(returns, compounding=compounding)
    return Performance(
        days=len(dates), missing=len(dates) - told.size, since=dates[0].isoformat(), until=dates[-1].isoformat(),
        periods=periods, compounding=compounding,
        total_return=total_return(returns, compounding=compounding),
        annual_return=annual_return(returns, periods, compounding=compounding),
        volatility=_finite(volatility(returns, periods)),
        downside_risk=downside_risk(returns, required, periods),
        sharpe=_finite(sharpe(returns, risk_free, periods)),
        sharpe_error=_finite(sharpe_error(returns, risk_free, periods)),
        sortino=_finite(sortino(returns, required, periods)),
        calmar=_finite(calmar(returns, periods, compounding=compounding)),
        omega=_finite(omega(returns, required)), tail_ratio=_finite(tail_ratio(returns)),
        skewness=_finite(skewness(returns)), excess_kurtosis=_finite(excess_kurtosis(returns)),
        winning=float((told > 0).mean()), best=float(told.max()), worst=float(told.min()),
        drawdown=_dated(fall, dates) if fall else None,
    )  # fmt: skip


def _dated(fall: Fall, dates: Sequence[date]) -> Drawdown:
    return Drawdown(
        depth=fall.depth, peak=dates[fall.peak].isoformat() if fall.peak >= 0 else "",
        trough=dates[fall.trough].isoformat(),
        recovered="" if fall.recovered is None else dates[fall.recovered].isoformat(),
        days_down=fall.trough - fall.peak,
        days_back=None if fall.recovered is None else fall.recovered - fall.trough,
    )  # fmt: skip


def _wealth(returns: Floats, *, compounding: bool) -> tuple[Floats, Floats]:
    """(T + 1,) each: the wealth from 1 before the first day on, and its highest so far."""
    steps = np.nan_to_num(returns, nan=0.0)
    start = np.ones(1)
    wealth = np.concatenate([start, np.cumprod(1 + steps) if compounding else 1 + np.cumsum(steps)])
    return wealth, np.maximum.accumulate(wealth)


def _told(returns: Floats) -> Floats:
    return returns[~np.isnan(returns)]


def _deviation(told: Floats) -> float:
    """With ddof 1, and 0 of equal returns, of which rounding would leave a little."""
    return 0.0 if (told == told[0]).all() else float(told.std(ddof=1))


def _moment(returns: Floats, power: int) -> float:
    told = _told(returns)
    if told.size == 0 or (spread := _deviation(told) if told.size > 1 else 0.0) == 0:
        return math.nan
    spread *= math.sqrt((told.size - 1) / told.size)
    return float((((told - told.mean()) / spread) ** power).mean())


def _over(above: float, below: float) -> float:
    if below != 0:
        return above / below
    return math.copysign(math.inf, above) if above != 0 else math.nan


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
