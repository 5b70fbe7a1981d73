"""What every estimator gives: VaR and ES, and the scenarios of which each is made, so that both can be allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rows(NamedTuple):
    """A figure as a sum over scenarios: figure = -(weight @ pnl[at]). Applied to a position's P&L it is that
    position's part, and the parts sum to the figure (Euler).
    """

    at: NDArray[np.intp]  # (k,)
    weight: NDArray[np.float64]  # (k,); sums to 1; of a closed form about a mean of zero to 0; both times any stretch


class Interval(NamedTuple):
    """Of the estimate's own error."""

    low: float
    high: float
    level: float  # 0.95
    method: str  # order statistics, delta method...


class Estimate(NamedTuple):
    """Losses positive, in the P&L's currency."""

    var: float
    es: float
    var_rows: Rows
    es_rows: Rows
    var_interval: Interval | None
    es_interval: Interval | None
