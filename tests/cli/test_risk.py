"""`qx risk var|es`: figures that can be told beforehand, their conventions, their drill-down, their bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qx.app.risk import drilled
from qx.model.risk_answers import LEVELS
from tests.cli.risky import four_indices, one_to, only, two_books
from tests.unit.risk.hull import needed

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "portfolio.csv")
BOOKS = {"crude": ("P1", "P2"), "gas": ("P3",)}
CHEAP = ("--method", "monte-carlo", "--draws", "20000")
METHODS: list[tuple[str, ...]] = [
    (), ("--method", "age"), ("--method", "filtered"), ("--method", "evt"), ("--method", "parametric"),
    ("--method", "parametric", "--distribution", "t5", "--volatility", "ewma:0.97"), CHEAP,
    (*CHEAP, "--distribution", "t5"), (*CHEAP, "--distribution", "copula", "--horizon", "5d"), ("--horizon", "10d"),
    ("--horizon", "10d", "--scaling", "sqrt"), ("--horizon", "10d", "--scaling", "autocorrelated"),
    ("--quantile", "type7"), ("--emulate", "ore"), ("--alpha", "0.975"), ("--revaluation", "greeks"),
]  # fmt: skip


def said(qx: Qx, *argv: str) -> Any:
    found = qx("risk", *argv, "-o", "json")
    assert found.exit == 0, found.out
    return found.json


@pytest.mark.parametrize(("argv", "var", "es"), [
    ((), 496, 498), (("--alpha", "0.99"), 496, 498), (("--quantile", "hull"), 496, 498),
    (("--emulate", "riskfolio"), 496, 498), (("--emulate", "quantlib"), 495, 498),
    (("--emulate", "excel"), 495.01, None),
    (("--quantile", "quantlib"), 495, 498), (("--alpha", "97.5%"), 488, 494.24), (("--window", "100"), 500, 500),
])  # fmt: skip
def test_losses_of_1_to_500(
    qx: Qx, tmp_path: Path, argv: tuple[str, ...], var: float, es: float | None
) -> None:
    found = said(qx, "var", one_to(500, tmp_path), *argv)
    assert found["var"] == pytest.approx(var, abs=1e-9)
    assert found["es"] == (None if es is None else pytest.approx(es, abs=1e-9))


def test_the_document_says_what_its_figures_mean(qx: Qx, tmp_path: Path) -> None:
    found = said(qx, "var", one_to(500, tmp_path))
    assert (found["schema"], found["measure"], found["currency"], found["as_of"]) == (
        "qx.risk/1", "var", "USD", "2026-11-20",
    )  # fmt: skip
    assert found["convention"]["tail"].startswith("5th worst of 500 scenarios")
    assert found["convention"]["returns"] == {"absolute": 1}
    assert found["var_interval"]["low"] <= 496 <= found["var_interval"]["high"]
    assert found["worst"][0]["date"] == "2026-11-20"
    assert [each["pnl"] for each in found["worst"]] == [-500, -499, -498, -497, -496]
    assert [each["role"] for each in found["inputs"]] == ["portfolio", "factors", "prices"]
    assert all(len(each["sha256"]) == 64 for each in found["inputs"])


def test_es_is_the_same_document_with_the_other_figure_first(qx: Qx, tmp_path: Path) -> None:
    file = one_to(500, tmp_path)
    assert said(qx, "es", file) == said(qx, "var", file) | {"measure": "es"}
    first = {name: qx("risk", name, file).out.splitlines()[0].split()[0] for name in ("var", "es")}
    assert first == {"var": "VaR", "es": "ES"}


def test_a_figure_stretched_to_the_horizon_tells_of_how_many_days_its_scenarios_are(qx: Qx, tmp_path: Path) -> None:
    """Losses of 1 to 500 on a day: the VaR of 4 days is twice 496, the worst day lost 500 still."""
    file, stretched = one_to(500, tmp_path), ("--horizon", "4d", "--scaling", "sqrt")
    found = said(qx, "var", file, *stretched)
    assert (found["var"], found["worst"][0]["pnl"], found["worst"][0]["days"]) == (992, -500, 1)
    assert "P&L OF 1 DAY" in qx("risk", "var", file, *stretched).out
    longer = ("--horizon", "4d", "--scaling", "overlapping")
    assert said(qx, "var", file, *longer)["worst"][0]["days"] == 4
    assert "P&L OF" not in qx("risk", "var", file, *longer).out
    picture = said(qx, "report", file, *stretched)["distribution"]
    assert (picture["worst"], picture["best"]) == (-1000, -2)


@pytest.mark.parametrize("argv", METHODS, ids=" ".join)
def test_parts_sum_to_the_whole_at_every_level_and_two_runs_give_the_same_bytes(
    qx: Qx, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    levels = ",".join(LEVELS)
    first, second = (qx("risk", "var", two_books(tmp_path), *argv, "--by", levels, "-o", "json") for _ in range(2))
    assert (first.exit, first.out) == (0, second.out)
    assert "NaN" not in first.out
    found = first.json
    assert [each["level"] for each in found["by"]] == levels.split(",")
    for each in found["by"]:
        for figure in ("var", "es"):
            whole = found[figure]
            total = sum(part[figure] for part in each["parts"])
            assert total == pytest.approx(whole, rel=1e-9), each["level"]
            assert each[f"residual_{figure}"] == pytest.approx(whole - total, abs=1e-6 * abs(whole))


@pytest.mark.parametrize("argv", [
    (), ("--method", "age"), ("--method", "filtered"), ("--horizon", "10d"), ("--method", "parametric"),
    ("--method", "parametric", "--distribution", "t5", "--volatility", "ewma:0.97"),
    ("--method", "parametric", "--horizon", "10d", "--scaling", "autocorrelated"),
], ids=" ".join)  # fmt: skip
def test_what_a_part_loses_alone_and_by_how_much_the_figure_falls_without_it(
    qx: Qx, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    """As portfolios of these positions alone say. Each book moves with a factor of its own."""
    file = two_books(tmp_path)
    found = said(qx, "var", file, *argv, "--by", "book,factor,region")
    crude, gas = (said(qx, "var", only(file, *held), *argv)["var"] for held in (("P1", "P2"), ("P3",)))
    west = said(qx, "var", only(file, "P2", "P3"), *argv)["var"]
    by_level = {each["level"]: {part["name"]: part for part in each["parts"]} for each in found["by"]}
    for level, name, alone, others in (
        ("book", "crude", crude, gas), ("book", "gas", gas, crude), ("factor", "CL.M1", crude, gas),
        ("factor", "NG.M1", gas, crude),
    ):  # fmt: skip
        part = by_level[level][name]
        assert part["alone"] == pytest.approx(alone, rel=1e-9), (level, name)
        assert part["without"] == pytest.approx(found["var"] - others, rel=1e-6, abs=1e-6), (level, name)
    assert by_level["region"]["eu-west"]["alone"] == pytest.approx(west, rel=1e-9)
    for each in found["by"]:
        whole = sum(part["alone"] for part in each["parts"])
        assert each["diversification"] == pytest.approx(whole - found["var"], rel=1e-9)


def test_of_a_simulation_too(qx: Qx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same draws: what all lose without a book is what the other book loses alone, and so does its factor."""
    found = said(qx, "var", two_books(tmp_path), *CHEAP, "--by", "book,factor")
    books, factors = ({part["name"]: part for part in each["parts"]} for each in found["by"])
    for name, other in (("crude", "gas"), ("gas", "crude")):
        assert books[name]["without"] == pytest.approx(found["var"] - books[other]["alone"], rel=1e-9)
        own = said(qx, "var", only(two_books(tmp_path), *BOOKS[name]), *CHEAP)
        low, high = own["var_interval"]["low"], own["var_interval"]["high"]
        assert low < books[name]["alone"] < high
    for book, factor in (("crude", "CL.M1"), ("gas", "NG.M1")):
        for figure in ("alone", "without"):
            assert factors[factor][figure] == pytest.approx(books[book][figure], rel=1e-9)
    monkeypatch.setattr(drilled, "MOST_VALUED", 30_000)  # P&Ls of 20,000 draws: it would take too long
    again, cut = said(qx, "var", two_books(tmp_path), *CHEAP, "--by", "book,factor")["by"]
    assert {part["name"]: part for part in again["parts"]} == books
    assert all("alone" not in part or part["alone"] is None for part in cut["parts"])


