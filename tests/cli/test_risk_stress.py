"""`qx risk stress`: P&L that can be told beforehand, refusals with their lines, conditional and reverse scenarios."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from qx.model.risk_stress import StressFigures
from qx.render.risk_stress import stress_text
from tests.cli.risky import two_books, write

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "portfolio.csv")
HEAD = "scenario,factor,shock,shock_type,unit,probability,horizon_days,date"


def said(qx: Qx, *argv: str) -> Any:
    found = qx("risk", "stress", *argv, "-o", "json")
    assert found.exit == 0, found.out
    return found.json


def scenarios(directory: Path, *lines: str) -> None:
    (directory / "scenarios.csv").write_text("\n".join([HEAD, *lines]) + "\n")


def returns(directory: Path) -> Any:
    """(T, 2): CL.M1, NG.M1."""
    with (directory / "prices.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    levels = np.array([[float(row["value"]) for row in rows if row["factor"] == name] for name in ("CL.M1", "NG.M1")]).T
    return levels, levels[1:] / levels[:-1] - 1


def test_scenarios_of_the_file_cost_what_they_must(qx: Qx, tmp_path: Path) -> None:
    """Held: 1,000 and -250 barrels of CL, 9,000 MMBtu of NG."""
    file = two_books(tmp_path)
    scenarios(tmp_path, "down,CL*,-10,abs,USD/bbl,0.1,5,", "down,NG.M1,0.5,abs,,0.1,5,", "half,*,-0.5,rel,,,,")
    found = said(qx, file, "--scenario", "down", "--scenario", "half", "--by", "book,desk,trade,factor")
    levels, _ = returns(tmp_path)
    down, half = sorted(found["scenarios"], key=lambda each: each["scenario"])
    assert down["pnl"] == pytest.approx(-10 * 750 + 0.5 * 9000, abs=1e-9)
    assert (down["probability"], down["horizon_days"], down["kind"]) == (0.1, 5, "file")
    assert half["pnl"] == pytest.approx(-0.5 * (750 * levels[-1, 0] + 9000 * levels[-1, 1]), rel=1e-12)
    assert [each["scenario"] for each in found["scenarios"]] == ["half", "down"]  # the worst first
    parts = {by["level"]: {part["name"]: part["pnl"] for part in by["parts"]} for by in down["by"]}
    assert parts["book"] == pytest.approx({"crude": -7500.0, "gas": 4500.0})
    assert parts["trade"] == pytest.approx({"P1": -10_000.0, "P2": 2500.0, "P3": 4500.0})
    assert parts["factor"] == pytest.approx({"CL.M1": -7500.0, "NG.M1": 4500.0})
    assert [each["factor"] for each in down["moves"]] == ["CL.M1", "NG.M1"]
    assert found["inputs"][-1]["role"] == "scenarios"


def test_without_a_name_all_of_the_file_and_of_the_past_are_told(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    found = said(qx, file)
    kinds = {each["kind"] for each in found["scenarios"]}
    assert kinds == {"historical"}
    assert [each["pnl"] for each in found["scenarios"]] == sorted(each["pnl"] for each in found["scenarios"])
    levels, _ = returns(tmp_path)
    lehman = next(each for each in found["scenarios"] if each["scenario"] == "lehman-2008")
    expected = 750 * levels[-1, 0] * (30.28 / 101.19 - 1) + 9000 * levels[-1, 1] * (5.37 / 8.02 - 1)
    assert lehman["pnl"] == pytest.approx(expected, rel=1e-12)
    assert lehman["unmatched"][0].startswith("BZ ")
    assert lehman["date"] == "2008-09-12..2008-12-23"
    scenarios(tmp_path, "lehman-2008,CL*,-1,abs,,,,")  # a name of the file goes before that of the past
    again = said(qx, file, "--scenario", "lehman-2008")["scenarios"]
    assert [(each["kind"], each["pnl"]) for each in again] == [("file", pytest.approx(-750.0))]


@pytest.mark.parametrize(
    ("lines", "argv", "code", "place"),
    [
        (["a,CL*,-1,abs,,,,", "a,XX*,-1,abs,,,,"], (), "QX-RISK-013", "3"),
        (["a,CL*,-1,abs,,,,"], ("--scenario", "lehman-2007"), "QX-RISK-013", ""),
        (["a,CL*,-1,abs,USD/firkin,,,"], (), "QX-RISK-005", "2"),
        (["a,CL.M1,-1,abs,,,,", "a,CL.M1,-2,abs,,,,"], (), "QX-RISK-003", "3"),
        ([], ("--scenarios", "nowhere.csv"), "QX-RISK-002", "nowhere.csv"),
        ([], ("--given", "CL.M1"), "QX-RISK-001", ""),
        ([], ("--given", "CL.M9=-5%"), "QX-RISK-013", ""),
        ([], ("--given", "CL.M1=-5%", "--given", "CL*=-6%"), "QX-RISK-001", ""),
        ([], ("--given", "CL.M1=-150%"), "QX-RISK-008", ""),
        ([], ("--reverse", "much"), "QX-RISK-001", ""),
        ([], ("--reverse", "0"), "QX-RISK-001", ""),
        ([], ("--reverse", "5%"), "QX-RISK-001", ""),  # futures without an entry price are worth nothing
        ([], ("--by", "colour"), "QX-RISK-001", ""),
    ],
)
def test_what_means_nothing_is_refused(
    qx: Qx, tmp_path: Path, lines: list[str], argv: tuple[str, ...], code: str, place: str
) -> None:
    file = two_books(tmp_path)
    if lines:
        scenarios(tmp_path, *lines)
    found = qx("risk", "stress", file, *argv, "-o", "json")
    assert found.exit == 2
    assert found.json["error"]["code"] == code
    assert place in str((found.json["error"]["place"] or {}).get("line" if place.isdecimal() else "file"))
    assert found.json["error"]["hint"]


def test_a_reverse_stress_of_futures_is_the_closed_form(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    found = said(qx, file, "--reverse", "1,250")["scenarios"]
    assert len(found) == 1
    levels, moves = returns(tmp_path)
    weight = np.array([750 * levels[-1, 0], 9000 * levels[-1, 1]])
    sigma = np.cov(moves.T)
    likeliest = -sigma @ weight * 1_250 / (weight @ sigma @ weight)
    told = {each["factor"]: each["after"] / each["before"] - 1 for each in found[0]["moves"]}
    assert told == pytest.approx({"CL.M1": likeliest[0], "NG.M1": likeliest[1]}, rel=1e-9)
    assert found[0]["pnl"] == pytest.approx(-1_250, rel=1e-9)
    assert found[0]["method"] == "closed form"
    plausible = found[0]["plausible"]
    assert plausible["mahalanobis"] == pytest.approx(1_250 / np.sqrt(weight @ sigma @ weight), rel=1e-9)
    assert plausible["history_as_bad"] == int(((moves @ weight) <= -1_250).sum())
    assert plausible["one_in_days"] == pytest.approx(1 / plausible["beyond"], rel=1e-12)


def test_given_moves_bring_the_others_as_the_bivariate_formula_says(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    found = said(qx, file, "--given", "CL.M1=-10%")["scenarios"][0]
    levels, moves = returns(tmp_path)
    sigma = np.cov(moves.T)
    told = {each["factor"]: each for each in found["moves"]}
    assert told["CL.M1"]["after"] == pytest.approx(0.9 * levels[-1, 0], rel=1e-12)
    expected = levels[-1, 1] * (1 - 0.1 * sigma[0, 1] / sigma[0, 0])
    assert told["NG.M1"]["after"] == pytest.approx(expected, rel=1e-10)
    rho = sigma[0, 1] / np.sqrt(sigma[0, 0] * sigma[1, 1])
    assert told["NG.M1"]["explained"] == pytest.approx(rho**2, rel=1e-9)
    assert told["NG.M1"]["deviation"] == pytest.approx(levels[-1, 1] * np.sqrt(sigma[1, 1] * (1 - rho**2)), rel=1e-9)
    assert (told["CL.M1"]["how"], told["NG.M1"]["how"]) == ("given", "expected")
    assert found["plausible"]["mahalanobis"] == pytest.approx(0.1 / np.sqrt(sigma[0, 0]), rel=1e-9)


def test_scenarios_and_factors_are_listed_with_their_sources(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    scenarios(tmp_path, "down,CL*,-10,abs,USD/bbl,0.1,5,")
    found = said(qx, file, "--list")
    assert found["schema"] == "qx.risk-scenarios/1"
    assert found["factors"] == ["CL.M1", "NG.M1"]
    assert found["scenarios"][0]["name"] == "down"
    april = next(each for each in found["scenarios"] if each["name"] == "negative-wti-2020-04-20")
    assert any("-37.63" in move and "CFTC" in move for move in april["moves"])
    assert "CFTC" in qx("risk", "stress", file, "--list").out


def test_a_market_without_energy_is_not_moved_by_its_past(qx: Qx, tmp_path: Path) -> None:
    held = [("P1", "metal", "m", "us-east", "GOLD.M1", 1.0)]
    file = write(tmp_path, {"GOLD.M1": [1000.0 + n % 3 for n in range(120)]}, "relative", held)
    found = said(qx, file)
    assert not found["scenarios"]
    assert "lehman-2008: none of its moves fits a factor of this market" in found["notes"]
    assert qx("risk", "stress", file, "--scenario", "lehman-2008").exit == 2


@pytest.mark.parametrize("argv", [(), ("--reverse", "5%", "--given", "CL.M1=-12"), ("--scenario", "lehman-2008")])
def test_the_example_sums_up_gives_the_same_bytes_and_fits_a_terminal(qx: Qx, argv: tuple[str, ...]) -> None:
    first = qx("risk", "stress", EXAMPLE, *argv, "-o", "json")
    assert first.exit == 0
    for each in first.json["scenarios"]:
        for by in each["by"]:
            assert sum(part["pnl"] for part in by["parts"]) == pytest.approx(each["pnl"], rel=1e-9, abs=1e-4)
        if each["kind"] == "reverse":
            assert each["pnl"] == pytest.approx(-0.05 * first.json["value"], rel=1e-9)
    if not argv:
        assert qx("risk", "stress", EXAMPLE, *argv, "-o", "json").out == first.out
    found = msgspec.convert(first.json, StressFigures)
    for width in (80, 140):
        assert max(map(len, stress_text(found, width=width).splitlines())) <= width, width


def test_the_list_fits_a_terminal(qx: Qx) -> None:
    env = {"NO_COLOR": "1"}
    assert max(map(len, qx("risk", "stress", EXAMPLE, "--list", terminal=True, env=env).out.splitlines())) <= 80
