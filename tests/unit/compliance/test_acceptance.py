"""The acceptance cases, by their number: the base transaction with one change, held against the packs that are shipped.

Tables of price caps and of countries count as reviewed unless the case is about that; lists as whole and fresh.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from qx.app.compliance import Desk
from qx.app.packs import SHIPPED
from qx.compliance.columnar.column import Chunk
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening
from qx.compliance.columnar.outcomes import STATUSES
from qx.compliance.dated import instant
from qx.compliance.screening import Lists, screen
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import Rulebook, validate
from qx.model.rules import Param, RulePack
from qx.model.sanctions import SanctionsList
from qx.model.validation import Validation

SAMPLE = {
    "transactionId": "TXN-123456", "amount": 1000000, "currency": "USD", "counterparty": "ENERGY_CORP_BH",
    "transactionType": "spot", "commodityType": "crude_oil", "settlementDate": "2024-12-31T00:00:00Z",
}  # fmt: skip
LATER = "2099-12-31"
ANY = ("us", "eu", "uk", "me", "guyana", "bahrain")


@lru_cache
def lists() -> Lists:
    paths = sorted((SHIPPED / "lists").glob("*.json"))
    extracts = [msgspec.json.decode(path.read_bytes(), type=SanctionsList) for path in paths]
    return Lists(tuple(replace(each, whole=True) for each in extracts))


@lru_cache
def book(region: str, *, reviewed: bool = True) -> Rulebook:
    desk = Desk({}, cwd=Path("/nonexistent"))  # without a regions.yaml
    made = desk.rulebook(region)
    return Rulebook(made.region, made.jurisdictions, tuple(map(_reviewed, made.packs)) if reviewed else made.packs)


def _reviewed(pack: RulePack) -> RulePack:
    def later(param: Param) -> Param:
        return replace(param, review_by=LATER) if param.review_by else param

    return replace(pack, review_by=LATER, params={name: later(param) for name, param in pack.params.items()})


def validated(
    region: str, given: dict[str, Any] | None = None, at: datetime = AS_OF, *, reviewed: bool = True
) -> Validation:
    return judged(laid_over(BASE, given or {}), region, at, reviewed=reviewed)


def judged(document: dict[str, Any], region: str, at: datetime, *, reviewed: bool = True) -> Validation:
    transaction = read(document)
    return validate(transaction, book(region, reviewed=reviewed), at, screen(transaction, lists(), at), everything=True)


def outcome(found: Validation, rule: str) -> str:
    return next((each.outcome for each in found.findings if each.rule_id == rule), "absent")


class Case(NamedTuple):
    number: str
    regions: tuple[str, ...]
    given: dict[str, Any]
    status: str  # one of these, by |; '' whatever
    rules: dict[str, str]  # rule -> its outcome
    as_of: str
    reviewed: bool


def one(number: str, region: str, given: dict[str, Any], status: str, rules: dict[str, str] | None = None,
        as_of: str = "", *, reviewed: bool = True) -> Case:  # fmt: skip
    return Case(number, ANY if region == "any" else (region,), given, status, rules or {}, as_of, reviewed)


SALAM = {
    "islamic": True, "transactionType": "salam", "sharia.paidPct": "100", "sharia.paymentDelayDays": "0",
    "sharia.approvalRef": "SSB-1", "sharia.titleDocument": "warehouse receipt", "sharia.titleHolder": "seller",
    "sharia.received": True, "sharia.deliveryIntent": True, "sharia.lateInterest": False,
}  # fmt: skip
CL = {
    "transactionType": "future", "position.contract": "CL", "position.isSpotMonth": True, "position.month": "2026-12",
    "position.lastTradingDay": "2026-12-31", "position.grossLong": "10", "position.grossShort": "0",
    "position.futuresEquivalent": "10", "position.physical": False, "position.hedge.flag": False,
}  # fmt: skip
HEDGED = {"position.hedge.flag": True, "position.hedge.basis": "enumerated", "position.hedge.evidence": "desk book"}
NIOC, NICO = {"name": "NIOC Ltd", "listedUid": "11317"}, {"name": "NICO"}
CLEAN = {"name": "Khalid Al Rashid", "country": "SA", "control": False}
VE = {
    "originCountry": "VE", "contract.governingLaw": "US-NY",
    "payment.accountPurpose": "foreign_government_deposit_fund",
    "payment.currencyForm": "fiat",
}  # fmt: skip


def owners(*stakes: dict[str, Any]) -> dict[str, Any]:
    return {"counterparty.owners": list(stakes)}


def stake(who: dict[str, Any], pct: str, *, control: bool = False) -> dict[str, Any]:
    return {**who, "pct": pct, "control": control}


RU = {"originCountry": "RU", "destinationCountry": "IN", "quantity": "1000"}
CASES = [
    one("E03", "any", {}, "approved"),
    one("E05", "any", {"currency": "USX"}, "rejected", {"GL-SCH-001": "fail"}),
    one("E07", "any", {"counterparty.lei": "5493001KJTIIGC8Y1R13"}, "rejected", {"GL-SCH-002": "fail"}),
    one("E09", "any", {"vessel.imo": "9218479"}, "rejected", {"GL-SCH-005": "fail"}),
    one("E11", "any", {"counterparty.name": "Future Bank BSC"}, "rejected", {"GL-SAN-001": "fail"}),
    one("E13", "any", {"counterparty.name": "Iranian National Oil Company"}, "conditional|rejected"),
    one("E15", "any", {"counterparty.name": "National Italian Oil Company"}, "approved|conditional",
        {"GL-SAN-001": "pass"}),
    one("E17", "any", {"counterparty.name": "Chevron Products Company"}, "approved",
        {"GL-SAN-001": "pass", "GL-SAN-002": "pass"}),
    one("E19", "any", {"counterparty.name": "Роснефть Трейдинг"}, "conditional|rejected"),
    one("E21", "any", {"vessel.name": "DIAMOND III", "vessel.imo": "9187629"}, "approved|conditional",
        {"GL-SAN-001": "pass"}),
    one("E23", "us", owners(stake(NIOC, "25"), stake(NICO, "25"), stake(CLEAN, "50")), "rejected",
        {"US-OFAC-50": "fail"}),
    one("E25", "us", owners(stake(NIOC, "50.00"), stake(CLEAN, "50.00")), "rejected", {"US-OFAC-50": "fail"}),
    one("E27", "eu", owners(stake(NIOC, "50.00"), stake(CLEAN, "50.00")), "conditional", {"EU-SAN-OWN": "pass"},
        "2024-07-02"),
    one("E27 since", "eu", owners(stake(NIOC, "50.00"), stake(CLEAN, "50.00")), "rejected", {"EU-SAN-OWN": "fail"},
        "2024-07-04"),
    one("E27 uk", "uk", owners(stake(NIOC, "50.00"), stake(CLEAN, "50.00")), "conditional", {"UK-SAN-OWN": "pass"}),
    one("E29", "us", owners(stake(NIOC, "49", control=True), stake(CLEAN, "51")), "conditional",
        {"US-OFAC-50": "pass", "US-OFAC-50-CTL": "fail"}),
    one("E29 eu", "eu", owners(stake(NIOC, "49", control=True), stake(CLEAN, "51")), "rejected",
        {"EU-SAN-OWN": "fail"}),
    one("E31", "us", {"counterparty.name": "Rosneft"}, "conditional",
        {"GL-SAN-001": "pass", "GL-SAN-006": "fail"}, "2025-10-21"),
    one("E33 last second", "us", {"counterparty.name": "Rosneft"}, "conditional",
        {"GL-SAN-001": "pass", "GL-SAN-005": "fail", "GL-SAN-006": "pass"}, "2025-11-21T05:00:59Z"),
    one("E33 ended", "us", {"counterparty.name": "Rosneft"}, "rejected",
        {"GL-SAN-001": "fail", "US-OFAC-RN": "fail"}, "2025-11-21T05:01:00Z"),
    one("E35", "us", {**VE, "counterparty.name": "PDVSA"}, "rejected", {"US-OFAC-GL46": "not_in_force"}, "2026-01-28"),
    one("E35 its crude", "us", VE, "rejected", {"US-OFAC-GL46": "not_in_force", "US-OFAC-GL46-BEFORE": "fail"},
        "2026-01-28"),
    one("E37", "us", {**VE, "ourEntity.formedOn": "2025-06-01"}, "rejected", {"US-OFAC-GL46": "fail"}),
    one("E45", "any", {"counterparty.country": "KP"}, "rejected", {"GL-AML-001": "fail"}),
    one("E47 before", "any", {"counterparty.country": "NA"}, "conditional", {"GL-AML-002": "fail"}, "2026-06-01"),
    one("E47 after", "any", {"counterparty.country": "NA"}, "approved", {"GL-AML-002": "pass"}, "2026-06-25"),
    one("E51 below", "bahrain",
        {"relationship": "occasional", "amount": "999.99", "quantity": "1", "unitPrice": "999.99",
         "kyc.status": "none"},
        "", {"BH-FC-112-WIRE": "pass"}),
    one("E51 at it", "bahrain",
        {"relationship": "occasional", "amount": "1000.00", "quantity": "1", "unitPrice": "1000", "kyc.status": "none"},
        "conditional", {"BH-FC-112-WIRE": "fail"}),
    one("E49 the day before", "bahrain", {
        "relationship": "occasional", "payment.method": "cash", "amount": "6000.001", "currency": "BHD",
        "quantity": "1", "unitPrice": "6000.001", "kyc.status": "none",
    }, "conditional", {"BH-FC-112-OCC": "fail"}, "2018-06-30"),
    one("E49 the day", "bahrain", {
        "relationship": "occasional", "payment.method": "cash", "amount": "6000.001", "currency": "BHD",
        "quantity": "1", "unitPrice": "6000.001", "kyc.status": "none",
    }, "", {"BH-FC-112-OCC": "not_in_force"}, "2018-07-01"),
    one("E53", "bahrain", {
        "payment.direction": "inward", "payment.originator.name": None, "payment.originator.account": None,
        "payment.originator.address": None, "payment.originator.idNo": None,
    }, "conditional", {"BH-FC-314": "fail"}),
    one("E55 late", "bahrain", {"kyc.reviewedAt": "2023-11-21"}, "conditional", {"BH-FC-2211": "fail"}),
    one("E55 in time", "bahrain", {"kyc.reviewedAt": "2023-11-23"}, "approved", {"BH-FC-2211": "pass"}),
    one("E57", "me", {"islamic": True, "transactionType": "swap"}, "rejected", {"ME-SHA-DERIV": "fail"}),
    one("E59", "me", {"islamic": True, "transactionType": "forward", "sharia.deliveryDelayDays": "30",
                      "sharia.paymentDelayDays": "30"}, "rejected", {"ME-SHA-FWD": "fail"}),
    one("E61", "me", {**SALAM, "sharia.paidPct": "50"}, "rejected", {"ME-SHA-SALAM": "fail"}),
    one("E63", "me", {"islamic": True, "terms.lateInterest": True}, "rejected", {"ME-SHA-RIBA": "fail"}),
    one("E65", "me", {"islamic": True, "counterparty.sector": "alcohol"}, "rejected", {"ME-SHA-HARAM": "fail"}),
    one("E67", "us", {**CL, **HEDGED, "position.grossLong": "4001", "position.futuresEquivalent": "4001"}, "",
        {"US-CFTC-150-SPOT": "pass", "US-CFTC-1503": "fail"}),
    one("E69", "us", {**CL, "position.grossLong": "400", "position.grossShort": "300",
                      "position.futuresEquivalent": "100"}, "", {"US-CFTC-1503": "fail"}),
    one("E71", "us", {**CL, "position.isSpotMonth": False, "position.futuresEquivalent": "25000"}, "",
        {"US-CFTC-150-SPOT": "not_applicable"}),
    one("E73", "us", {"transactionType": "swap", "uti": "U" * 53}, "rejected", {"US-CFTC-455": "fail"}),
    one("E75", "us", {"commodityType": "natural_gas", "attestations": None}, "conditional",
        {"US-FERC-1C": "indeterminate", "US-CFTC-180": "indeterminate", "US-FTC-317": "not_applicable"}),
    one("E39", "eu", {**RU, "unitPrice": "47.50", "amount": "47500.00", "contractDate": "2026-01-18"}, "",
        {"EU-SAN-3N": "pass"}, "2026-01-31T22:59:59Z"),
    one("E41", "eu", {**RU, "unitPrice": "47.50", "amount": "47500.00", "contractDate": "2026-01-10"}, "conditional",
        {}, "2026-03-01"),
    one("E43", "eu", {**RU, "unitPrice": "44.10", "amount": "44100.00", "contractDate": "2026-10-01"}, "conditional",
        {"EU-SAN-3N": "stale"}, reviewed=False),
    one("E77", "eu", {"transactionType": "swap", "counterparty.lei": None}, "conditional"),
    one("E81", "uk", {**CL, "position.contract": "Brent"}, "conditional", {"UK-FCA-POS": "indeterminate"},
        "2026-07-07"),
    one("E91", "me", {"relationship": "occasional", "payment.method": "cash", "currency": "AED", "quantity": "1",
                      "amount": "55000.00", "unitPrice": "55000.00", "kyc.status": "none"},
        "conditional", {"ME-UAE-CDD2": "fail"}, "2026-01-01"),
    one("E95", "guyana", {"permit.no": "P-1", "permit.expiry": "2026-11-21"}, "rejected", {"GY-EPA-PERMIT": "fail"}),
    one("E97", "guyana", {"localContent.category": "insurance", "localContent.localPct": "99",
                          "localContent.supplierCert": "LC-1", "localContent.certExpiry": "2027-01-01"},
        "conditional", {"GY-LCA-SCHED": "fail"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])
def test_case(case: Case) -> None:
    at = instant(case.as_of, "UTC") if case.as_of else AS_OF
    for region in case.regions:
        found = validated(region, case.given, at, reviewed=case.reviewed)
        told = [(each.rule_id, each.outcome, each.message) for each in found.findings if each.outcome not in
                ("pass", "not_applicable", "not_in_force")]  # fmt: skip
        assert not case.status or found.status in case.status.split("|"), (region, told)
        for rule, wanted in case.rules.items():
            assert outcome(found, rule) == wanted, (region, rule, told)


def test_case_e01_the_briefs_own_sample() -> None:
    found = judged(SAMPLE, "bahrain", datetime(2024, 12, 1, tzinfo=UTC))
    assert found.status == "conditional"
    assert outcome(found, "GL-AML-005") == "indeterminate"
    assert {outcome(found, "GL-SAN-001"), outcome(found, "GL-SAN-002")} == {"pass"}


@pytest.mark.parametrize(("kind", "rule", "due"), [
    ("standard", "EU-REMIT-8", "2026-11-24T00:00:00+01:00"),
    ("non-standard", "EU-REMIT-8-NS", "2026-12-21T00:00:00+01:00"),
])  # fmt: skip
def test_case_e79_an_energy_contract_is_reported_in_time(kind: str, rule: str, due: str) -> None:
    found = validated("eu", {"commodityType": "natural_gas", "contract.kind": kind})
    (owed,) = [each for each in found.obligations if each.rule_id.startswith("EU-REMIT-8")]
    assert owed.rule_id == rule
    assert datetime.fromisoformat(owed.due) == datetime.fromisoformat(due)


def test_case_e93_cash_of_a_month_adds_up() -> None:
    cash = {"payment.method": "cash", "currency": "GYD", "amount": "1200000", "quantity": "1", "unitPrice": "1200000"}
    first = validated("guyana", {**cash, "payment.monthCashTotal": "1200000"})
    assert not [each for each in first.obligations if each.to == "FIU"]
    second = validated("guyana", {**cash, "payment.monthCashTotal": "2400000"})
    (owed,) = [each for each in second.obligations if each.to == "FIU"]
    assert datetime.fromisoformat(owed.due) == datetime.fromisoformat("2026-12-08T00:00:00-04:00")


def batch(region: str, times: int) -> None:
    """Case E100: every case of a region, several times and in any order, comes to what it comes to alone."""
    law = book(region)
    documents = [
        laid_over(BASE, {**case.given, "asOf": (instant(case.as_of, "UTC") if case.as_of else AS_OF).isoformat()})
        for case in CASES if region in case.regions and case.reviewed
    ]  # fmt: skip
    transactions = [read(each) for each in documents]
    alone = []
    for each in transactions:
        at = each.as_of or AS_OF
        alone.append(validate(each, law, at, screen(each, lists(), at)))
    places = list(range(len(documents))) * times
    Random(region).shuffle(places)
    chunk = Chunk.of([transactions[place] for place in places])
    found = Judge(law, Screening.of(lists())).judged(chunk, AS_OF)
    assert list(found.identities()) == [alone[place].validation_id for place in places]
    scores = [alone[place].compliance_score for place in places]
    assert found.verdicts.score.tolist() == scores
    statuses = Counter(alone[place].status for place in places)
    assert Counter(STATUSES[code] for code in found.verdicts.status.tolist()) == statuses
    for row, place in list(enumerate(places))[: 2 * len(documents)]:
        assert found.findings(row) == alone[place].findings


@pytest.mark.parametrize("region", ANY)
def test_case_e100_a_batch_comes_to_what_each_comes_to_alone(region: str) -> None:
    batch(region, 20)


@pytest.mark.slow
@pytest.mark.parametrize("region", ANY)
def test_case_e100_of_a_thousand_times_each(region: str) -> None:
    batch(region, 1000)


def test_case_e99_the_same_document_has_the_same_id_score_and_findings() -> None:
    one, other = validated("bahrain"), validated("bahrain", {"amount": "1000000"})
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert validated("bahrain", {"amount": "1000000.01"}).validation_id != one.validation_id
    assert validated("guyana").validation_id != one.validation_id
    assert validated("bahrain", at=datetime(2026, 11, 22, 10, tzinfo=UTC)).validation_id != one.validation_id
