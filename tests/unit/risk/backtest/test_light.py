"""The traffic light against the table of the Basel Committee (1996), MathWorks and ORE."""

from __future__ import annotations

from fractions import Fraction

import pytest

from qx.risk.backtest.light import borders, traffic_light

P99 = Fraction(99, 100)


# exceptions, zone, plus factor, cumulative %, type I %: 250 days at 99%
@pytest.mark.parametrize(("exceptions", "zone", "plus", "cumulative", "type1"), [
    (0, "green", 0.0, 8.105852, 100.0), (1, "green", 0.0, 28.575174, 91.894148),
    (2, "green", 0.0, 54.316897, 71.424826), (3, "green", 0.0, 75.811670, 45.683103),
    (4, "green", 0.0, 89.218763, 24.188330), (5, "yellow", 0.40, 95.881682, 10.781237),
    (6, "yellow", 0.50, 98.629855, 4.118318), (7, "yellow", 0.65, 99.597466, 1.370145),
    (8, "yellow", 0.75, 99.894347, 0.402534), (9, "yellow", 0.85, 99.974981, 0.105653),
    (10, "red", 1.00, 99.994610, 0.025019), (15, "red", 1.00, 99.999999, 0.000005),
])  # fmt: skip
def test_basel_1996(exceptions: int, zone: str, plus: float, cumulative: float, type1: float) -> None:
    found = traffic_light(250, exceptions, P99)
    assert (found.zone, found.plus_factor) == (zone, plus)
    assert found.probability * 100 == pytest.approx(cumulative, abs=5.1e-7)
    assert found.type1 * 100 == pytest.approx(type1, abs=5.1e-7)


@pytest.mark.parametrize(("days", "chance", "yellow", "red"), [
    (250, "0.005", 3, 7), (250, "0.01", 5, 10), (250, "0.025", 11, 17), (250, "0.05", 18, 27),
    (500, "0.005", 5, 10), (500, "0.01", 9, 15), (500, "0.025", 18, 27), (500, "0.05", 33, 45),
    (750, "0.005", 7, 13), (750, "0.01", 12, 20), (750, "0.025", 26, 37), (750, "0.05", 48, 61),
    (1000, "0.005", 9, 15), (1000, "0.01", 15, 24), (1000, "0.025", 33, 45), (1000, "0.05", 62, 77),
])  # fmt: skip
def test_zones_of_other_days_and_levels(days: int, chance: str, yellow: int, red: int) -> None:
    assert borders(days, 1 - Fraction(chance)) == (yellow, red)


def test_mathworks_varbacktest_tl() -> None:
    found = traffic_light(1043, 57, Fraction(95, 100))
    assert found.probability == pytest.approx(0.7791272433, abs=5e-11)
    assert found.type1 == pytest.approx(0.263958466, abs=5e-10)
    assert (found.zone, found.plus_factor) == ("green", None)


# Largest green and amber count of 10-day P&L told daily: ORE's table, made with 1e8 samples (SIMM backtesting report).
@pytest.mark.parametrize(("days", "green", "amber"), [
    (100, 4, 18), (150, 6, 20), (200, 7, 22), (250, 8, 24), (300, 9, 26), (400, 11, 29), (500, 13, 32),
    (600, 15, 35),
])  # fmt: skip
def test_zones_of_overlapping_pnl_are_those_of_ore(days: int, green: int, amber: int) -> None:
    assert borders(days, P99, 10) == (green + 1, amber + 1)


def test_a_right_var_of_ten_days_has_more_than_four_exceptions_a_year_one_time_in_five() -> None:
    assert traffic_light(250, 5, P99, 10).type1 == pytest.approx(0.21, abs=0.005)
    assert traffic_light(250, 5, P99, 10).zone == "green"


def test_ends_of_the_count_of_overlapping_pnl() -> None:
    assert traffic_light(250, 0, P99, 10).type1 == 1.0
    last = traffic_light(250, 250, P99, 10)
    assert last.zone == "red"
    assert last.probability == pytest.approx(1)
    assert last.plus_factor is None
