"""Distribution functions against scipy's, in the middle and far out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from qx.risk import distributions as d

TAILS = [10.0**-n for n in (1, 2, 3, 5, 8, 12, 20, 50, 150, 300)]
PROBABILITIES = [*TAILS, 0.05, 0.2, 0.3, 0.425, 0.499, 0.5, 0.501, 0.7, 0.95, 0.975, 0.99, 0.9999]
DEGREES = [0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 7.3, 30.0, 250.0, 1e4, 1e7]
POINTS = [-37.0, -12.5, -7.1, -7.07, -5.0, -3.0, -1.0, -1e-3, 0.0, 1e-9, 0.3, 1.5, 2.326, 4.0, 7.0, 9.0]


@pytest.mark.parametrize("x", POINTS)
def test_normal(x: float) -> None:
    assert d.normal_cdf(x) == pytest.approx(float(scipy.special.ndtr(x)), rel=1e-13)
    assert d.normal_pdf(x) == pytest.approx(float(scipy.stats.norm.pdf(x)), rel=1e-13)


def test_normal_of_arrays_is_that_of_numbers() -> None:
    x = np.array([*POINTS, -60.0, math.inf, -math.inf, *np.linspace(-9, 9, 20_011)])
    np.testing.assert_allclose(d.normal_cdf(x), scipy.special.ndtr(x), rtol=2e-13)
    assert d.normal_cdf(x.reshape(-1, 1)).shape == (x.size, 1)
    assert math.isnan(float(d.normal_cdf(np.array([math.nan]))[0]))


def test_normal_quantiles() -> None:
    for p in PROBABILITIES:
        assert d.normal_ppf(p) == pytest.approx(float(scipy.special.ndtri(p)), rel=1e-13, abs=1e-16)
    found = d.normal_ppf(np.array([0.0, 1.0, -0.1, 1.1, math.nan]))
    assert found.tolist()[:2] == [-math.inf, math.inf]
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("degrees", DEGREES)
def test_student_t(degrees: float) -> None:
    there = scipy.stats.t(degrees)
    for x in POINTS:
        if x != 1e-9:  # where scipy's is 0.5
            assert d.t_cdf(x, degrees) == pytest.approx(float(there.cdf(x)), rel=1e-11), x
        assert d.t_pdf(x, degrees) == pytest.approx(float(there.pdf(x)), rel=1e-11), x
    points = [*POINTS, math.inf, -math.inf]
    np.testing.assert_allclose(d.t_cdf(np.array(points), degrees), [d.t_cdf(x, degrees) for x in points], rtol=1e-12)


def test_student_t_beside_its_middle() -> None:
    assert d.t_cdf(1e-9, 1.0) == pytest.approx(0.5 + math.atan(1e-9) / math.pi, rel=1e-15)


@pytest.mark.parametrize("degrees", DEGREES)
def test_student_t_quantiles_come_back(degrees: float) -> None:
    for p in [0.3, 0.2, 0.05, 0.01, 0.001, 1e-8, 0.45, 0.5, 0.975, 0.999]:
        x = d.t_ppf(p, degrees)
        assert d.t_cdf(x, degrees) == pytest.approx(p, rel=1e-12)
        assert x == pytest.approx(float(scipy.stats.t.ppf(p, degrees)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("degrees", "level", "quantile"), [
    (4, 0.99, 3.746947), (5, 0.99, 3.364930), (6, 0.975, 2.446912),
])
def test_published_quantiles_of_student_t(degrees: float, level: float, quantile: float) -> None:
    assert d.t_ppf(level, degrees) == pytest.approx(quantile, abs=5e-7)


@pytest.mark.parametrize("degrees", [0.5, 1, 2, 3, 4, 7.5, 50, 1000])
def test_chi_square(degrees: float) -> None:
    for x in [1e-8, 0.01, 0.5, 1.0, 3.84, 6.63, 20.0, 51.0, 100.0, 990.0, 1300.0]:
        assert d.chi2_sf(x, degrees) == pytest.approx(float(scipy.stats.chi2.sf(x, degrees)), rel=1e-12, abs=1e-300)
    assert d.chi2_sf(0.0, degrees) == d.chi2_sf(-1.0, degrees) == 1.0
    assert d.chi2_sf(math.inf, degrees) == 0.0


@pytest.mark.parametrize(("x", "degrees", "level"), [
    (2.705543454, 1, 0.90), (3.841458821, 1, 0.95), (6.634896601, 1, 0.99),
    (4.605170186, 2, 0.90), (5.991464547, 2, 0.95), (9.210340372, 2, 0.99),
])
def test_published_points_of_chi_square(x: float, degrees: float, level: float) -> None:
    assert d.chi2_sf(x, degrees) == pytest.approx(1 - level, rel=1e-9)


TRIALS = [(1, 0.3), (10, 0.5), (250, 0.01), (500, 0.025), (2500, 0.005), (10_000, 0.05), (1_000_000, 0.01)]


@pytest.mark.parametrize(("n", "p"), TRIALS)
def test_binomial(n: int, p: float) -> None:
    there = scipy.stats.binom(n, p)
    mean, spread = n * p, math.sqrt(n * p * (1 - p))
    for k in {0, 1, n, *(min(max(round(mean + step * spread), 0), n) for step in (-6, -2, -0.5, 0, 0.5, 2, 6))}:
        assert d.binomial_pmf(k, n, p) == pytest.approx(float(there.pmf(k)), rel=2e-11, abs=1e-300)
        assert d.binomial_cdf(k, n, p) == pytest.approx(float(there.cdf(k)), rel=2e-11, abs=1e-300)
        assert d.binomial_sf(k, n, p) == pytest.approx(float(there.sf(k)), rel=2e-11, abs=1e-300)
    for q in (0.001, 0.025, 0.5, 0.975, 0.999):
        assert d.binomial_ppf(q, n, p) == int(there.ppf(q))


def test_binomial_of_counts_that_cannot_be() -> None:
    assert [d.binomial_pmf(k, 5, 0.1) for k in (-1, 6)] == [0.0, 0.0]
    assert [d.binomial_cdf(k, 5, 0.1) for k in (-1, 5)] == [0.0, 1.0]
    assert [d.binomial_sf(k, 5, 0.1) for k in (-1, 5)] == [1.0, 0.0]
    assert [d.binomial_cdf(1, 5, p) for p in (0.0, 1.0)] == [1.0, 0.0]


def test_borders_and_bad_parameters() -> None:
    assert [d.t_cdf(x, 3.0) for x in (math.inf, -math.inf)] == [1.0, 0.0]
    for call in (
        lambda: d.t_ppf(0.0, 3), lambda: d.t_ppf(0.5, 0), lambda: d.t_cdf(0.0, -1), lambda: d.t_cdf(np.zeros(1), 0),
        lambda: d.chi2_sf(1, 0), lambda: d.binomial_cdf(1, -1, 0.5), lambda: d.binomial_pmf(1, 2, 1.5),
        lambda: d.binomial_ppf(1.0, 2, 0.5),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            call()
