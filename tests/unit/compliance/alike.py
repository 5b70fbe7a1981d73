"""One at a time, by the closures, and all at once, by columns: held against each other to the last byte."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from qx.app.compliance import Desk
from qx.compliance.columnar.column import Chunk
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening
from qx.compliance.columnar.outcomes import OUTCOMES, STATUSES
from qx.compliance.validate import Rulebook, validate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from qx.compliance.columnar.evaluate import Evaluated
    from qx.compliance.transaction import Transaction
    from qx.model.validation import Validation

ALL = "all packs"


@lru_cache
def desk() -> Desk:
    return Desk({"HOME": os.environ["HOME"]})


@lru_cache
def screening() -> Screening:
    return Screening.of(desk().lists)


@lru_cache
def judge(region: str) -> Judge:
    """Of one region, or of every pack at once."""
    book = Rulebook(ALL, ("*",), desk().packs) if region == ALL else desk().rulebook(region)
    return Judge(book, screening())


def answers(evaluated: Evaluated, of: Judge, rows: int) -> list[tuple[dict[str, str], str, int, str, str, str]]:
    """Per row: outcomes by rule, status, score, id, when it ends and why."""
    names = [one.rule.id for one in of.book.rules]
    verdicts, expiries = evaluated.verdicts, evaluated.expiries
    return [
        (
            {name: OUTCOMES[place] for name, place in zip(names, evaluated.outcomes[:, row], strict=True)},
            STATUSES[verdicts.status[row]], int(verdicts.score[row]), identity, expiries.text(row),
            expiries.reasons[expiries.because[row]],
        )
        for row, identity in zip(range(rows), evaluated.identities(), strict=True)
    ]  # fmt: skip


def answer(found: Validation) -> tuple[dict[str, str], str, int, str, str, str]:
    """`found`: with every finding."""
    outcomes: dict[str, str] = {each.rule_id: each.outcome for each in found.findings}
    ends = (found.expires_at, found.expires_because)
    return outcomes, found.status, found.compliance_score, found.validation_id, *ends


def alike(of: Judge, transactions: Sequence[Transaction], otherwise: datetime, at: datetime | None = None) -> Evaluated:
    """Asserts that columns say of each what its closure says."""
    evaluated = of.judged(Chunk.of(transactions), otherwise, at)
    for row, (transaction, found) in enumerate(
        zip(transactions, answers(evaluated, of, len(transactions)), strict=True)
    ):
        moment = at or transaction.as_of or otherwise
        screened = of.screening.ask(transaction, moment)
        wanted = validate(transaction, of.book, moment, screened, everything=True)
        outcomes, *others = answer(wanted)
        differ = {rule: (place, found[0][rule]) for rule, place in outcomes.items() if found[0][rule] != place}
        assert not differ, (transaction.values, moment, differ)
        assert list(found[1:]) == others, transaction.values
        assert evaluated.findings(row, everything=True) == wanted.findings
    return evaluated
