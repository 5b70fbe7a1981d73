"""One transaction under the rules of every region of the configuration, judged as of one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.compliance.evidence import kept_of
from qx.compliance.screening import screen
from qx.compliance.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from qx.app.compliance import Desk
    from qx.compliance.transaction import Transaction
    from qx.model.evidence import Kept
    from qx.model.validation import Validation


class Judged(NamedTuple):
    """A region's answer, and what goes to its record."""

    found: Validation
    kept: Kept


def judged(
    desk: Desk, transaction: Transaction, at: datetime | None, known: Callable[[str, Transaction], Transaction]
) -> tuple[Judged, ...]:
    """One of each region, in the order of the configuration. `at` None: the transaction's own asOf, else the latest of
    what the regions would take. `known`: the transaction with what a region's KYC provider knows. Raises Problems.
    """
    books = [desk.rulebook(name) for name in desk.regions]
    moment = at or transaction.as_of or max(desk.now(book) for book in books)
    made = []
    for book in books:
        own = known(book.region, transaction)
        screened = screen(own, desk.lists, moment)
        found = validate(own, book, moment, screened)
        made.append(Judged(found, kept_of(found, own, screened, desk.lists.digest)))
    return tuple(made)
