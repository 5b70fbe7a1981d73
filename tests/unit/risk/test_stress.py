"""Lines of a scenario over a market: which line moves which factor, and how far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.model.risk import Factor, FactorKind, Place, Shock, ShockType
from qx.risk.stress import Laid, by_name, curve_of, days_of, laid, refuse_unmatched

AT = Place("scenarios.csv", 2)


def factor(name: str, kind: FactorKind = "price", **told: Any) -> Factor:
    return Factor(factor=name, kind=kind, return_type="absolute", place=AT, **told)


def shock(name: str, amount: float, kind: ShockType = "abs", line: int = 2, **told: Any) -> Shock:
    return Shock(scenario="S", factor=name, shock=amount, shock_type=kind, place=Place("scenarios.csv", line), **told)


CURVE = [factor("CL.M1", tenor_days=30), factor("CL.M2", tenor_days=60), factor("CL.M4", tenor_days=120),
         factor("CL.M12", tenor_days=365), factor("NG.M1", tenor_days=30), factor("CL.VOL", "vol")]  # fmt: skip
BASE = np.array([70.0, 69.0, 68.0, 65.0, 3.0, 0.35])


def over(*shocks: Shock) -> Laid:
    return laid(shocks, CURVE, BASE)


@pytest.mark.parametrize(
    ("tenor", "days"), [("M1", 365.25 / 12), ("12M", 365.25), ("W2", 14.0), ("10D", 10.0), ("VOL", None), ("M", None)]
)
def test_a_tenor_is_days(tenor: str, days: float | None) -> None:
    assert days_of(tenor) == (None if days is None else pytest.approx(days, abs=1e-12))


def test_a_name_is_a_curve_and_a_tenor() -> None:
    assert curve_of("CL.M1") == ("CL", 365.25 / 12)
    assert curve_of("CL.VOL") == ("CL.VOL", None)
    assert curve_of("EURUSD") == ("EURUSD", None)


@pytest.mark.parametrize(
    ("kind", "amount", "unit", "level"),
    [("abs", -5.0, "", 65.0), ("rel", -0.1, "", 63.0), ("rel", -10.0, "%", 63.0), ("set", 12.5, "", 12.5),
     ("log", np.log(0.5), "", 35.0)],
)  # fmt: skip
def test_each_type_of_shock(kind: ShockType, amount: float, unit: str, level: float) -> None:
    found = over(shock("CL.M1", amount, kind, unit=unit), shock("CL.M2", 0.0, kind), shock("NG*", 0.0))
    assert found.levels[0] == pytest.approx(level, abs=1e-12)
    assert found.levels[5] == 0.35


def test_tenors_are_interpolated_linearly_and_flat_beyond() -> None:
    found = over(shock("CL.M2", -6.0), shock("CL.M4", -2.0))
    by_hand = [70.0 - 6.0, 69.0 - 6.0, 68.0 - 2.0, 65.0 - 2.0, 3.0, 0.35]
    assert found.levels.tolist() == by_hand
    middle = laid([shock("CL.M2", -6.0), shock("CL.M4", -2.0)], [*CURVE, factor("CL.M3", tenor_days=75)],
                  np.append(BASE, 68.5))  # fmt: skip
    assert middle.levels[-1] == pytest.approx(68.5 - 5.0, abs=1e-12)  # a quarter of the way from 60 to 120 days


def test_a_tenor_that_is_no_factor_lies_by_its_name() -> None:
    found = over(shock("CL.D30", -4.0), shock("CL.D120", -1.0))
    assert found.levels[:4].tolist() == [66.0, 66.0, 67.0, 64.0]


def test_the_name_goes_before_the_curve_and_the_curve_before_a_wildcard() -> None:
    every, some, curve = shock("*", 1.0, line=2), shock("CL*", 2.0, line=3), shock("CL", 3.0, line=4)
    found = over(every, some, curve, shock("CL.M2", 4.0, line=5))
    assert (found.levels - BASE)[:4].tolist() == [4.0, 4.0, 4.0, 4.0]  # the tenor's line is the whole curve's
    found = over(every, some, curve)
    assert (found.levels - BASE).tolist() == pytest.approx([3.0, 3.0, 3.0, 3.0, 1.0, 0.0], abs=1e-12)
    assert [move.how for move in found.moves] == ["curve"] * 4 + ["wildcard"]
    found = over(every, some)
    assert (found.levels - BASE).tolist() == pytest.approx([2.0, 2.0, 2.0, 2.0, 1.0, 0.0], abs=1e-12)


def test_a_wildcard_reaches_volatilities_only_where_it_means_them() -> None:
    assert over(shock("CL*", -0.3, "rel")).levels[5] == 0.35
    assert over(shock("*VOL*", 0.5, "rel")).levels[5] == pytest.approx(0.525, abs=1e-12)


def test_a_shock_is_told_in_its_own_unit() -> None:
    gallons = [factor("RB.M1", unit="gal", currency="USD", tenor_days=30)]
    levels = laid([shock("RB.M1", -4.2, unit="USD/bbl")], gallons, np.array([2.0])).levels
    assert levels[0] == pytest.approx(1.9, abs=1e-12)
    assert laid([shock("RB.M1", -10.0, unit="USc/gal")], gallons, np.array([2.0])).levels[0] == pytest.approx(1.9)
    with pytest.raises(QxError, match="in EUR") as caught:
        laid([shock("RB.M1", -1.0, unit="EUR/gal")], gallons, np.array([2.0]))
    assert caught.value.code == "QX-RISK-005"


def test_what_fits_nothing_is_refused_with_its_line() -> None:
    found = over(shock("CL*", 1.0), shock("LC.M1", 1.0, line=7))
    assert [each.factor for each in found.unmatched] == ["LC.M1"]
    with pytest.raises(QxError) as caught:
        refuse_unmatched(found, CURVE)
    assert caught.value.code == "QX-RISK-013"
    assert str(caught.value.place) == "scenarios.csv:7"
    assert "CL.M1" in caught.value.hint


def test_a_wildcard_whose_factors_are_all_named_is_not_unmatched() -> None:
    assert not over(shock("NG.M1", 1.0), shock("NG*", 2.0)).unmatched


def test_one_factor_twice_and_tenors_of_two_types_are_refused() -> None:
    with pytest.raises(QxError, match="twice, first on line 2"):
        over(shock("NG.M1", 1.0), shock("NG.M1", 2.0, line=9))
    with pytest.raises(QxError, match="several types"):
        over(shock("CL.M1", 1.0), shock("CL.M2", 0.1, "rel", line=9))


@pytest.mark.parametrize("kind", ["rel", "log"])
def test_a_relative_shock_of_a_price_below_zero_is_refused(kind: ShockType) -> None:
    with pytest.raises(QxError) as caught:
        laid([shock("CL.M1", 0.1, kind)], CURVE[:1], np.array([-37.63]))
    assert caught.value.code == "QX-RISK-008"


def test_lines_stand_by_scenario_in_their_order() -> None:
    other = Shock(scenario="T", factor="*", shock=1.0, shock_type="abs", place=AT)
    lines = [shock("CL*", 1.0), other, shock("NG*", 2.0)]
    assert {name: [each.factor for each in found] for name, found in by_name(lines).items()} == {
        "S": ["CL*", "NG*"], "T": ["*"],
    }  # fmt: skip
