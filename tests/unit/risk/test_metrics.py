"""Performance figures against the vectors of empyrical's own tests, and by hand."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TypeAlias

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from qx.kernel.errors import QxError
from qx.model.performance import Performance
from qx.risk import metrics as m

Floats: TypeAlias = NDArray[np.float64]


def percent(*values: float) -> Floats:
    return np.array(values) / 100


# empyrical, conftest.py
MIXED = percent(math.nan, 1, 10, -4, 2, 3, 2, 1, -10)
NEGATIVE = percent(0, -6, -7, -1, -9, -2, -6, -8, -5)
ALL_NEGATIVE = percent(-2, -6, -7, -1, -9, -2, -6, -8, -5)
POSITIVE = percent(1, 2, 1, 1, 1, 1, 1, 1, 1)
BENCHMARK = percent(0, 1, 0, 1, 0, 1, 0, 1, 0)
WEEKLY = percent(0, 1, 10, -4, 2, 3, 2, 1, -10)
FLAT = percent(1, 1, 1, 1, 1, 1, 1, 1, 1)
ONE = percent(1)
UP_DOWN_UP = percent(10, -10, 10)


@pytest.mark.parametrize(("returns", "depth"), [
    (ONE, 0.0), (BENCHMARK, 0.0), (POSITIVE, 0.0), (MIXED, 0.1), (NEGATIVE, 0.3659073), (UP_DOWN_UP, 0.1),
    (ALL_NEGATIVE, 0.378589157),  # the loss of the first day is in it
])  # fmt: skip
def test_max_drawdown_of_empyrical(returns: Floats, depth: float) -> None:
    assert m.max_drawdown(returns) == pytest.approx(depth, abs=5e-9)


def test_sharpe_of_empyrical() -> None:
    assert m.sharpe(MIXED) == pytest.approx(1.7238613961706866, rel=1e-13)
    assert m.sharpe(POSITIVE) == pytest.approx(52.915026221291804, rel=1e-13)
    assert m.sharpe(NEGATIVE) == pytest.approx(-24.406808633910085, rel=1e-13)
    assert m.sharpe(FLAT) == math.inf
    assert math.isnan(m.sharpe(ONE))
    assert m.sharpe(MIXED, BENCHMARK) == pytest.approx(0.34111411441060574, rel=1e-13)


def test_sortino_of_empyrical() -> None:
    assert m.sortino(MIXED) == pytest.approx(2.605531251673693, rel=1e-13)
    assert m.sortino(MIXED, FLAT) == pytest.approx(-1.3934779588919977, rel=1e-13)
    assert m.sortino(NEGATIVE) == pytest.approx(-13.5327430750434, rel=1e-13)
    assert m.sortino(POSITIVE) == math.inf
    assert m.sortino(WEEKLY, periods=52) == pytest.approx(1.115890105686644, rel=1e-13)
    assert m.sortino(WEEKLY, periods=12) == pytest.approx(0.5360562674188976, rel=1e-13)


def test_risk_and_return_of_empyrical() -> None:
    assert m.downside_risk(MIXED) == pytest.approx(0.6044832503882965, rel=1e-13)
    assert m.downside_risk(MIXED, 0.1) == pytest.approx(1.7161730681956295, rel=1e-13)
    assert m.downside_risk(WEEKLY, periods=52) == pytest.approx(0.25888650451930134, rel=1e-13)
    assert m.downside_risk(WEEKLY, periods=12) == pytest.approx(0.1243650540411842, rel=1e-13)
    assert m.volatility(MIXED) == pytest.approx(0.9136465399704637, rel=1e-13)
    assert m.volatility(WEEKLY, 52) == pytest.approx(0.38851569394870583, rel=1e-13)
    assert m.volatility(WEEKLY, 12) == pytest.approx(0.18663690238892558, rel=1e-13)
    assert m.annual_return(MIXED) == pytest.approx(1.9135925373194231, rel=1e-13)
    assert m.annual_return(WEEKLY, 52) == pytest.approx(0.24690830513998208, rel=1e-13)
    assert m.annual_return(WEEKLY, 12) == pytest.approx(0.052242061386048144, rel=1e-13)
    assert m.calmar(MIXED) == pytest.approx(19.135925373194233, rel=1e-12)
    assert m.calmar(WEEKLY, 52) == pytest.approx(2.4690830513998208, rel=1e-12)
    assert m.calmar(WEEKLY, 12) == pytest.approx(0.5224206138604814, rel=1e-12)


def test_omega_of_empyrical() -> None:
    """It takes the required return of a year, here 10 or -: that of a day is (1 + r)^(1/252) - 1."""
    assert m.omega(MIXED, 11 ** (1 / 252) - 1) == pytest.approx(0.8335426349755793, rel=1e-12)
    assert m.omega(MIXED, FLAT) == pytest.approx(0.8125, rel=1e-12)
    assert m.omega(POSITIVE, 0.011) == pytest.approx(1.125, rel=1e-12)
    assert math.isnan(m.omega(POSITIVE))


def test_tail_ratio_and_moments() -> None:
    assert m.tail_ratio(percent(*range(-10, 11))) == pytest.approx(1.0)
    assert m.tail_ratio(percent(*range(-10, 31))) == pytest.approx(28 / 8)
    assert m.skewness(percent(-1, 0, 1)) == pytest.approx(0)
    assert m.excess_kurtosis(percent(-1, 1)) == pytest.approx(-2)
    assert m.skewness(percent(0, 0, 0, 1)) == pytest.approx(2 / math.sqrt(3))
    assert math.isnan(m.skewness(FLAT))
    assert math.isnan(m.excess_kurtosis(ONE))


@pytest.mark.parametrize(("returns", "compounding", "depth", "peak", "trough", "recovered"), [
    (percent(10, -10, 5, 10), True, 0.1, 0, 1, 3),
    (percent(-5, -5, 20), True, 0.0975, -1, 1, 2),
    (percent(5, -5, 1), True, 0.05, 0, 1, None),
    (percent(5, -10, 2), False, 0.1, 0, 1, None),
    (percent(1, 0, -5, -5, -1, 30, -10), True, 1 - 0.95 * 0.95 * 0.99, 1, 4, 5),
])  # fmt: skip
def test_the_deepest_drawdown_and_its_days(
    returns: Floats, compounding: bool, depth: float, peak: int, trough: int, recovered: int | None
) -> None:
    found = m.deepest(returns, compounding=compounding)
    assert found is not None
    assert found.depth == pytest.approx(depth)
    assert found[1:] == (peak, trough, recovered)


def test_a_wealth_that_never_fell() -> None:
    assert m.deepest(percent(5, math.nan, 1)) is None


def test_without_compounding_returns_add_up() -> None:
    returns = percent(50, -50, 20)
    assert m.total_return(returns) == pytest.approx(1.5 * 0.5 * 1.2 - 1)
    assert m.total_return(returns, compounding=False) == pytest.approx(0.2)
    assert m.annual_return(returns, 12, compounding=False) == pytest.approx(0.8)
    assert m.max_drawdown(returns, compounding=False) == pytest.approx(0.5)
    assert m.annual_return(percent(-100, 5)) == -1.0
    assert m.annual_return(percent(-150, 5)) == -1.0


def test_the_error_of_a_sharpe_ratio_is_how_it_scatters() -> None:
    sample = np.random.default_rng(7).standard_t(6, (1000, 300)) * 0.01 + 0.001
    ratios = [m.sharpe(row) for row in sample]
    errors = [m.sharpe_error(row) for row in sample]
    assert np.std(ratios) == pytest.approx(float(np.mean(errors)), rel=0.1)
    assert m.sharpe_error(sample[0], periods=12) == pytest.approx(m.sharpe_error(sample[0]) * math.sqrt(12 / 252))


def days(count: int) -> list[date]:
    return [date(2026, 1, 1) + timedelta(step) for step in range(count)]


def test_all_of_it() -> None:
    found = m.performance(days(9), MIXED)
    assert (found.days, found.missing, found.since, found.until) == (9, 1, "2026-01-01", "2026-01-09")
    assert found.sharpe == pytest.approx(1.7238613961706866)
    assert found.calmar == pytest.approx(19.135925373194233)
    assert (found.best, found.worst, found.winning) == (0.1, -0.1, 0.75)
    assert found.drawdown is not None
    assert (found.drawdown.peak, found.drawdown.trough, found.drawdown.recovered) == ("2026-01-08", "2026-01-09", "")
    assert (found.drawdown.days_down, found.drawdown.days_back) == (1, None)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Performance) == found


def test_a_first_day_of_loss_falls_from_before_it() -> None:
    found = m.performance(days(4), percent(-5, 2, 1, 9)).drawdown
    assert found is not None
    assert (found.peak, found.trough, found.recovered, found.days_down, found.days_back) == (
        "", "2026-01-01", "2026-01-04", 1, 3,
    )  # fmt: skip


def test_what_is_not_defined_is_null() -> None:
    found = m.performance(days(9), FLAT)
    assert (found.sharpe, found.sharpe_error, found.sortino, found.calmar, found.omega, found.skewness) == (None,) * 6
    assert (found.drawdown, found.volatility, found.downside_risk, found.winning) == (None, 0.0, 0.0, 1.0)
    one = m.performance(days(1), ONE)
    assert (one.volatility, one.sharpe, one.excess_kurtosis) == (None, None, None)
    assert one.total_return == pytest.approx(0.01)


def test_series_that_are_none_are_refused() -> None:
    for returns, code in ((percent(math.nan, math.nan), "QX-RISK-009"), (percent(1, math.inf), "QX-RISK-011")):
        with pytest.raises(QxError) as refused:
            m.performance(days(2), returns)
        assert refused.value.code == code
    with pytest.raises(ValueError):
        m.performance(days(3), percent(1, 2))
