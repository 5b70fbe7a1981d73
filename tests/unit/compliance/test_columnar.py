"""The rules over columns: each row gets what it gets alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from qx.compliance import dated
from qx.compliance.columnar.column import Chunk, Column, Lazy
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import PARTIES, Screening
from qx.compliance.columnar.outcomes import OUTCOMES
from qx.compliance.facts import FACTS
from qx.compliance.fields import FIELDS
from qx.compliance.screening import Lists, Screened, screen
from qx.compliance.screening.screen import digest_of, record_of, record_of_name
from qx.compliance.selftest import AS_OF, BASE, CLEAR, laid_over
from qx.compliance.transaction import Transaction, read
from qx.compliance.validate import validate
from qx.model.sanctions import Cleared, Listed, SanctionsList
from tests.unit.compliance.alike import ALL, alike, answers, desk, judge, screening

LATER = datetime(2027, 12, 31, tzinfo=UTC)


def of_facts(found: list[dict[str, Any]]) -> dict[str, Column]:
    """Columns of what is given for each row by fact."""
    columns = {}
    for name in sorted({name for each in found for name in each}):
        values = [each[name] for each in found if name in each]
        codes = np.cumsum([name in each for each in found], dtype=np.int32) - 1
        columns[name] = Column(np.where([name in each for each in found], codes, -1).astype(np.int32), values, values)
    return columns


def as_fact(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else Decimal(value) if isinstance(value, str) else value


def test_every_test_inside_the_packs_holds_in_columns_all_at_once() -> None:
    wanted, transactions, facts = [], [], []
    for pack in desk().packs:
        for rule in pack.rules:
            for test in rule.tests:
                at = dated.instant(test.as_of, "UTC") if test.as_of else AS_OF
                told = {path: as_fact(value) for path, value in test.given.items() if path in FACTS}
                given = {path: value for path, value in test.given.items() if path not in FACTS}
                transactions.append(read(laid_over(BASE, {"asOf": at.isoformat(), **given})))
                facts.append({path: value for path, value in (CLEAR | told).items() if value is not None})
                wanted.append((rule.id, test.name, test.expect))
    nothing = Screening(lambda _transaction, _at: Screened({}, (), "", None))
    of = Judge(judge(ALL).book, nothing)
    evaluated = of.judged(Chunk.of(transactions)._replace(facts=of_facts(facts)), AS_OF)
    places = {one.rule.id: number for number, one in enumerate(of.book.rules)}
    found = [
        (rule, name, OUTCOMES[evaluated.outcomes[places[rule], row]]) for row, (rule, name, _) in enumerate(wanted)
    ]
    assert found == wanted
    assert len(wanted) > 900


@pytest.mark.parametrize("region", ["us-east", "bahrain"])
def test_rows_of_many_kinds_are_answered_as_each_alone(region: str) -> None:
    alike(judge(region), [read(laid_over(BASE, given)) for given in KINDS], AS_OF)


def test_whatever_characters_stand_in_a_row_its_id_is_that_of_its_canonical_form() -> None:
    """In texts, in lists and in records: all are written as JSON at once, and not by what writes one alone."""
    texts = ["".join(map(chr, range(first, first + 64))) for first in (*range(0, 0x3000, 64), 0xE000, 0xFFC0, 0x1F600)]
    rows = [
        {"transactionId": text, "counterparty": {"aliases": [text, "b"], "owners": [{"name": text, "pct": "100"}]}}
        for text in texts
    ]
    alike(judge("us-east"), [read(each) for each in rows], AS_OF)


KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"transactionId": None, "counterparty": None, "currency": None},
    {"amount": "much", "currency": "XXQ", "settlementDate": "2026-02-30"},
    {"amount": "1000000.000000000001"},
    {"amount": "12345678901234567890.5", "quantity": "12345678901234567890", "unitPrice": "1"},
    {"amount": "1001000", "quantity": "12500", "unitPrice": "80"},
    {"amount": "0", "quantity": "0"},
    {"amount": "-0.00", "linkedAmount": "1e3", "linkGroup": "G"},
    {"currency": "BHD", "amount": "376", "relationship": "occasional", "kyc.status": "none"},
    {"currency": "JPY", "amount": "376", "relationship": "occasional", "kyc.status": "none"},
    {"transactionType": "swap", "originCountry": "RU", "unitPrice": "60", "currency": "EUR"},
    {"originCountry": "RU", "unitPrice": "60.00", "currency": "EUR", "amount": "0"},
    {"counterparty.name": 'A "quoted" \\ name, Ünïcode ☃', "counterparty.country": "IR"},
    {"counterparty.owners": [{"name": "x", "pct": "50"}, {"name": "y", "country": "KP"}]},
    {"vessel.imo": "1234567", "payment.beneficiary.account": "GB00BAD", "counterparty.lei": "nope"},
    {"settlementDate": "9999-12-31", "permit.expiry": "2026-11-22"},
    {"kyc.riskRating": "high", "asOf": "2026-11-21T23:00:00-05:00"},
    {"asOf": "0001-01-01T00:00:00Z"},
    {"asOf": "9999-12-31T23:59:59.999999Z"},
    {"asOf": "2022-12-05", "kyc.reviewedAt": "2020-02-29"},
    {"asOf": "no instant"},
    {"attestations": [], "workflow.approvedBy": "ADA"},
    {"islamic": "true", "sharia.titleHolder": "seller", "sharia.paymentDelayDays": "0.000000000001"},
    {"position.contract": "CL", "position.isSpotMonth": True, "position.futuresEquivalent": "-6000",
     "position.lastTradingDay": "2026-11-25"},
)  # fmt: skip


def test_a_field_that_was_given_twice_is_judged_alone() -> None:
    twice = read({**BASE, "counterparty.name": ["no", "name"]})
    assert twice.values.keys() & twice.malformed.keys()
    evaluated = alike(judge("bahrain"), [read(BASE), twice, read({**BASE, "asOf": "2020-01-01"})], AS_OF)
    assert evaluated.doubtful == len(judge("bahrain").book.rules)


def test_order_and_company_change_no_answer() -> None:
    of, transactions = judge("eu-west"), [read(laid_over(BASE, given)) for given in KINDS]
    whole = answers(of.judged(Chunk.of(transactions), AS_OF), of, len(transactions))
    backwards = answers(of.judged(Chunk.of(transactions[::-1]), AS_OF), of, len(transactions))
    apart = [
        one
        for start in range(0, len(transactions), 5)
        for some in [transactions[start : start + 5]]
        for one in answers(of.judged(Chunk.of(some), AS_OF), of, len(some))
    ]
    assert backwards == whole[::-1]
    assert apart == whole


def test_no_rows_at_all() -> None:
    of = judge("bahrain")
    assert answers(of.judged(Chunk.of([]), AS_OF), of, 0) == []
    assert answers(of.judged(Chunk(0, Chunk.of([read(BASE)]).columns)._replace(columns={}), AS_OF), of, 0) == []


def test_a_chunk_gives_its_transactions_back() -> None:
    transactions = [read(laid_over(BASE, given)) for given in KINDS]
    chunk = Chunk.of(transactions)
    assert [chunk.transaction(row) for row in range(chunk.rows)] == transactions


def test_values_that_are_made_when_asked_for_are_those_that_were_read() -> None:
    for path, text in (("amount", "12.5"), ("tradeDate", "2026-11-22"), ("executionTs", "2026-11-22T09:00:00Z"),
                       ("currency", "USD")):  # fmt: skip
        value = read({path: text}).values[path]
        lazy = Lazy.of(path, [text, text])
        assert list(lazy) == [value, value]
        assert lazy[1:][0] == value


def test_a_fact_that_only_the_source_can_tell_is_judged_and_found() -> None:
    of = judge("bahrain")
    two = np.array([0, 0, -1], np.int32)
    chunk = Chunk.of([read(BASE)] * 3)._replace(facts={"facts.copies": Column(two, [Decimal(2)], ["2"])})
    evaluated = of.judged(chunk, AS_OF)
    place = [one.rule.id for one in of.book.rules].index("GL-SCH-006")
    assert [OUTCOMES[code] for code in evaluated.outcomes[place]] == ["fail", "fail", "not_applicable"]
    assert "GL-SCH-006" in {each.rule_id for each in evaluated.findings(0)}
    assert evaluated.validation(0).status == "conditional"
    single = validate(read(BASE), of.book, AS_OF, of.screening.ask(read(BASE), AS_OF))
    assert [*evaluated.identities()] == [single.validation_id] * 3


def test_what_is_found_of_the_parties_is_what_is_found_of_the_transaction() -> None:
    """The listed ones among all others, in every place where a party can stand."""
    lists = desk().lists
    entry = next(each for one in lists.lists for each in one.entries if each.names and each.kind != "vessel")
    ships = [each.imo for one in lists.lists for each in one.entries if each.imo]
    name, imo = entry.names[0], ships[0]
    near = name[:-1] + "x"
    owner = {"name": name, "pct": "50"}
    kinds: list[dict[str, Any]] = [
        {}, {"counterparty.name": name}, {"counterparty.name": near}, {"counterparty.aliases": ["Nobody", name, near]},
        {"vessel.owner": name, "payment.bank": near}, {"payment.originator.name": near, "vessel.imo": imo},
        {"payment.beneficiary.name": name, "counterparty.name": name, "vessel.imo": None},
        {"counterparty.owners": [owner, {"name": "Else", "pct": "50"}]}, {"counterparty.owners": [{"name": name}]},
        {"counterparty.owners": [{**owner, "pct": "51", "control": True}], "counterparty.name": near},
        {"counterparty.owners": None}, {"counterparty": None, "vessel": None, "payment": None},
    ]  # fmt: skip
    evaluated = alike(judge(ALL), [read(laid_over(BASE, given)) for given in kinds], AS_OF)
    assert {"fail", "pass"} <= {OUTCOMES[code] for code in np.unique(evaluated.outcomes)}


class Watched(dict[str, Any]):
    """Fields, and which of them were asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.seen: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.seen.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        return super().get(key, default)


