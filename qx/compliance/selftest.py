"""Selftest: the tests that stand inside each rule, run against the engine. Pure.

Each lays its fields over the base transaction, which every rule keeps or does not apply to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.compliance import dated
from qx.compliance.facts import facts_of, rates_of
from qx.compliance.judge import compile_rule, environment, judged
from qx.compliance.language import SCREENED
from qx.compliance.screening.owners import owned
from qx.compliance.transaction import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.model.rules import Outcome, RulePack, RuleTest
    from qx.model.validation import Finding

AS_OF = datetime(2026, 11, 22, 9, tzinfo=UTC)
CLEAR: dict[str, Any] = {
    "facts.screened": True, "facts.confirmed": (), "facts.possible": (), "facts.vesselListed": False,
    "facts.sectoral": (), "facts.confirmedAs": (), "facts.clearedBy": (), **owned((), ()),
}  # fmt: skip

BASE: dict[str, Any] = {
    "transactionId": "TXN-1", "tradeDate": "2026-11-20", "executionTs": "2026-11-20T14:30:00Z",
    "settlementDate": "2026-12-02", "transactionType": "spot", "commodityType": "crude_oil", "quantity": "12500",
    "unit": "BBL", "unitPrice": "80.00", "amount": "1000000.00", "currency": "USD", "originCountry": "SA",
    "counterparty": {
        "name": "Gulf Energy Trading WLL", "type": "company", "country": "BH", "lei": "5493001KJTIIGC8Y1R12",
        "pep": False, "sector": "energy",
        "owners": [{"name": "Khalid Al Rashid", "country": "SA", "pct": "100", "control": True}],
    },
    "kyc": {
        "status": "verified", "reviewedAt": "2026-03-01", "riskRating": "standard", "pep": False, "ubosComplete": True,
        "sourceOfFunds": "verified",
    },
    "relationship": "existing", "surveillance": {"flag": False, "abnormal": False},
    "payment": {
        "method": "wire", "direction": "outward", "currencyForm": "fiat",
        "originator": {
            "name": "Quantum Trading BSC", "account": "BH67BMAG00001299123456", "address": "Building 1, Manama",
            "idNo": "CR-1",
        },
        "beneficiary": {"name": "Gulf Energy Trading WLL", "account": "BH67BMAG00001299123456"},
    },
    "ourEntity": {"licence": {"regulator": "CBB", "volume": "5", "no": "L-1"}, "formedOn": "2010-01-01", "type": "NFC"},
    "workflow": {"createdBy": "ada", "approvedBy": "ben", "settledBy": "cleo"},
    "islamic": False, "vessel": {"name": "Gulf Star", "imo": "9187629"},
    "attestations": [{"kind": "no_manipulation", "by": "ada", "at": "2026-11-20T14:00:00Z"}],
    "venue": "XOFF",
}  # fmt: skip


class Failure(NamedTuple):
    rule: str
    test: int
    expected: Outcome
    found: Finding


def failures(pack: RulePack, above: Mapping[str, Decimal] | None = None) -> Iterator[Failure]:
    """`above`: rates of packs below which this one stands."""
    for rule in pack.rules:
        one = compile_rule(rule, pack)
        for number, test in enumerate(rule.tests):
            at = dated.instant(test.as_of, "UTC") if test.as_of else AS_OF
            params = {name: dated.in_force(param, pack, at) for name, param in pack.params.items()}
            rates = dict(above or {}) | rates_of(params)
            found = judged(one, environment(pack, _fields(test, at, rates), params), at, params)
            if found.outcome != test.expect:
                yield Failure(rule.id, number, test.expect, found)


def _fields(test: RuleTest, at: datetime, rates: Mapping[str, Decimal]) -> dict[str, Any]:
    screened = dict(CLEAR)
    given = {}
    for path, value in test.given.items():
        if path in SCREENED and value is None:
            screened.pop(path)
        elif path in SCREENED:
            screened[path] = _fact(value)
        else:
            given[path] = value
    transaction = read(laid_over(BASE, given))
    return {**transaction.values, **facts_of(transaction, rates, screened), "asOf": at}


def _fact(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else Decimal(value) if isinstance(value, str) else value


def laid_over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` with these paths set; None takes one away."""
    made: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for path, value in given.items():
        *above, last = path.split(".")
        at = made
        for key in above:
            inner = at.get(key)
            at[key] = dict(inner) if isinstance(inner, dict) else {}
            at = at[key]
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return made
