"""Who brings the risk: a figure split into parts that sum to it, over positions, books, factors or any grouping.

Of a figure that is a weighted sum of scenarios (`Rows`) a part is the same sum over its own P&L; of a linear figure it
is its exposures times the gradient. Both are Euler's theorem, so parts of parts sum too: book, desk, trade, factor.
Nothing is bumped or valued again, but for `incremental`, which asks what the rest would lose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qx.risk.estimate import Rows

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]


class Allocation(NamedTuple):
    """`parts` of `total`; losses positive."""

    parts: Floats  # (G,)
    total: float
    residual: float  # total - sum of the parts: nothing but rounding, told so that nobody has to believe it


def component(rows: Rows, each: Floats) -> Floats:
    """-> (m,). `each` (m, k): P&L of each part in the k scenarios of the rows, in their order."""
    return -(each @ rows.weight)


def grouped(parts: Floats, group: Places, groups: int) -> Floats:
    """-> (groups,): the sum of the parts (n,) of each group; `group` (n,) says of which group each is."""
    return np.asarray(np.bincount(group, weights=parts, minlength=groups), np.float64)


def linear(gradient: Floats, position: Places, factor: Places, amount: Floats, positions: int) -> Floats:
    """-> (positions,). The m exposures are sparse: `amount[i]` of `position[i]` to `factor[i]`; `gradient` (F,) is what
    the figure gains by one more unit of exposure to a factor.
    """
    return np.asarray(np.bincount(position, weights=gradient[factor] * amount, minlength=positions), np.float64)


def allocation(parts: Floats, total: float) -> Allocation:
    return Allocation(parts, total, total - float(parts.sum()))


def marginal(parts: Floats, amounts: Floats) -> Floats:
    """-> (G,): what the figure gains by one more unit of currency in a part that now holds `amounts` (G,); NaN where
    it holds nothing.
    """
    found = np.full(len(parts), np.nan)
    np.divide(parts, amounts, out=found, where=amounts != 0)
    return found


def incremental(figure: Callable[[Floats], float], total: Floats, parts: Floats) -> Floats:
    """-> (G,): by how much the figure falls when a part is taken away. `total` (S,), `parts` (S, G) are P&L; `figure`
    estimates one P&L. They need not sum to anything.
    """
    whole = figure(total)
    return np.array([whole - figure(total - parts[:, place]) for place in range(parts.shape[1])], np.float64)
