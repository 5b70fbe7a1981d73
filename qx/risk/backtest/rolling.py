"""Historical VaR and ES of each day from the days before it, of many books at once.

The k worst of a sliding window are merged from the k worst of two pieces: the end of one block of days and the
beginning of the next, each found in one pass. So a step costs k comparisons however long the window is.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.tail import enough

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


_NUMBERS: Final = 1 << 22  # of the k least of every day that are held at once


class Rolled(NamedTuple):
    """Losses positive. Row i is told at the end of day i + window - 1, for day i + window of the P&L."""

    var: Floats  # (T - window, B)
    es: Floats


def rolled(pnl: Floats, alpha: Fraction, window: int) -> Rolled:
    """The k-th worst, and the ES of `tail.historical`, of the `window` days before each day of `pnl` (T, B).

    Raises QX-RISK-009 when a window holds less than one day beyond the level, or there is none before the last day;
    ValueError at a NaN.
    """
    mass, k = enough(alpha, window)
    days, books = pnl.shape
    if days <= window:
        hint = "more history, or a shorter window"
        raise QxError("QX-RISK-009", f"{days} days: none has {window} before it", hint=hint)
    if not np.isfinite(pnl).all():
        raise ValueError("a P&L is no finite number")
    at_once = max(_NUMBERS // (k * days), 1)
    parts = [_rolled(pnl[:, first : first + at_once], float(mass), k, window) for first in range(0, books, at_once)]
    return Rolled(np.concatenate([one.var for one in parts], axis=1), np.concatenate([one.es for one in parts], axis=1))


def _rolled(pnl: Floats, mass: float, k: int, window: int) -> Rolled:
    days, books = pnl.shape
    blocks = -(-days // window)
    padded = np.full((blocks * window, books), np.inf)
    padded[:days] = pnl
    cube = padded.reshape(blocks, window, books)
    # The window that begins at day i of a block: the block's end from i on, and the next one's beginning before i.
    ends = _running(cube[:, ::-1], k)[:, :, ::-1].reshape(k, -1, books)[:, : days - window]
    begun = np.empty((k, days - window, books))
    begun[:, 1:] = _running(cube[1:], k).reshape(k, -1, books)[:, : days - window - 1]
    begun[:, ::window] = np.inf  # a window that is one block takes nothing of the next
    # Of two ascending lists of k, the j-th of one against the (k - j)-th of the other: the lesser ones are the k least.
    np.minimum(ends, begun[::-1], out=begun)
    edge = begun.max(axis=0)
    begun -= edge
    return Rolled(-edge, -begun.sum(axis=0) / mass - edge)


def _running(cube: Floats, k: int) -> Floats:
    """(k, blocks, window, books): the k least of each block up to each day of it, ascending along the first axis."""
    blocks, window, books = cube.shape
    out = np.empty((k, blocks, window, books))
    least = np.full((k, blocks, books), np.inf)
    new, rest = np.empty((blocks, books)), np.empty((blocks, books))
    for day in range(window):
        np.copyto(new, cube[:, day])
        for place in least:
            np.maximum(place, new, out=rest)
            np.minimum(place, new, out=place)
            new, rest = rest, new
        out[:, :, day] = least
    return out
