"""Covariances, their roots and repairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.kernel.errors import QxError
from qx.risk.aged import weights
from qx.risk.covariance import corrected, correlation, covariance, repaired, root, root_of
from tests.unit.risk import hull

CONTRADICTION = np.array([[1, 0.9, 0.7], [0.9, 1, -0.9], [0.7, -0.9, 1]])


@hull.needed
def test_hull_sample_covariance() -> None:
    """As a course's log of the same data prints it."""
    found = covariance(hull.returns(), ddof=1)
    assert np.diagonal(found) == pytest.approx([1.229524e-4, 2.013973e-4, 1.953506e-4, 1.913129e-4], abs=5.1e-11)
    assert found[0, 1:] == pytest.approx([7.696591e-5, 7.682514e-5, -9.493488e-6], abs=5.1e-12)
    assert found[1, 2:] == pytest.approx([1.821076e-4, 3.944302e-5], abs=5.1e-11)
    assert found[2, 3] == pytest.approx(4.078130e-5, abs=5.1e-12)


@hull.needed
def test_hull_correlations() -> None:
    found = correlation(covariance(hull.returns()))
    assert found[0] == pytest.approx([1, 0.4891061, 0.4957098, -0.0618992], abs=2e-7)
    assert found[1, 2:] == pytest.approx([0.9181082, 0.2009422], abs=2e-7)
    assert found[2, 3] == pytest.approx(0.2109510, abs=2e-7)


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(1, 30), st.booleans())
def test_a_root_is_one_with_more_factors_than_days_too(seed: int, days: int, factors: int, weighed: bool) -> None:
    source = np.random.default_rng(seed)
    moves = source.standard_normal((days, factors)) * 10.0 ** source.integers(-4, 3, factors)
    weight = weights(days, 0.94) if weighed else None
    lower, whole = root(moves, weight, 1), covariance(moves, weight, 1)
    scale = np.sqrt(np.outer(np.diagonal(whole), np.diagonal(whole)))
    assert (np.abs(lower @ lower.T - whole) <= 1e-12 * scale).all()
    assert lower.shape == (factors, min(days, factors))
    assert (np.diagonal(lower) >= 0).all()
    assert (np.triu(lower, 1) == 0).all()


def test_a_root_of_a_given_matrix() -> None:
    whole = np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]])  # singular
    lower = root_of(whole)
    assert lower @ lower.T == pytest.approx(whole, abs=1e-14)
    with pytest.raises(QxError, match="not positive semidefinite") as caught:
        root_of(CONTRADICTION)
    assert caught.value.code == "QX-RISK-012"


def test_what_is_whole_stays_as_it_is() -> None:
    found = repaired(np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert (found.size, found.relative) == (0.0, 0.0)
    assert found.matrix[0, 1] == 0.5


@pytest.mark.parametrize(("method", "first", "second"), [("clip", 0.5465, 0.4027), ("higham", 0.5536, 0.3871)])
def test_a_contradiction_repaired(method: str, first: float, second: float) -> None:
    """Clipped eigenvalues, and Higham's nearest, which is nearer."""
    assert method in {"clip", "higham"}
    found = repaired(CONTRADICTION, "clip" if method == "clip" else "higham", limit=1.0)
    assert found.lowest == pytest.approx(-0.670, abs=5.1e-4)
    assert (found.matrix[0, 1], found.matrix[0, 2]) == pytest.approx((first, second), abs=5.1e-5)
    assert found.size == pytest.approx(float(np.linalg.norm(found.matrix - CONTRADICTION)))
    assert np.diagonal(found.matrix) == pytest.approx(1, abs=1e-15)
    assert np.linalg.eigvalsh(found.matrix)[0] > -1e-9
    assert repaired(CONTRADICTION, "higham", limit=1.0).size <= found.size


def test_higham_2002_the_published_example() -> None:
    """N. J. Higham, "Computing the nearest correlation matrix", section 5."""
    found = repaired(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]), limit=1.0)
    assert found.matrix[0] == pytest.approx([1, 0.7607, 0.1573], abs=5.1e-5)
    assert found.size == pytest.approx(0.5278, abs=5.1e-5)


def test_a_repair_that_moves_much_is_refused() -> None:
    with pytest.raises(QxError, match="contradict each other") as caught:
        repaired(CONTRADICTION)
    assert caught.value.code == "QX-RISK-012"


def test_given_correlations_stand_in_the_covariance_beside_its_own_deviations() -> None:
    whole = covariance(np.random.default_rng(1).standard_normal((200, 3)) * [1.0, 2.0, 5.0])
    found, repair = corrected(whole, [(0, 2, 0.5)])
    assert repair.size == 0
    assert np.diagonal(found) == pytest.approx(np.diagonal(whole), rel=1e-14)
    assert correlation(found)[0, 2] == correlation(found)[2, 0] == pytest.approx(0.5, rel=1e-14)
    assert correlation(found)[0, 1] == pytest.approx(correlation(whole)[0, 1], rel=1e-12)
