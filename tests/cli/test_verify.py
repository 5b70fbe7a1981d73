"""`qx verify`, `qx audit verify`: what is recorded comes out the same, and what was changed is named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec.structs import replace

from qx.app import packs
from qx.app.compliance import Desk
from qx.compliance.evidence import identity_of, kept_of, pack
from qx.compliance.screening import screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.render import encode
from tests.fixtures_servers import free_port

if TYPE_CHECKING:
    from qx.model.evidence import Kept
    from qx.model.validation import Validation
    from tests.cli.conftest import Qx, Result


class Place(NamedTuple):
    """A home without a regions.yaml."""

    qx: Qx
    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {"HOME": str(self.home)}

    def __call__(self, *argv: str, terminal: bool = False) -> Result:
        return self.qx(*argv, env={**self.env, "NO_COLOR": "1"}, terminal=terminal)

    def judged(self, **given: Any) -> tuple[Kept, Validation]:
        desk = Desk(self.env)
        book = desk.rulebook("bahrain")
        transaction = read(laid_over(BASE, given))
        at = transaction.as_of or desk.now(book)
        screened = screen(transaction, desk.lists, at)
        found = validate(transaction, book, at, screened)
        return kept_of(found, transaction, screened, desk.lists.digest), found

    def keep(self, *kept: Kept) -> None:
        said: list[str] = []
        records = Desk(self.env).evidence(said.append)
        assert records.keep(kept).lost == 0
        records.close()
        assert not said

    def file(self, name: str, document: object) -> str:
        path = self.home / name
        path.write_text(json.dumps(document))
        return str(path)

    def tamper(self, statement: str, *parameters: object) -> None:
        with closing(sqlite3.connect(self.home / ".local/state/qx/evidence/bahrain.db")) as db, db:
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
            db.execute(statement, parameters)


@pytest.fixture
def place(qx: Qx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(qx, tmp_path)


# -- of the record


def test_what_is_recorded_comes_out_the_same(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept)
    said = place("verify", found.validation_id, "-o", "json")
    assert said.exit == 0, said
    assert (said.json["schema"], said.json["result"]) == ("qx.verification/1", "same")
    assert {"status", "complianceScore", "findings", "expiresAt", "input"} <= set(said.json["compared"])
    assert place("verify", found.validation_id, "-o", "json").out == said.out
    assert place("verify", found.validation_id, "--region", "bahrain").exit == 0
    text = place("verify", found.validation_id, terminal=True)
    assert "it comes out the same" in text.out
    assert max(map(len, text.out.splitlines())) <= 80


def test_a_record_that_says_otherwise_is_told_field_by_field(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept._replace(row=replace(kept.row, status="approved", compliance_score=100)))
    said = place("verify", found.validation_id, "-o", "json")
    assert said.exit == 7
    assert [(each["field"], each["recorded"]) for each in said.json["differences"]] == [
        ("status", "approved"), ("complianceScore", 100),
    ]  # fmt: skip
    text = place("verify", found.validation_id)
    assert text.exit == 7
    assert "QX-TXN-006" in text.err
    assert "approved" in text.out


def test_a_pack_that_changed_since_is_taken_from_the_record(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept)
    own = place.home / ".config/qx/packs"
    own.mkdir(parents=True)
    text = (packs.SHIPPED / "packs" / "bahrain.yaml").read_text()
    head, _, rest = text.partition("\nversion: ")
    (own / "bahrain.yaml").write_text(f"{head}\nversion: 9999.1.1\n{rest.partition(chr(10))[2]}")
    said = place("verify", found.validation_id, "-o", "json")
    assert (said.exit, said.json["result"]) == (0, "same"), said
    assert [each.split()[1] for each in said.json["from_copies"]] == ["bahrain"]
    place.tamper("DELETE FROM contents WHERE kind = 'pack'")
    gone = place("verify", found.validation_id, "-o", "json")
    assert (gone.exit, gone.json["result"]) == (3, "unknown")
    assert "pack bahrain" in gone.json["not_at_hand"][0]


def test_another_engine_is_said_to_be_another(place: Place) -> None:
    kept, _ = place.judged()
    basis = replace(kept.basis, engine="qx-rules/0")
    row = replace(kept.row, validation_id=identity_of(basis, kept.row, kept.input))
    place.keep(kept._replace(basis=basis, row=row))
    said = place("verify", row.validation_id)
    assert said.exit == 3
    assert "engine qx-rules/0" in said.err


def test_facts_of_its_batch_are_facts_again(place: Place) -> None:
    desk, transaction = Desk(place.env), read(BASE)
    book, given = desk.rulebook("bahrain"), {"facts.copies": "3"}
    at = desk.now(book)
    screened = screen(transaction, desk.lists, at)
    found = validate(transaction, book, at, screened._replace(facts={**screened.facts, "facts.copies": Decimal(3)}))
    assert "GL-SCH-006" in {each.rule_id for each in found.findings}
    place.keep(kept_of(found, transaction, screened, desk.lists.digest, given=given))
    assert place("verify", found.validation_id).exit == 0


@pytest.mark.parametrize(("argv", "code"), [
    (("qxv1-" + "0" * 32,), "QX-TXN-005"), (("qxv1-12",), "QX-TXN-004"),
    (("qxv1-" + "0" * 32, "--region", "nowhere"), "QX-OBS-001"), (("no-such-file.json",), "QX-TXN-001"),
    (("qxv1-" + "0" * 32, "--transaction", "x"), "QX-CLI-001"), (("x.json", "--region", "uk"), "QX-CLI-001"),
])  # fmt: skip
def test_what_is_not_there_is_a_clear_error(place: Place, argv: tuple[str, ...], code: str) -> None:
    said = place("verify", *argv, "-o", "json")
    assert (said.exit, said.json["error"]["code"]) == (2, code)
    assert not (place.home / ".local").exists(), "looking makes no record"


# -- of a file


def test_a_file_is_verified_with_its_transaction(place: Place) -> None:
    _, found = place.judged()
    document = encode.document("validation", found)
    alone = place.file("alone.json", document)
    assert place("verify", alone).exit == 2
    whole = place.file("whole.json", {**document, "transaction": BASE})
    assert place("verify", whole, "-o", "json").json["result"] == "same"
    assert place("verify", alone, "--transaction", place.file("txn.json", BASE)).exit == 0
    other = place.file("other.json", laid_over(BASE, {"amount": "1", "quantity": "1", "unitPrice": "1"}))
    assert place("verify", alone, "--transaction", other).exit == 7


def test_a_file_without_a_transaction_is_verified_by_the_record(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept)
    document = encode.document("validation", found)
    assert place("verify", place.file("it.json", document)).exit == 0
    changed = place("verify", place.file("it.json", {**document, "complianceScore": 99}), "-o", "json")
    assert changed.exit == 7
    (difference,) = changed.json["differences"]
    assert difference == {"field": "complianceScore", "recorded": 99, "recomputed": found.compliance_score}


@pytest.mark.parametrize("document", [[], {}, {"validationId": "x"}, {"schema": "qx.plan/1", "id": "1"}])
def test_what_is_no_validation_is_refused(place: Place, document: object) -> None:
    said = place("verify", place.file("x.json", document), "-o", "json")
    assert (said.exit, said.json["error"]["code"]) == (2, "QX-TXN-001")


# -- qx audit verify


def test_the_record_is_verified_without_a_configuration(place: Place) -> None:
    assert "no validation is recorded here" in place("audit", "verify").out
    kept, _ = place.judged()
    place.keep(kept)
    said = place("audit", "verify", "-o", "json")
    assert said.exit == 0
    (bahrain,) = [each for each in said.json["records"] if each["region"] == "bahrain"]
    assert (bahrain["verified"], bahrain["rows"]) == (True, 1)
    assert "verified: the record of bahrain, 1 validation" in place("audit", "verify").out


def test_a_row_that_was_changed_is_named(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept)
    (packed,) = pack([kept._replace(row=replace(kept.row, status="approved"))])
    place.tamper("UPDATE blocks SET body = ?", packed.body)
    said = place("audit", "verify")
    assert said.exit == 1
    assert "BROKEN" in said.out
    assert found.validation_id in said.out
    assert "QX-STORE-004" in said.err
    proof = place("audit", "verify", "--id", found.validation_id, "-o", "json")
    assert proof.exit == 1
    assert not proof.json["verified"]


def test_one_row_is_proven(place: Place) -> None:
    kept, found = place.judged()
    place.keep(kept, *(place.judged(transactionId=f"T-{number}")[0] for number in range(4)))
    said = place("audit", "verify", "--id", found.validation_id, "-o", "json")
    assert said.exit == 0
    assert (said.json["schema"], said.json["verified"], len(said.json["path"])) == ("qx.audit-proof/1", True, 3)
    assert "proven" in place("audit", "verify", "--id", found.validation_id).out
    absent = place("audit", "verify", "--id", "qxv1-" + "0" * 32)
    assert (absent.exit, "QX-TXN-005" in absent.err) == (2, True)
    assert place("audit", "verify", "--id", found.validation_id, "--against", "x").exit == 2


def test_a_store_that_is_away_is_told_and_what_is_kept_waits(place: Place) -> None:
    away = f"postgresql://qx@127.0.0.1:{free_port()}/record"
    (place.home / "regions.yaml").write_text(
        "version: 1\nplatform: demo\nclusters: {}\nregions:\n"
        f"  bahrain: {{title: B, jurisdictions: [BH], evidence: {{url: '{away}', timeout: 500ms}}}}\n"
        "  uk: {title: U, jurisdictions: [UK]}\n"
    )
    desk, said = Desk(place.env), list[str]()
    kept, found = place.judged()
    records = desk.evidence(said.append)
    assert records.keep([kept]).spooled == 1
    records.close()
    (warning,) = said
    assert "bahrain" in warning
    assert place("verify", found.validation_id).exit == 0, "what waits is found where it waits"
    assert place("verify", "qxv1-" + "0" * 32).exit == 3, "whether it stands in the store nobody can tell"
    audit = place("audit", "verify", "-o", "json")
    assert audit.exit == 3
    states = {each["region"]: (each["reached"], each["waiting"]) for each in audit.json["records"]}
    assert states == {"bahrain": (False, 1), "uk": (True, 0)}
