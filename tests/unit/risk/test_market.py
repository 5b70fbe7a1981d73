"""Market: what prices become, what is told of it, and what is refused with its line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qx.kernel.errors import Problems, QxError
from tests.unit.risk.quoting import factor, made, quote, quotes, series, walk

if TYPE_CHECKING:
    from qx.model.risk import Factor, Quote, ReturnType
    from qx.risk.market import Market

WTI = quotes("CL", "2020-04-17 18.27", "2020-04-20 -37.63")  # CFTC release 8315-20


def refusal(factors: list[Factor], told: list[Quote], *, as_of: str = "", window: int | None = None) -> QxError:
    with pytest.raises(QxError) as caught:
        made(factors, told, as_of=as_of, window=window)
    assert caught.value.hint
    return caught.value


def told(found: Market) -> list[tuple[str, str, int]]:
    return [(each.what, each.subject, each.count) for each in found.treatments]


# -- April 2020 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "shift", "after"), [("absolute", 0.0, 4.10), ("shifted_log", 100.0, -15.62)])
def test_the_day_below_zero_on_a_base_of_60_dollars(kind: ReturnType, shift: float, after: float) -> None:
    found = made([factor("CL", kind, shift=shift)], WTI)
    assert round(float(found.kinds.moved(np.array([60.0]), found.returns)[0, 0]), 2) == after
    assert (found.base[0], found.as_of) == (-37.63, date(2020, 4, 20))


@pytest.mark.parametrize("kind", ["log", "relative"])
def test_the_day_below_zero_has_no_such_return(kind: ReturnType) -> None:
    error = refusal([factor("CL", kind, line=4)], WTI)
    assert (error.code, str(error.place)) == ("QX-RISK-008", "prices.csv:3")
    assert "18.27 to -37.63 on 2020-04-20" in error.message
    assert error.hint == "return_type=absolute in factors.csv:4, or shifted_log with a shift above 37.63"


def test_a_shift_that_is_too_small_is_refused_with_the_one_that_would_do() -> None:
    error = refusal([factor("CL", "shifted_log", shift=37.63)], WTI)
    assert (error.code, error.hint) == ("QX-RISK-008", "a shift above 37.63, or return_type=absolute, in factors.csv:2")


def test_a_last_level_from_which_no_return_leads_is_refused_too() -> None:
    rolled = quotes("CL", "2020-04-17 18.27 2020-05", "2020-04-20 17 2020-05", "2020-04-20 -1 2020-06")
    error = refusal([factor("CL", "log")], rolled)
    assert (error.code, str(error.place)) == ("QX-RISK-008", "prices.csv:4")
    assert "stands at -1" in error.message


# -- rolls --------------------------------------------------------------------------------------------------------

ROLL = quotes(
    "CL.M1", "2026-01-05 70 2026-02", "2026-01-06 71 2026-02", "2026-01-06 75 2026-03", "2026-01-07 76 2026-03"
)  # fmt: skip


def test_a_return_lies_within_the_contract_that_was_in_force() -> None:
    found = made([factor("CL.M1")], ROLL)
    assert found.returns.T.tolist() == [[1.0, 1.0]]
    assert found.history.T.tolist() == [[70.0, 75.0, 76.0]]
    assert told(found) == [("rolled", "CL", 1)]


def test_the_order_of_the_contracts_of_a_day_does_not_matter() -> None:
    turned = made([factor("CL.M1")], [ROLL[0], ROLL[2], ROLL[1], ROLL[3]])
    assert turned.returns.T.tolist() == [[1.0, 1.0]]


def test_a_contract_that_is_quoted_on_is_not_gone_back_to() -> None:
    found = made([factor("CL.M1")], [*ROLL, quote("CL.M1", "2026-01-07 60 2026-02", 6)])
    assert found.history.T.tolist() == [[70.0, 75.0, 76.0]]


def test_a_roll_without_the_outgoing_contract_is_refused_with_its_line() -> None:
    error = refusal([factor("CL.M1")], [ROLL[0], *ROLL[2:]])
    assert (error.code, str(error.place)) == ("QX-RISK-011", "prices.csv:4")
    assert "rolls from 2026-02 to 2026-03 on 2026-01-06, and 2026-02 is not quoted then" in error.message


def test_a_roll_before_the_window_is_nobodys_concern() -> None:
    found = made([factor("CL.M1")], [ROLL[0], *ROLL[2:]], window=1)
    assert (found.returns.tolist(), told(found)) == ([[1.0]], [])


def test_lines_without_a_contract_among_others_are_refused() -> None:
    error = refusal([factor("CL.M1")], [*ROLL, quote("CL.M1", "2026-01-08 77", 6)])
    assert (error.code, str(error.place)) == ("QX-RISK-003", "prices.csv:6")


def test_a_back_adjusted_series_has_absolute_returns_only() -> None:
    levels = series("CL", walk(1, 5))
    assert told(made([factor("CL", roll_rule="back_adjusted")], levels)) == [("chained", "CL", 1)]
    error = refusal([factor("CL", "log", roll_rule="panama")], levels)
    assert (error.code, str(error.place)) == ("QX-RISK-008", "factors.csv:2")


def test_a_rolling_factor_whose_prices_name_no_contract_is_told() -> None:
    assert told(made([factor("CL.M1", roll_rule="expiry")], series("CL.M1", walk(1, 5)))) == [("assumed", "CL", 1)]


# -- holes --------------------------------------------------------------------------------------------------------


def test_a_missing_day_is_carried_and_its_move_falls_into_the_next() -> None:
    days = series("A", walk(1, 40))
    holed = [each for number, each in enumerate(series("B", walk(2, 40), first=100)) if number != 7]
    found = made([factor("A"), factor("B", "log")], [*days, *holed])
    whole = made([factor("A"), factor("B", "log")], [*days, *series("B", walk(2, 40), first=100)])
    assert found.history[7, 1] == found.history[6, 1]
    assert found.returns[6, 1] == 0.0
    assert found.returns[7, 1] == pytest.approx(whole.returns[6:8, 1].sum(), rel=1e-12)
    assert found.returns[:, 1].sum() == pytest.approx(whole.returns[:, 1].sum(), rel=1e-12)
    assert told(found) == [("filled", "B", 1)]


def test_a_hole_that_is_longer_than_allowed_is_refused_where_it_begins() -> None:
    days, other = series("A", walk(1, 100)), series("B", walk(2, 100), first=200)
    holed = [*days, *other[:50], *other[55:]]
    error = refusal([factor("A"), factor("B", max_stale_days=6, line=3)], holed)
    assert (error.code, str(error.place)) == ("QX-RISK-011", "prices.csv:249")
    assert error.hint == "fill the hole, or raise max_stale_days in factors.csv:3"
    assert told(made([factor("A"), factor("B", max_stale_days=7)], holed)) == [("filled", "B", 5)]


def test_a_factor_that_is_missing_on_too_many_days_is_refused() -> None:
    other = series("B", walk(2, 40), first=200)
    error = refusal([factor("A"), factor("B", line=3)], [*series("A", walk(1, 40)), *other[::2], other[-1]])
    assert (error.code, str(error.place)) == ("QX-RISK-011", "factors.csv:3")
    assert "19 of 40" in error.message


def test_a_factor_that_ends_early_is_stale() -> None:
    days, other = series("A", walk(1, 40)), series("B", walk(2, 40), first=200)
    error = refusal([factor("A"), factor("B")], [*days, *other[:-6]])
    assert (error.code, str(error.place)) == ("QX-RISK-011", "prices.csv:233")
    assert "max_stale_days is 5" in error.message
    found = made([factor("A"), factor("B")], [*days, *other[:-2]])
    assert [what for what, _, _ in told(found)] == ["filled", "stale"]


def test_the_day_of_the_valuation_may_lie_after_the_last_prices_by_so_much() -> None:
    prices = series("A", walk(1, 5))  # to Friday, 2026-01-09
    found = made([factor("A")], prices, as_of="2026-01-12")
    assert (found.as_of, told(found)) == (date(2026, 1, 12), [("stale", "A", 3)])
    assert refusal([factor("A")], prices, as_of="2026-01-15").code == "QX-RISK-011"


def test_prices_after_the_day_of_the_valuation_are_left_out_and_told() -> None:
    prices = series("A", walk(1, 5))
    found = made([factor("A")], prices, as_of="2026-01-07")
    assert (len(found.returns), found.as_of, told(found)) == (2, date(2026, 1, 7), [("dropped", "prices.csv", 2)])


def test_days_before_the_last_beginning_are_left_out_for_all_and_told() -> None:
    later = series("B", walk(2, 30), start="2026-01-19", first=100)
    found = made([factor("A"), factor("B")], [*series("A", walk(1, 40)), *later])
    assert (len(found.returns), str(found.dates[0])) == (29, "2026-01-20")
    assert told(found) == [("dropped", "B", 10)]
    assert "before 2026-01-19" in found.treatments[0].words


def test_days_on_which_no_price_is_quoted_are_none_of_the_calendar() -> None:
    rate = [quote("EURUSD", f"2026-01-{day:02} 1.1{day}", 50 + day) for day in (5, 6, 7, 8, 9, 10, 11)]
    found = made([factor("A"), factor("EURUSD", "log", kind="fx", unit="EUR")], [*series("A", walk(1, 5)), *rate])
    assert (len(found.returns), told(found)) == (4, [("dropped", "prices.csv", 2)])


def test_prices_that_stand_still_are_told_and_so_is_a_peg() -> None:
    still = [70.0, 71.0, *[72.0] * 8, 73.0]
    found = made([factor("A"), factor("B")], [*series("A", still), *series("B", [0.376] * 11, first=40)])
    assert told(found) == [("stale", "A", 7), ("stale", "B", 10)]
    assert "up to 2026-01-16" in found.treatments[0].words


def test_a_factor_without_prices_is_refused_with_the_near_one() -> None:
    error = refusal([factor("CL.M1", line=9)], series("CLM1", walk(1, 3)))
    assert error.code == "QX-RISK-011"
    prices = [*series("A", walk(1, 3)), *series("CLM1", walk(1, 3), first=9)]
    error = refusal([factor("A"), factor("CL.M1", line=9)], prices)
    assert (str(error.place), error.hint) == ("factors.csv:9", "did you mean 'CLM1'?")


def test_series_that_nobody_asked_for_are_left_out_and_told() -> None:
    found = made([factor("A")], [*series("A", walk(1, 3)), *series("X", walk(1, 3)), *series("Y", walk(1, 3))])
    assert told(found) == [("dropped", "prices.csv", 2)]
    assert found.treatments[0].words.endswith("X, Y")


# -- order and values ---------------------------------------------------------------------------------------------


def test_a_day_twice_is_refused_with_both_lines() -> None:
    error = refusal([factor("A")], [*series("A", walk(1, 3)), quote("A", "2026-01-06 1", 5)])
    assert (error.code, str(error.place)) == ("QX-RISK-004", "prices.csv:5")
    twice = refusal([factor("A")], [*series("A", walk(1, 3)), quote("A", "2026-01-07 1", 9)])
    assert (twice.code, str(twice.place), "line 4" in twice.message) == ("QX-RISK-004", "prices.csv:9", True)


def test_days_that_go_back_are_refused() -> None:
    error = refusal([factor("A")], quotes("A", "2026-01-05 1", "2026-01-07 2", "2026-01-06 3"))
    assert (error.code, str(error.place)) == ("QX-RISK-004", "prices.csv:4")
    assert error.hint == "sort the lines by date"


def test_series_may_stand_one_below_the_other_or_day_by_day() -> None:
    one, other = series("A", walk(1, 5)), series("B", walk(2, 5), first=50)
    below = made([factor("A"), factor("B")], [*one, *other])
    by_day = made([factor("A"), factor("B")], [each for pair in zip(other, one, strict=True) for each in pair])
    assert (below.history == by_day.history).all()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_refused(value: str) -> None:
    error = refusal([factor("A")], quotes("A", "2026-01-05 1", f"2026-01-06 {value}"))
    assert (error.code, str(error.place)) == ("QX-RISK-003", "prices.csv:3")


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Problems) as caught:
        made([factor("A", "log"), factor("B", "log", line=3)], [
            *quotes("A", "2026-01-05 1", "2026-01-06 -1"), *quotes("B", "2026-01-05 -1", "2026-01-06 1", first=9),
        ])  # fmt: skip
    assert [str(error.place) for error in caught.value.errors] == ["prices.csv:3", "prices.csv:10"]


def test_an_exchange_rate_of_zero_is_refused_whatever_its_returns() -> None:
    error = refusal([factor("EURUSD", kind="fx", unit="EUR")], series("EURUSD", [1.1, 0.0, 1.1]))
    assert (error.code, str(error.place)) == ("QX-RISK-003", "prices.csv:3")


def test_a_factor_twice_is_refused() -> None:
    error = refusal([factor("A"), factor("A", line=3)], series("A", walk(1, 3)))
    assert (error.code, str(error.place)) == ("QX-RISK-003", "factors.csv:3")


# -- few ----------------------------------------------------------------------------------------------------------


def test_one_day_has_levels_and_no_return() -> None:
    found = made([factor("A")], series("A", [70.0]))
    assert (found.returns.shape, found.history.shape, found.base.tolist()) == ((0, 1), (1, 1), [70.0])
    with pytest.raises(QxError) as caught:
        found.over(1)
    assert caught.value.code == "QX-RISK-009"


def test_two_days_have_one_return() -> None:
    found = made([factor("A")], series("A", [70.0, 71.5]))
    assert (found.over(1).tolist(), told(found)) == ([[1.5]], [])


def test_no_prices_at_all() -> None:
    assert refusal([factor("A")], []).code == "QX-RISK-011"
    assert refusal([factor("A")], series("A", walk(1, 3)), as_of="2020-01-01").code == "QX-RISK-011"


def test_longer_horizons_overlap() -> None:
    doubled = [1, 2, 4, 8, 16]
    found = made([factor("A"), factor("B", "relative")], [*series("A", doubled), *series("B", doubled, first=50)])
    assert found.over(3).tolist() == [[7.0, 7.0], [14.0, 7.0]]
    for wrong, code in ((0, "QX-RISK-001"), (5, "QX-RISK-009")):
        with pytest.raises(QxError) as caught:
            found.over(wrong)
        assert caught.value.code == code


def test_a_window_takes_the_last_returns() -> None:
    prices = series("A", walk(1, 30))
    whole, part = made([factor("A", "log")], prices), made([factor("A", "log")], prices, window=10)
    assert (part.returns == whole.returns[-10:]).all()
    assert (part.dates == whole.dates[-10:]).all()
    assert part.start == whole.dates[-11].item()
    assert len(made([factor("A")], prices, window=100).returns) == 29


# -- units and currencies -----------------------------------------------------------------------------------------


def test_prices_are_converted_to_the_unit_of_their_factor() -> None:
    found = made([factor("RB", unit="bbl")], quotes("RB", "2026-01-05 200 - gal USc", "2026-01-06 2 - USD/gal"))
    assert found.history.T.tolist() == [[84.0, 84.0]]
    assert [what for what, _, _ in told(found)] == ["converted", "converted"]


def test_a_factor_takes_unit_and_currency_from_its_prices() -> None:
    prices = quotes("TTF", "2026-01-05 30 - MWh EUR", "2026-01-06 31 - MWh EUR")
    found = made([factor("TTF", unit="", currency="")], prices)
    assert (found.factors[0].unit, found.factors[0].currency, found.base[0]) == ("MWh", "EUR", 31.0)


def test_minor_currencies_and_percents_are_held_as_whole_ones() -> None:
    found = made(
        [factor("NBP", unit="therm", currency="GBp", shift=5.0), factor("R", kind="rate", unit="%"),
         factor("V", kind="vol", unit="bp")],
        [*series("NBP", [72.0, 73.0]), *series("R", [4.0, 4.5], first=9), *series("V", [3500.0, 3600.0], first=19)],
    )  # fmt: skip
    assert found.base.tolist() == pytest.approx([0.73, 0.045, 0.36], rel=1e-15)
    assert (found.factors[0].currency, found.factors[0].shift) == ("GBP", 0.05)
    assert {what for what, _, _ in told(found)} == {"converted"}


@pytest.mark.parametrize(("unit", "code"), [
    ("barrrel", "QX-RISK-005"), ("MWh", "QX-RISK-005"), ("EUR/bbl", "QX-RISK-003"),
])  # fmt: skip
def test_units_that_do_not_fit_are_refused_with_the_line(unit: str, code: str) -> None:
    error = refusal([factor("CL")], quotes("CL", "2026-01-05 70", f"2026-01-06 71 - {unit}"))
    assert (error.code, str(error.place)) == (code, "prices.csv:3")


def test_two_currencies_of_one_factor_are_refused() -> None:
    error = refusal([factor("CL")], quotes("CL", "2026-01-05 70 - bbl USD", "2026-01-06 71 - bbl EUR"))
    assert (error.code, str(error.place)) == ("QX-RISK-003", "prices.csv:3")


def test_the_name_of_a_pair_says_its_currencies() -> None:
    found = made([factor("EURUSD", "log", kind="fx", unit="", currency="")], series("EURUSD", [1.1, 1.2]))
    assert (found.factors[0].unit, found.factors[0].currency) == ("EUR", "USD")
    assert told(found) == [("assumed", "EURUSD", 1)]
    error = refusal([factor("RATE", kind="fx", unit="", currency="")], series("RATE", [1.1, 1.2]))
    assert (error.code, str(error.place)) == ("QX-RISK-003", "factors.csv:2")
    turned = refusal([factor("EURUSD", kind="fx", unit="EUR")], quotes("EURUSD", "2026-01-05 0.9 - - EUR"))
    assert (turned.code, str(turned.place)) == ("QX-RISK-003", "prices.csv:2")
