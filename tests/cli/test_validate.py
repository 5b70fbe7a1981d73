"""`qx validate` and `qx rules`: the answer, the exit code; nothing in a file ends in a traceback or an approval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qx.compliance.selftest import BASE, laid_over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx

AT = ("--as-of", "2026-11-22T09:00:00Z")


@pytest.fixture
def txn(tmp_path: Path) -> Any:
    def written(given: dict[str, Any]) -> str:
        file = tmp_path / "txn.json"
        file.write_text(json.dumps(laid_over(BASE, given)))
        return str(file)

    return written


def test_nobody_is_approved_by_an_extract_of_the_lists(qx: Qx, txn: Any) -> None:
    said = qx("validate", txn({}), "--region", "bahrain", *AT, "-o", "json")
    assert said.exit == 10, said
    assert said.json["schema"] == "qx.validation/1"
    assert said.json["status"] == "conditional"
    assert {"GL-SAN-003"} <= {each["ruleId"] for each in said.json["findings"]}


def test_a_rule_that_forbids_it_rejects(qx: Qx, txn: Any) -> None:
    said = qx("validate", txn({"counterparty.name": "Future Bank BSC"}), "--region", "us", *AT, "-o", "json")
    assert (said.exit, said.json["status"]) == (20, "rejected")
    finding = said.json["findings"][0]
    assert (finding["ruleId"], finding["outcome"], finding["severity"]) == ("GL-SAN-001", "fail", "block")
    assert finding["citation"]["body"]


def test_two_runs_give_the_same_bytes(qx: Qx, txn: Any) -> None:
    file = txn({})
    one, other = (qx("validate", file, "--region", "bahrain", "-o", "json") for _ in range(2))
    assert one.out == other.out


def test_the_screen_fits_a_terminal(qx: Qx, txn: Any) -> None:
    said = qx("validate", txn({"amount": "x"}), "--region", "bahrain", *AT, "--explain", terminal=True,
              env={"NO_COLOR": "1"})  # fmt: skip
    assert "rejected" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.parametrize(("data", "code"), [
    (b"", "QX-TXN-001"), (b"{", "QX-TXN-001"), (b"[]", "QX-TXN-001"), (b'{"amount": NaN}', "QX-TXN-001"),
    (b"\xff\xfe{}", "QX-TXN-001"), (b'{"a":' * 5000, "QX-TXN-001"), (b'{"amonut": 1}', "QX-TXN-002"),
    (b'{"kyc": 1}', "QX-TXN-002"), (b'"=cmd()"', "QX-TXN-001"),
])  # fmt: skip
def test_what_is_no_transaction_is_refused(qx: Qx, tmp_path: Path, data: bytes, code: str) -> None:
    file = tmp_path / "txn.json"
    file.write_bytes(data)
    said = qx("validate", str(file), "--region", "bahrain", *AT, "-o", "json")
    assert (said.exit, said.json["error"]["code"]) == (2, code)


@pytest.mark.parametrize("given", [
    {"amount": "1e999999"}, {"amount": 10**40}, {"amount": -5}, {"counterparty.name": "=HYPERLINK(1)\x1b[2J"},
    {"counterparty.name": "'; DROP TABLE x; --"}, {"counterparty.owners": [{}] * 2000},
    {"asOf": "9999-12-31T23:59:59-12:00"},
    {"settlementDate": "0000-00-00"},
])  # fmt: skip
def test_what_is_hostile_is_a_finding_never_an_approval(qx: Qx, txn: Any, given: dict[str, Any]) -> None:
    said = qx("validate", txn(given), "--region", "bahrain", *AT)
    assert said.exit in (10, 20), said
    assert "\x1b[2J" not in said.out


def test_an_unknown_region_and_an_unreadable_instant_are_usage(qx: Qx, txn: Any) -> None:
    assert qx("validate", txn({}), "--region", "atlantis", *AT).exit == 2
    assert qx("validate", txn({}), "--region", "bahrain", "--as-of", "soon").exit == 2
    assert qx("validate", "/nonexistent.json", "--region", "bahrain").exit == 2


def test_the_rules_are_listed_shown_and_tested(qx: Qx, tmp_path: Path) -> None:
    listed = qx("rules", "list", "--region", "bahrain", "-o", "json").json["rules"]
    assert {"bahrain", "global", "islamic"} == {each["pack"] for each in listed}
    shown = qx("rules", "show", "bh-fc-112-wire", "-o", "json").json
    assert shown["params"]["wire_cdd_usd"]["windows"][0]["value"] == "1000.00"
    assert qx("rules", "show", "BH-NOTHING").exit == 2
    assert qx("rules", "lint").exit == 0
    assert qx("rules", "test").exit == 0


def test_a_pack_of_ones_own_is_linted_and_tested(qx: Qx, tmp_path: Path) -> None:
    from qx.app.packs import SHIPPED

    text = (SHIPPED / "packs" / "bahrain.yaml").read_text()
    broken = tmp_path / "mine.yaml"
    broken.write_text(text.replace("facts.linkedUsd < param", "facts.linkedUsdd < param"))
    said = qx("rules", "lint", str(broken))
    assert (said.exit, "mine.yaml" in said.err, "linkedUsd" in said.err) == (2, True, True)
    broken.write_text(text.replace('value: "1000.00"', 'value: "5000.00"'))
    said = qx("rules", "test", str(broken), "-o", "json")
    assert said.exit == 7
    assert "BH-FC-112-WIRE" in {each["rule"] for each in said.json["failures"]}


def test_packs_of_ones_own_add_to_what_is_shipped_or_stand_in_its_place(qx: Qx, txn: Any, tmp_path: Path) -> None:
    from qx.app.packs import SHIPPED

    env = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    (tmp_path / "qx" / "packs").mkdir(parents=True)
    text = (SHIPPED / "packs" / "bahrain.yaml").read_text()
    mine = tmp_path / "qx" / "packs" / "bahrain.yaml"
    mine.write_text(text.replace("version: 2026.11.1", "version: 2026.11.1-house"))
    (tmp_path / "qx" / "packs" / "desk.yaml").write_text(text.replace("pack: bahrain", "pack: desk").replace(
        "id: BH-", "id: DESK-"))  # fmt: skip
    for _ in range(2):  # the second time from the cache
        said = qx("validate", txn({}), "--region", "bahrain", *AT, "-o", "json", env=env).json
        assert {"bahrain": "2026.11.1-house", "desk": "2026.11.1"}.items() <= {
            each["pack"]: each["version"] for each in said["packs"]
        }.items()
    assert len(list((tmp_path / "cache" / "qx" / "packs").glob("*.msgpack"))) == len(
        list((SHIPPED / "packs").glob("*.yaml"))
    ) + 1
    mine.write_text(text.replace("severity: flag", "severity: flog", 1))
    assert qx("validate", txn({}), "--region", "bahrain", *AT, env=env).exit == 2


def test_a_cache_that_cannot_be_used_is_done_without(qx: Qx, txn: Any, tmp_path: Path) -> None:
    (tmp_path / "qx").write_text("not a directory")
    assert qx("validate", txn({}), "--region", "bahrain", *AT, env={"XDG_CACHE_HOME": str(tmp_path)}).exit == 10
