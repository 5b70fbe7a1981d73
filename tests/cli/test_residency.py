"""`qx residency`: the answer, the exit code, and a matrix that fits a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Qx, Result

    Ask = Callable[..., Result]

AT = "2026-11-22"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the cache of the packs lasts from test to test."""
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def ask(qx: Qx, home: str) -> Ask:
    return lambda *argv: qx("residency", *argv, env={"HOME": home})


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a regions.yaml."""
    monkeypatch.chdir(tmp_path)


def check(ask: Ask, data_class: str, source: str, to: str, *more: str, at: str = AT) -> Result:
    return ask("check", "--class", data_class, "--from", source, "--to", to, "--as-of", at, *more)


@pytest.mark.parametrize(
    ("asked", "more", "at", "code"),
    [
        (("kyc_pii", "eu", "uk"), (), AT, 0),
        (("kyc_pii", "eu-west", "uk"), (), "2031-12-28", 20),
        (("kyc_pii", "eu", "us"), (), AT, 20),
        (("kyc_pii", "eu", "us"), ("--recipient-dpf",), AT, 0),
        (("customer_information", "bahrain", "us"), (), AT, 20),
        (("customer_information", "bahrain", "us"), ("--approval", "OM-2.8.1"), AT, 10),
        (("customer_information", "bahrain", "us"), ("--approval", "om-2.8.1", "--keys-held-by", "licensee"), AT, 0),
        (("kyc_pii", "adgm", "uk"), (), AT, 0),
        (("kyc_pii", "me-central", "bahrain"), (), AT, 20),
        (("kyc_pii", "bahrain", "us"), (), AT, 10),
        (("session", "us", "eu"), (), AT, 20),
        (("trade_record", "guyana", "us-east"), (), AT, 0),
        (("pii", "eu", "eu-west"), (), AT, 0),
    ],
)
def test_the_exit_code_is_the_answer(
    ask: Ask, asked: tuple[str, str, str], more: tuple[str, ...], at: str, code: int
) -> None:
    said = check(ask, *asked, *more, "-o", "json", at=at)
    assert said.exit == code, said
    assert said.json["schema"] == "qx.residency/1"
    assert said.json["status"] == {0: "allowed", 10: "conditional", 20: "refused"}[code]
    assert said.json["because"]


def test_it_tells_rule_instrument_end_and_citation(ask: Ask) -> None:
    said = check(ask, "kyc_pii", "eu", "uk", "-o", "json").json
    assert (said["rules"], said["until"]) == (["EU-GDPR-45"], "2031-12-27T23:00:00Z")
    assert said["instrument"] == "adequacy decision of the Commission"
    found = {each["rule_id"]: each for each in said["findings"]}
    assert found["EU-GDPR-45"]["citation"]["corpus"] == "Regulation (EU) 2016/679"
    assert found["EU-GDPR-45"]["status"] == "verified"


def test_people_read_what_would_do(ask: Ask) -> None:
    said = check(ask, "kyc_pii", "eu", "us").out
    assert "refused" in said
    assert "would do  --recipient-dpf" in said
    assert "or        --safeguard scc --safeguard tia" in said


@pytest.mark.parametrize(
    "argv",
    [
        ("--class", "nonsense", "--from", "eu", "--to", "us"),
        ("--class", "pii", "--from", "atlantis", "--to", "us"),
        ("--class", "pii", "--from", "eu", "--to", "us", "--safeguard", "prayer"),
        ("--class", "pii", "--from", "eu", "--to", "us", "--keys-held-by", "nobody"),
        ("--class", "pii", "--from", "eu", "--to", "us", "--as-of", "soon"),
        ("--class", "pii", "--from", "eu"),
    ],
)
def test_what_nobody_knows_is_bad_input(ask: Ask, argv: tuple[str, ...]) -> None:
    assert ask("check", *argv).exit == 2


def test_the_matrix_fits_a_terminal(ask: Ask) -> None:
    said = ask("matrix", "--class", "kyc_pii", "--as-of", AT)
    assert said.exit == 0, said
    assert max(map(len, said.out.splitlines())) <= 80
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.startswith(("EU ", "US "))}
    assert set(rows) == {"EU", "US"}
    one = ask("matrix", "--class", "pii", "--as-of", AT, "-o", "json").json
    assert [of["classes"] for of in one["tables"]] == [["pii"]]


def test_how_long_they_are_kept(ask: Ask) -> None:
    said = ask("retention", "--class", "kyc_pii", "--from", "eu", "--under", "us", "--as-of", AT, "-o", "json")
    assert (said.exit, said.json["years"], said.json["conflicts"]) == (0, 10, ["EU-GDPR-5"])
    people = ask("retention", "--class", "kyc_pii", "--from", "eu", "--under", "us", "--as-of", AT).out
    assert "US-OFAC-REC" in people
    assert "EU-GDPR-5" in people
