"""One transaction under the rules of every region of the configuration, judged as of one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.compliance.conflict import compare
from qx.compliance.screening import screen
from qx.compliance.validate import validate

if TYPE_CHECKING:
    from datetime import datetime

    from qx.app.compliance import Desk
    from qx.compliance.transaction import Transaction
    from qx.model.conflict import Comparison
    from qx.model.validation import Validation

def everywhere(desk: Desk, transaction: Transaction, at: datetime | None = None) -> Comparison:
    """`at` None: the transaction's own asOf, else the latest of what the regions would take. Raises Problems."""
    return compare(validations(desk, transaction, at))


def validations(desk: Desk, transaction: Transaction, at: datetime | None = None) -> tuple[Validation, ...]:
    """One of each region, in the order of the configuration."""
    books = [desk.rulebook(name) for name in desk.regions]
    moment = at or transaction.as_of or max(desk.now(book) for book in books)
    screened = screen(transaction, desk.lists, moment)
    return tuple(validate(transaction, book, moment, screened) for book in books)
