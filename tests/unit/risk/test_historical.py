"""Scenarios of the past: the shipped file says of each figure where it comes from, and lies over any market."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np
import pytest

from qx.model.risk import Factor, FactorKind, Place
from qx.model.risk_stress import Past, PastScenario
from qx.risk.historical import lines, shock_of, words
from qx.risk.stress import laid

PAST = msgspec.json.decode(files("qx.risk").joinpath("scenarios/historical.json").read_bytes(), type=Past)
NAMED = {each.name: each for each in PAST.scenarios}


def factor(name: str, kind: FactorKind = "price", **told: Any) -> Factor:
    return Factor(factor=name, kind=kind, return_type="absolute", place=Place("factors.csv", 2), **told)


MARKET = [
    factor("CL.M1", tenor_days=30, unit="bbl", currency="USD"),
    factor("CL.M2", tenor_days=60, unit="bbl", currency="USD"),
    factor("CL.M12", tenor_days=365, unit="bbl", currency="USD"), factor("BZ", unit="bbl", currency="USD"),
    factor("RB.M1", tenor_days=30, unit="gal", currency="USD"),
    factor("TTF.M1", tenor_days=30, unit="MWh", currency="EUR"),
    factor("CL.VOL", "vol"), factor("EURUSD", "fx", unit="EUR", currency="USD"),
    factor("USDGBP", "fx", unit="USD", currency="GBP"),
]  # fmt: skip
BASE = np.array([70.0, 69.0, 65.0, 74.0, 2.1, 30.0, 0.3, 1.15, 0.8])
AT = {each.factor: number for number, each in enumerate(MARKET)}


def levels(scenario: PastScenario) -> dict[str, float]:
    found = laid(lines(scenario, MARKET, "historical.json").shocks, MARKET, BASE)
    assert not found.unmatched
    return {name: float(found.levels[at]) for name, at in AT.items()}


@pytest.mark.parametrize("scenario", PAST.scenarios, ids=lambda each: each.name)
def test_each_figure_has_its_source_and_each_scenario_its_days(scenario: PastScenario) -> None:
    assert scenario.moves
    assert {each.source for each in scenario.moves} <= set(PAST.sources)
    assert date.fromisoformat(scenario.first) < date.fromisoformat(scenario.last)
    assert 0 < scenario.horizon_days <= (date.fromisoformat(scenario.last) - date.fromisoformat(scenario.first)).days
    for move in scenario.moves:
        assert move.shock_type == "abs" or min(move.before, move.after) > 0
        assert words(move)


def test_every_source_is_used_and_every_name_stands_once() -> None:
    assert {each.source for scenario in PAST.scenarios for each in scenario.moves} == set(PAST.sources)
    assert len(NAMED) == len(PAST.scenarios)
    assert {"lehman-2008", "negative-wti-2020-04-20", "ukraine-2022-02-24"} <= set(NAMED)


def test_the_settlements_of_20_april_2020() -> None:
    """CFTC release 8315-20: CLK0 18.27 to -37.63; DTN: CLM0 20.43 (-4.60), BZM0 25.57 (-2.51), RBK0 .6683 (-.0424)."""
    moved = levels(NAMED["negative-wti-2020-04-20"])
    assert moved["CL.M1"] == pytest.approx(70 - 55.90, abs=1e-9)
    assert moved["CL.M2"] == pytest.approx(69 - 4.60, abs=1e-9)
    assert moved["CL.M12"] == pytest.approx(65 - 4.60, abs=1e-9)
    assert moved["BZ"] == pytest.approx(74 - 2.51, abs=1e-9)
    assert moved["RB.M1"] == pytest.approx(2.1 - 0.0424, abs=1e-9)
    assert moved["EURUSD"] == 1.15


def test_shares_move_curves_rates_and_volatilities() -> None:
    moved = levels(NAMED["lehman-2008"])
    for name in ("CL.M1", "CL.M2", "CL.M12"):
        assert moved[name] == pytest.approx(BASE[AT[name]] * 30.28 / 101.19, rel=1e-12)
    assert moved["EURUSD"] == pytest.approx(1.15 * 1.3966 / 1.4172, rel=1e-12)
    assert moved["USDGBP"] == pytest.approx(0.8 * 1.7896 / 1.4761, rel=1e-12)  # told the other way round
    assert moved["CL.VOL"] == pytest.approx(0.3 * 91.81 / 45.75, rel=1e-12)
    assert levels(NAMED["ukraine-2022-02-24"])["TTF.M1"] == pytest.approx(30 * 134.315 / 88.89, rel=1e-12)


def test_what_the_market_does_not_have_is_told() -> None:
    found = lines(NAMED["lehman-2008"], MARKET, "historical.json")
    assert [text.split()[0] for text in found.unmatched] == ["NG", "HO"]
    assert not lines(NAMED["lehman-2008"], [factor("GOLD")], "historical.json").shocks


def test_one_price_without_tenors_moves_as_the_first_month_did() -> None:
    single = [factor("CL", unit="bbl", currency="USD")]
    shocks = lines(NAMED["negative-wti-2020-04-20"], single, "historical.json").shocks
    assert laid(shocks, single, np.array([70.0])).levels[0] == pytest.approx(14.1, abs=1e-9)


def test_a_move_in_words() -> None:
    scenario = NAMED["negative-wti-2020-04-20"]
    assert words(scenario.moves[0]) == "CL.M1 18.27 -> -37.63 USD/bbl (-55.9)"
    assert shock_of(scenario.moves[0]) == pytest.approx(-55.90, abs=1e-12)
