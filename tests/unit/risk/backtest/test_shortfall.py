"""Acerbi and Szekely's tests: definition, published critical values, size and power."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from qx.risk.backtest.shortfall import Assumed, null, scores
from qx.risk.distributions import normal_pdf, normal_ppf

P975 = Fraction(975, 1000)


def test_scores_by_hand() -> None:
    pnl = np.array([[-3.0, 1.0], [1.0, 1.0], [-5.0, 0.5], [-2.0, -1.9]])
    var, es = np.full((4, 2), 2.0), np.full((4, 2), 4.0)
    found = scores(pnl, var, es, 0.25)
    assert found.z1[0] == 1 - (3 / 4 + 5 / 4) / 2
    assert math.isnan(found.z1[1])
    assert found.z2.tolist() == [1 - (3 / 4 + 5 / 4) / (4 * 0.25), 1.0]


@pytest.mark.parametrize(("days", "level", "assumed", "significance", "critical", "within"), [
    (250, "0.975", "normal", 0.05, -0.70, 0.01),  # Acerbi and Szekely (2014), table: -0.70
    (250, "0.975", "normal", 0.0001, -1.8, 0.06),  # likewise: -1.8
    (250, "0.975", "t3", 0.05, -0.82, 0.015),  # likewise: -0.82
    (1966, "0.975", "normal", 0.01, -0.34639, 0.006),  # MathWorks, esbacktest
    (1966, "0.975", "t3", 0.01, -0.42986, 0.02),
])  # fmt: skip
def test_published_critical_values_of_z2(
    days: int, level: str, assumed: Assumed, significance: float, critical: float, within: float
) -> None:
    assert null(days, Fraction(level), assumed).critical("z2", significance) == pytest.approx(critical, abs=within)


def test_published_p_values_of_z2_mathworks() -> None:
    assert null(1966, P975, "normal").p_value("z2", -0.38265) == pytest.approx(0.0054099, abs=0.001)
    assert null(1966, P975, "t3").p_value("z2", -0.38265) == pytest.approx(0.018566, abs=0.003)


@pytest.mark.parametrize("assumed", ["normal", "t3"])
def test_right_figures_score_zero_on_average(assumed: Assumed) -> None:
    right = null(250, P975, assumed)
    assert right.z1.mean() == pytest.approx(0, abs=0.002)
    assert right.z2.mean() == pytest.approx(0, abs=0.004)
    assert (np.diff(right.z2) >= 0).all()
    assert right.z1.size < right.z2.size  # a series without exception has no Z1
    assert right.p_value("z2", -99.0) == 0.0
    assert right.p_value("z2", 1.0) == 1.0
    assert right.critical("z2", 0.0) == right.z2[0]


def test_size_and_power() -> None:
    """Right figures are rejected as often as the significance says; ES of half its size nearly always."""
    pnl = np.random.default_rng(6).standard_normal((250, 4000))
    var, es = -normal_ppf(0.025), normal_pdf(normal_ppf(0.025)) / 0.025
    right = null(250, P975, "normal")
    for scale, least, most in ((1.0, 0.04, 0.06), (0.75, 0.85, 1.0)):
        z2 = scores(pnl, np.full_like(pnl, var * scale), np.full_like(pnl, es * scale), 0.025).z2
        rejected = (z2 <= right.critical("z2", 0.05)).mean()
        assert least <= rejected <= most
