"""Covariances: without forming them where possible, repaired and told where they are not positive semidefinite.

`root` is what a simulation needs: L with L L' = covariance, by QR of the returns themselves. Only correlations that
are given by hand can be indefinite; `repaired` mends these, says how far it moved them, and refuses to move them far.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LIMIT = 0.1  # of the Frobenius norm of the change, over that of the matrix
FLAT = 1e-10  # an eigenvalue this far below zero is rounding
STEPS = 500


class Repair(NamedTuple):
    """A correlation matrix, and how it came to be one. `size`: Frobenius norm of the change; `relative`: over that of
    the matrix; `lowest`: its smallest eigenvalue before.
    """

    matrix: Floats
    size: float
    relative: float
    lowest: float


def weighed(returns: Floats, weights: Floats | None = None, ddof: int = 0) -> Floats:
    """-> A (T, F) with A' A = covariance: about the mean with T - ddof, or with `weights` (T,) about zero."""
    if len(returns) < 2:
        raise QxError("QX-RISK-009", f"{len(returns)} returns tell no covariance", hint="bring more days of prices")
    if weights is not None:
        return returns * np.sqrt(weights)[:, np.newaxis]
    found: Floats = (returns - returns.mean(axis=0)) / math.sqrt(len(returns) - ddof)
    return found


def covariance(returns: Floats, weights: Floats | None = None, ddof: int = 0) -> Floats:
    """-> (F, F), where it is wanted as such."""
    half = weighed(returns, weights, ddof)
    return half.T @ half


def root(returns: Floats, weights: Floats | None = None, ddof: int = 0) -> Floats:
    """-> L (F, r), r = min(T, F), lower triangular with a diagonal >= 0, L L' = covariance (Cholesky, but for singular
    ones too).
    """
    return _lower(weighed(returns, weights, ddof))


def root_of(matrix: Floats) -> Floats:
    """-> L (F, F) of a covariance or correlation that is given. Raises QX-RISK-012 unless it is semidefinite."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < -FLAT * max(abs(values[-1]), 1.0):
        said = f"a covariance that is not positive semidefinite: smallest eigenvalue {values[0]:.3g}"
        raise QxError("QX-RISK-012", said, hint="repair it")
    return _lower((vectors * np.sqrt(np.maximum(values, 0.0))).T)


def _lower(half: Floats) -> Floats:
    """L with L L' = half' half, from the QR of `half`; the signs that QR leaves open make the diagonal positive."""
    upper = np.linalg.qr(half).R
    return np.ascontiguousarray((upper * np.where(np.diagonal(upper) < 0, -1.0, 1.0)[:, np.newaxis]).T)


def correlation(matrix: Floats) -> Floats:
    """Of a covariance; a factor that never moves is correlated with itself only."""
    deviation = np.sqrt(np.diagonal(matrix))
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    found = matrix * scale * scale[:, np.newaxis]
    np.fill_diagonal(found, 1.0)
    return found


def corrected(matrix: Floats, given: Iterable[tuple[int, int, float]]) -> tuple[Floats, Repair]:
    """-> covariance (F, F) with the correlations of some pairs of factors as given, and the repair that this took.

    Raises QX-RISK-012 where they contradict the others too far.
    """
    deviation = np.sqrt(np.diagonal(matrix))
    wanted = correlation(matrix)
    for one, other, value in given:
        wanted[one, other] = wanted[other, one] = value
    repair = repaired(wanted)
    return repair.matrix * deviation * deviation[:, np.newaxis], repair


def repaired(matrix: Floats, method: Literal["clip", "higham"] = "higham", limit: float = LIMIT) -> Repair:
    """The nearest correlation matrix (Higham 2002), or eigenvalues clipped at zero and rescaled: faster, further.

    What is one already stays as it is. Raises QX-RISK-012 when the change is above `limit`, relative.
    """
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest >= -FLAT:
        return Repair(matrix, 0.0, 0.0, lowest)
    found = _clipped(matrix) if method == "clip" else _nearest(matrix)
    size = float(np.linalg.norm(found - matrix))
    relative = size / float(np.linalg.norm(matrix))
    if relative > limit:
        said = f"correlations that contradict each other: the nearest that do not are {relative:.1%} away"
        raise QxError("QX-RISK-012", said, hint=f"at most {limit:.0%} is repaired; correct them")
    return Repair(found, size, relative, lowest)


def _clipped(matrix: Floats) -> Floats:
    return correlation(_semidefinite(matrix))


def _semidefinite(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    found: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return found


def _nearest(matrix: Floats) -> Floats:
    """Alternating projections with Dykstra's correction; the last is clipped and rescaled."""
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(STEPS):
        before = found
        shifted = found - correction
        definite = _semidefinite(shifted)
        correction = definite - shifted
        found = definite.copy()
        np.fill_diagonal(found, 1.0)
        if float(np.linalg.norm(found - before)) <= 1e-12 * float(np.linalg.norm(found)):
            break
    return _clipped(found)
