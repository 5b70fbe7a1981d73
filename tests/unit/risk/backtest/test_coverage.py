"""Kupiec's tests against published figures."""

from __future__ import annotations

import numpy as np
import pytest

from qx.risk.backtest.coverage import first_failure, kupiec, no_failure
from qx.risk.distributions import chi2_sf


@pytest.mark.parametrize(("days", "exceptions", "chance", "ratio", "p_value"), [
    (1043, 57, 0.05, 0.461466395, 0.496939448),  # MathWorks, varbacktest.pof: Normal95
    (1043, 17, 0.01, 3.511812861, 0.060932747),  # MathWorks: Normal99
    (250, 3, 0.05, 10.812334164, 0.001008261),  # MathWorks, proportion of failures: reject
    (250, 3, 0.01, 0.094940123, 0.757988321),  # MathWorks: accept
    (252, 6, 0.01, 3.498776675, 0.061414179),  # Jorion, ch. 6, question 10: 3.498
    (252, 20, 0.05, 3.912550828, 0.047926801),  # Jorion, JP Morgan 1998: 3.91
    (600, 12, 0.01, 4.696343492, 0.030226859),  # Hull RMFI, ch. 12
    (600, 1, 0.01, 6.458451007, 0.011042586),  # Hull RMFI, ch. 12
    (1000, 15, 0.01, 2.189248389, 0.138977118),  # Hull RMFI, exercise
    (250, 0, 0.01, 5.025167927, 0.024981503),  # no exception in a year rejects a 99% VaR
    (250, 10, 0.01, 12.955491062, 0.000318985),
    (255, 7, 0.01, 5.316341341, 0.021126324),
])  # fmt: skip
def test_proportion_of_failures(days: int, exceptions: int, chance: float, ratio: float, p_value: float) -> None:
    found = float(kupiec(days, exceptions, chance))
    assert found == pytest.approx(ratio, abs=6e-10)
    assert chi2_sf(found, 1) == pytest.approx(p_value, abs=6e-10)


NOT_REJECTED = {  # at 5%, both ends included: Kupiec's table, recomputed
    250: {0.005: (0, 4), 0.01: (1, 6), 0.025: (3, 11), 0.05: (7, 19), 0.075: (12, 27), 0.1: (17, 34)},
    255: {0.005: (0, 4), 0.01: (1, 6), 0.025: (3, 11), 0.05: (7, 20), 0.075: (12, 27), 0.1: (17, 35)},
    500: {0.005: (1, 6), 0.01: (2, 9), 0.025: (7, 19), 0.05: (17, 35), 0.075: (27, 49), 0.1: (38, 63)},
    510: {0.005: (1, 6), 0.01: (2, 10), 0.025: (7, 20), 0.05: (17, 35), 0.075: (28, 50), 0.1: (39, 64)},
    750: {0.005: (1, 8), 0.01: (3, 13), 0.025: (12, 27), 0.05: (27, 49), 0.075: (43, 70), 0.1: (60, 91)},
    1000: {0.005: (2, 9), 0.01: (5, 16), 0.025: (16, 35), 0.05: (38, 64), 0.075: (60, 91), 0.1: (82, 119)},
}


@pytest.mark.parametrize("days", NOT_REJECTED)
def test_which_counts_kupiec_does_not_reject(days: int) -> None:
    for chance, (first, last) in NOT_REJECTED[days].items():
        ratios = kupiec(days, np.arange(days + 1), chance)
        kept = [count for count, ratio in enumerate(ratios) if chi2_sf(float(ratio), 1) >= 0.05]
        assert kept == list(range(first, last + 1)), chance


def test_time_until_first_failure_of_mathworks() -> None:
    found = float(first_failure(58, 0.05))
    assert found == pytest.approx(1.7353554, abs=5e-8)
    assert chi2_sf(found, 1) == pytest.approx(0.18773, abs=5e-6)


def test_a_first_failure_that_never_came_is_judged_by_how_long() -> None:
    assert float(no_failure(250, 0.01)) == pytest.approx(5.025167927, abs=5e-9)
    assert float(no_failure(20, 0.01)) < 0.5
    assert float(first_failure(1, 0.01)) == pytest.approx(-2 * np.log(0.01))


def test_all_days_or_none() -> None:
    assert kupiec([10, 10, 100], [0, 10, 1], 0.01) == pytest.approx([-20 * np.log(0.99), -20 * np.log(0.01), 0.0])
