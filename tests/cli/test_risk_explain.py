"""`qx risk explain`: effects that sum, P&L that can be told beforehand."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from qx.model.risk_explain import RiskExplained
from qx.render.risk_explain import explain_text
from tests.cli.risky import two_books

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "portfolio.csv")
PARTS = ("carry", "delta", "gamma", "vega", "rate", "fx", "unexplained")


def said(qx: Qx, *argv: str) -> Any:
    found = qx("risk", "explain", *argv, "-o", "json")
    assert found.exit == 0, found.out
    return found.json


def sums(found: Any) -> None:
    for figure in ("var", "es"):
        change = found[f"{figure}_after"] - found[f"{figure}_before"]
        assert sum(each[figure] for each in found["effects"]) == pytest.approx(change, abs=1e-6)
        positions = found["effects"][-1][figure]
        assert sum(each[figure] for each in found["positions"]) + found[f"others_{figure}"] == pytest.approx(
            positions, abs=1e-6
        )
    for parts in [found["pnl"], *(part for by in found["pnl_by"] for part in by["parts"])]:
        assert sum(parts[name] for name in PARTS) == pytest.approx(parts["total"], abs=1e-6)
    for by in found["pnl_by"]:
        assert sum(part["total"] for part in by["parts"]) == pytest.approx(found["pnl"]["total"], abs=1e-6)


def levels(directory: Path, factor: str) -> list[float]:
    with (directory / "prices.csv").open(encoding="utf-8") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["factor"] == factor]


def old(directory: Path, text: str) -> str:
    file = directory / "old.csv"
    file.write_text(text)
    return str(file)


def test_a_portfolio_that_changed(qx: Qx, tmp_path: Path) -> None:
    """Then: 600 barrels instead of 1,000, no gas, and a position that is gone."""
    file = two_books(tmp_path)
    text = Path(file).read_text()
    text = re.sub(r"P3,.*\n", "P9,gas,gas,eu-west,future,NG.M1,400,bbl,USD\n", text).replace(",1000.0,", ",600,")
    found = said(qx, file, "--before", old(tmp_path, text))
    sums(found)
    assert [each["name"] for each in found["effects"]] == ["window", "market", "time", "positions"]
    changes = {each["position_id"]: (each["change"], each["before"], each["after"]) for each in found["positions"]}
    assert changes["P1"] == ("changed", 600, 1000)
    assert changes["P3"] == ("added", 0, 9000)
    assert changes["P9"] == ("removed", 400, 0)
    oil, gas = levels(tmp_path, "CL.M1"), levels(tmp_path, "NG.M1")
    assert found["pnl"]["total"] == pytest.approx(350 * (oil[-1] - oil[-2]) + 400 * (gas[-1] - gas[-2]), rel=1e-9)
    assert found["pnl"]["delta"] == pytest.approx(found["pnl"]["total"], rel=1e-9)
    assert (found["since"], found["as_of"]) == ("2026-11-19", "2026-11-20")
    assert [each["role"] for each in found["inputs"]] == ["portfolio", "factors", "prices", "before"]
    figures = qx("risk", "var", file, "-o", "json").json
    assert (found["var_after"], found["es_after"]) == (figures["var"], figures["es"])


def test_only_the_window_rolls_when_all_else_stands(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path, 200)
    found = said(qx, file, "--since", "2026-11-06", "--window", "120")
    sums(found)
    effects = {each["name"]: each for each in found["effects"]}
    assert effects["window"]["words"] == "10 returns came, 10 went"
    assert effects["positions"]["var"] == effects["time"]["var"] == 0
    oil = levels(tmp_path, "CL.M1")
    assert found["pnl_by"][0]["parts"][0]["name"] in ("crude", "gas")
    crude = next(part for part in found["pnl_by"][0]["parts"] if part["name"] == "crude")
    assert crude["total"] == pytest.approx(750 * (oil[-1] - oil[-11]), rel=1e-9)
    before = qx("risk", "var", file, "--as-of", "2026-11-06", "--window", "120", "-o", "json").json
    assert (found["var_before"], found["es_before"]) == (before["var"], before["es"])


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--since", "2026-11-21"), "QX-RISK-001"), (("--since", "2026-11-15"), "QX-RISK-001"),
        (("--since", "yesterday"), "QX-RISK-001"), (("--before", "nowhere.csv"), "QX-RISK-002"),
        (("--window", "1", "--since", "2026-11-19"), "QX-RISK-009"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(qx: Qx, tmp_path: Path, argv: tuple[str, ...], code: str) -> None:
    found = qx("risk", "explain", two_books(tmp_path), *argv, "-o", "json")
    assert found.exit == 2
    assert found.json["error"]["code"] == code


@pytest.mark.parametrize("argv", [
    (), ("--method", "parametric"), ("--since", "2026-11-10", "--method", "filtered"), ("--method", "cornish-fisher"),
])  # fmt: skip
def test_the_example_is_explained(qx: Qx, argv: tuple[str, ...]) -> None:
    found = said(qx, EXAMPLE, "--by", "book,instrument", *argv)
    if "cornish-fisher" not in argv:  # it has no parts
        sums(found)
    assert found["since"] < found["as_of"]
    options = next(part for part in found["pnl_by"][1]["parts"] if part["name"] == "option")
    assert options["vega"] != 0
    assert options["gamma"] != 0
    if "--since" not in argv:  # of one day
        assert abs(options["unexplained"]) < 0.2 * sum(abs(options[name]) for name in PARTS)
    linear = next(part for part in found["pnl_by"][1]["parts"] if part["name"] == "future")
    assert linear["total"] == pytest.approx(linear["delta"] + linear["fx"], rel=1e-9)
    document = msgspec.convert(found, RiskExplained)
    for width in (80, 140):
        assert max(map(len, explain_text(document, width=width).splitlines())) <= width, width
