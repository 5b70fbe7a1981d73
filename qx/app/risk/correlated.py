"""Correlations that were given: the covariance with them, and what is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.text import plural
from qx.model.risk import Treatment
from qx.risk.covariance import corrected, covariance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qx.app.risk.inputs import Loaded

    Floats = NDArray[np.float64]


class Correlated(NamedTuple):
    matrix: Floats  # (F, F), of one day's returns
    told: Treatment


def correlated(loaded: Loaded, weights: Floats | None, ddof: int) -> Correlated:
    """History's covariance, but for the pairs that are given. Raises QX-RISK-012."""
    matrix, repair = corrected(covariance(loaded.market.returns, weights, ddof), loaded.correlated)
    file, pairs = loaded.inputs[-1].path, len(loaded.correlated)
    words = f"{plural(pairs, 'correlation')} as given, the others as in history"
    if repair.size:
        words += (
            f"; together they contradict each other (smallest eigenvalue {repair.lowest:.3g}): the nearest that do "
            f"not, {repair.relative:.2%} away (Frobenius norm {repair.size:.4f})"
        )
    what = "repaired" if repair.size else "assumed"
    return Correlated(matrix, Treatment(what=what, subject=file, words=words, count=pairs))
