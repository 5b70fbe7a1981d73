"""EWMA and GARCH(1,1): published figures, another package's fits, simulated series, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qx.kernel.errors import QxError
from qx.risk.garch import garch, stacked
from qx.risk.volatility import ewma, recursed
from tests.unit.risk import hull


def simulated(seed: int, days: int, omega: float, alpha: float, beta: float) -> NDArray[np.float64]:
    normal = np.random.default_rng(seed).standard_normal(days)
    found = np.empty(days)
    variance = omega / (1 - alpha - beta)
    for day in range(days):
        found[day] = np.sqrt(variance) * normal[day]
        variance = omega + alpha * found[day] ** 2 + beta * variance
    return found


# -- EWMA ------------------------------------------------------------------------------------------
def test_hull_step() -> None:
    found = ewma(np.array([0.02]), 0.9, seed=np.array(0.01**2))
    assert found.next**2 == pytest.approx(0.00013, rel=1e-13)
    assert found.next == pytest.approx(0.011401754251, abs=5.1e-13)
    assert found.days == pytest.approx([0.01], rel=1e-15)


@pytest.mark.parametrize("series", [1, 3, 40])
def test_no_day_is_scaled_by_a_volatility_that_knows_it(series: int) -> None:
    """Few series are summed by doubling, many day by day: the same figures."""
    moves = np.random.default_rng(series).standard_normal((300, series))
    found = ewma(moves, 0.94)
    variance = moves.var(axis=0, ddof=1)
    for day, move in enumerate(moves):
        assert found.days[day] == pytest.approx(np.sqrt(variance), rel=1e-12)
        variance = 0.94 * variance + 0.06 * move**2
    assert found.next == pytest.approx(np.sqrt(variance), rel=1e-12)


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.999])
def test_a_recursion_of_any_length(factor: float) -> None:
    for length in (1, 2, 3, 64, 65, 1000):
        into = np.random.default_rng(length).random(length)
        found = recursed(into.copy(), factor)
        value = 0.0
        for at in range(length):
            value = into[at] + factor * value
            assert found[at] == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("decay", [0.0, 1.0, 2.0])
def test_a_decay_that_is_none(decay: float) -> None:
    with pytest.raises(QxError, match="no decay"):
        ewma(np.ones(5), decay)


def test_one_return_tells_no_volatility() -> None:
    with pytest.raises(QxError) as caught:
        ewma(np.ones(1), 0.94)
    assert caught.value.code == "QX-RISK-009"


# -- GARCH -----------------------------------------------------------------------------------------
@hull.needed
@pytest.mark.parametrize(("index", "omega", "alpha", "beta", "likelihood", "tomorrow"), [
    (0, 0.009962e-4, 0.065488, 0.932809, 1603.47509, 2.248760),
    (2, 0.028250e-4, 0.136231, 0.860314, 1503.04174, 3.729960),
    (3, 0.064006e-4, 0.136372, 0.839352, 1468.62145, 1.590130),
])  # fmt: skip
def test_the_indices_as_arch_8_0_0_fits_them(
    index: int, omega: float, alpha: float, beta: float, likelihood: float, tomorrow: float
) -> None:
    found = garch(hull.returns()[:, index])
    assert (found.alpha, found.beta) == pytest.approx((alpha, beta), abs=2e-6)
    assert found.omega == pytest.approx(omega, rel=1e-4)
    assert found.log_likelihood == pytest.approx(likelihood, abs=6e-6)
    assert float(found.volatility.next) * 100 == pytest.approx(tomorrow, abs=2e-5)


@hull.needed
def test_a_variance_without_a_long_run_is_refused() -> None:
    """arch stops at alpha + beta = 1 of the FTSE 100, too."""
    with pytest.raises(QxError, match="no long run") as caught:
        garch(hull.returns()[:, 1])
    assert caught.value.code == "QX-RISK-012"


def test_simulated_series_are_found_again() -> None:
    """Within what its own standard errors say, of all three parameters, about as often as they say."""
    true = np.array([2e-6, 0.08, 0.9])
    fits = [garch(simulated(seed, 4000, *true)) for seed in range(30)]
    found = np.array([[fit.omega, fit.alpha, fit.beta] for fit in fits])
    errors = np.array([fit.errors for fit in fits])
    assert found.mean(axis=0) == pytest.approx(true, rel=0.08)
    inside = (np.abs(found - true) < 1.96 * errors).mean(axis=0)
    assert (inside > 0.8).all()
    assert all(fit.gain <= 1e-9 for fit in fits)
    assert max(fit.steps for fit in fits) < 100


def test_no_neighbour_is_more_likely() -> None:
    series = simulated(3, 1500, 1e-6, 0.1, 0.85)
    found = garch(series)
    start = float(series @ series) / len(series)

    def likelihood(omega: float, alpha: float, beta: float) -> float:
        variance, total = omega + (alpha + beta) * start, 0.0
        for move in series.tolist():
            total -= (np.log(2 * np.pi * variance) + move**2 / variance) / 2
            variance = omega + alpha * move**2 + beta * variance
        return float(total)

    best = likelihood(found.omega, found.alpha, found.beta)
    assert found.log_likelihood == pytest.approx(best, rel=1e-12)
    for step in (-1e-3, 1e-3):
        assert likelihood(found.omega * (1 + step), found.alpha, found.beta) < best
        assert likelihood(found.omega, found.alpha * (1 + step), found.beta) < best
        assert likelihood(found.omega, found.alpha, found.beta * (1 + step)) < best


def test_the_path_ends_with_tomorrow() -> None:
    series = simulated(4, 800, 1e-6, 0.1, 0.85)
    found = garch(series)
    last = found.omega + found.alpha * series[-1] ** 2 + found.beta * found.volatility.days[-1] ** 2
    assert float(found.volatility.next) == pytest.approx(np.sqrt(last), rel=1e-12)
    assert found.over(1) == pytest.approx(float(found.volatility.next), rel=1e-12)
    second = found.omega + found.persistence * last
    assert found.over(2) == pytest.approx(np.sqrt(last + second), rel=1e-12)
    together = stacked([found, found])
    assert together.days.shape == (800, 2)
    assert together.next.tolist() == [float(found.volatility.next)] * 2


@pytest.mark.parametrize(("series", "code"), [
    (np.ones(100), "QX-RISK-009"), (np.zeros(300), "QX-RISK-012"),
    (np.random.default_rng(2).standard_normal(1000), "QX-RISK-012"),  # its size does not cluster
    (np.random.default_rng(6).standard_normal(1000), "QX-RISK-012"),
])  # fmt: skip
def test_what_is_no_garch_is_refused(series: NDArray[np.float64], code: str) -> None:
    with pytest.raises(QxError) as caught:
        garch(series)
    assert caught.value.code == code
