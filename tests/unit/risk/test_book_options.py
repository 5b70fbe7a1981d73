"""Options in a book: each formula with the market's own inputs, greeks in its place, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from qx.kernel.errors import QxError
from qx.model.risk import Position
from qx.risk.book import compile_book
from qx.risk.market import Market
from qx.risk.pricing import american, asian, bachelier, black76, spread
from tests.unit.risk.holdings import EURO, FACTORS, OPTIONS, SPREAD, market_of_all, option, scenarios
from tests.unit.risk.quoting import made, series

YEARS = (date(2027, 2, 15) - date(2026, 11, 20)).days / 365


def of(name: str) -> Position:
    return next(each for each in OPTIONS if each.position_id == name)


def value(held: Position, market: Market | None = None) -> float:
    return compile_book([held], market or market_of_all(), "USD").value().item()


def level(name: str, month: str = "") -> float:
    market = market_of_all()
    return float(sum(weight * market.base[at] for at, weight in market.curve(name, month)))


def interest(days: int) -> float:
    low, high = level("SOFR.3M"), level("SOFR.1Y")
    return low + (high - low) * min(max((days - 91) / (365 - 91), 0), 1)


# -- values ----------------------------------------------------------------------------------------
def test_a_european_option() -> None:
    """Ten lots of a thousand barrels, at the curves' levels of its month."""
    rate = interest(87)
    told = black76.price(level("CL", "2027-03"), 74, YEARS, level("VCL", "2027-03"), rate, 1)
    assert value(of("european")) == pytest.approx(10_000 * float(told), rel=1e-13)


def test_an_american_option_over_three_months() -> None:
    told = [
        american.price(level("CL", month), 74, YEARS, level("VCL", month), interest(87), -1)
        for month in ("2027-03", "2027-04", "2027-05")
    ]
    assert value(of("american")) == pytest.approx(-10_000 * float(np.mean(told)), rel=1e-13)


def test_options_of_negative_prices() -> None:
    """No rate of the euro is told: nothing is discounted."""
    euro = level("EURUSD")
    normal = bachelier.price(level("TTF"), 28, YEARS, level("NTTF"), 0, -1)
    assert value(of("normal")) == pytest.approx(3000 * float(normal) * euro, rel=1e-13)
    shifted = black76.price(level("TTF") + 20, 48, YEARS, level("VTTF"), 0, -1)
    assert value(of("shifted")) == pytest.approx(3000 * float(shifted) * euro, rel=1e-13)
    told = compile_book([of("normal"), of("shifted")], market_of_all(), "USD").treatments
    assert [(each.subject, each.count) for each in told] == [("EUR", 1)]


def test_an_average_over_a_month_to_come() -> None:
    today, first = date(2026, 11, 20), date(2027, 1, 1)
    days = [first + timedelta(days=at) for at in range(31)]
    left = [(day - today).days / 365 for day in days if day.weekday() < 5]
    told = asian.price(
        level("CL", "2027-01"),
        74,
        asian.days([left]),
        level("VCL", "2027-01"),
        interest(72),
        1,
        settled=72 / 365,
    ).item()
    assert value(of("average")) == pytest.approx(10_000 * told, rel=1e-13)


def test_an_average_that_is_fixed_in_part() -> None:
    """Of November's 21 weekdays 15 are known."""
    market = market_of_all()
    past = market.history[-15:, market.index["CL.M1"]].mean()
    days = [date(2026, 11, 23) + timedelta(days=at) for at in range(8)]
    left = [(day - date(2026, 11, 20)).days / 365 for day in days if day.weekday() < 5]
    assert len(left) == 6
    told = asian.price(
        level("CL.M1"), 78, asian.days([left]), level("VCL.M1"), interest(10), 1,
        settled=10 / 365, share=6 / 21, fixed=past,
    ).item()  # fmt: skip
    assert value(of("fixing average")) == pytest.approx(10_000 * told, rel=1e-11)


def test_an_average_that_is_known_is_worth_its_discounted_intrinsic_value() -> None:
    window = (date(2026, 11, 2), date(2026, 11, 20))
    held = option(
        "a", instrument="asian_option", pricing_window=window, expiry=date(2026, 11, 30), strike=60.0
    )
    market = market_of_all()
    known = compile_book([held], market, "USD")
    assert known.value().item() > 0
    assert np.abs(known.totals(scenarios(market, 50))).max() < 1e-3 * known.value().item()  # interest alone


