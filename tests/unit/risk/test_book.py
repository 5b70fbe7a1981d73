"""A book: what linear positions gain, to the cent; and what must hold of every book."""

from __future__ import annotations

import pickle
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from qx.kernel.errors import Problems, QxError
from qx.model.risk import Position
from qx.risk.book import Book, compile_book
from qx.risk.market import Market
from tests.unit.risk.holdings import (
    ALL,
    FACTORS,
    LINEAR,
    OPTIONS,
    market_of_all,
    position,
    positions_of,
    scenarios,
)
from tests.unit.risk.quoting import factor, made, quotes

NAMES = [each.factor for each, _ in FACTORS]


def moved(market: Market, **changes: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One scenario: factors by name (dots as _), each changed by so much."""
    levels = market.base[None].copy()
    for name, change in changes.items():
        levels[0, market.index[name.replace("_", ".")]] += change
    return levels


def gain(market: Market, held: Position, currency: str = "USD", **changes: float) -> float:
    return compile_book([held], market, currency).totals(moved(market, **changes)).item()


def rate(market: Market, name: str) -> float:
    return float(market.base[market.index[name]])


# -- single positions ------------------------------------------------------------------------------
def test_lots_are_those_of_the_contract() -> None:
    market = market_of_all()
    assert gain(
        market, position("a", "future", "CL", 3, "lot", contract="2026-12"), CL_M1=2.0
    ) == pytest.approx(6000)
    assert gain(market, position("a", "future", "HO", 1, "lot"), HO=0.01) == pytest.approx(420)
    assert gain(market, position("a", "future", "BZ", 2, "lot", lot_size=100), BZ_M1=-1.0) == pytest.approx(
        -200
    )


def test_a_month_between_two_factors_moves_with_both() -> None:
    """2027-03-01 is 101 days away, between 30 and 180."""
    market, held = market_of_all(), position("a", "swap", "CL", 1000, "bbl", contract="2027-03")
    far = (101 - 30) / 150
    assert gain(market, held, CL_M1=1.0) == pytest.approx(1000 * (1 - far))
    assert gain(market, held, CL_M6=1.0) == pytest.approx(1000 * far)


def test_a_range_of_months_is_held_in_equal_parts() -> None:
    market = market_of_all()
    whole = position("a", "swap", "CL", 300, "bbl", contract="2027-02..2027-04")
    parts = [position("b", "swap", "CL", 100, "bbl", contract=f"2027-0{month}") for month in (2, 3, 4)]
    levels = scenarios(market, 5)
    assert np.allclose(
        compile_book([whole], market, "USD").totals(levels),
        compile_book(parts, market, "USD").totals(levels),
        rtol=1e-12,
    )


def test_units_are_converted_to_those_of_the_factor() -> None:
    market = market_of_all()
    tonnes = position("a", "swap", "HO", 10, "t", grade="7.45 bbl/t")
    assert gain(market, tonnes, HO=1.0) == pytest.approx(10 * 7.45 * 42)
    with pytest.raises(QxError, match="grade") as told:
        compile_book([position("a", "swap", "HO", 10, "t")], market, "USD")
    assert told.value.code == "QX-RISK-005"
    assert told.value.place is not None
    assert str(told.value.place) == "portfolio.csv:2"


def test_margined_gains_and_held_goods_are_exchanged_differently() -> None:
    """A future's gain is exchanged at the scenario's rate; a cargo is worth more for its currency too."""
    market = market_of_all()
    future = position("a", "future", "TTF", 100, "MWh", currency="EUR")
    cargo = position("a", "cargo", "TTF", 100, "MWh", currency="EUR")
    price, euro = rate(market, "TTF"), rate(market, "EURUSD")
    assert gain(market, future, EURUSD=0.1) == 0
    assert gain(market, future, TTF=2.0, EURUSD=0.1) == pytest.approx(100 * 2 * (euro + 0.1))
    assert gain(market, cargo, EURUSD=0.1) == pytest.approx(100 * price * 0.1)
    assert gain(market, cargo, TTF=2.0, EURUSD=0.1) == pytest.approx(
        100 * ((price + 2) * (euro + 0.1) - price * euro)
    )


def test_a_third_currency_is_reached_through_another() -> None:
    market = market_of_all()
    euro, dinar = rate(market, "EURUSD"), rate(market, "USDBHD")
    cash = position("a", "cash", "EUR", 1000, "EUR", currency="EUR")
    assert gain(market, cash, "BHD", EURUSD=0.1) == pytest.approx(1000 * 0.1 * dinar)
    assert gain(market, cash, "BHD", USDBHD=0.01) == pytest.approx(1000 * euro * 0.01)
    assert gain(market, position("a", "cash", "BHD", 1000, "BHD"), USDBHD=0.01) == pytest.approx(
        1000 / (dinar + 0.01) - 1000 / dinar
    )


def test_what_was_paid_for_a_currency_is_owed() -> None:
    market = market_of_all()
    bought = position("a", "fx", "GBP", 1000, "GBP", currency="EUR", price=1.15)
    assert gain(market, bought, GBPUSD=0.1) == pytest.approx(100)
    assert gain(market, bought, EURUSD=0.1) == pytest.approx(-115)
    book = compile_book([bought], market, "USD")
    assert book.value().item() == pytest.approx(
        1000 * (rate(market, "GBPUSD") - 1.15 * rate(market, "EURUSD"))
    )


def test_what_is_priced_already_moves_no_more() -> None:
    """Of the ten weekdays of the window five are over on Friday the 20th."""
    market = market_of_all()
    window = (date(2026, 11, 16), date(2026, 11, 27))
    held = position("a", "cargo", "TTF", 100, "MWh", currency="EUR", pricing_window=window)
    past = market.history[-5:, market.index["TTF"]].mean()
    assert gain(market, held, TTF=2.0) == pytest.approx(50 * 2 * rate(market, "EURUSD"))
    assert gain(market, held, EURUSD=0.1) == pytest.approx((50 * past + 50 * rate(market, "TTF")) * 0.1)
    over = position(
        "a",
        "swap",
        "CL",
        100,
        "bbl",
        contract="2027-01",
        pricing_window=(date(2026, 11, 9), date(2026, 11, 20)),
    )
    assert gain(market, over, CL_M1=5.0) == 0


def test_known_prices_are_those_of_the_contract_that_is_held_today() -> None:
    """The fixing of the 17th is that of the contract which rolled out on the 18th, moved to today's by its
    return.
    """
    told = quotes(
        "CL.M1",
        "2026-11-17 70 2026-12",
        "2026-11-18 77 2026-12",
        "2026-11-18 80 2027-01",
        "2026-11-19 84 2027-01",
    )
    market = made([factor("CL.M1", "log", tenor_days=30)], told)
    window = (date(2026, 11, 17), date(2026, 11, 20))
    held = position("a", "cargo", "CL", 4, "bbl", pricing_window=window)
    fixed = (80 / 1.1 + 80 + 84) / 3
    assert compile_book([held], market, "USD").value().item() == pytest.approx(3 * fixed + 84)


def test_value() -> None:
    market = market_of_all()
    book = compile_book(LINEAR, market, "USD")
    value = dict(zip(book.names, book.value().tolist(), strict=True))
    month = sum(weight * market.base[at] for at, weight in market.curve("CL", "2027-02"))
    assert value["future"] == pytest.approx(10_000 * (month - 70))
    assert value["euro"] == 0  # margined, and nothing says at what price
    assert value["cargo"] == pytest.approx(
        500_000 * rate(market, "BZ.M1") + 500_000 / 7.33 * rate(market, "BASIS")
    )
    assert value["dinars"] == pytest.approx(5e5 / rate(market, "USDBHD"))
    assert value["dollars"] == 5e5
    assert book.greeks().delta.tolist()[:2] == [10_000, -100_000]


def test_the_choice_of_volume_is_told() -> None:
    told = [
        each for each in compile_book(LINEAR, market_of_all(), "USD").treatments if each.subject == "cargo"
    ]
    assert len(told) == 1
    assert "50 kbbl" in told[0].words


def test_the_choice_of_many_is_counted() -> None:
    held = [structs.replace(LINEAR[4], position_id=f"c{at}") for at in range(50)]
    for positions in (held, positions_of(held)):
        told = compile_book(positions, market_of_all(), "USD").treatments
        assert len(told) == 21
        assert told[-1].count == 30


def test_columns_are_compiled_as_single_positions_are() -> None:
    market = market_of_all()
    many = [structs.replace(each, position_id=f"{each.position_id} {at}", quantity=each.quantity + at)
            for at in range(5) for each in ALL]  # fmt: skip
    many[3] = structs.replace(many[3], price=28.0)
    many[6] = structs.replace(many[6], price=None)
    one, other = (compile_book(held, market, "BHD") for held in (many, positions_of(many)))
    levels = scenarios(market, 40)
    assert one.names == other.names
    assert (one.totals(levels) == other.totals(levels)).all()
    assert (one.each(levels) == other.each(levels)).all()
    assert (one.value() == other.value()).all()
    assert set(one.treatments) == set(other.treatments)
    wrong = [*many, position("a", "future", "CX", 1, "lot"), position("b", "future", "CX", 2, "lot")]
    with pytest.raises(QxError, match="CX") as told:
        compile_book(positions_of(wrong), market, "USD")
    assert not isinstance(told.value, Problems)  # both for the same reason


# -- refusals --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("held", "code", "words"), [
    (position("a", "future", "CX", 1, "lot"), "QX-RISK-007", "CX"),
    (position("a", "future", "CL", 1, "lot"), "QX-RISK-007", "no contract"),
    (position("a", "future", "CL", 1, "lot", contract="2027-04..2027-02"), "QX-RISK-003", "no months"),
    (position("a", "future", "CL", 1, "pints", contract="2027-01"), "QX-RISK-005", "pints"),
    (position("a", "cash", "JPY", 1, "JPY"), "QX-RISK-006", "JPY"),
    (position("a", "future", "CL", 1, "lot", contract="2027-01", price=1.0, price_unit="EUR/bbl"),
     "QX-RISK-003", "currency"),
    (position("a", "cargo", "CL", 1, "bbl", contract="2027-01",
              pricing_window=(date(2026, 11, 21), date(2026, 11, 22))), "QX-RISK-003", "no weekday"),
    (position("a", "cargo", "CL", 1, "bbl", contract="2027-01",
              pricing_window=(date(2026, 8, 3), date(2026, 11, 30))), "QX-RISK-011", "2026-09-01"),
])  # fmt: skip
def test_refused_with_its_line(held: Position, code: str, words: str) -> None:
    with pytest.raises(QxError, match=words) as told:
        compile_book([held], market_of_all(), "USD")
    assert told.value.code == code
    assert str(told.value.place) == "portfolio.csv:2"


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = [position("a", "future", "CX", 1, "lot"), LINEAR[0], position("b", "cash", "JPY", 1, "JPY")]
    with pytest.raises(Problems) as told:
        compile_book(wrong, market_of_all(), "USD")
    assert [each.code for each in told.value.errors] == ["QX-RISK-007", "QX-RISK-006"]


def test_no_position_is_refused() -> None:
    with pytest.raises(QxError, match="no position") as told:
        compile_book([], market_of_all(), "USD")
    assert told.value.code == "QX-RISK-010"


# -- what must hold of every book ------------------------------------------------------------------
def book_of(which: tuple[Position, ...], currency: str, *, greeks_only: bool = False) -> Book:
    return compile_book(which, market_of_all(), currency, greeks_only=greeks_only)


KINDS = [(LINEAR, False), (OPTIONS, False), (OPTIONS, True), (ALL, False), (ALL, True)]


@pytest.mark.parametrize("currency", ["USD", "BHD"])
@pytest.mark.parametrize(("which", "greeks_only"), KINDS)
def test_every_way_of_adding_up_gives_the_same(
    which: tuple[Position, ...], greeks_only: bool, currency: str
) -> None:
    book, count = book_of(which, currency, greeks_only=greeks_only), len(which)
    levels = scenarios(market_of_all(), 700)
    totals = book.totals(levels)
    each, tail = book.each(levels[:30]), totals[:30]
    scale = np.abs(each).sum(axis=0)
    assert (scale > 0).all()
    parts = book.grouped(levels, np.arange(count) % 4, 4)
    assert np.abs(parts.sum(axis=1) - totals).max() < 1e-12 * scale.min()
    assert (np.abs(each.sum(axis=0) - tail) < 1e-12 * scale).all()
    weights = np.random.default_rng(3).uniform(0, 1, (30, 2))
    assert np.abs(book.weighted(levels[:30], weights) - each @ weights).max() < 1e-12 * (np.abs(each) @ weights).max()
    assert (np.abs(book.by_factor(levels[:30]).sum(axis=0) - tail) < 1e-12 * scale).all()
    alone = np.stack(
        [
            compile_book([one], market_of_all(), currency, greeks_only=greeks_only).totals(levels[:30])
            for one in which
        ]
    )
    assert (np.abs(alone - each) < 1e-12 * scale).all()
    assert np.abs(book.totals(market_of_all().base[None])).max() < 1e-13 * np.abs(book.value()).sum()


@pytest.mark.parametrize("currency", ["USD", "BHD"])
@pytest.mark.parametrize(("which", "greeks_only"), KINDS)
def test_exposures_are_finite_differences(
    which: tuple[Position, ...], greeks_only: bool, currency: str
) -> None:
    book, market = book_of(which, currency, greeks_only=greeks_only), market_of_all()
    position, factor, amount = found = book.exposures()
    assert (np.diff(position * len(NAMES) + factor) > 0).all()
    dense = np.zeros((len(which), len(NAMES)))
    dense[position, factor] = amount
    assert np.allclose(found.by_factor(len(NAMES)), dense.sum(axis=0), rtol=1e-12)
    step = 1e-5
    for at, name in enumerate(NAMES):
        moves = np.zeros((2, len(NAMES)))
        moves[:, at] = step, -step
        up, down = book.each(market.moved(moves)).T
        told = (up - down) / (2 * step)
        assert np.abs(told - dense[:, at]).max() <= 1e-6 * (1 + np.abs(told).max()), name


def test_a_factor_that_did_not_move_brings_nothing() -> None:
    book, market = book_of(ALL, "USD"), market_of_all()
    levels = moved(market, CL_M1=3.0, EURUSD=0.02)
    brought = {NAMES[at] for at in np.flatnonzero(book.by_factor(levels)[:, 0])}
    assert brought == {"CL.M1", "EURUSD"}


def test_a_product_of_two_changes_is_shared_in_halves() -> None:
    market = market_of_all()
    held = position("a", "future", "TTF", 100, "MWh", currency="EUR")
    found = compile_book([held], market, "USD").by_factor(moved(market, TTF=2.0, EURUSD=0.1))[:, 0]
    assert found[market.index["TTF"]] == pytest.approx(200 * (rate(market, "EURUSD") + 0.05))
    assert found[market.index["EURUSD"]] == pytest.approx(200 * 0.05)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(ALL) - 1), st.floats(-50, 50)), min_size=1, max_size=6),
    st.booleans(),
)
def test_books_add_up_and_grow_with_their_quantity(drawn: list[tuple[int, float]], greeks_only: bool) -> None:
    market, rows = market_of_all(), [at for at, _ in drawn if ALL[at].position_id != "told"] or [0]
    factors = [times for at, times in drawn if ALL[at].position_id != "told"] or [1.0]
    held = [ALL[at] for at in rows]
    levels = scenarios(market, 8)
    scaled = [
        structs.replace(each, quantity=each.quantity * times)
        for each, times in zip(held, factors, strict=True)
    ]
    each = compile_book(held, market, "USD", greeks_only=greeks_only).each(levels)
    found = compile_book(scaled, market, "USD", greeks_only=greeks_only).totals(levels)
    told = np.array(factors) @ each
    assert np.abs(found - told).max() <= 1e-10 * (1 + (np.abs(factors) @ np.abs(each)).max())


def test_the_order_of_positions_changes_nothing() -> None:
    levels = scenarios(market_of_all(), 20)
    ahead = book_of(ALL, "USD").each(levels)
    back = book_of(ALL[::-1], "USD").each(levels)
    assert np.allclose(ahead, back[::-1], rtol=1e-12, atol=1e-6)


def test_a_book_goes_to_another_process() -> None:
    levels = scenarios(market_of_all(), 30)
    book = book_of(ALL, "BHD")
    there: Book = pickle.loads(pickle.dumps(book))  # noqa: S301  # our own bytes
    assert (there.totals(levels) == book.totals(levels)).all()


def test_nothing_that_is_given_is_changed() -> None:
    market, book = market_of_all(), book_of(ALL, "BHD")
    levels = scenarios(market, 40)
    before, base, past = levels.copy(), market.base.copy(), market.returns.copy()
    book.totals(levels)
    book.grouped(levels, np.zeros(len(ALL), np.intp), 1)
    book.each(levels)
    book.by_factor(levels)
    book.exposures()
    assert (levels == before).all()
    assert (market.base == base).all()
    assert (market.returns == past).all()
