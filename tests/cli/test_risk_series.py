"""`qx risk backtest` and `qx risk metrics`: verdicts and figures of a series that can be told beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.risky import days

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "pnl.csv")


def series(directory: Path, pnl: Sequence[float], book: str = "crude", es: float | None = 120.0) -> str:
    """VaR 100 on every day."""
    told = "" if es is None else f"{es}"
    lines = [f"{day},{book},{value},{value / 2},100,{told}" for day, value in zip(days(len(pnl)), pnl, strict=True)]
    path = directory / "pnl.csv"
    path.write_text("\n".join(["date,book,pnl_actual,pnl_hypothetical,var,es", *lines]) + "\n")
    return str(path)


def exceptions(count: int, at: Iterable[int]) -> list[float]:
    beyond = set(at)
    return [-130.0 if n in beyond else 10.0 for n in range(count)]


def said(qx: Qx, *argv: str) -> Any:
    found = qx("risk", *argv, "-o", "json")
    assert found.exit == 0, found.out
    return found.json


def test_kupiec_and_christoffersen_of_jorions_question(qx: Qx, tmp_path: Path) -> None:
    """P. Jorion, Value at Risk: 6 exceptions of 252 days, 4 of them the day after another."""
    found = said(qx, "backtest", series(tmp_path, exceptions(252, (20, 21, 22, 60, 61, 62))))
    (book,) = found["books"]
    tests = {each["name"]: each for each in book["result"]["tests"]}
    assert (book["result"]["exceptions"], book["of"]) == (6, "actual")
    assert tests["kupiec"]["statistic"] == pytest.approx(3.498777, abs=1e-6)
    assert tests["christoffersen"]["rejected"]
    assert found["verdict"] == book["result"]["verdict"] == "rejected"
    assert len(book["result"]["exception_days"]) == 6


@pytest.mark.parametrize(("at", "fail_on", "exit_code"), [
    ((60, 180), "rejected", 0), ((60, 180), "doubtful", 0), (range(0, 250, 12), "rejected", 7),
    (range(0, 250, 12), "doubtful", 7),
])  # fmt: skip
def test_a_verdict_fails_only_where_it_is_asked_to(
    qx: Qx, tmp_path: Path, at: Iterable[int], fail_on: str, exit_code: int
) -> None:
    file = series(tmp_path, exceptions(250, at))
    assert qx("risk", "backtest", file, "--fail-on", fail_on).exit == exit_code
    assert qx("risk", "backtest", file).exit == 0


def test_both_p_and_ls_several_books_and_no_es(qx: Qx, tmp_path: Path) -> None:
    file = Path(series(tmp_path, exceptions(250, (60, 180)), es=None))
    other = "\n".join(line.replace("crude", "gas") for line in file.read_text().splitlines()[1:])
    file.write_text(file.read_text() + other + "\n")
    found = said(qx, "backtest", str(file), "--against", "both")
    counted = {(each["result"]["book"], each["of"]): each["result"]["exceptions"] for each in found["books"]}
    assert counted == {
        ("crude", "actual"): 2, ("crude", "hypothetical"): 0, ("gas", "actual"): 2, ("gas", "hypothetical"): 0,
    }  # fmt: skip
    assert found["books"][0]["of"] == "hypothetical", "no exception in a year is one too few: the worst stands first"
    assert not [each for each in found["books"][0]["result"]["tests"] if each["name"].startswith("z")]
    one = said(qx, "backtest", str(file), "--book", "gas")
    assert [each["result"]["book"] for each in one["books"]] == ["gas"]
    assert said(qx, "backtest", str(file), "--horizon", "10d")["books"][0]["result"]["traffic_light"]["overlap"] == 10


@pytest.mark.parametrize(("edit", "code"), [
    (("100,120.0", ",120.0"), "QX-RISK-016"), (("100,120.0", "100,"), "QX-RISK-016"),
    (("100,120.0", "-100,120.0"), "QX-RISK-003"), (("crude,10.0", "crude,nan"), "QX-RISK-003"),
    (("2026-11-20", "2026-11-19"), "QX-RISK-004"),
])  # fmt: skip
def test_what_cannot_be_backtested(qx: Qx, tmp_path: Path, edit: tuple[str, str], code: str) -> None:
    file = Path(series(tmp_path, exceptions(50, (3,))))
    *rest, last = file.read_text().splitlines()
    file.write_text("\n".join([*rest, last.replace(*edit)]) + "\n")
    found = qx("risk", "backtest", str(file), "-o", "json")
    assert (found.exit, found.json["error"]["code"]) == (2, code)
    assert found.json["error"]["place"]["line"] == 51


def test_files_without_a_line_and_books_that_are_not_there(qx: Qx, tmp_path: Path) -> None:
    file = Path(series(tmp_path, exceptions(50, (3,))))
    assert qx("risk", "backtest", str(file), "--book", "gas").exit == 2
    file.write_text(file.read_text().splitlines()[0] + "\n")
    for command in ("backtest", "metrics"):
        found = qx("risk", command, str(file), "-o", "json")
        assert (found.exit, found.json["error"]["code"]) == (2, "QX-RISK-016")


def test_metrics_of_returns_that_compound(qx: Qx, tmp_path: Path) -> None:
    found = said(qx, "metrics", series(tmp_path, [0.1, -0.1, 0.1]), "--returns")
    result = found["books"][0]["result"]
    assert result["total_return"] == pytest.approx(1.1 * 0.9 * 1.1 - 1)
    assert (result["drawdown"]["depth"], result["compounding"]) == (pytest.approx(0.1), True)
    assert found["capital"] is None


def test_metrics_of_amounts_and_of_a_capital(qx: Qx, tmp_path: Path) -> None:
    file = series(tmp_path, [-5.0, 10.0, -2.0, 1.0])
    amounts, shares = said(qx, "metrics", file), said(qx, "metrics", file, "--capital", "100")
    first, second = amounts["books"][0]["result"], shares["books"][0]["result"]
    assert (amounts["per_unit"], shares["per_unit"]) == (True, False)
    assert first["total_return"] == pytest.approx(4.0)
    assert second["total_return"] == pytest.approx(0.04)
    assert first["drawdown"]["depth"] == pytest.approx(5.0), "a loss of the first day counts"
    assert first["sharpe"] == pytest.approx(second["sharpe"])
    halves = said(qx, "metrics", file, "--against", "hypothetical")["books"][0]["result"]
    assert halves["total_return"] == pytest.approx(2.0)


@pytest.mark.parametrize("argv", [
    ("--capital", "0"), ("--capital", "100", "--returns"), ("--periods", "0"), ("--risk-free", "0.02"),
])  # fmt: skip
def test_metrics_that_mean_nothing(qx: Qx, tmp_path: Path, argv: tuple[str, ...]) -> None:
    found = qx("risk", "metrics", series(tmp_path, [1.0, 2.0]), *argv, "-o", "json")
    assert (found.exit, found.json["error"]["code"]) == (2, "QX-RISK-001")


@pytest.mark.parametrize("command", ["backtest", "metrics"])
def test_the_example_fits_a_terminal_and_repeats_itself(qx: Qx, command: str) -> None:
    first, second = (qx("risk", command, EXAMPLE, "-o", "json") for _ in range(2))
    assert (first.exit, first.out) == (0, second.out)
    for width in (80, 140):
        out = qx("risk", command, EXAMPLE, env={"COLUMNS": str(width), "NO_COLOR": "1"}, terminal=True).out
        assert max(map(len, out.splitlines())) <= width
