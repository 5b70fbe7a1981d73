"""`qx waive`, `qx waivers`, `qx report`: against a real record, in a home of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from qx.app.compliance import Desk
from qx.app.evidence import opened
from qx.compliance.evidence import kept_of
from qx.compliance.screening import screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate

if TYPE_CHECKING:
    from pathlib import Path

    from qx.model.validation import Validation
    from tests.cli.conftest import Qx

ALWAYS = ("--from", "2020-01-01", "--to", "2100-01-01")
UNTIL = (datetime.now(UTC) + timedelta(days=30)).isoformat()
REPORT = ("report", "compliance", "--region", "eu-west", *ALWAYS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """And a directory without a regions.yaml."""
    monkeypatch.chdir(tmp_path)
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path)}


@pytest.fixture
def kept(home: dict[str, str]) -> Validation:
    """A swap whose counterparty is not verified yet, in the record of eu-west."""
    desk, at = Desk(home), datetime(2026, 11, 22, tzinfo=UTC)
    given = {"transactionType": "swap", "uti": "U1", "kyc.status": "pending"}
    transaction = read(laid_over(BASE, given))
    found = validate(transaction, desk.rulebook("eu-west"), at, screen(transaction, desk.lists, at))
    record = opened(desk, home)
    record.keep([kept_of(found, transaction)])
    record.close()
    return found


def ask(qx: Qx, home: dict[str, str], *more: str) -> str:
    said = qx("waive", "GL-AML-005", "--until", UNTIL, "--by", "dora", "--reason", "on its way", *more, "-o", "json",
              env=home)  # fmt: skip
    return f"{said.exit}" if said.exit else str(said.json["id"])


def test_an_override_is_asked_for_given_and_stands_in_the_report(
    qx: Qx, home: dict[str, str], kept: Validation
) -> None:
    name = ask(qx, home, "--id", kept.validation_id)
    assert name.startswith("wv-")
    assert qx("waivers", "approve", name, "--by", "dora", "--reason", "r", env=home).exit == 4
    assert qx("waivers", "approve", name, "--by", "ada", "--reason", "r", env=home).exit == 4, "who created it"
    assert qx("waivers", "approve", name, "--by", "eve", env=home).exit == 2, "a reason is wanted"
    given = qx("waivers", "approve", name[:7], "--by", "eve", "--reason", "seen", "-o", "json", env=home)
    assert (given.exit, given.json["state"], given.json["approved_by"]) == (0, "approved", "eve")
    assert "eve" in qx("waivers", "list", env=home).out
    assert "seen" in qx("waivers", "show", name, env=home).out
    report = qx(*REPORT, "-o", "json", env=home).json
    assert [(each["waiver"]["id"], each["validations"]) for each in report["leaves"]] == [(name, 1)]
    assert report["counts"] == {"approved": 0, "conditional": 1, "rejected": 0}, "no status moved"
    ended = qx("waivers", "revoke", name, "--by", "finn", "--reason", "forged", "-o", "json", env=home)
    assert (ended.exit, ended.json["state"]) == (0, "revoked")
    assert qx("waivers", "list", "-o", "json", env=home).json["waivers"] == []
    assert len(qx("waivers", "list", "--all", "-o", "json", env=home).json["waivers"]) == 1


@pytest.mark.parametrize(("argv", "code"), [
    (("--id", "qxv1-" + "0" * 32), 2), (("--id", "nonsense"), 2), ((), 2), (("--id", "x", "--counterparty", "y"), 2),
    (("--counterparty", "X", "--region", "atlantis"), 2), (("--counterparty", "X", "--until", "2026-01-01"), 4),
    (("--counterparty", "X", "--until", "2099-01-01"), 4), (("--counterparty", "X", "--until", "soon"), 2),
])  # fmt: skip
def test_what_cannot_be_waived(qx: Qx, home: dict[str, str], argv: tuple[str, ...], code: int) -> None:
    until = () if "--until" in argv else ("--until", UNTIL)
    assert qx("waive", "GL-AML-005", *until, "--by", "dora", "--reason", "r", *argv, env=home).exit == code


def test_the_report_in_all_its_forms(qx: Qx, home: dict[str, str], kept: Validation, tmp_path: Path) -> None:
    spoken = qx(*REPORT, "-o", "json", env=home)
    assert (spoken.exit, spoken.json["schema"], spoken.json["validations"]) == (0, "qx.compliance-report/1", 1)
    assert spoken.json["record"]["verified"] is True
    assert qx(*REPORT, "--format", "json", env=home).out == spoken.out
    page = qx(*REPORT, "--format", "html", env=home).out
    assert page == qx(*REPORT, "-o", "html", env=home).out
    assert page.startswith("<!doctype html>")
    table = qx(*REPORT, env={**home, "NO_COLOR": "1"}, terminal=True).out
    assert max(map(len, table.splitlines())) <= 80
    assert qx(*REPORT, "-o", "csv", env=home).out.startswith("section,item,field,value")
    begins = {"r.html": b"<!doctype html>", "r.csv": b"section,", "r.json": b"{\n", "r": b"section,"}
    for name, beginning in begins.items():
        named = () if "." in name else ("--format", "csv")
        written = qx(*REPORT, "--output", str(tmp_path / name), *named, env=home)
        assert (written.exit, written.out) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(beginning)
    assert json.loads((tmp_path / "r.json").read_text()) == spoken.json
    assert (tmp_path / "r.html").read_text() == page
    assert kept.validation_id


def test_what_was_done_is_said_of_an_obligation(qx: Qx, home: dict[str, str], kept: Validation) -> None:
    (due,) = {each.rule_id for each in kept.obligations}
    assert qx(*REPORT, "-o", "json", env=home).json["obligations"]["fulfilled"] == 0
    done = ("report", "fulfilled", kept.validation_id, due.lower(), "--by", "finn", "--reason")
    assert qx(*done, " ", env=home).exit == 2
    assert qx(*done, "receipt 17", env=home).exit == 0
    found = qx(*REPORT, "-o", "json", env=home).json
    (duty,) = found["obligated"]
    assert (duty["fulfilled_by"], duty["note"]) == ("finn", "receipt 17")
    assert duty["state"] in ("fulfilled", "late")
    assert qx("report", "fulfilled", kept.validation_id, "GL-AML-005", "--by", "f", "--reason", "r", env=home).exit == 2


@pytest.mark.parametrize("argv", [
    ("--region", "atlantis", *ALWAYS), ("--region", "eu-west", "--from", "2026-01-02", "--to", "2026-01-01"),
    ("--region", "eu-west", "--from", "soon", "--to", "2026-01-01"), ("--region", "eu-west"),
    ("--region", "eu-west", *ALWAYS, "--format", "pdf"),
    ("--region", "eu-west", *ALWAYS, "--output", "/nonexistent/r.html"),
    ("--region", "eu-west", *ALWAYS, "--output", "november.pdf"), ("--region", "eu-west", *ALWAYS, "-o", "csv2"),
])  # fmt: skip
def test_what_cannot_be_reported_is_usage(qx: Qx, home: dict[str, str], argv: tuple[str, ...]) -> None:
    assert qx("report", "compliance", *argv, env=home).exit == 2