def test_any_number_of_jobs_draws_the_same_digits(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    one, three = (qx("risk", "var", file, *CHEAP, "--jobs", jobs, "-o", "json").out for jobs in ("1", "3"))
    assert one == three
    assert said(qx, "var", file, *CHEAP, "--seed", "7")["var"] != json.loads(one)["var"]


def test_a_simulation_stops_when_it_is_precise_enough(qx: Qx, tmp_path: Path) -> None:
    found = said(qx, "var", two_books(tmp_path), "--method", "monte-carlo", "--precision", "3%")
    told = found["simulation"]
    assert told["draws"] < 1_000_000
    assert told["reached"] <= 0.03 == told["precision"]
    assert found["var_interval"]["low"] < found["var"] < found["var_interval"]["high"]
    short = said(qx, "var", two_books(tmp_path), "--method", "monte-carlo", "--precision", "0.1%", "--draws", "40000")
    assert "not reached" in short["notes"][0]


@needed
@pytest.mark.parametrize(("argv", "var", "es"), [
    ((), 253_385, 327_181), (("--method", "age"), 282_204, 400_914),
    (("--method", "age", "--decay", "0.99"), 345_435, 470_917), (("--method", "filtered"), 602_968, 750_078),
    (("--method", "parametric"), 217_757, 249_476),
    (("--method", "parametric", "--volatility", "ewma"), 471_025, 539_637),
    (("--method", "cornish-fisher"), 303_911, None), (("--emulate", "ore"), 217_974, 308_980),
    (("--emulate", "quantlib"), 217_974, 327_181), (("--emulate", "performanceanalytics"), 218_328, None),
])  # fmt: skip
def test_hulls_four_indices(
    qx: Qx, tmp_path: Path, argv: tuple[str, ...], var: float, es: float | None
) -> None:
    found = said(qx, "var", four_indices(tmp_path), *argv)
    assert found["var"] == pytest.approx(var, abs=0.6)
    assert es is None or found["es"] == pytest.approx(es, abs=0.6)


@needed
def test_hulls_components(qx: Qx, tmp_path: Path) -> None:
    found = said(qx, "var", four_indices(tmp_path), "--by", "trade")
    parts = {each["name"]: each for each in found["by"][0]["parts"]}
    var = {"DJIA": 119_536, "FTSE100_usd": 81_810, "CAC40_usd": 37_471, "Nikkei225_usd": 14_568}
    es = {"DJIA": 115_088, "FTSE100_usd": 114_025, "CAC40_usd": 45_173, "Nikkei225_usd": 52_895}
    assert {name: part["var"] for name, part in parts.items()} == pytest.approx(var, abs=0.6)
    assert {name: part["es"] for name, part in parts.items()} == pytest.approx(es, abs=0.6)


def test_the_example_is_measured_and_fits_a_terminal(qx: Qx) -> None:
    found = said(qx, "var", EXAMPLE, "--by", "book,desk,strategy,region,trade,factor,tenor")
    assert found["es"] >= found["var"] > 0
    assert found["treatments"], "what was done to the data is told"
    for width in (80, 140):
        out = qx("risk", "var", EXAMPLE, env={"COLUMNS": str(width), "NO_COLOR": "1"}, terminal=True).out
        assert max(map(len, out.splitlines())) <= width
        assert "VaR 99% 1 day" in out


@pytest.mark.parametrize(("argv", "code"), [
    (("--alpha", "100%"), "QX-RISK-001"), (("--alpha", "0"), "QX-RISK-001"), (("--alpha", "often"), "QX-RISK-001"),
    (("--horizon", "0d"), "QX-RISK-001"), (("--horizon", "10y"), "QX-RISK-001"),
    (("--horizon", "500d"), "QX-RISK-009"), (("--window", "20"), "QX-RISK-009"),
    (("--alpha", "99.99%"), "QX-RISK-009"), (("--quantile", "type10"), "QX-RISK-001"),
    (("--emulate", "lotus"), "QX-RISK-001"), (("--by", "bok"), "QX-RISK-001"), (("--as-of", "soon"), "QX-RISK-001"),
    (("--currency", "dollars"), "QX-RISK-001"), (("--currency", "CHF"), "QX-RISK-006"),
    (("--as-of", "2020-01-01"), "QX-RISK-011"), (("--volatility", "garch"), "QX-RISK-001"),
    (("--method", "filtered", "--volatility", "ewma:2"), "QX-RISK-001"),
    (("--method", "filtered", "--volatility", "wild"), "QX-RISK-001"), (("--precision", "1%"), "QX-RISK-001"),
    ((*CHEAP, "--precision", "1"), "QX-RISK-001"), (("--draws", "5"), "QX-RISK-001"),
    (("--engine", "dask://here:1"), "QX-RISK-001"), ((*CHEAP, "--engine", "spark://here"), "QX-RISK-001"),
    (("--distribution", "t5"), "QX-RISK-001"), (("--method", "age", "--decay", "1.5"), "QX-RISK-001"),
    (("--method", "age", "--quantile", "type7"), "QX-RISK-001"),
    (("--method", "parametric", "--scaling", "overlapping"), "QX-RISK-001"),
    (("--emulate", "ore", "--quantile", "type7"), "QX-RISK-001"),
    (("--emulate", "ore", "--method", "age"), "QX-RISK-001"),
    (("--prices", "/nonexistent.csv"), "QX-RISK-002"), (("--factors", "/nonexistent.csv"), "QX-RISK-002"),
    (("--method", "magic"), "QX-CLI-001"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(qx: Qx, tmp_path: Path, argv: tuple[str, ...], code: str) -> None:
    found = qx("risk", "var", two_books(tmp_path), *argv, "-o", "json")
    assert (found.exit, found.json["error"]["code"]) == (2, code)
    assert found.json["error"]["hint"]


def test_an_empty_portfolio_one_position_and_one_day(qx: Qx, tmp_path: Path) -> None:
    file = Path(two_books(tmp_path))
    head, first, *_ = file.read_text().splitlines()
    file.write_text(head + "\n")
    empty = qx("risk", "var", str(file), "-o", "json")
    assert (empty.exit, empty.json["error"]["code"]) == (2, "QX-RISK-010")
    file.write_text(f"{head}\n{first}\n")
    assert said(qx, "var", str(file))["by"][0]["parts"][0]["share"] == pytest.approx(1.0)
    two_books(tmp_path, count=2)
    short = qx("risk", "var", str(file), "-o", "json")
    assert (short.exit, short.json["error"]["code"]) == (2, "QX-RISK-009")


def test_liquidity_of_energy_prices_is_the_root_of_two_of_ten_days(qx: Qx, tmp_path: Path) -> None:
    """MAR33.12 gives energy prices 20 days; a factor that tells none of its own counts as one for orderly closing."""
    file = two_books(tmp_path)
    told = said(qx, "es", file, "--alpha", "97.5%", "--liquidity")["liquidity"]
    ten = said(qx, "es", file, "--alpha", "97.5%", "--horizon", "10d")["es"]
    assert told["es"] == pytest.approx(ten * math.sqrt(2), rel=1e-12)
    assert [step["horizon_days"] for step in told["steps"]] == [10, 20, 40, 60, 120]
    assert (told["longest_days"], told["slow_positions"]) == (1, 0)
    one = said(qx, "es", file, "--alpha", "97.5%")
    assert (told["orderly_var"], told["orderly_es"]) == pytest.approx((one["var"], one["es"]), rel=1e-12)
    assert one["liquidity"] is None


def test_liquidity_is_told_of_historical_simulation_only(qx: Qx, tmp_path: Path) -> None:
    for argv in (("--method", "parametric"), ("--emulate", "ore")):
        found = qx("risk", "var", one_to(500, tmp_path), "--liquidity", *argv)
        assert found.exit == 2
        assert "QX-RISK-001" in found.err


def correlations(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "correlations.csv"
    path.write_text("\n".join(["factor,factor_2,correlation", *lines]) + "\n")
    return str(path)


def test_given_correlations_of_two_books(qx: Qx, tmp_path: Path) -> None:
    """Of two legs that are as one, VaR is the sum of both by itself; of opposite ones the difference."""
    file = two_books(tmp_path)
    apart = said(qx, "var", file, "--method", "parametric")
    together, against = (
        said(qx, "var", file, "--method", "parametric", "--correlations",
             correlations(tmp_path, f"NG.M1,CL.M1,{value}"))["var"] for value in (1, -1)
    )  # fmt: skip
    assert against < apart["var"] < together
    none = said(qx, "var", file, "--method", "parametric", "--correlations", correlations(tmp_path, "CL.M1,NG.M1,0"))
    assert none["var"] == pytest.approx(math.sqrt((together**2 + against**2) / 2), rel=1e-12)
    drawn = said(qx, "var", file, *CHEAP, "--correlations", correlations(tmp_path, "CL.M1,NG.M1,0"))
    assert drawn["var_interval"]["low"] < none["var"] < drawn["var_interval"]["high"]
    told = [each for each in drawn["treatments"] if each["what"] == "assumed"]
    assert told[-1]["words"] == "1 correlation as given, the others as in history"
    assert drawn["inputs"][-1]["role"] == "correlations"


@pytest.mark.parametrize(("lines", "words"), [
    (("CL.M1,NG.M2,0.5",), ":2"), (("CL.M1,CL.M1,1",), "itself"), (("CL.M1,NG.M1,0.5", "NG.M1,CL.M1,0.4"), ":3"),
    (("CL.M1,NG.M1,1.5",), ":2"),
])  # fmt: skip
def test_correlations_that_are_none_have_their_line(
    qx: Qx, tmp_path: Path, lines: tuple[str, ...], words: str
) -> None:
    file = correlations(tmp_path, *lines)
    found = qx("risk", "var", two_books(tmp_path), "--method", "parametric", "--correlations", file)
    assert found.exit == 2
    assert "QX-RISK-003" in found.err
    assert words in found.err


def test_correlations_are_refused_where_nothing_is_done_with_them(qx: Qx, tmp_path: Path) -> None:
    file = correlations(tmp_path, "CL.M1,NG.M1,0")
    for argv in ((), ("--method", "parametric", "--volatility", "garch"), (*CHEAP, "--distribution", "copula")):
        found = qx("risk", "var", two_books(tmp_path), "--correlations", file, *argv)
        assert (found.exit, "QX-RISK-001" in found.err) == (2, True)