def test_spreads() -> None:
    days = (date(2027, 1, 5) - date(2026, 11, 20)).days
    market = market_of_all()
    one, other = (market.returns[:, market.index[name]] for name in ("BZ.M1", "CL.M1"))
    told = spread.price(
        level("BZ", "2027-02"), level("CL", "2027-02"), 4, days / 365, level("VBZ"), level("VCL", "2027-02"),
        np.corrcoef(one, other)[0, 1], interest(days), 1,
    )  # fmt: skip
    assert value(of("spread")) == pytest.approx(40_000 * float(told), rel=1e-13)
    crack = spread.price(  # heating oil is told in gallons, the option in barrels
        42 * level("HO"), level("CL", "2027-02"), 20, days / 365, level("VHO"), level("VCL", "2027-02"), 0.8,
        interest(days), 1,
    )  # fmt: skip
    assert value(of("crack")) == pytest.approx(40_000 * float(crack), rel=1e-13)
    doubled = spread.price(
        42 * level("HO"), 2 * level("CL", "2027-02"), 20, days / 365, level("VHO"), level("VCL", "2027-02"), 0.8,
        interest(days), 1,
    )  # fmt: skip
    assert value(structs.replace(of("crack"), ratio_2=2.0)) == pytest.approx(
        40_000 * float(doubled), rel=1e-10
    )
    words = [each.words for each in compile_book([of("spread"), of("crack")], market, "USD").treatments]
    assert len(words) == 1
    assert "correlation" in words[0]


def test_a_spread_of_normal_moves_may_have_any_sign() -> None:
    held = option("a", **{
        **SPREAD, "underlying_2": "TTF", "vol_factor_2": "NTTF", "underlying": "TTF", "currency": "EUR",
        "price_unit": "EUR/MWh", "unit": "MWh", "contract": "", "strike": -35.0,
        "vol_factor": "NTTF", "style": "bachelier", "correlation": 1.0, "ratio_2": 2.0,
    })  # fmt: skip
    price = level("TTF")
    days = (date(2027, 1, 5) - date(2026, 11, 20)).days
    told = bachelier.price(-price, -35, days / 365, level("NTTF"), 0, 1)
    assert value(held) == pytest.approx(40_000 * float(told) * level("EURUSD"), rel=1e-12)


# -- P&L -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", [each.position_id for each in OPTIONS if each.position_id not in {"told", "fixing average"}]
)
def test_pnl_is_the_difference_of_two_values(name: str) -> None:
    """The second value is that of a market whose prices end where the scenario leads."""
    market, held = market_of_all(), of(name)
    levels = scenarios(market, 3)
    if held.instrument == "spread_option":
        held = structs.replace(held, correlation=0.5)
    book = compile_book([held], market, "USD")
    for row in levels:
        told = [quote for (each, _), at in zip(FACTORS, row, strict=True)
                for quote in series(each.factor, [at, at], start="2026-11-19")]  # fmt: skip
        there = made([each for each, _ in FACTORS], told)
        assert there.as_of == market.as_of
        gained = value(held, there) - value(held)
        assert book.totals(row[None]).item() == pytest.approx(gained, rel=1e-8, abs=1e-6)


def test_volatility_stays_that_of_the_strike() -> None:
    """A price that moves takes no other volatility with it; a volatility that moves is taken."""
    market, held = market_of_all(), option("a", contract="2026-12")
    book = compile_book([held], market, "USD")
    levels = np.repeat(market.base[None], 2, axis=0)
    levels[0, market.index["CL.M1"]] *= 1.1
    levels[1, market.index["VCL.M1"]] *= 1.1
    inputs = (level("CL.M1"), 74, YEARS, level("VCL.M1"), interest(87), 1)
    price, vol = (
        black76.price(inputs[0] * 1.1, *inputs[1:]),
        black76.price(*inputs[:3], inputs[3] * 1.1, *inputs[4:]),
    )
    told = 10_000 * (np.array([price, vol]) - black76.price(*inputs))
    assert book.totals(levels) == pytest.approx(told, rel=1e-10)


def test_delta_gamma_vega_is_close_for_small_moves() -> None:
    market = market_of_all()
    full, short = (compile_book(OPTIONS, market, "USD", greeks_only=only) for only in (False, True))
    far = scenarios(market, 200)
    near = market.base + (far - market.base) / 50
    gap = [np.abs(full.totals(levels) - short.totals(levels)).max() for levels in (far, near)]
    size = [np.abs(full.totals(levels)).max() for levels in (far, near)]
    assert gap[0] < 0.05 * size[0]
    assert gap[1] < 1e-3 * size[1]
    assert np.allclose(full.value(), short.value(), rtol=1e-14)
    assert np.allclose(full.greeks().delta, short.greeks().delta, rtol=1e-14)


def test_greeks_that_are_told_replace_the_price() -> None:
    market, held = market_of_all(), structs.replace(of("told"), contract="2026-12")
    book = compile_book([held], market, "USD")
    levels = market.base[None].copy()
    levels[0, market.index["CL.M1"]] += 2.0
    levels[0, market.index["VCL.M1"]] += 0.01
    assert book.totals(levels).item() == pytest.approx(5000 * 2 + 300 * 4 / 2 + 10_000 * 0.01)
    assert book.value().item() == 30_000  # its price times ten lots
    assert [each.item() for each in book.greeks()] == [5000, 300, 10_000, 0, 0]
    abroad = compile_book([structs.replace(held, price=None)], market, "BHD")
    assert [each.subject for each in abroad.treatments] == ["told"]


