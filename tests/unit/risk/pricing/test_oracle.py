"""QuantLib on random inputs: the same formulas, written by others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  # as its own documentation does

from qx.risk.pricing import american, asian, bachelier, black76, spread

Floats = np.ndarray[Any, np.dtype[np.float64]]
TODAY = ql.Date(22, 11, 2026)
YEAR = ql.Actual365Fixed()


class Grid(NamedTuple):
    forward: Floats
    strike: Floats
    days: Floats
    vol: Floats
    rate: Floats
    sign: Floats

    @property
    def years(self) -> Floats:
        return self.days / 365


def grid(count: int, seed: int = 5, wide: float = 0.4) -> Grid:
    rng = np.random.default_rng(seed)
    forward = rng.uniform(10, 150, count)
    return Grid(
        forward, forward * np.exp(rng.normal(0, wide, count)), rng.integers(1, 900, count).astype(float),
        rng.uniform(0.05, 1.2, count), rng.uniform(0.001, 0.12, count), rng.choice([-1.0, 1.0], count),
    )  # fmt: skip


def kind(sign: float) -> int:
    return int(ql.Option.Call if sign > 0 else ql.Option.Put)


def process(forward: float, vol: float, rate: float) -> Any:
    ql.Settings.instance().evaluationDate = TODAY
    curve = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, YEAR))
    surface = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, YEAR))
    return ql.BlackProcess(ql.QuoteHandle(ql.SimpleQuote(forward)), curve, surface)


def test_black76() -> None:
    at = grid(4000)
    told = [
        ql.blackFormula(kind(w), k, f, v * t**0.5, np.exp(-r * t))
        for f, k, t, v, r, w in zip(at.forward, at.strike, at.years, at.vol, at.rate, at.sign, strict=True)
    ]
    assert (
        np.abs(black76.price(at.forward, at.strike, at.years, at.vol, at.rate, at.sign) - told).max() < 1e-11
    )


def test_shifted() -> None:
    at, shift = grid(2000), 60.0
    forward = at.forward - 50  # down to -40
    told = [
        ql.blackFormula(kind(w), k, f, v * t**0.5, np.exp(-r * t), shift)
        for f, k, t, v, r, w in zip(forward, at.strike, at.years, at.vol, at.rate, at.sign, strict=True)
    ]
    found = black76.price(forward + shift, at.strike + shift, at.years, at.vol, at.rate, at.sign)
    assert np.abs(found - told).max() < 1e-11


def test_bachelier() -> None:
    at = grid(4000)
    forward, strike, vol = at.forward - 80, at.strike - 80, at.vol * 30
    told = [
        ql.bachelierBlackFormula(kind(w), k, f, v * t**0.5, np.exp(-r * t))
        for f, k, t, v, r, w in zip(forward, strike, at.years, vol, at.rate, at.sign, strict=True)
    ]
    assert np.abs(bachelier.price(forward, strike, at.years, vol, at.rate, at.sign) - told).max() < 1e-11


def test_barone_adesi_whaley() -> None:
    """QuantLib stops its search for the exercise price at 1e-6 of the strike; ours goes to the last digits."""
    at = grid(300)
    told = []
    for f, k, d, v, r, w in zip(*at, strict=True):
        exercise = ql.AmericanExercise(TODAY, TODAY + int(d))
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind(w), k), exercise)
        option.setPricingEngine(ql.BaroneAdesiWhaleyApproximationEngine(process(f, v, r)))
        told.append(option.NPV())
    found = american.price(at.forward, at.strike, at.years, at.vol, at.rate, at.sign)
    assert np.abs(found / told - 1).max() < 5e-5


def test_american_is_near_a_lattice() -> None:
    """Up to a year and a volatility of 60 %."""
    at = grid(40, wide=0.15)
    at = at._replace(days=np.minimum(at.days, 365), vol=np.minimum(at.vol, 0.6))
    for f, k, d, v, r, w in zip(*at, strict=True):
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(kind(w), k), ql.AmericanExercise(TODAY, TODAY + int(d))
        )
        option.setPricingEngine(ql.BinomialVanillaEngine(process(f, v, r), "crr", 301))
        found, told = american.price(f, k, d / 365, v, r, w).item(), option.NPV()
        assert abs(found - told) < 0.003 * f, (f, k, d, v, r, w)


@pytest.mark.parametrize("past", [0, 7])
def test_turnbull_wakeman(past: int) -> None:
    at, rng = grid(60, wide=0.2), np.random.default_rng(3)
    told, days = [], []
    fixed = at.forward * rng.uniform(0.9, 1.1, 60)
    for (f, k, _, v, r, w), known in zip(zip(*at, strict=True), fixed, strict=True):
        ahead = np.sort(rng.choice(np.arange(1, 120), 12, replace=False)).tolist()
        days.append([day / 365 for day in ahead])
        last = TODAY + int(ahead[-1])
        option = ql.DiscreteAveragingAsianOption(
            ql.Average.Arithmetic, past * known, past, [TODAY + int(day) for day in ahead],
            ql.PlainVanillaPayoff(kind(w), k), ql.EuropeanExercise(last),
        )  # fmt: skip
        option.setPricingEngine(ql.TurnbullWakemanAsianEngine(process(f, v, r)))
        told.append(option.NPV())
    column = [each[:, None] for each in (at.forward, at.strike, at.vol, at.rate, at.sign, fixed)]
    forward, strike, vol, rate, sign, average = column
    found = asian.price(
        forward, strike, asian.days(days), vol, rate, sign, settled=np.array([each[-1] for each in days])[:, None],
        share=12 / (12 + past), fixed=average,
    )  # fmt: skip
    assert np.abs(found[:, 0] - told).max() < 1e-9


def test_average_of_normal_moves_is_that_of_a_simulation() -> None:
    days, vol, rng = np.arange(1, 11) / 50, 12.0, np.random.default_rng(9)
    steps = rng.standard_normal((200_000, 10)) * vol * np.sqrt(np.diff(days, prepend=0))
    average = (40 + np.cumsum(steps, axis=1)).mean(axis=1)
    gain = np.maximum(average - 41, 0) * np.exp(-0.04 * days[-1])
    found = asian.price_normal(40, 41, asian.days([days.tolist()]), vol, 0.04, 1, settled=days[-1]).item()
    assert abs(found - gain.mean()) < 4 * gain.std() / len(gain) ** 0.5


def test_kirk() -> None:
    at, rng = grid(200, wide=0.1), np.random.default_rng(4)
    second, strike = at.forward * rng.uniform(0.8, 1.2, 200), rng.uniform(-3, 8, 200)
    vol_2, correlation = rng.uniform(0.1, 0.8, 200), rng.uniform(-0.95, 0.95, 200)
    told = []
    for row, (f, _, d, v, r, w) in enumerate(zip(*at, strict=True)):
        payoff = ql.SpreadBasketPayoff(ql.PlainVanillaPayoff(kind(w), strike[row]))
        option = ql.BasketOption(payoff, ql.EuropeanExercise(TODAY + int(d)))
        other = process(second[row], vol_2[row], r)
        option.setPricingEngine(ql.KirkEngine(process(f, v, r), other, correlation[row]))
        told.append(option.NPV())
    found = spread.price(at.forward, second, strike, at.years, at.vol, vol_2, correlation, at.rate, at.sign)
    assert np.abs(found - told).max() < 1e-9


def test_spread_of_normal_moves_is_that_of_one_price() -> None:
    joint = (9.0 + 16 - 2 * 0.6 * 12) ** 0.5
    found = spread.price_normal(-3, 5, 1, 0.7, 3.0, 4.0, 0.6, 0.05, 1)
    assert abs(found - bachelier.price(-8, 1, 0.7, joint, 0.05, 1)) < 1e-14
