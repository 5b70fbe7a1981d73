"""What a batch puts on record of each row is what that row alone would have put there."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from qx.app.batch.kept import Keeper, Keeping
from qx.app.batch.told import answers_of
from qx.app.batch.work import names_of
from qx.compliance.columnar.column import Chunk, Column
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening
from qx.compliance.evidence import kept_of
from qx.compliance.screening import screen
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from tests.fakes.remembered import unpacked
from tests.unit.compliance.test_acceptance import book, lists

CHANGES: list[dict[str, object]] = [
    {"transactionId": "T0"},
    {"transactionId": "T1", "currency": "USX"},
    {"transactionId": "T2", "counterparty.name": "Future Bank BSC"},
    {"transactionId": "T3", "commodityType": "natural_gas", "transactionType": "swap", "executionTs": None},
    {"transactionId": "T4", "transactionType": "swap", "executionTs": "2026-11-20T10:00:00Z"},
    {"transactionId": "T5", "transactionType": "future", "tradeDate": "9999-12-31", "kyc.status": None},
    {"transactionId": "T6", "asOf": "2024-07-02T09:00:00Z", "contract.kind": "non-standard"},
    {"transactionId": "T7", "executionTs": "no instant", "kyc.riskRating": "high"},
    {"transactionId": "T8", "payment.direction": "inward", "payment.originator.name": None},
]


@pytest.mark.parametrize("region", ["bahrain", "us", "eu", "uk", "me", "guyana"])
def test_a_row_of_a_batch_is_kept_as_alone(region: str) -> None:
    law, names = book(region), lists()
    transactions = [read(laid_over(BASE, change)) for change in CHANGES]
    twice = {1: "2", 4: "3"}
    codes = np.array([list(twice).index(row) if row in twice else -1 for row in range(len(CHANGES))], np.int32)
    copies = Column(codes, [Decimal(each) for each in twice.values()], list(twice.values()))
    chunk = Chunk.of(transactions)._replace(facts={"facts.copies": copies})
    found = Judge(law, Screening.of(names)).judged(chunk, AS_OF)
    ids, inputs = next(found.identified())
    expected = []
    for row, each in enumerate(transactions):
        at = each.as_of or AS_OF
        screened = screen(each, names, at)
        given = {"facts.copies": twice[row]} if row in twice else {}
        facts = screened.facts | {name: Decimal(value) for name, value in given.items()}
        alone = validate(each, law, at, screened._replace(facts=facts))
        expected.append(kept_of(alone, each, screened, names.digest, given=given))
    keeping = Keeping(Keeper(law, names), chunk, found, names_of(chunk), *answers_of(found))
    kept = [each for packed in keeping.packed(ids, inputs) for each in unpacked(packed)]
    assert kept == expected
    assert any(each.row.obligations for each in kept) or region not in ("us", "eu")
