"""What the other factors do when some move as told: their expectation given these moves (Kupiec's predictive stress).

    E[r2 | r1 = m] = S21 S11^-1 m        of the covariance S of the returns

Drift is taken as zero: what is asked for is a shock, not a day. S is never formed: S21 x = R2' (R1 x) / (T - 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_CUT: Final = 1e-12  # of the largest eigenvalue of the correlations: below, two given factors are one
_AGREE: Final = 1e-6  # relative: further apart, two moves of one factor contradict each other


class Expected(NamedTuple):
    """Of all factors; those that were given move exactly as told, with deviation 0 and everything explained."""

    returns: Floats  # (F,)
    deviation: Floats  # (F,) standard deviation of a return that is left when the given ones are known
    explained: Floats  # (F,) share of a factor's variance that they explain; NaN of one that never moved


def expected(returns: Floats, given: Places, moves: Floats) -> Expected:
    """`returns` (T, F) of history, `given` (m,) factors, `moves` (m,) returns of theirs.

    Raises QX-RISK-009 (fewer than three days), QX-RISK-012 (a given factor never moved, or the moves contradict each
    other).
    """
    days = len(returns)
    if days < 3:
        said = f"{days} days of returns do not tell how factors move together"
        raise QxError("QX-RISK-009", said, hint="at least 3")
    centred = returns - returns.mean(axis=0)
    sigma = np.sqrt((centred**2).sum(axis=0) / (days - 1))
    if not (sigma[given] > 0).all():
        raise QxError("QX-RISK-012", "a factor whose move is given never moved in the history: it foretells nothing",
                      hint="give another factor, or a longer history")  # fmt: skip
    known = centred[:, given] / sigma[given]  # of unit variance: the cut below must not depend on units
    within = known.T @ known / (days - 1)
    value, vector = np.linalg.eigh(within)
    kept = value > _CUT * value[-1]
    root = vector[:, kept] / np.sqrt(value[kept])  # (m, k): root @ root.T is the inverse
    wanted = moves / sigma[given]
    weight = root @ (root.T @ wanted)
    if np.abs(within @ weight - wanted).max() > _AGREE * max(1e-300, float(np.abs(wanted).max())):
        raise QxError("QX-RISK-012", "the given moves contradict each other: in the history these factors move as one",
                      hint="give one of them")  # fmt: skip
    found = centred.T @ (known @ weight) / (days - 1)
    loading = centred.T @ (known @ root) / (days - 1)  # (F, k)
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(sigma > 0, np.minimum(1.0, (loading**2).sum(axis=1) / sigma**2), np.nan)
    left = sigma * np.sqrt(1 - np.nan_to_num(explained, nan=1.0))
    found[given], left[given], explained[given] = moves, 0.0, 1.0
    return Expected(found, left, explained)
