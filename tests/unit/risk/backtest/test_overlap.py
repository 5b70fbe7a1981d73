"""The count of exceptions of overlapping P&L: its mean, its ends, and the binomial where nothing overlaps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qx.risk.backtest.overlap import _counted, _sums, overlapping
from qx.risk.distributions import binomial_cdf, normal_ppf

P99 = Fraction(99, 100)


@pytest.mark.parametrize("overlap", [1, 2, 3, 5, 7, 10, 16, 21])
def test_sums_of_neighbours(overlap: int) -> None:
    values = np.arange(60, dtype=np.float32) % 7
    assert _sums(values, overlap).tolist() == np.convolve(values, np.ones(overlap), "valid").tolist()


def test_without_overlap_it_is_binomial() -> None:
    found = np.cumsum(overlapping(250, P99, 1))
    for count in range(9):
        assert found[count] == pytest.approx(binomial_cdf(count, 250, 0.01), abs=0.004)
    assert 1 - found[9] == pytest.approx(1 - binomial_cdf(9, 250, 0.01), rel=0.1)


@pytest.mark.parametrize("days", [1, 18, 19, 250, 1000])
def test_its_mean_is_that_of_independent_days(days: int) -> None:
    found = overlapping(days, P99, 3)
    assert found.shape == (days + 1,)
    assert found.sum() == pytest.approx(1)
    assert found @ np.arange(days + 1) == pytest.approx(0.01 * days, rel=0.02)


def test_two_days_are_as_dependent_as_they_are() -> None:
    """P(both of two neighbours exceed) of 2-day P&L: correlation 1/2, by another simulation."""
    generator = np.random.default_rng(4)
    days = generator.standard_normal((3, 1_000_000))
    border = normal_ppf(0.95) * 2**0.5
    both = ((days[0] + days[1] > border) & (days[1] + days[2] > border)).mean()
    assert overlapping(2, Fraction(95, 100), 2)[2] == pytest.approx(both, rel=0.02)


def test_the_same_digits_every_time() -> None:
    first = overlapping(250, P99, 2)
    _counted.cache_clear()
    assert (overlapping(250, P99, 2) == first).all()


def test_what_is_none() -> None:
    for days, overlap in ((0, 10), (10, 0)):
        with pytest.raises(ValueError):
            overlapping(days, P99, overlap)
