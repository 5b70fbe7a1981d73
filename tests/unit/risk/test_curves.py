"""Curves and exchange rates: a month between two factors, a currency over a third."""

from __future__ import annotations

import numpy as np
import pytest

from qx.kernel.errors import Place, QxError
from qx.risk.fx import path
from tests.unit.risk.quoting import factor, made, quotes, series

HERE = Place("portfolio.csv", 5)
TENORS = {"CL.M1": 30, "CL.M2": 61, "CL.M12": 365}
NODES = [*(factor(name, tenor_days=days) for name, days in TENORS.items()), factor("MEH", kind="basis")]
DAYS = [each for name in (*TENORS, "MEH") for each in series(name, [70, 71])]
TODAY = made(NODES, DAYS)  # as of 2026-01-06


def test_between_two_tenors_a_month_is_a_mix_and_beyond_them_the_end() -> None:
    days = 54  # to 2026-03-01
    share = (days - 30) / (61 - 30)
    mix = dict(TODAY.curve("CL", "2026-03"))
    assert mix == pytest.approx({0: 1 - share, 1: share}, rel=1e-15)
    assert TODAY.curve("CL", "2026-02") == ((0, 1.0),)
    assert TODAY.curve("CL", "2020-01") == ((0, 1.0),)
    assert TODAY.curve("CL", "2030-01") == ((2, 1.0),)
    for month in ("2026-03", "2026-05", "2026-12"):
        assert sum(weight for _, weight in TODAY.curve("CL", month)) == pytest.approx(1, rel=1e-15)


def test_a_month_that_is_quoted_is_its_contract_whatever_the_tenors_say() -> None:
    told = [
        *quotes("CL.M1", "2026-01-05 70 2026-02", "2026-01-06 71 2026-02"),
        *quotes("CL.M2", "2026-01-05 70 2026-03", "2026-01-06 71 2026-03"),
    ]  # fmt: skip
    found = made([factor("CL.M1", tenor_days=5), factor("CL.M2", tenor_days=6)], told)
    assert found.curve("CL", "2026-02") == ((0, 1.0),)
    assert found.curve("CL", "2026-03") == ((1, 1.0),)


def test_a_single_factor_stands_for_all_months_and_a_name_with_a_dot_for_itself() -> None:
    assert TODAY.curve("MEH", "2026-07") == TODAY.curve("MEH") == ((3, 1.0),)
    assert TODAY.curve("CL.M12", "2026-02") == ((2, 1.0),)


@pytest.mark.parametrize(("name", "month", "said", "hint"), [
    ("CLL", "2026-03", "no factor is of 'CLL'", "did you mean 'CL'?"),
    ("CL", "", "no contract is no month", "contract: a month as 2027-03"),
    ("CL", "H26", "H26 is no month", "contract: a month as 2027-03"),
])  # fmt: skip
def test_what_has_no_place_on_a_curve_is_refused(name: str, month: str, said: str, hint: str) -> None:
    with pytest.raises(QxError, match=said) as caught:
        TODAY.curve(name, month, HERE)
    assert (caught.value.code, caught.value.hint, caught.value.place) == ("QX-RISK-007", hint, HERE)


def test_a_factor_that_nothing_places_is_refused_with_its_line() -> None:
    prices = [*series("CL.M1", [1, 2]), *series("CL.M2", [1, 2], first=9)]
    found = made([factor("CL.M1", tenor_days=30), factor("CL.M2", line=3)], prices)
    with pytest.raises(QxError, match=r"CL\.M2 has neither") as caught:
        found.curve("CL", "2026-03", HERE)
    assert str(caught.value.place) == "factors.csv:3"


# -- exchange -----------------------------------------------------------------------------------------------------

PAIRS = [
    factor("EURUSD", kind="fx", unit="EUR", currency="USD"), factor("USDBHD", kind="fx", unit="USD", currency="BHD"),
    factor("CL"), factor("GBPEUR", kind="fx", unit="GBP", currency="EUR"),
]  # fmt: skip
LEVELS = np.array([[1.10, 0.376, 70.0, 1.20], [1.00, 0.400, 70.0, 1.25]])


@pytest.mark.parametrize(("currency", "base", "rates"), [
    ("USD", "USD", [1, 1]), ("EUR", "USD", [1.1, 1.0]), ("USD", "EUR", [1 / 1.1, 1.0]), ("BHD", "USD",
     [1 / 0.376, 2.5]),
    ("GBP", "USD", [1.32, 1.25]), ("BHD", "GBP", [1 / 0.376 / 1.32, 2.0]),
])  # fmt: skip
def test_rates_are_direct_inverse_or_over_others(currency: str, base: str, rates: list[float]) -> None:
    found = path(PAIRS, currency, base)
    assert found.rate(LEVELS) == pytest.approx(np.array(rates), rel=1e-15)
    assert found.rate(LEVELS[0]) == pytest.approx(rates[0], rel=1e-15)


def test_a_missing_rate_is_refused_with_what_would_do() -> None:
    with pytest.raises(QxError, match="from NOK to USD; known: BHD, EUR, GBP, USD") as caught:
        path(PAIRS, "NOK", "USD", HERE)
    assert (caught.value.code, caught.value.place) == ("QX-RISK-006", HERE)
    assert "unit NOK and currency USD" in caught.value.hint
    with pytest.raises(QxError, match="there is no factor of kind fx"):
        path([factor("CL")], "EUR", "USD")
