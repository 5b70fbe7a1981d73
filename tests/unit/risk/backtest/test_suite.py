"""A whole backtest: what it says of figures that are right, too small, too large, and of data that are none."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TypeAlias

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from qx.kernel.errors import QxError
from qx.model.backtest import Backtest, BacktestCheck
from qx.risk.backtest.suite import backtest, backtests, measured
from qx.risk.distributions import normal_pdf, normal_ppf

Floats: TypeAlias = NDArray[np.float64]
P99 = Fraction(99, 100)
VAR = -normal_ppf(0.01)
ES = normal_pdf(VAR) / 0.01


def days(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(step) for step in range(count)]


def run(pnl: Floats, scale: float = 1.0, *, es: bool = True, overlap: int = 1) -> Backtest:
    return backtest(
        days(pnl.size), pnl, np.full(pnl.size, VAR * scale), np.full(pnl.size, ES * scale) if es else None, P99,
        overlap=overlap, book="crude",
    )  # fmt: skip


def check(found: Backtest, name: str) -> BacktestCheck:
    return next(one for one in found.tests if one.name == name)


def exceptions_at(*where: int, count: int = 252, depth: float = ES) -> Floats:
    pnl = np.ones(count)
    pnl[list(where)] = -depth
    return pnl


def test_figures_that_are_right() -> None:
    found = run(exceptions_at(60, 130, 200, count=250))
    assert (found.verdict, found.because) == ("accepted", ())
    assert (found.book, found.alpha, found.days, found.exceptions, found.expected) == ("crude", "99%", 250, 3, 2.5)
    assert (found.since, found.until) == ("2024-01-01", "2024-09-06")
    assert [one.date for one in found.exception_days] == ["2024-03-01", "2024-05-10", "2024-07-19"]
    assert found.exception_days[0].pnl == -ES
    assert [one.name for one in found.tests] == [
        "kupiec", "christoffersen", "joint", "tuff", "z1-normal", "z1-t3", "z2-normal", "z2-t3",
    ]  # fmt: skip
    assert not any(one.rejected for one in found.tests)
    assert check(found, "z1-normal").statistic == pytest.approx(0)
    assert check(found, "z2-normal").statistic == pytest.approx(1 - 3 / 2.5)


def test_jorion_six_exceptions_of_which_four_follow_another() -> None:
    """A series with his 2, 2 and 4 steps; of 252 days it has 251, so 243 where he counts 244."""
    found = run(exceptions_at(100, 101, 102, 103, 200, 201))
    assert check(found, "kupiec").statistic == pytest.approx(3.498776675, abs=5e-10)
    assert check(found, "christoffersen").statistic == pytest.approx(25.805, abs=5e-4)
    assert check(found, "joint").statistic == pytest.approx(29.304, abs=5e-4)
    assert check(found, "joint").critical == pytest.approx(5.991464547, abs=5e-10)
    assert check(found, "kupiec").critical == pytest.approx(3.841458821, abs=5e-10)
    assert found.verdict == "rejected"
    assert found.because == (
        "the traffic light is yellow", "exceptions come in clusters", "number and clustering of exceptions together",
        "ES is too small",
    )  # fmt: skip


def test_no_exception_in_a_year_is_too_few() -> None:
    found = run(np.ones(250))
    assert check(found, "kupiec").p_value == pytest.approx(0.024981503, abs=5e-10)
    assert (check(found, "z1-t3").statistic, check(found, "z1-t3").rejected) == (None, None)
    assert check(found, "z2-t3").statistic == 1.0
    assert found.traffic_light.zone == "green"
    assert found.verdict == "rejected"
    assert "too few exceptions: the VaR is too high" in found.because


def test_too_many_exceptions() -> None:
    found = run(exceptions_at(*range(3, 240, 20), count=250))
    assert found.traffic_light.zone == "red"
    assert found.traffic_light.plus_factor == 1.0
    assert found.verdict == "rejected"
    assert {"the traffic light is red", "too many exceptions", "ES is too small"} <= set(found.because)


def test_es_that_is_too_small() -> None:
    found = run(exceptions_at(60, 130, 200, count=250, depth=5 * ES))
    assert check(found, "z1-t3").rejected
    assert "exceptions go deeper than ES" in found.because
    assert check(found, "kupiec").rejected is False


def test_without_es_there_are_four_tests() -> None:
    found = run(exceptions_at(60, 130, 200), es=False)
    assert [one.name for one in found.tests] == ["kupiec", "christoffersen", "joint", "tuff"]
    assert found.exception_days[0].es is None


def test_a_loss_as_large_as_the_var_is_no_exception() -> None:
    assert run(exceptions_at(10, depth=VAR)).exceptions == 0
    assert run(exceptions_at(10, depth=float(np.nextafter(VAR, 9)))).exceptions == 1


def test_overlapping_pnl_is_tested_apart_and_lit_whole() -> None:
    found = run(exceptions_at(*range(60, 66), count=250), overlap=10)
    assert (found.horizon_days, found.exceptions, found.traffic_light.overlap) == (10, 6, 10)
    assert (found.traffic_light.zone, found.traffic_light.yellow_from, found.traffic_light.red_from) == ("green", 9, 25)
    assert {one.observations for one in found.tests} == {25}
    assert run(exceptions_at(*range(60, 66), count=250)).traffic_light.zone == "yellow"


def test_right_figures_are_seldom_rejected() -> None:
    pnl = np.random.default_rng(9).standard_normal((1000, 200))
    found = backtests(
        days(1000), pnl, np.full(pnl.shape, VAR), np.full(pnl.shape, ES), P99, books=[""] * 200
    )  # fmt: skip
    for name, most in (("kupiec", 0.09), ("joint", 0.09), ("z2-normal", 0.08), ("z2-t3", 0.05)):
        assert sum(bool(check(one, name).rejected) for one in found) / 200 <= most
    assert sum(one.traffic_light.zone == "green" for one in found) / 200 == pytest.approx(0.93, abs=0.04)


def test_books_together_are_books_alone() -> None:
    pnl = np.random.default_rng(12).standard_t(3, (500, 4))
    var, es = np.full(pnl.shape, 3.0), np.full(pnl.shape, 4.0)
    together = backtests(days(500), pnl, var, es, P99, books=list("abcd"))
    for at, name in enumerate("abcd"):
        assert together[at] == backtest(days(500), pnl[:, at], var[:, at], es[:, at], P99, book=name)
    assert measured(pnl, var, None, 0.01).z2 is None


def test_it_goes_through_json() -> None:
    found = run(exceptions_at(60))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Backtest) == found


@pytest.mark.parametrize(("pnl", "var", "es", "words"), [
    (np.nan, 1.0, 2.0, "P&L is no number of crude on 2024-01-04"),
    (0.0, 0.0, 2.0, "VaR is not above 0 of crude on 2024-01-04"),
    (0.0, -1.0, 2.0, "VaR is not above 0"),
    (0.0, np.nan, 2.0, "VaR is not above 0"),
    (0.0, 3.0, 2.0, "ES is below VaR"),
])  # fmt: skip
def test_data_that_are_none_are_refused_with_their_day(pnl: float, var: float, es: float, words: str) -> None:
    table = np.array([[0.0, 1.0, 2.0]] * 250)
    table[3] = (pnl, var, es)
    with pytest.raises(QxError, match=words) as refused:
        backtest(days(250), table[:, 0], table[:, 1], table[:, 2], P99, book="crude")
    assert refused.value.code == "QX-RISK-016"


def test_too_few_days_are_refused() -> None:
    for count, overlap in ((1, 1), (10, 10)):
        with pytest.raises(QxError) as refused:
            run(np.ones(count), overlap=overlap)
        assert refused.value.code == "QX-RISK-009"
    with pytest.raises(ValueError):
        backtest(days(3), np.ones(2), np.ones(2), None, P99)
