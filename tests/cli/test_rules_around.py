"""`qx rules diff|watch|review`: what a person types and gets; a file that comes in is in force only when accepted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from qx.compliance.selftest import BASE, laid_over
from tests.unit.app.test_review import MINE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx

BETWEEN = ("--as-of", "2026-01-15", "--as-of", "2026-03-10")
DATED = (
    MINE.replace("    predicate:", '    effective_from: "2026-02-01"\n    predicate:')
    .replace('value: "5000000"', 'value: "500000"')
    .replace("- {given: {}, expect: pass}", '- {given: {amount: "1"}, expect: pass}')
)  # in force from February on, and forbidding


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """And a directory without a regions.yaml: packs stand at home."""
    monkeypatch.chdir(tmp_path)
    return {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(cache), "XDG_STATE_HOME": str(tmp_path / "state"),
            "HOME": str(tmp_path)}  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


# -- diff


def test_what_turns_between_two_instants(qx: Qx, home: dict[str, str]) -> None:
    said = qx("rules", "diff", *BETWEEN, "--region", "eu-west", "-o", "json", env=home)
    assert said.exit == 0, said
    assert said.json["schema"] == "qx.rules-diff/1"
    turned = {(each["name"], each["turn"]) for each in said.json["turns"]}
    assert {("ru_crude_cap_usd", "another value"), ("EU-EMIR3", "in force")} <= turned
    everywhere = qx("rules", "diff", *BETWEEN, "-o", "json", env=home).json
    assert len(everywhere["turns"]) > len(said.json["turns"])


def test_transactions_that_flip_say_why_and_lines_that_are_none_are_told(
    qx: Qx, home: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "qx" / "packs").mkdir(parents=True)
    (tmp_path / "qx" / "packs" / "mine.yaml").write_text(DATED.replace("severity: flag", "severity: block"))
    lines = [json.dumps(laid_over(BASE, {"transactionId": "T1"})), "{bad", '{"amonut": 1}',
             json.dumps(laid_over(BASE, {"transactionId": "T2", "amount": "1000", "quantity": "12.5"}))]  # fmt: skip
    file = tmp_path / "many.ndjson"
    file.write_text("\n".join(lines))
    argv = ("rules", "diff", *BETWEEN, "--region", "bahrain", "--transactions", str(file))
    said = qx(*argv, "-o", "json", env=home)
    assert said.exit == 3, said
    assert (said.json["transactions"], [each["number"] for each in said.json["unread"]]) == (2, [2, 3])
    (flip,) = said.json["flips"]
    assert (flip["number"], flip["transaction"], flip["after"]) == (1, "T1", "rejected")
    assert flip["because"][0] == {
        "rule": "MINE-1", "severity": "block", "before": "not_in_force", "after": "fail",
        "because": "it is in force now",
    }  # fmt: skip
    for one in (json.dumps([json.loads(lines[0]), json.loads(lines[3])]), lines[0]):
        file.write_text(one)
        again = qx(*argv, "-o", "json", env=home)
        assert (again.exit, [each["transaction"] for each in again.json["flips"]]) == (0, ["T1"])
    shown = qx(*argv, env={**home, "NO_COLOR": "1"}, terminal=True)
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "MINE-1" in shown.out


@pytest.mark.parametrize("argv", [
    ("--as-of", "2026-01-15"), ("--as-of", "2026-01-15", "--as-of", "2026-01-15"),
    ("--as-of", "soon", "--as-of", "late"),
    ("--as-of", "2026-03-10", "--as-of", "2026-01-15"), (*BETWEEN, "--transactions", "-"),
    (*BETWEEN, "--region", "eu-west", "--transactions", "/nonexistent"), (*BETWEEN, "--region", "atlantis"),
])  # fmt: skip
def test_what_cannot_be_compared_is_usage(qx: Qx, home: dict[str, str], argv: tuple[str, ...]) -> None:
    assert qx("rules", "diff", *argv, env=home).exit == 2


# -- watch, review


def test_from_a_feed_into_review_and_into_force(qx: Qx, home: dict[str, str], tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "mine.yaml").write_text(MINE)
    came = qx("rules", "watch", "--from", str(feed), "--once", "-o", "json", env=home)
    assert came.exit == 0, came
    (candidate,) = came.json["candidates"]
    assert (candidate["holds"], candidate["state"], candidate["faults"]) == ("mine", "waiting", [])
    name = candidate["name"]
    assert "mine" not in {each["pack"] for each in qx("rules", "list", "-o", "json", env=home).json["rules"]}
    shown = qx("rules", "review", "show", name, "-o", "json", env=home)
    assert (shown.exit, shown.json["in_force"], shown.json["alterations"][0]["how"]) == (0, "", "added")
    assert "added" in qx("rules", "review", "show", name, env=home).out
    mine = ("rules", "review", "accept", name, "--by", candidate["submitted_by"], "--reason", "mine")
    assert qx(*mine, env=home).exit == 4
    theirs = ("rules", "review", "accept", name, "--by", "ben", "--reason", "read it")
    assert qx(*theirs, "--dry-run", env=home).exit == 0
    assert "mine" not in {each["pack"] for each in qx("rules", "list", "-o", "json", env=home).json["rules"]}
    accepted = qx(*theirs, "-o", "json", env=home)
    assert (accepted.exit, accepted.json["candidate"]["state"]) == (0, "accepted"), accepted
    assert "mine" in {each["pack"] for each in qx("rules", "list", "-o", "json", env=home).json["rules"]}
    told = qx("rules", "review", "list", "-o", "json", env=home).json["candidates"]
    assert [each["state"] for each in told] == ["accepted"]
    assert qx(*theirs, env=home).exit == 4, "once"
    always = ("--from", "2020-01-01", "--to", "2100-01-01")
    report = qx("report", "compliance", "--region", "bahrain", *always, "-o", "json", env=home)
    assert [(each["kind"], each["who"]) for each in report.json["decisions"]] == [("candidate-accepted", "ben")]


def test_what_is_wrong_with_one_shows_and_it_can_only_be_rejected(
    qx: Qx, home: dict[str, str], tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "mine.yaml").write_text(MINE.replace("amount <=", "amonut <="))
    qx("rules", "watch", "--from", str(feed), "--once", env=home)
    shown = qx("rules", "review", "show", "mine", env=home)
    assert (shown.exit, "did you mean 'amount'" in shown.out or "amonut" in shown.out) == (7, True)
    assert qx("rules", "review", "accept", "mine", "--by", "ben", "--reason", "r", env=home).exit == 4
    assert qx("rules", "review", "reject", "mine", "--by", "ben", env=home).exit == 2, "a reason is wanted"
    rejected = qx("rules", "review", "reject", "mine", "--by", "ben", "--reason", "a typing error", env=home)
    assert (rejected.exit, "rejected by ben" in rejected.out) == (0, True)
    assert qx("rules", "watch", "--from", str(feed), "--once", "-o", "json", env=home).json["candidates"] == []


@pytest.mark.parametrize(("argv", "code"), [
    (("--once",), 2), (("-o", "json", "--from", "."), 2), ((), 8), (("--from", "/nonexistent", "--once"), 3),
    (("--from", "http://198.51.100.1/x", "--once"), 3),
])  # fmt: skip
def test_watching_wants_a_place_to_look_or_somebody_who_may_send(
    qx: Qx, home: dict[str, str], argv: tuple[str, ...], code: int
) -> None:
    assert qx("rules", "watch", *argv, env=home).exit == code
    assert qx("rules", "review", "show", "nothing", env=home).exit == 2
