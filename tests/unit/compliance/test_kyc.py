"""A provider's word in a transaction: it replaces the document's, no word is nothing known, the rest stays."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from qx.app.compliance import Desk
from qx.compliance.kyc import FOUND, WHO, Conflict, chosen, enriched, party_of, record_of
from qx.compliance.screening import screen
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.model.kyc import KycAnswer, KycRecord, NoWord, Party, Unknown
from qx.model.validation import Validation

LEI = "5493001KJTIIGC8Y1R12"
RECORD = KycRecord(
    lei=LEI, name="Gulf Energy Trading WLL", status="verified", reviewed_at=date(2026, 3, 1), risk_rating="high",
    pep=True, approvals=("senior_management",), source_of_funds="stated", ubos_complete=True,
)  # fmt: skip
DESK = Desk({}, cwd=Path("/nonexistent"))
BOOK = DESK.rulebook("bahrain")


def judged(document: dict[str, Any], answer: KycAnswer | None = None) -> Validation:
    transaction = read(document)
    if answer is not None:
        transaction = enriched(transaction, "registry", answer).transaction
    return validate(transaction, BOOK, AS_OF, screen(transaction, DESK.lists, AS_OF), everything=True)


def test_a_record_has_the_fields_of_a_transaction() -> None:
    assert {f"kyc.{each.encode_name}" for each in fields(KycRecord) if each.encode_name not in WHO} == set(FOUND)


def test_the_providers_word_replaces_the_documents() -> None:
    found = enriched(read(BASE), "registry", RECORD)
    told = {path: value for path, value in found.transaction.canonical.items() if path.startswith("kyc.")}
    assert told == {
        "kyc.source": "registry", "kyc.answer": "found", "kyc.status": "verified", "kyc.reviewedAt": "2026-03-01",
        "kyc.riskRating": "high", "kyc.pep": True, "kyc.approvals": ["senior_management"],
        "kyc.sourceOfFunds": "stated", "kyc.ubosComplete": True,
    }  # fmt: skip
    assert found.transaction.values["kyc.reviewedAt"] == date(2026, 3, 1)
    assert found.conflicts == (
        Conflict("kyc.riskRating", "standard", "high"), Conflict("kyc.pep", "False", "True"),
        Conflict("kyc.sourceOfFunds", "verified", "stated"),
    )  # fmt: skip


def test_nothing_but_kyc_changes_and_the_canonical_input_stays_in_order() -> None:
    before, after = read(BASE), enriched(read(BASE), "registry", RECORD).transaction
    for part in ("values", "canonical"):
        kept = [
            {path: value for path, value in getattr(each, part).items() if not path.startswith("kyc.")}
            for each in (before, after)
        ]
        assert kept[0] == kept[1]
    assert list(after.canonical) == sorted(after.canonical)


def test_who_is_not_known_has_no_kyc() -> None:
    found = enriched(read(BASE), "registry", Unknown())
    kept = {path: value for path, value in found.transaction.values.items() if path.startswith("kyc.")}
    assert kept == {"kyc.source": "registry", "kyc.answer": "not_found", "kyc.status": "none"}
    assert Conflict("kyc.status", "verified", "none") in found.conflicts
    assert Conflict("kyc.pep", "False", "") in found.conflicts


def test_no_word_leaves_nothing_known_and_contradicts_nobody() -> None:
    one, other = (enriched(read(BASE), "registry", NoWord(why)) for why in ("timeout", "refused"))
    assert one == other
    assert {path for path in one.transaction.values if path.startswith("kyc.")} == {"kyc.source", "kyc.answer"}
    assert one.transaction.values["kyc.answer"] == "no_answer"
    assert one.conflicts == ()


def test_no_word_is_indeterminate_wherever_a_rule_wants_it_and_never_an_approval() -> None:
    found = judged(BASE, NoWord("timeout"))
    assert found.status != "approved"
    assert {"kyc.status", "kyc.reviewedAt"} <= set(found.missing)
    [rule] = [each for each in found.findings if each.rule_id == "GL-AML-005"]
    assert rule.outcome == "indeterminate"


@pytest.mark.parametrize("stated", [
    {}, {"kyc": None}, {"kyc.riskRating": "low"}, {"kyc.riskRating": "lowest"}, {"kyc.source": "registry"},
    {"kyc.answer": "found", "kyc.status": "none"},
])  # fmt: skip
@pytest.mark.parametrize("answer", [RECORD, Unknown(), NoWord("timeout")])
def test_what_the_document_says_of_kyc_changes_nothing(stated: dict[str, Any], answer: KycAnswer) -> None:
    """Whoever writes it can neither improve the answer, nor make another id of it, nor speak for the provider."""
    assert judged(laid_over(BASE, stated), answer) == judged(BASE, answer)


@pytest.mark.parametrize("answer", [RECORD, Unknown(), NoWord("timeout")])
def test_the_canonical_input_alone_gives_the_same_answer(answer: KycAnswer) -> None:
    transaction = enriched(read(BASE), "registry", answer).transaction
    again = read(transaction.canonical)
    assert again.canonical == transaction.canonical
    assert again.values == transaction.values
    assert judged(transaction.canonical) == judged(BASE, answer)


def test_ids_tell_answers_apart() -> None:
    ids = {judged(BASE, answer).validation_id for answer in (None, RECORD, Unknown(), NoWord("x"))}
    assert len(ids) == 4


@pytest.mark.parametrize(("given", "party"), [
    ({"counterparty": "ACME"}, Party(name="ACME")),
    ({"counterparty.lei": LEI.lower(), "counterparty.name": "A", "counterparty.country": "bh"},
     Party(lei=LEI, name="A", country="BH")),
    ({"counterparty.registrationNo": "7"}, Party(registration_no="7")),
    ({"counterparty.country": "BH"}, None), ({}, None),
])  # fmt: skip
def test_who_is_asked_about(given: dict[str, Any], party: Party | None) -> None:
    assert party_of(read(laid_over({}, given))) == party


def of(status: str = "verified", **who: str) -> KycRecord:
    return record_of({"status": status, **who})


@pytest.mark.parametrize(("records", "party", "found"), [
    ([of(lei="A")], Party(lei="a"), of(lei="A")),
    ([of(lei="A", name="N")], Party(lei="B", name="N"), Unknown()),  # one name, two companies
    ([of(name="N")], Party(lei="B", name="n."), of(name="N")),
    ([of(name="Мина Ойл")], Party(name="MINA OYL"), of(name="Мина Ойл")),
    ([of(name="N", country="BH")], Party(name="N", country="OM"), Unknown()),
    ([of(name="N", country="BH")], Party(name="N"), of(name="N", country="BH")),
    ([of(registration_no="7", country="BH")], Party(registration_no="7", country="OM"), Unknown()),
    ([of(registration_no="7", name="N")], Party(registration_no="8", name="N"), Unknown()),
    ([of("none", name="N"), of(lei="A", name="M")], Party(lei="A", name="N"), of(lei="A", name="M")),  # the stronger
    ([of(lei="A"), of(lei="A")], Party(lei="A"), of(lei="A")),
    ([], Party(lei="A"), Unknown()),
])  # fmt: skip
def test_whose_record_it_is(records: list[KycRecord], party: Party, found: KycRecord | Unknown) -> None:
    assert chosen(records, party) == found


def test_records_that_contradict_each_other_are_not_chosen_from() -> None:
    with pytest.raises(ValueError, match="2 records that differ"):
        chosen([of(lei="A"), of("none", lei="A")], Party(lei="A"))


@pytest.mark.parametrize("row", [
    {"status": "verified"}, {"lei": "A"}, {"lei": "A", "status": "ok"}, {"lei": "A", "status": "none", "x": 1},
    {"lei": "A", "status": "none", "pep": 1}, {"lei": "A", "status": "none", "reviewedAt": "2026-02-30"},
    {"lei": "A", "status": "none", "approvals": ["\x00"]}, {"lei": "A", "status": "none", "approvals": "desk"},
    {"lei": "A", "status": "none", "riskRating": "low", "risk_rating": "low"},
])  # fmt: skip
def test_what_is_no_record(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        record_of(row)
