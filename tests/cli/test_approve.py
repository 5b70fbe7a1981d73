"""`qx approve` as people meet it: a plan's file or id, keys, what waits, what is refused; without servers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from qx.adapters.sqlite.store import SqliteStore
from qx.kernel.exits import Exit
from qx.model.approval import Approved, Pending
from qx.model.plan import Plan
from tests.cli.test_record import REGIONS
from tests.fakes.court import Bench, ruled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx, Result

NAMES = ("bob", "carol")


class Desk:
    """A regions.yaml with approvers, their key files, and a plan that ann made."""

    def __init__(self, qx: Qx, directory: Path, required: int) -> None:
        self._qx, self.directory = qx, directory
        self.config = directory / "regions.yaml"
        lines = []
        for name in (*NAMES, "eve"):
            key = Ed25519PrivateKey.generate()
            path = directory / name
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            path.chmod(0o600)
            if name in NAMES:
                lines.append(f"  {name}: {{key: {base64.b64encode(key.public_key().public_bytes_raw()).decode()}}}")
        rule = f"defaults:\n  approvals: {{required: {required}}}\n"
        self.config.write_text("\n".join([REGIONS + rule + "approvers:", *lines]) + "\n")
        self.plan: Plan = msgspec.structs.replace(Bench(ruled(0)).plan("ann@here", "01plan"), platform="main")
        self.file = directory / "plan.json"
        self.file.write_bytes(msgspec.json.encode(self.plan))

    def __call__(self, *argv: str, **env: str) -> Result:
        told = {"QX_CONFIG": str(self.config), "XDG_STATE_HOME": str(self.directory / "state"), "NO_COLOR": "1"}
        return self._qx(*argv, env=told | env)

    def approve(self, what: str, who: str, reason: str = "seen") -> Result:
        return self("approve", what, "--key", str(self.directory / who), "--reason", reason, "-o", "json")

    def store(self) -> SqliteStore:
        return SqliteStore(self.directory / "state" / "qx" / "main.db")


@pytest.fixture
def desk(qx: Qx, tmp_path: Path) -> Desk:
    return Desk(qx, tmp_path, 2)


def test_two_sign_one_by_the_file_and_one_by_the_id(desk: Desk) -> None:
    first = desk.approve(str(desk.file), "bob")
    assert (first.exit, first.json["approvals"][0]["by"]) == (Exit.DONE, "bob")
    assert not first.json["waiting"][0]["enough"]
    [waits] = desk("approve", "-o", "json").json["requests"]
    assert (waits["request"]["plan"], waits["approved_by"], waits["required"]) == ("01plan", ["bob"], 2)
    assert waits["clusters"] == {"trading": "2 of bob, carol"}
    text = desk("approve").out
    assert "1 of 2: bob" in text
    assert "failover: trading us-east -> eu-west (planned)" in text
    assert "waits for a person" in desk("runs", "list").out
    second = desk.approve("01pl", "carol")
    assert second.json["waiting"][0]["enough"]
    assert "qx apply 01plan" in desk("runs", "list").out
    assert [run["intent"] for run in desk("runs", "list", "-o", "json").json["runs"]] == ["approve", "approve"]
    assert desk("audit", "verify").exit == Exit.DONE


def test_the_key_may_stand_in_the_environment(desk: Desk) -> None:
    said = desk("approve", str(desk.file), "--reason", "x", QX_APPROVAL_KEY=str(desk.directory / "bob"))
    assert said.exit == Exit.DONE
    assert "approved: plan 01plan" in said.out
    assert "1 of 2: bob: more have to approve it" in said.out


def test_the_very_plan_is_shown_before_it_is_signed(desk: Desk) -> None:
    assert "fence" in desk("approve", str(desk.file), "--dry-run").out
    assert not desk("approve", "-o", "json").json["requests"]
    desk.approve(str(desk.file), "bob")
    shown = desk("approve", "01plan", "--dry-run", "-o", "json").json
    assert msgspec.convert(shown, Plan).digest == desk.plan.digest


@pytest.mark.parametrize(("who", "code"), [("eve", "QX-BOOK-004"), ("nobody", "QX-SEC-003")])
def test_a_key_that_is_no_approvers(desk: Desk, who: str, code: str) -> None:
    said = desk.approve(str(desk.file), who)
    assert said.json["error"]["code"] == code
    assert said.exit in (Exit.REFUSED, Exit.AUTH)


def test_what_is_wanted_of_an_approval(desk: Desk) -> None:
    def code(*argv: str) -> Any:
        return desk("approve", *argv, "-o", "json").json["error"]["code"]

    assert code(str(desk.file)) == "QX-CLI-001"
    assert code(str(desk.file), "--reason", "x") == "QX-SEC-003"
    assert code("missing.json", "--reason", "x") == "QX-PLAN-005"
    assert code("0nope", "--reason", "x") == "QX-RUN-004"
    desk.file.write_text("{}")
    assert code(str(desk.file), "--reason", "x") == "QX-PLAN-005"
    desk.file.write_bytes(msgspec.json.encode(msgspec.structs.replace(desk.plan, platform="other")))
    assert code(str(desk.file), "--reason", "x") == "QX-PLAN-005"


def test_the_requester_cannot_with_any_key_of_his(desk: Desk) -> None:
    for by in ("bob@here", "BOB@desk"):
        desk.file.write_bytes(msgspec.json.encode(msgspec.structs.replace(desk.plan, by=by, id=f"01{by[:1]}")))
        said = desk.approve(str(desk.file), "bob")
        assert (said.exit, said.json["error"]["code"]) == (Exit.REFUSED, "QX-BOOK-004")
    [waits, *_] = desk("approve", "-o", "json").json["requests"]
    assert waits["approved_by"] == []


def test_a_plan_that_was_changed_in_the_store_is_nobodys(desk: Desk) -> None:
    desk.approve(str(desk.file), "bob")
    with desk.store() as store:
        other = Pending(plan=msgspec.structs.replace(desk.plan, by="eve"))
        store.put(Pending.KIND, "01plan", msgspec.to_builtins(other))
    assert desk.approve("01plan", "carol").json["error"]["code"] == "QX-PLAN-005"
    assert desk("apply", "01plan", "--yes", "-o", "json").json["error"]["code"] == "QX-PLAN-005"
    assert "not the one that was asked for" in desk("approve").out


def test_an_approval_that_was_changed_in_the_store_is_named(desk: Desk) -> None:
    desk.approve(str(desk.file), "bob")
    with desk.store() as store:
        [kept] = store.records(Approved.KIND)
        store.put(Approved.KIND, kept.key, {**kept.value, "reason": "other"})
    [waits] = desk("approve", "-o", "json").json["requests"]
    assert waits["approved_by"] == []
    assert "it was changed" in waits["against"][0]


def test_apply_knows_a_plan_that_waits_by_its_id(desk: Desk) -> None:
    assert desk("apply", "01plan", "--dry-run", "-o", "json").json["error"]["code"] == "QX-PLAN-005"
    desk.approve(str(desk.file), "bob")
    assert desk("apply", "01pl", "--dry-run", "-o", "json").json["id"] == "01plan"


def test_without_keys_nobody_can(qx: Qx, tmp_path: Path) -> None:
    desk = Desk(qx, tmp_path, 1)
    desk.config.write_text(desk.config.read_text().partition("approvers:")[0])
    said = desk("approve", str(desk.file), "--reason", "x", "-o", "json")
    assert said.json["error"]["code"] == "QX-BOOK-004"
    assert "nobody can give one" in said.json["error"]["message"]
