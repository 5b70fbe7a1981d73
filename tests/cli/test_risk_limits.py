"""`qx risk limits` and `qx risk history`: verdicts, exit codes, what is kept and who is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.risky import days, limits, one_to, only, two_books

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "portfolio.csv")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """And a directory without a regions.yaml."""
    monkeypatch.chdir(tmp_path)
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}


def judged(qx: Qx, file: str, *argv: str) -> tuple[int, Any]:
    found = qx("risk", "limits", file, *argv, "-o", "json")
    return found.exit, found.json


@pytest.mark.parametrize(("line", "state", "exit_code", "soft_exit"), [
    ("total,,var,99%,1d,496,600,USD", "within", 0, 0),  # what is equal to a limit keeps it
    ("total,,var,,,495.99,600,", "soft", 0, 7), ("total,,var,99%,1d,,495.99,", "hard", 7, 7),
    ("total,,es,,,400,497.99,", "hard", 7, 7), ("total,,es,,,498,,", "within", 0, 0),
    ("desk,oil,var,97.5%,1d,487,489,USD", "soft", 0, 7), ("region,us-east,var,,,1,2,USD", "hard", 7, 7),
    ("factor,CL.M1,var,,,496,497,USD", "within", 0, 0), ("total,,delta,,,874749,874751,USD", "soft", 0, 7),
    ("total,,vega,,,1,2,USD", "within", 0, 0),
])  # fmt: skip
def test_a_limit_is_kept_or_broken(
    qx: Qx, tmp_path: Path, line: str, state: str, exit_code: int, soft_exit: int
) -> None:
    file = one_to(500, tmp_path)
    limits(tmp_path, line)
    code, found = judged(qx, file)
    assert (found["state"], [each["state"] for each in found["limits"]]) == (state, [state]), found
    assert code == exit_code
    assert judged(qx, file, "--fail-on", "soft")[0] == soft_exit


def test_positions_share_the_limit_of_their_group_and_of_their_counterparty(qx: Qx, tmp_path: Path) -> None:
    file = Path(two_books(tmp_path))
    head, *lines = file.read_text().splitlines()
    told = [f"{line},shared,{'ABC' if at == 0 else 'XYZ'}" for at, line in enumerate(lines)]
    file.write_text("\n".join([f"{head},limit_group,counterparty", *told]) + "\n")
    whole = qx("risk", "var", str(file), "-o", "json").json["var"]
    limits(tmp_path, f"limit_group,shared,var,,,{whole - 0.01},{whole + 0.01},USD", "counterparty,ABC,var,,,,1,USD")
    code, found = judged(qx, str(file))
    by_level = {each["scope_level"]: each for each in found["limits"]}
    assert (code, by_level["limit_group"]["state"], by_level["counterparty"]["state"]) == (7, "soft", "hard")
    assert by_level["limit_group"]["value"] == pytest.approx(whole)
    assert by_level["counterparty"]["value"] != pytest.approx(whole)


@pytest.mark.parametrize(("line", "code"), [
    ("desk,coal,var,,,1,2,USD", "QX-RISK-014"), ("total,all of it,var,,,1,2,USD", "QX-RISK-014"),
    ("total,,var,100%,,1,2,USD", "QX-RISK-001"), ("total,,var,,10y,1,2,USD", "QX-RISK-001"),
    ("total,,var,,,1,2,CHF", "QX-RISK-006"), ("total,,stress,,,1,2,USD", "QX-RISK-002"),
    ("total,,drawdown,,,1,2,USD", "QX-RISK-002"), ("total,,var,99.99%,,1,2,USD", "QX-RISK-009"),
])  # fmt: skip
def test_what_cannot_be_judged_is_unknown_and_exits_2(qx: Qx, tmp_path: Path, line: str, code: str) -> None:
    file = one_to(500, tmp_path)
    limits(tmp_path, line, "total,,var,,,1000,2000,USD")
    exit_code, found = judged(qx, file)
    assert (exit_code, found["state"]) == (2, "unknown")
    assert found["limits"][0]["because"].endswith(f"({code})")
    assert found["limits"][1]["state"] == "within"
    limits(tmp_path, line, "total,,var,,,1,2,USD")
    assert judged(qx, file)[0] == 7, "a breach is told before what is not known"


def test_stress_and_drawdown(qx: Qx, tmp_path: Path) -> None:
    file = one_to(500, tmp_path)
    (tmp_path / "scenarios.csv").write_text("scenario,factor,shock,shock_type\nup,CL*,5,abs\ndown,CL*,-10,abs\n")
    rows = "".join(f"{day},crude,{pnl}\n" for day, pnl in zip(days(4), (10, -4, -7, 2), strict=True))
    (tmp_path / "pnl.csv").write_text("date,book,pnl_actual\n" + rows)
    limits(tmp_path, "total,,stress,,,9,11,USD", "book,crude,drawdown,,,9,10,USD", "book,gas,drawdown,,,9,10,USD")
    _, found = judged(qx, file)
    by = {(each["measure"], each["scope"]): each for each in found["limits"]}
    assert by["stress", ""]["value"] == 10
    assert "down" in by["stress", ""]["because"]
    assert by["drawdown", "crude"]["value"] == 9
    assert by["drawdown", "gas"]["state"] == "unknown"
    assert [each["role"] for each in found["inputs"]][-3:] == ["limits", "scenarios", "pnl"]


def test_amounts_are_in_the_currency_of_the_limit(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    with (tmp_path / "factors.csv").open("a") as factors, (tmp_path / "prices.csv").open("a") as prices:
        factors.write("EURUSD,fx,relative,EUR,USD,\n")
        for day in days(300):
            prices.write(f"{day},EURUSD,1.25\n")
    limits(tmp_path, "total,,var,,,1,2,USD", "total,,var,,,1,2,EUR")
    _, found = judged(qx, file)
    value = {each["currency"]: each["value"] for each in found["limits"]}
    assert value["USD"] == pytest.approx(1.25 * value["EUR"])


def test_stale_prices_and_missing_files_exit_2(qx: Qx, tmp_path: Path, home: dict[str, str]) -> None:
    file = one_to(500, tmp_path)
    assert qx("risk", "limits", file, env=home).exit == 2, "no limits.csv"
    limits(tmp_path, "total,,var,,,1000,2000,USD")
    assert qx("risk", "limits", file, env=home).exit == 0
    old = Path(one_to(500, tmp_path))
    text = (tmp_path / "prices.csv").read_text()
    for day in days(501):
        text = text.replace(str(day), str(day.replace(year=day.year - 3)))
    (tmp_path / "prices.csv").write_text(text)
    stale = qx("risk", "limits", str(old), "--max-age", "5d", "--keep", "-o", "json", env=home)
    assert (stale.exit, stale.json["error"]["code"]) == (2, "QX-RISK-011")
    kept = qx("risk", "history", "-o", "json", env=home).json["standings"]
    assert [(each["portfolio"], each["state"]) for each in kept] == [("portfolio", "unknown")]


def test_figures_are_kept_for_the_whole_and_each_region(qx: Qx, tmp_path: Path, home: dict[str, str]) -> None:
    nothing = qx("risk", "history", "-o", "json", env=home)
    assert (nothing.exit, nothing.json["error"]["code"]) == (2, "QX-RISK-017")
    file = two_books(tmp_path)
    for as_of in days(300)[-3:]:
        assert qx("risk", "var", file, "--as-of", str(as_of), "--keep", env=home).exit == 0
    assert qx("risk", "var", file, "--keep", "-q", env=home).err == "", "a day that is measured again is one"
    found = qx("risk", "history", file, "-o", "json", env=home).json["kept"]
    assert [(each["region"], each["as_of"]) for each in found] == [
        (region, str(day)) for region in ("", "eu-west", "us-east") for day in days(300)[-3:]
    ]
    now = qx("risk", "var", file, "-o", "json", env=home).json
    assert found[2]["var"] == now["var"]
    assert found[2]["digests"] == {each["role"]: each["sha256"] for each in now["inputs"]}
    one = qx("risk", "history", "portfolio", "--region", "us-east", "-o", "json", env=home).json["kept"]
    assert {each["region"] for each in one} == {"us-east"}
    assert qx("risk", "history", "portfolo", env=home).exit == 2
    shown = qx("risk", "history", env={**home, "NO_COLOR": "1"}, terminal=True).out
    assert "TREND" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("argv", [
    ("--method", "monte-carlo", "--draws", "20000"), ("--method", "parametric"), (),
], ids=" ".join)  # fmt: skip
def test_what_is_kept_of_a_region_is_the_figure_of_its_positions(
    qx: Qx, tmp_path: Path, home: dict[str, str], argv: tuple[str, ...]
) -> None:
    file = two_books(tmp_path)
    assert qx("risk", "var", file, *argv, "--keep", env=home).exit == 0
    kept = {each["region"]: each for each in qx("risk", "history", file, "-o", "json", env=home).json["kept"]}
    for region, held in (("us-east", ["P1"]), ("eu-west", ["P2", "P3"]), ("", ["P1", "P2", "P3"])):
        alone = qx("risk", "var", only(file, *held), *argv, "-o", "json").json
        for figure in ("var", "es"):
            assert kept[region][figure] == pytest.approx(alone[figure], rel=1e-9), (region, figure)


def test_a_portfolio_of_one_region_is_kept_as_that_region_too(
    qx: Qx, tmp_path: Path, home: dict[str, str]
) -> None:
    file = one_to(500, tmp_path)
    assert qx("risk", "var", file, "--keep", env=home).exit == 0
    kept = qx("risk", "history", "-o", "json", env=home).json["kept"]
    assert [(each["region"], each["var"]) for each in kept] == [("", 496), ("us-east", 496)]


def test_a_breach_is_told(qx: Qx, tmp_path: Path, home: dict[str, str]) -> None:
    told = tmp_path / "told"
    regions = {name: {"title": name, "jurisdictions": ["XX"]} for name in ("us-east", "eu-west")}
    nodes = {name: {"url": f"postgresql://127.0.0.1:{n + 1}/x"} for n, name in enumerate(regions)}
    cluster = {"kind": "postgresql", "home": "us-east", "data_classes": ["trade_record"], "nodes": nodes}
    pager = {"driver": "command", "argv": ["/bin/sh", "-c", f"cat > {told}"]}
    platform = {
        "version": 1, "platform": "test", "regions": regions, "clusters": {"trading": cluster},
        "notify": {"channels": {"pager": pager}},
    }  # fmt: skip
    file = one_to(500, tmp_path)
    limits(tmp_path, "total,,var,,,100,200,USD")
    assert qx("risk", "limits", file, "--tell", env=home).exit == 2, "no regions.yaml: nobody could be told"
    (tmp_path / "regions.yaml").write_text(json.dumps(platform))
    found = qx("risk", "limits", file, "--name", "energy", "--keep", "--tell", "-o", "json", env=home)
    assert (found.exit, found.json["told"]) == (7, ["pager"])
    notice = json.loads(told.read_text())
    assert (notice["alert"]["key"], notice["alert"]["severity"]) == ("risk/energy", "critical")
    assert notice["alert"]["next"] == "qx risk history"
    silent = {"driver": "command", "argv": ["/bin/false"]}
    (tmp_path / "regions.yaml").write_text(json.dumps(platform | {"notify": {"channels": {"pager": silent}}}))
    untold = qx("risk", "limits", file, "--tell", "-o", "json", env=home)
    assert (untold.exit, untold.json["told"]) == (7, []), "a verdict does not depend on who could be told"
    assert "pager" in untold.json["untold"]


def test_the_example_is_within_its_hard_limits_and_fits_a_terminal(qx: Qx) -> None:
    assert judged(qx, EXAMPLE)[0] == 0
    for width in (80, 140):
        out = qx("risk", "limits", EXAMPLE, env={"COLUMNS": str(width), "NO_COLOR": "1"}, terminal=True).out
        assert max(map(len, out.splitlines())) <= width
