"""The cascade of liquidity horizons (MAR33.5) and orderly closing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qx.risk import liquidity


def test_a_book_of_energy_prices_has_the_root_of_two_of_its_ten_days() -> None:
    """All move within 20 days: MAR33.12."""
    assert liquidity.cascade([100.0, 100.0, 0.0, 0.0, 0.0]) == pytest.approx(100 * math.sqrt(2), rel=1e-15)


def test_what_is_out_in_ten_days_is_not_stretched() -> None:
    assert liquidity.cascade([100.0, 0.0, 0.0, 0.0, 0.0]) == 100.0


def test_what_takes_120_days_has_twelve_times_the_variance() -> None:
    assert liquidity.cascade([1.0] * 5) == pytest.approx(math.sqrt(12), rel=1e-15)


def test_a_horizon_between_two_counts_as_the_longer() -> None:
    days = np.array([1.0, 10.0, 11.0, 20.0, 41.0, 120.0, 250.0])
    assert [liquidity.HORIZONS[step] for step in liquidity.horizon(days)] == [10, 10, 20, 20, 60, 120, 120]


@pytest.mark.parametrize("days", [1, 2, 10, 60])
def test_orderly_closing_is_the_root_of_the_squares_of_what_is_left(days: int) -> None:
    left = [part / days for part in range(1, days + 1)]
    expected = math.sqrt(sum(part * part for part in left))
    assert liquidity.orderly(np.array([float(days)]))[0] == pytest.approx(expected, rel=1e-14)