def test_screening_asks_for_no_field_that_its_parties_do_not_hold() -> None:
    everything = read(laid_over(BASE, {path: "x" for path in FIELDS if FIELDS[path].kind == "text"}))
    values = Watched({**everything.values, "vessel.imo": "9187629", "counterparty.aliases": ("x",)})
    screen(Transaction(values, {}, {}), desk().lists, AS_OF)
    assert values.seen <= {path for party in PARTIES for path in party}


def test_lists_that_grow_old_within_a_chunk_clear_nobody_after_it() -> None:
    end = AS_OF + timedelta(days=1)

    def ask(transaction: Transaction, at: datetime) -> Screened:
        return screening().ask(transaction, at)._replace(
            facts={**screening().ask(transaction, at).facts, "facts.screened": at < end}, fresh_until=end
        )  # fmt: skip

    of = Judge(judge("bahrain").book, Screening(ask, (end,)))
    days = [AS_OF, end - timedelta(microseconds=1), end, end + timedelta(hours=1)]
    evaluated = alike(of, [read({**BASE, "asOf": day.isoformat()}) for day in days], LATER)
    place = [one.rule.id for one in of.book.rules].index("GL-SAN-003")
    assert [OUTCOMES[code] for code in evaluated.outcomes[place]] == ["pass", "pass", "fail", "fail"]


