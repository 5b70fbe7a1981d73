"""Age-weighted and volatility-scaled history, to Hull's published figures."""

from __future__ import annotations

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.risk.aged import effective, weights
from qx.risk.filtered import ratios, scaled
from qx.risk.tail import historical
from qx.risk.volatility import Volatility, ewma
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99


@hull.needed
@pytest.mark.parametrize(("decay", "var", "es"), [(0.995, 282.204, 400.914), (0.99, 345.435, 470.917)])
def test_hull_age_weighted(decay: float, var: float, es: float) -> None:
    found = historical(hull.returns() @ HELD, P99, weights=weights(500, decay))
    assert (found.var, found.es) == pytest.approx((var, es), abs=5.1e-4)


@hull.needed
def test_hull_weights_of_the_worst() -> None:
    found = weights(500, 0.995)
    assert found[[493, 338, 348, 328, 486, 226]] == pytest.approx(
        [0.00528, 0.00243, 0.00255, 0.00231, 0.00510, 0.00139], abs=5.1e-6
    )


@hull.needed
@pytest.mark.parametrize(("decay", "var", "es", "of"), [(0.94, 602.968, 750.078, 5), (0.96, 535.260, 704.283, 4)])
def test_hull_volatility_scaled_per_factor(decay: float, var: float, es: float, of: int) -> None:
    moves = hull.returns()
    pnl = scaled(moves, ewma(moves, decay)) @ HELD
    assert historical(pnl, P99).var == pytest.approx(var, abs=5.1e-4)
    assert -np.sort(pnl)[:of].mean() == pytest.approx(es, abs=5.1e-4)  # that many are averaged there
    if decay == 0.94:
        assert -np.sort(pnl)[:2] == pytest.approx([1082.969, 715.512], abs=5.1e-4)


@hull.needed
@pytest.mark.parametrize(("decay", "var", "es"), [(0.94, 616.037, 762.835), (0.96, 535.634, 699.696)])
def test_hull_volatility_scaled_on_the_portfolio(decay: float, var: float, es: float) -> None:
    pnl = hull.returns() @ HELD
    found = scaled(pnl, ewma(pnl, decay))
    assert historical(found, P99).var == pytest.approx(var, abs=5.1e-4)
    assert -np.sort(found)[:4].mean() == pytest.approx(es, abs=5.1e-4)


@hull.needed
def test_hull_exercise_is_a_day_stale() -> None:
    """The printed answer scales by the volatility of the last day, not by tomorrow's."""
    pnl = hull.returns() @ HELD
    days, _ = ewma(pnl, 0.96)
    stale = scaled(pnl, Volatility(days, days[-1]))
    assert historical(stale, P99).var == pytest.approx(541.337, abs=5.1e-4)
    assert -np.sort(stale)[:4].mean() == pytest.approx(707.146, abs=5.1e-4)


def test_one_volatility_for_all_factors_is_that_of_the_portfolio() -> None:
    moves = np.random.default_rng(1).standard_normal((50, 3))
    held = np.array([1.0, -2.0, 0.5])
    of = ewma(moves @ held, 0.94)
    assert scaled(moves, of) @ held == pytest.approx(scaled(moves @ held, of), rel=1e-13)


def test_what_never_moved_is_not_scaled() -> None:
    assert ratios(ewma(np.zeros((5, 2)), 0.94)).tolist() == [[1.0, 1.0]] * 5


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.01, float("nan")])
def test_a_decay_that_is_none(decay: float) -> None:
    with pytest.raises(QxError, match="no decay") as caught:
        weights(10, decay)
    assert caught.value.code == "QX-RISK-001"


def test_equal_weights_are_of_no_age() -> None:
    assert weights(4, 1.0).tolist() == [0.25] * 4
    assert effective(weights(4, 1.0)) == 4
    with pytest.raises(QxError, match="no scenario"):
        weights(0, 1.0)
