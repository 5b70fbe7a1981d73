"""Returns of each type: what a level did from one day to the next, and what a return does to a level.

    absolute      r = x1 - x0                    x = x0 + r
    relative      r = x1 / x0 - 1                x = x0 (1 + r)
    log           r = ln(x1 / x0)                x = x0 exp(r)
    shifted_log   r = ln((x1 + s) / (x0 + s))    x = (x0 + s) exp(r) - s

A relative return wants levels above zero as a log return does: through zero it turns its sign, and says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Factor, ReturnType

    Floats = NDArray[np.float64]


def defined(kind: ReturnType, level: Floats, shift: float = 0.0) -> NDArray[np.bool_]:
    """Whether a return from or to such a level is."""
    if kind == "absolute":
        return np.isfinite(level)
    return np.isfinite(level) & (level + _shift(kind, shift) > 0)


def between(kind: ReturnType, before: Floats, after: Floats, shift: float = 0.0) -> Floats:
    """Of levels that are `defined`; the shape of both."""
    if kind == "absolute":
        return after - before
    if kind == "relative":
        return after / before - 1.0
    added = _shift(kind, shift)
    return np.log((after + added) / (before + added))


def _shift(kind: ReturnType, shift: float) -> float:
    return shift if kind == "shifted_log" else 0.0


class Kinds:
    """The factors parted by how they move: what is done to a matrix (S, F) is done to each part at once."""

    def __init__(self, factors: Sequence[Factor]) -> None:
        kinds = np.array([each.return_type for each in factors], dtype=object)
        self.relative = _columns(kinds == "relative")
        self.log = _columns((kinds == "log") | (kinds == "shifted_log"))
        self.absolute = _columns(kinds == "absolute")
        self.shift = np.array([_shift(each.return_type, each.shift) for each in factors], dtype=np.float64)

    def moved(self, base: Floats, returns: Floats) -> Floats:
        """Levels (S, F) of `base` (F,) after `returns` (S, F)."""
        levels = np.empty(returns.shape, dtype=np.float64)
        if self.absolute is not None:
            levels[:, self.absolute] = base[self.absolute] + returns[:, self.absolute]
        if self.relative is not None:
            part = base[self.relative]
            levels[:, self.relative] = part + part * returns[:, self.relative]
        if self.log is not None:
            shift = self.shift[self.log]
            levels[:, self.log] = (base[self.log] + shift) * np.exp(returns[:, self.log]) - shift
        return levels

    def compounded(self, returns: Floats, days: int) -> Floats:
        """(T, F) of one day each -> (T - days + 1, F), overlapping."""
        count = len(returns) - days + 1
        if self.relative is None:
            return _sliding(returns, days, count)
        whole = np.empty((count, returns.shape[1]), dtype=np.float64)
        for part in (self.absolute, self.log):
            if part is not None:
                whole[:, part] = _sliding(returns[:, part], days, count)
        grown = 1.0 + returns[:, self.relative]
        product = grown[:count].copy()
        for day in range(1, days):
            product *= grown[day : day + count]
        whole[:, self.relative] = product - 1.0
        return whole

    def per_return(self, base: Floats) -> Floats:
        """How far each level moves for one unit of its return, at `base` (F,)."""
        slope = np.ones(len(base), dtype=np.float64)
        if self.relative is not None:
            slope[self.relative] = base[self.relative]
        if self.log is not None:
            slope[self.log] = base[self.log] + self.shift[self.log]
        return slope


def _columns(mask: NDArray[np.bool_]) -> slice | NDArray[np.intp] | None:
    """A slice where they stand together, which is a view; None where there are none."""
    at = np.flatnonzero(mask)
    if not len(at):
        return None
    first, last = int(at[0]), int(at[-1]) + 1
    return slice(first, last) if last - first == len(at) else at


def _sliding(returns: Floats, days: int, count: int) -> Floats:
    total = returns[:count].copy()
    for day in range(1, days):
        total += returns[day : day + count]
    return total