def test_a_cleared_party_is_told_by_its_clearance_and_as_long_as_it_holds() -> None:
    """A clearance is part of what an answer rests on: of its id, and of its end."""
    entry = Listed(uid="1", kind="entity", names=("Tigris Petroleum Exports",))
    plain = SanctionsList(source="OFAC SDN", version="2026-11-01", whole=False, entries=(entry,))
    name, end = f"{entry.names[0]} Holdings", AS_OF + timedelta(days=2)
    base = {**BASE, "counterparty": {"name": name, "country": "BH"}}
    texts = {"source": plain.source, "uid": entry.uid, "entry": digest_of(entry), "by": "Ada", "reason": "another"}
    cleared = tuple(
        Cleared(party=name, record=record, at="2026-11-20T00:00:00Z", until=until, **texts)
        for record, until in (
            (record_of(read(base).values), end.isoformat()),
            (record_of_name(name), (end + timedelta(days=1)).isoformat()),
        )
    )
    listed = replace(plain, whole=True, entries=(replace(entry, since="2026-11-21"),))
    for lists, digests in (
        (Lists((plain,), cleared=cleared, threshold=0.5), 4),  # no clearance, the one, the other, both
        (Lists((listed,), threshold=0.5), 1),
    ):
        given: list[dict[str, Any]] = [
            {}, {"payment.beneficiary.name": name}, {"counterparty.country": "GB"},
            {"counterparty": None, "payment.bank": name}, {"counterparty": "Nobody"},
        ]  # fmt: skip
        days = [AS_OF - timedelta(days=4), AS_OF, end - timedelta(microseconds=1), end, end + timedelta(days=2)]
        rows = [read(laid_over(base, {**each, "asOf": day.isoformat()})) for each in given for day in days]
        of = Judge(judge("bahrain").book, Screening.of(lists))
        evaluated = alike(of, rows, LATER)
        found = answers(evaluated, of, len(rows))
        asked = [of.screening.ask(row, row.as_of or LATER) for row in rows]
        assert len({each.digest for each in asked}) == digests
        assert len({expiry for *_, expiry, _ in found}) > 1
        assert len({outcomes["GL-SAN-002"] for outcomes, *_ in found}) > 1
