"""What must hold of every price: parity, limits, refusals, and greeks that are its derivatives."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.kernel.errors import QxError
from qx.risk.pricing import american, asian, bachelier, black76, spread
from qx.risk.pricing.normal import cdf

prices = st.floats(0.5, 500)
vols = st.floats(0, 3)
years = st.floats(0, 5)
rates = st.floats(-0.05, 0.3)


# -- the normal distribution -----------------------------------------------------------------------
def by_erfc(x: float) -> float:
    """N(x) by the C library; what -x / sqrt(2) loses when it is rounded is given back by the slope."""
    y = -x / math.sqrt(2)
    lost = float(Decimal(-x) * Decimal("0.5").sqrt() - Decimal(y))
    return math.erfc(y) / 2 - math.exp(-y * y) / math.sqrt(math.pi) * lost


def test_cdf_in_the_body() -> None:
    x = np.random.default_rng(1).uniform(-3, 9, 4000)
    assert np.abs(cdf(x) / [by_erfc(each) for each in x.tolist()] - 1).max() < 1e-15


def test_cdf_in_the_tail() -> None:
    x = np.random.default_rng(2).uniform(-37, -3, 4000)
    assert np.abs(cdf(x) / [by_erfc(each) for each in x.tolist()] - 1).max() < 1e-13


def test_cdf_at_published_points() -> None:
    """Abramowitz and Stegun, table 26.1."""
    found = cdf(np.array([0.0, 1.0, 2.0, 3.0, -1.0]))
    told = [0.5, 0.841344746068543, 0.977249868051821, 0.998650101968370, 0.158655253931457]
    assert np.abs(found - told).max() < 6e-16


def test_cdf_far_out() -> None:
    found = cdf(np.array([[-np.inf, -40.0, np.nan], [9.0, 40.0, np.inf]]))
    assert found[0, 0] == found[0, 1] == 0
    assert np.isnan(found[0, 2])
    assert (found[1] == 1).all()


# -- prices ----------------------------------------------------------------------------------------
@given(prices, prices, years, vols, rates)
def test_parity_of_black76(forward: float, strike: float, left: float, vol: float, rate: float) -> None:
    call, put = black76.price(forward, strike, left, vol, rate, np.array([1, -1]))
    gap = math.exp(-rate * left) * (forward - strike)
    assert abs(call - put - gap) < 1e-12 * (forward + strike) * max(1, math.exp(-rate * left))
    assert min(call, put) >= -1e-13 * (forward + strike)


@given(st.floats(-200, 200), st.floats(-200, 200), years, st.floats(0, 100), rates)
def test_parity_of_bachelier(forward: float, strike: float, left: float, vol: float, rate: float) -> None:
    call, put = bachelier.price(forward, strike, left, vol, rate, np.array([1, -1]))
    gap = math.exp(-rate * left) * (forward - strike)
    assert abs(call - put - gap) < 1e-12 * (abs(forward) + abs(strike) + vol + 1)


@given(prices, prices, years, vols, vols, st.floats(-1, 1), rates)
def test_parity_of_kirk(
    forward: float, other: float, left: float, vol: float, vol_2: float, correlation: float, rate: float
) -> None:
    call, put = spread.price(forward, other, 3, left, vol, vol_2, correlation, rate, np.array([1, -1]))
    gap = math.exp(-rate * left) * (forward - other - 3)
    assert abs(call - put - gap) < 1e-11 * (forward + other + 3)


@given(prices, prices, st.floats(0.01, 3), vols, rates, st.floats(0.05, 1), prices)
def test_parity_of_averages(
    forward: float, strike: float, left: float, vol: float, rate: float, share: float, fixed: float
) -> None:
    days = asian.days([[left / 3, left / 2, left]])
    for formula in (asian.price, asian.price_normal):
        call, put = (
            formula(forward, strike, days, vol, rate, sign, settled=left, share=share, fixed=fixed).item()
            for sign in (1, -1)
        )
        gap = math.exp(-rate * left) * (share * forward + (1 - share) * fixed - strike)
        assert abs(call - put - gap) < 1e-11 * (forward + strike + fixed)


@given(prices, prices, years, vols, rates)
def test_an_american_option_is_worth_what_it_can_be_exercised_for(
    forward: float, strike: float, left: float, vol: float, rate: float
) -> None:
    for sign in (1, -1):
        found = american.price(forward, strike, left, vol, rate, sign)
        assert found >= max(sign * (forward - strike), 0)
        assert found >= black76.price(forward, strike, left, vol, rate, sign) - 1e-11 * (forward + strike)


def test_american_without_interest_is_european() -> None:
    for rate in (0.0, -0.01):
        assert american.price(90, 95, 0.5, 0.4, rate, 1) == black76.price(90, 95, 0.5, 0.4, rate, 1)
    near = american.price(90, 95, 0.5, 0.4, 1e-9, 1)
    assert abs(near - black76.price(90, 95, 0.5, 0.4, 0.0, 1)) < 1e-6


def test_american_options_of_one_expiry_are_priced_as_each_alone() -> None:
    vol = np.random.default_rng(1).uniform(0.2, 0.5, (2, 9))[[0, 0, 1, 1, 0]]
    strike, left = np.array([[60.0], [70], [70], [80], [60]]), np.array([[0.5], [0.5], [0.5], [0.7], [0.5]])
    together = american.price(70, strike, left, vol, 0.06, 1)
    for row in range(5):
        assert (together[row] == american.price(70, strike[row], left[row], vol[row], 0.06, 1)).all()


@pytest.mark.parametrize(("left", "vol"), [(0.0, 0.3), (-0.5, 0.3), (0.5, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_without_time_or_volatility_a_price_is_its_discounted_intrinsic_value(
    left: float, vol: float, sign: int
) -> None:
    discount = math.exp(-0.1 * max(left, 0))
    for forward in (90.0, 100.0, 110.0):
        told = max(sign * (forward - 100), 0)
        assert abs(black76.price(forward, 100, left, vol, 0.1, sign) - told * discount) < 1e-12
        assert abs(bachelier.price(forward, 100, left, vol * 100, 0.1, sign) - told * discount) < 1e-12
        assert abs(american.price(forward, 100, left, vol, 0.1, sign) - told) < 1e-12
        found = spread.price(forward, 60, 40, left, vol, 0.0 if vol == 0 else vol, 1.0, 0.1, sign)
        assert left > 0 or abs(found - told * discount) < 1e-12
        fixed = asian.price(
            70, 100, asian.days([[]]), vol, 0.1, sign, settled=left, share=0.0, fixed=forward
        ).item()
        assert abs(fixed - told * discount) < 1e-12


def test_greeks_without_time_or_volatility_are_those_of_the_intrinsic_value() -> None:
    for found in (
        black76.greeks([90.0, 110.0, 100.0], 100, 0.0, 0.3, 0.1, 1),
        bachelier.greeks([90.0, 110.0, 100.0], 100, 1.0, 0.0, 0.0, 1),
    ):
        assert found.delta.tolist() == [0, 1, 0.5]
        assert not found.gamma.any()
        assert not found.vega.any()
        assert not found.theta.any()


def test_a_strike_at_or_below_zero_is_certain_to_be_passed() -> None:
    call, put = black76.price(50, -10, 1, 0.5, 0.0, np.array([1, -1]))
    assert call == 60
    assert put == 0


def test_an_average_that_is_sure_to_end_in_the_money() -> None:
    """Half of the days are fixed at 300: the rest would have to fall below -100."""
    days = asian.days([[0.1, 0.2]])
    call, put = (
        asian.price(50, 100, days, 0.4, 0.0, sign, settled=0.2, share=0.5, fixed=300).item()
        for sign in (1, -1)
    )
    assert abs(call - (0.5 * 50 + 150 - 100)) < 1e-12
    assert put == 0


@pytest.mark.parametrize(("call", "words"), [
    (lambda: black76.price([5.0, 0.0], 10, 1, 0.3, 0.0, 1), "price of 0"),
    (lambda: black76.price(-37.63, 10, 1, 0.3, 0.0, 1), "price of -37.63"),
    (lambda: black76.price(10, 10, 1, -0.1, 0.0, 1), "volatility of -0.1"),
    (lambda: bachelier.price(10, 10, 1, -0.1, 0.0, 1), "volatility of -0.1"),
    (lambda: american.price(-1, 10, 1, 0.1, 0.1, 1), "price of -1"),
    (lambda: asian.price(-1, 10, asian.days([[0.1]]), 0.1, 0.1, 1, settled=0.1), "price of -1"),
    (lambda: spread.price(10, -1, 3, 1, 0.1, 0.1, 0, 0.1, 1), "price of -1"),
    (lambda: spread.price(10, 1, -3, 1, 0.1, 0.1, 0, 0.1, 1), "strike are -2"),
])  # fmt: skip
def test_what_a_formula_does_not_hold_for_is_refused(call: Any, words: str) -> None:
    with pytest.raises(QxError, match=words) as told:
        call()
    assert told.value.code == "QX-RISK-012"


# -- greeks ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("module", [black76, bachelier, american])
@pytest.mark.parametrize("sign", [1, -1])
def test_greeks_are_derivatives(module: Any, sign: int) -> None:
    forward, strike, left, vol, rate = np.array([60.0, 70.0, 85.0]), 72.0, 0.6, 0.35, 0.06
    if module is bachelier:
        vol *= 70
    found = module.greeks(forward, strike, left, vol, rate, sign)

    def price(forward: Any = forward, left: float = left, vol: float = vol, rate: float = rate) -> Any:
        return module.price(forward, strike, left, vol, rate, sign)

    h = 1e-3
    told = (
        (price(forward + h) - price(forward - h)) / (2 * h),
        (price(forward + 10 * h) - 2 * price() + price(forward - 10 * h)) / (10 * h) ** 2,
        (price(vol=vol + 1e-5) - price(vol=vol - 1e-5)) / 2e-5,
        (price(left=left - 1e-5) - price(left=left + 1e-5)) / 2e-5,
        (price(rate=rate + 1e-5) - price(rate=rate - 1e-5)) / 2e-5,
    )
    for name, one, other in zip(found._fields, found, told, strict=True):
        assert np.allclose(one, other, rtol=2e-3 if name == "theta" else 2e-5, atol=1e-6), name


def test_greeks_of_averages_are_derivatives() -> None:
    days = asian.days([[0.1, 0.2, 0.3]])
    for normal, formula, vol in ((False, asian.price, 0.4), (True, asian.price_normal, 28.0)):
        found = asian.greeks(70, 72, days, vol, 0.05, 1, settled=0.3, share=0.6, fixed=71, normal=normal)
        up, here, down = (
            formula(70 + step, 72, days, vol, 0.05, 1, settled=0.3, share=0.6, fixed=71).item()
            for step in (0.01, 0, -0.01)
        )
        assert abs(found.delta.item() - (up - down) / 0.02) < 1e-7
        assert abs(found.gamma.item() - (up - 2 * here + down) / 1e-4) < 1e-5
        assert found.theta.item() < 0 < found.vega.item()
