"""From one day to several."""

from __future__ import annotations

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.risk.horizon import autocorrelation, effective, root_of_time, stretched
from qx.risk.tail import figure, historical
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99


@pytest.mark.parametrize(("correlation", "published"), [
    (0.0, [1.0, 1.41, 2.24, 3.16, 7.07, 15.81]), (0.05, [1.0, 1.45, 2.33, 3.31, 7.43, 16.62]),
    (0.1, [1.0, 1.48, 2.42, 3.46, 7.80, 17.47]), (0.2, [1.0, 1.55, 2.62, 3.79, 8.62, 19.35]),
])  # fmt: skip
def test_hull_autocorrelated_days(correlation: float, published: list[float]) -> None:
    found = [root_of_time(days, correlation) for days in (1, 2, 5, 10, 50, 250)]
    assert found == pytest.approx(published, abs=0.0051)


@hull.needed
def test_hull_ten_days_of_the_historical_var() -> None:
    pnl = hull.returns() @ HELD
    found = stretched(historical(pnl, P99), root_of_time(10))
    assert found.var == pytest.approx(801.273586, abs=5.1e-7)
    assert figure(found.es_rows, pnl) == pytest.approx(found.es, rel=1e-14)
    assert found.var_interval is not None
    assert found.var_interval.low < found.var < found.var_interval.high


def test_what_stretches_days_that_follow_each_other() -> None:
    """The deviation of sums, against that of a series made so."""
    source = np.random.default_rng(3)
    shocks = source.standard_normal(200_000)
    series = np.empty_like(shocks)
    last = 0.0
    for day, shock in enumerate(shocks.tolist()):
        last = 0.2 * last + shock
        series[day] = last
    assert autocorrelation(series) == pytest.approx(0.2, abs=0.01)
    sums = series.reshape(-1, 10).sum(axis=1)
    assert sums.std() / series.std() == pytest.approx(root_of_time(10, 0.2), rel=0.02)
    assert autocorrelation(np.ones(5)) == 0.0


def test_overlapping_moves_are_worth_fewer() -> None:
    assert effective(500, 10) == 50
    assert effective(5, 10) == 1


@pytest.mark.parametrize("correlation", [1.0, -1.0, 2.0])
def test_an_autocorrelation_that_is_none(correlation: float) -> None:
    with pytest.raises(QxError, match="no autocorrelation"):
        root_of_time(10, correlation)
