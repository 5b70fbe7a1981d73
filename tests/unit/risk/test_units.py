"""Units: published factors, grades that join dimensions, and refusals that say what would do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.kernel.errors import Place, QxError
from qx.risk.units import ALIASES, GRADES, LOTS, UNITS, lot_of, price_unit, ratio, unit_of

HERE = Place("portfolio.csv", 7)


@pytest.mark.parametrize(("source", "target", "figure", "digits"), [
    ("bbl", "gal", 42, 0), ("kbbl", "bbl", 1_000, 0), ("kbbl", "gal", 42_000, 0),
    ("bbl", "l", 158.987, 3), ("kl", "bbl", 6.28981, 5),  # QuantLib: test-suite/commodityunitofmeasure.cpp
    ("MWh", "MMBtu", 3.412142, 6), ("therm", "MMBtu", 0.1, 12), ("MMBtu", "GJ", 1.055056, 6), ("t", "lb", 2204.62, 2),
])  # fmt: skip
def test_published_conversions(source: str, target: str, figure: float, digits: int) -> None:
    assert round(ratio(source, target), digits) == figure


@pytest.mark.parametrize(("grade", "figure"), [
    ("crude", 7.33), ("gasoline", 8.35), ("kerosene", 7.88), ("gasoil", 7.46), ("fuel oil", 6.35), ("lpg", 11.6),
    ("ethane", 16.85), ("Diesel", 7.46),
])  # fmt: skip
def test_barrels_in_a_tonne_of_the_statistical_review(grade: str, figure: float) -> None:
    assert ratio("t", "bbl", grade) == pytest.approx(figure, rel=1e-15)
    assert ratio("bbl", "t", grade) == pytest.approx(1 / figure, rel=1e-15)


def test_a_grade_may_be_a_gravity_or_a_figure_of_the_contract() -> None:
    assert ratio("t", "bbl", "API 10") == pytest.approx(1 / (0.158987294928 * 0.999016), rel=1e-12), "water"
    assert 7.5 < ratio("t", "bbl", "API 38.3") < 7.6
    assert ratio("t", "bbl", "7.45 bbl/t") == 7.45
    assert ratio("kt", "gal", "7.45 bbl/t") == pytest.approx(7.45 * 42 * 1_000, rel=1e-15)
    assert ratio("t", "MMBtu", "51.7 MMBtu/t") == 51.7
    assert ratio("MMBtu", "t", "51.7MMBtu/t") == pytest.approx(1 / 51.7, rel=1e-15)
    assert ratio("bbl", "m3", "any words") == ratio("bbl", "m3"), "one dimension wants no grade"


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)))
def test_conversions_go_there_and_back_and_over_a_third(one: str, other: str, third: str) -> None:
    if len({UNITS[name].dimension for name in (one, other, third)}) == 1:
        assert ratio(one, other) * ratio(other, one) == pytest.approx(1, rel=1e-14)
        assert ratio(one, third) * ratio(third, other) == pytest.approx(ratio(one, other), rel=1e-13)


@pytest.mark.parametrize(("source", "target", "grade", "said"), [
    ("t", "bbl", "", "no grade says"), ("t", "bbl", "gasolin", "did you mean 'gasoline'"),
    ("t", "MMBtu", "crude", "does not convert mass to energy"), ("MWh", "bbl", "7.45 bbl/t", "does not convert"),
    ("t", "bbl", "0 bbl/t", "does not convert"),
])  # fmt: skip
def test_what_cannot_be_converted_is_refused_with_its_line(source: str, target: str, grade: str, said: str) -> None:
    with pytest.raises(QxError, match=said) as caught:
        ratio(source, target, grade, HERE)
    assert (caught.value.code, caught.value.place) == ("QX-RISK-005", HERE)
    assert "7.45 bbl/t" in caught.value.hint


def test_an_unknown_unit_is_refused_with_the_near_one() -> None:
    with pytest.raises(QxError, match="'MMBTUs'") as caught:
        unit_of("MMBTUs", HERE)
    assert (caught.value.code, caught.value.hint) == ("QX-RISK-005", "did you mean 'mmbtu'?")
    with pytest.raises(QxError, match="furlong") as caught:
        unit_of("furlong", HERE)
    assert caught.value.hint.startswith("known: bbl, kbbl")
    with pytest.raises(QxError, match="Mt may be two units"):
        unit_of("Mt", HERE)
    assert unit_of("MT") is UNITS["t"]
    assert unit_of(" BBL ") is UNITS["bbl"]
    assert {unit_of(word).name for word in ALIASES} <= UNITS.keys()


def test_price_units_have_minor_currencies() -> None:
    assert price_unit("USD/bbl") == ("USD", "bbl", 1.0)
    assert price_unit("USc/gallon") == ("USD", "gal", 0.01)
    assert price_unit("GBp/therm") == ("GBP", "therm", 0.01)
    assert price_unit("USD") == ("USD", "", 1.0)
    for wrong in ("$/bbl", "usd/bbl", "bbl", "", "USD/bottle"):
        with pytest.raises(QxError) as caught:
            price_unit(wrong, HERE)
        assert (caught.value.code, caught.value.place) == ("QX-RISK-005", HERE)


def test_lots_of_the_futures() -> None:
    assert {root: lot_of(root) for root in LOTS} == {
        "CL": (1_000, "bbl"), "BZ": (1_000, "bbl"), "NG": (10_000, "MMBtu"), "HO": (42_000, "gal"),
        "RB": (42_000, "gal"),
    }  # fmt: skip
    with pytest.raises(QxError, match="GO") as caught:
        lot_of("GO", HERE)
    assert caught.value.hint.startswith("fill lot_size")


def test_grades_are_lower_case_as_they_are_looked_up() -> None:
    assert all(name == name.lower() for name in GRADES)
