"""Reverse stress: the likeliest moves of the factors that cost a given loss, and how plausible they are.

Of a book that is linear in the returns the answer is closed: r = -S w L / (w' S w), w the exposures, S the covariance
of the returns. Of any other it is the nearest point of the loss surface, measured in Mahalanobis distance, searched for
from the linear answer and from the worst days of the history (first-order reliability method, steps of Hasofer-Lind and
Rackwitz-Fiessler). All of it happens in y with r = A y, A A' = S: there the distance is |y|, and S is never inverted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import chi2_sf, normal_cdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pnl = Callable[[Floats], Floats]

HIT: Final = 1e-9  # relative: so near the loss is met
FARTHEST: Final = 40.0  # standard deviations: what lies beyond is no scenario
_CUT: Final = 1e-12  # of the largest variance: directions in which nothing moved
_STARTS, _STEPS, _GRID, _HALVINGS = 5, 60, 33, 100
_BUMP: Final = 1e-3  # in standard deviations, of a central difference
_TURNED: Final = 1e-5  # relative: nearer to its gradient a point need not stand
_UNDEFINED = ("QX-RISK-008", "QX-RISK-012")  # moves that no price follows


class Plausibility(NamedTuple):
    distance: float  # Mahalanobis, of the returns' covariance
    degrees: int  # of freedom: directions in which the factors moved
    percentile: float  # share of normal days that stray less far: chi-square of distance squared
    beyond: float  # chance of a normal day to lose as much: that of the half space beyond the point
    days: int  # of the history that strayed as far
    history: int  # days of the history


class Reverse(NamedTuple):
    returns: Floats  # (F,)
    pnl: float  # of the whole book, revalued: -loss within HIT
    method: Literal["closed form", "search"]
    steps: int  # of the search
    starts: int  # from which it was tried; of the closed form 0
    plausibility: Plausibility


class _Space(NamedTuple):
    """Returns as r = A y."""

    axes: Floats  # (F, k)
    history: Floats  # (T, k)


def reverse(loss: float, exposures: Floats, returns: Floats, pnl: Pnl) -> Reverse:
    """`loss` above 0; `exposures` (F,): money for one unit of each return; `returns` (T, F); `pnl`: (S, F) -> (S,).

    `pnl` may refuse moves with QX-RISK-008 or QX-RISK-012: such moves are no answer. Raises QX-RISK-001 (no loss),
    QX-RISK-009 (fewer than three days), QX-RISK-012 (nothing moves the book, or nothing plausible costs as much).
    """
    if not (loss > 0 and math.isfinite(loss)):
        raise QxError("QX-RISK-001", f"no loss to look for: {loss:g}", hint="an amount above 0, or a share: 5%")
    if len(returns) < 3:
        said = f"{len(returns)} days of returns do not tell what is plausible"
        raise QxError("QX-RISK-009", said, hint="at least 3")
    space = _space(returns)
    slope = space.axes.T @ exposures
    start = -loss * slope / (slope @ slope) if slope.any() else None
    if start is not None and _value(space, pnl, start) is not None:
        moves = space.axes @ start
        found = float(pnl(moves[None, :])[0])
        if abs(found + loss) <= HIT * loss:
            return Reverse(moves, found, "closed form", 0, 0, plausibility(space, start))
    return _searched(loss, space, pnl, start)


def plausibility(space: _Space, y: Floats) -> Plausibility:
    distance, degrees = float(np.linalg.norm(y)), space.axes.shape[1]
    days = int((np.linalg.norm(space.history, axis=1) >= distance).sum())
    percentile = 1 - chi2_sf(distance**2, degrees)
    return Plausibility(distance, degrees, percentile, normal_cdf(-distance), days, len(space.history))


def strayed(returns: Floats, moves: Floats) -> Plausibility:
    """How far `moves` (F,) are from an ordinary day of `returns` (T, F). What of them lies where history never moved is
    not in the distance. Raises QX-RISK-012 where nothing moved.
    """
    space = _space(returns)
    found, *_ = np.linalg.lstsq(space.axes, moves, rcond=None)
    return plausibility(space, np.asarray(found, np.float64))


def _space(returns: Floats) -> _Space:
    centred = returns - returns.mean(axis=0)
    scale = centred.std(axis=0)
    scale[scale == 0] = 1.0  # a factor that never moved has no direction
    left, size, right = np.linalg.svd(centred / scale, full_matrices=False)
    kept = size > math.sqrt(_CUT) * size[0] if len(size) else np.zeros(0, dtype=bool)
    if not kept.any():
        raise QxError("QX-RISK-012", "no factor moved in the history", hint="a longer history")
    root = math.sqrt(len(returns) - 1)
    return _Space((right[kept] * size[kept, None] / root).T * scale[:, None], left[:, kept] * root)


def _value(space: _Space, pnl: Pnl, y: Floats) -> float | None:
    """None: no price follows such moves."""
    values = _values(space, pnl, y[None, :])
    return None if values is None else float(values[0])


def _values(space: _Space, pnl: Pnl, points: Floats) -> Floats | None:
    try:
        values = pnl(points @ space.axes.T)
    except QxError as error:
        if error.code not in _UNDEFINED:
            raise
        return None
    return values if np.isfinite(values).all() else None


# -- the search ------------------------------------------------------------------------------------
def _searched(loss: float, space: _Space, pnl: Pnl, linear: Floats | None) -> Reverse:
    starts = [] if linear is None else [linear]
    worst = _values(space, pnl, space.history)
    if worst is not None:
        starts += [space.history[day] for day in np.argsort(worst, kind="stable")[:_STARTS]]
    best: Floats | None = None
    steps = 0
    for first in starts:
        along = _along(loss, space, pnl, first)
        if along is None:
            continue
        found, taken = _descended(loss, space, pnl, along)
        steps += taken
        if best is None or np.linalg.norm(found) < np.linalg.norm(best):
            best = found
    if best is None:
        most = -float(worst.min()) if worst is not None and len(worst) else 0.0
        said = f"no moves within {FARTHEST:g} standard deviations were found that lose {loss:,.0f}"
        raise QxError("QX-RISK-012", f"{said}; the worst day of the history loses {max(0.0, most):,.0f}",
                      hint="a smaller loss")  # fmt: skip
    moves = space.axes @ best
    value = float(pnl(moves[None, :])[0])
    return Reverse(moves, value, "search", steps, len(starts), plausibility(space, best))


def _along(loss: float, space: _Space, pnl: Pnl, y: Floats, far: float = FARTHEST) -> Floats | None:
    """The nearest point on the ray through `y` that loses just as much; None: none is found within `far`."""
    size = float(np.linalg.norm(y))
    if not size:
        return None
    one = y / size
    while far > _CUT:  # where no price follows the far end, look nearer
        steps = np.linspace(0.0, far, _GRID)
        values = _values(space, pnl, steps[:, None] * one)
        if values is None:
            far /= 2
            continue
        over = np.flatnonzero(values <= -loss)
        if not len(over):
            return None
        at = int(over[0])
        low, high = (steps[at - 1], values[at - 1] + loss), (steps[at], values[at] + loss)
        found = _met(loss, lambda step: _value(space, pnl, step * one), low, high)
        return None if found is None else one * found
    return None


def _met(
    loss: float, value: Callable[[float], float | None], low: tuple[float, float], high: tuple[float, float]
) -> float | None:
    """Where the P&L is -loss, by false position with the Illinois step; `low`, `high`: a step and its P&L + loss, the
    one above 0, the other not. None: no price follows moves in between.
    """
    (left, above), (right, below), last = low, high, 0
    for _ in range(_HALVINGS):
        step = right - below * (right - left) / (below - above)
        pnl = value(step)
        if pnl is None:
            return None
        over = pnl + loss
        if abs(over) <= HIT * loss / 100 or not left < step < right:
            return step
        if over > 0:
            left, above = step, over
            below = below / 2 if last > 0 else below
        else:
            right, below = step, over
            above = above / 2 if last < 0 else above
        last = 1 if over > 0 else -1
    return right


def _gradient(space: _Space, pnl: Pnl, y: Floats) -> Floats | None:
    count = len(y)
    bumps = _BUMP * np.eye(count)
    values = _values(space, pnl, np.concatenate([y + bumps, y - bumps]))
    return None if values is None else (values[:count] - values[count:]) / (2 * _BUMP)


def _descended(loss: float, space: _Space, pnl: Pnl, y: Floats) -> tuple[Floats, int]:
    """From a point of the loss surface to one that is nearer, until it stands on its gradient. Every point in between
    lies on the surface, so that what is given back always does.
    """
    for taken in range(_STEPS):
        slope = _gradient(space, pnl, y)
        square = 0.0 if slope is None else float(slope @ slope)
        if slope is None or not square:
            return y, taken
        aim = slope * float(slope @ y) / square  # the foot of the tangent plane
        size = float(np.linalg.norm(y))
        if float(np.linalg.norm(aim - y)) <= _TURNED * size:
            return y, taken
        nearer = _nearer(loss, space, pnl, y, aim)
        if nearer is None:
            return y, taken
        y = nearer
    return y, _STEPS


def _nearer(loss: float, space: _Space, pnl: Pnl, y: Floats, aim: Floats) -> Floats | None:
    """A point of the surface nearer than `y`, on the way towards `aim`; None: none is found."""
    size, share = float(np.linalg.norm(y)), 1.0
    while share > 1e-6:
        found = _along(loss, space, pnl, y + share * (aim - y), size)
        if found is not None and float(np.linalg.norm(found)) < size * (1 - 1e-12):
            return found
        share /= 2
    return None