def test_greeks_of_the_book_are_those_of_the_formula() -> None:
    found = compile_book([of("european")], market_of_all(), "BHD").greeks()
    inputs = (level("CL", "2027-03"), 74, YEARS, level("VCL", "2027-03"), interest(87), 1)
    told = black76.greeks(*inputs)
    for name in ("delta", "gamma", "vega", "rho"):
        assert getattr(found, name).item() == pytest.approx(10_000 * float(getattr(told, name)), rel=1e-12)
    assert found.theta.item() == pytest.approx(10_000 * float(told.theta) / 365, rel=0.01)


@pytest.mark.parametrize("count", [1, 511, 513, 1100])
def test_blocks_give_what_single_scenarios_give(count: int) -> None:
    market = market_of_all()
    book = compile_book(OPTIONS * 25, market, "USD")
    levels = scenarios(market, count)
    found, rows = book.totals(levels), [0, count // 2, count - 1]
    for row in rows:
        assert found[row] == pytest.approx(book.totals(levels[row : row + 1]).item(), rel=1e-11, abs=1e-6)


# -- refusals --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("told", "code", "words"), [
    ({"vol_factor": ""}, "QX-RISK-007", "vol_factor"),
    ({"vol_factor": "VXX"}, "QX-RISK-007", "VXX"),
    ({"strike": None}, "QX-RISK-003", "strike"),
    ({"option_type": ""}, "QX-RISK-003", "option_type"),
    ({"expiry": None}, "QX-RISK-003", "expiry"),
    ({"expiry": date(2026, 11, 19)}, "QX-RISK-003", "2026-11-19"),
    ({"exercise": "american", "style": "bachelier"}, "QX-RISK-012", "american option of style bachelier"),
    ({"exercise": "american", "instrument": "asian_option"}, "QX-RISK-012", "american asian"),
    ({**SPREAD, "vol_factor_2": ""}, "QX-RISK-007", "vol_factor_2"),
    ({**SPREAD, "underlying_2": ""}, "QX-RISK-003", "underlying_2"),
    ({**SPREAD, "correlation": 1.5}, "QX-RISK-003", "1.5"),
    ({**SPREAD, "style": "shifted"}, "QX-RISK-012", "shifted"),
    ({"underlying": "TTF", "unit": "MWh", "price_unit": "USD/MWh"}, "QX-RISK-012", "EUR"),
    ({"instrument": "asian_option", "contract": "2026-10", "expiry": None}, "QX-RISK-003", "2026-10-31"),
    ({"instrument": "asian_option", "contract": "", "underlying": "HO", "vol_factor": "VHO"},
     "QX-RISK-003", "no contract"),
    ({"delta": 1.0, "vega": 1.0, "vol_factor": ""}, "QX-RISK-007", "vega"),
])  # fmt: skip
def test_refused_with_its_line(told: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(QxError, match=words) as found:
        compile_book([option("a", **told)], market_of_all(), "USD")
    assert found.value.code == code
    assert str(found.value.place) == "portfolio.csv:2"


def test_a_price_below_zero_in_a_scenario_names_the_option() -> None:
    """As on 2020-04-20."""
    market = market_of_all()
    book = compile_book([of("european"), option("front", contract="2026-12")], market, "USD")
    levels = np.repeat(market.base[None], 700, axis=0)
    levels[640, market.index["CL.M1"]] = -37.63
    with pytest.raises(
        QxError, match=r"front has no value where its price is -37\.63 \(scenario 641\)"
    ) as told:
        book.totals(levels)
    assert told.value.code == "QX-RISK-012"
    levels[640] = market.base
    levels[640, market.index["VCL.M1"]] = -0.1
    with pytest.raises(QxError, match=r"volatility is -0\.1"):
        book.totals(levels)


def test_a_normal_option_takes_a_price_below_zero() -> None:
    market = market_of_all()
    levels = market.base[None].copy()
    levels[0, market.index["TTF"]] = -10.0
    gained = compile_book([of("normal")], market, "USD").totals(levels).item()
    told = bachelier.price(-10, 28, YEARS, level("NTTF"), 0, -1)
    assert gained == pytest.approx(3000 * level("EURUSD") * float(told) - value(of("normal")))


def test_no_time_left() -> None:
    """On its last day an option is its intrinsic value."""
    market = market_of_all()
    held = option("a", expiry=date(2026, 11, 20), contract="2026-12", strike=level("CL.M1") - 1)
    assert value(held) == pytest.approx(10_000)
    assert value(option("a", **{**EURO, "style": "bachelier", "vol_factor": "NTTF", "expiry": date(2026, 11, 20),
                                "strike": level("TTF") + 2})) == pytest.approx(6000 * level("EURUSD"))  # fmt: skip
    levels = scenarios(market, 30)
    moves = levels[:, market.index["CL.M1"]] - level("CL.M1")
    found = compile_book([held], market, "USD").totals(levels)
    assert found == pytest.approx(10_000 * (np.maximum(moves + 1, 0) - 1), abs=1e-8)
