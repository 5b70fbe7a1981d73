"""Cornish-Fisher: Hull's published figure, numeric integration, and where it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from qx.kernel.errors import QxError
from qx.risk.cornish_fisher import Moments, cornish_fisher, loss, moments, monotone, of_delta_gamma
from qx.risk.parametric import multiples
from qx.risk.tail import figure
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99


def quantile(chance: float, of: Moments) -> float:
    z, skewness, kurtosis = float(stats.norm.ppf(chance)), of.skewness, of.kurtosis
    corrected = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    return of.mean + of.deviation * corrected


@hull.needed
def test_hull_cornish_fisher() -> None:
    pnl = hull.returns() @ HELD
    of = moments(pnl)
    assert (of.skewness, of.kurtosis) == pytest.approx((0.081933, 4.165650), abs=5.1e-7)
    found = cornish_fisher(pnl, P99)
    assert found.var == pytest.approx(303.911, abs=5.1e-4)
    assert found.es == pytest.approx(-integrate.quad(quantile, 0, 0.01, args=(of,))[0] / 0.01, rel=1e-6)
    for rows, value in ((found.var_rows, found.var), (found.es_rows, found.es)):
        assert figure(rows, pnl) == pytest.approx(value, rel=1e-12)
        assert rows.weight.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("gamma", "covariance"), [(-10_000.0, 1.0), (1.0, 1e6)])
def test_a_book_of_nothing_but_gamma_is_refused(gamma: float, covariance: float) -> None:
    """Open Source Risk Engine, deltagammavar: Cornish-Fisher says -4707.882 where -0.785 is exact."""
    of = of_delta_gamma(np.zeros(1), np.array([[gamma]]), np.array([[covariance]]))
    assert (abs(of.skewness), of.kurtosis) == pytest.approx((8**0.5, 12.0), rel=1e-13)
    with pytest.raises(QxError, match="not monotone") as caught:
        loss(of, P99)
    assert caught.value.code == "QX-RISK-012"
    if gamma < 0:  # what it would have said
        assert quantile(0.99, of) == pytest.approx(-4707.882, abs=5.1e-4)


def test_moments_of_delta_and_gamma_are_those_of_the_draws() -> None:
    delta, gamma = np.array([1.0, -2.0]), np.array([[1.0, 0.3], [0.3, -0.5]])
    covariance = np.array([[1.0, 0.2], [0.2, 0.5]])
    drawn = np.random.default_rng(8).multivariate_normal(np.zeros(2), covariance, 400_000)
    pnl = drawn @ delta + ((drawn @ gamma) * drawn).sum(axis=1) / 2
    found, seen = of_delta_gamma(delta, gamma, covariance), moments(pnl)
    assert found[:2] == pytest.approx(seen[:2], abs=0.01)
    assert found[2:] == pytest.approx(seen[2:], abs=0.05)


def test_without_skewness_and_kurtosis_it_is_the_normal() -> None:
    found = loss(Moments(3.0, 2.0, 0.0, 0.0), P99)
    var, es = multiples(P99)
    assert found == pytest.approx((2 * var - 3, 2 * es - 3), rel=1e-13)
    assert loss(Moments(3.0, 2.0, 0.0, 0.0), P99, mean=False).var == pytest.approx(2 * var, rel=1e-13)


@given(st.floats(-4, 4), st.floats(-3, 12))
def test_it_is_monotone_where_it_is_said_to_be(skewness: float, kurtosis: float) -> None:
    z = np.linspace(-4, 4, 1601)
    corrected = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    steepest = np.diff(corrected).min() / 0.005
    if abs(steepest) > 0.01:  # nearer to flat the grid is too coarse to tell
        assert monotone(skewness, kurtosis) == (steepest > 0)


@pytest.mark.parametrize("mean", [True, False])
def test_the_rows_are_derivatives(mean: bool) -> None:
    pnl = np.random.default_rng(3).standard_t(8, 300) * 5 + 1
    found = cornish_fisher(pnl, P99, mean=mean)

    def bumped(at: int, by: float) -> NDArray[np.float64]:
        other = pnl.copy()
        other[at] += by
        one = cornish_fisher(other, P99, mean=mean)
        return np.array([one.var, one.es])

    for at in (int(pnl.argmin()), int(pnl.argmax()), 7):
        slope = (bumped(at, 1e-4) - bumped(at, -1e-4)) / 2e-4
        assert slope == pytest.approx([-found.var_rows.weight[at], -found.es_rows.weight[at]], abs=1e-7)


def test_the_interval_is_as_wide_as_the_figure_scatters() -> None:
    """Of a Student-t with 12 degrees of freedom: its variance is 1.2, its excess kurtosis 6/8."""
    source = np.random.default_rng(4)
    found = [cornish_fisher(source.standard_t(12, 3000), P99) for _ in range(150)]
    true = loss(Moments(0.0, 1.2**0.5, 0.0, 0.75), P99).var
    inside = [e.var_interval is not None and e.var_interval.low <= true <= e.var_interval.high for e in found]
    assert 0.85 < sum(inside) / len(inside) < 0.98


def test_what_never_moves_and_what_is_alone() -> None:
    still = cornish_fisher(np.full(10, -2.0), P99)
    assert (still.var, still.es) == (2.0, 2.0)
    assert figure(still.var_rows, np.full(10, -2.0)) == pytest.approx(2.0)
    with pytest.raises(QxError) as caught:
        cornish_fisher(np.ones(1), P99)
    assert caught.value.code == "QX-RISK-009"
