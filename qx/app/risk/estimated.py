"""Estimated: a figure with the scenarios behind it, so that it can be taken apart, told and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.risk.volatility import ewma

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from qx.app.risk.asked import Volatility
    from qx.model.risk import Treatment
    from qx.model.risk_answers import Convention, Simulation
    from qx.risk.estimate import Estimate
    from qx.risk.volatility import Volatility as Deviations

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]
    Figure = Callable[[Floats], Estimate]
    Weigh = Callable[[Floats, Floats], Floats]  # levels (k, F), weights (k, W) -> P&L (G, W) of each part, weighted
    Apart = Callable[[Callable[[Floats], Floats]], list[Estimate]]  # of what makes P&L (B, K) of levels (B, F)
    Tell = Callable[[str, int, float], None]  # what is done, how many are done, share of all


class Estimated(NamedTuple):
    """Of S scenarios; `estimate` names some of them in its rows."""

    estimate: Estimate
    convention: Convention
    scenarios: int
    name: Callable[[int], str]  # of a scenario, for people
    worst: Callable[[int], tuple[Indices, Floats]]  # so many scenarios of the tail, the worst first, and their P&L
    days: int = 1  # trading days that a scenario moves
    stretch: float = 1.0  # from those days to the horizon: what `figure` multiplies by
    split: Callable[[Weigh], tuple[Floats, Floats]] | None = None  # parts (G,) of VaR and of ES; None: it has none
    pnl: Floats | None = None  # (S,); None: not all of them are at hand
    all_levels: Floats | None = None  # (S, F), of `pnl`
    returns: Floats | None = None  # (S, F), of a linear figure that comes from them times the exposures
    apart: Apart | None = None  # the same estimator, where scenarios are drawn anew: of K P&Ls over the same ones
    figure: Figure | None = None  # the same estimator, of any P&L (S,) over the same scenarios or returns
    gradients: tuple[Floats, Floats] | None = None  # (F,) of VaR and ES, of a linear figure
    notes: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()  # of the estimator's own
    simulation: Simulation | None = None


def deviations(moves: Floats, how: Volatility) -> Deviations:
    """Of each series (T,) or (T, F), day by day and for the day after. Raises QX-RISK-001, QX-RISK-009, QX-RISK-012."""
    if how.kind == "garch":
        from qx.risk.garch import garch, stacked

        return garch(moves).volatility if moves.ndim == 1 else stacked([garch(series) for series in moves.T])
    return ewma(moves, how.decay)
