"""What becomes of an entry of a stream: a result, or a dead letter that says why it could not be judged.

Judged as of the transaction's asOf, else of the day on which the entry was added, by its id: whoever is given it again,
and whenever, judges at the same moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from qx.app.compliance import document_of
from qx.compliance.evidence import kept_of
from qx.compliance.screening import screen
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.kernel.errors import QxError
from qx.model.stream import Entry, Outcome
from qx.render import encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from qx.app.compliance import Desk
    from qx.compliance.kyc import Enriched
    from qx.compliance.transaction import Transaction
    from qx.model.evidence import Kept, Receipt
    from qx.model.validation import Validation

FIELD = "transaction"
LONGEST = 1 << 20  # characters of a document
LONGEST_LETTER = 64 << 10  # characters of what a dead letter repeats
FIRST_S = 946_684_800  # 2000: an id that tells an earlier time was made up by whoever added it


class Judged(NamedTuple):
    found: Validation
    kept: Kept
    outcome: Outcome


class Keeps(Protocol):
    """What is needed of `qx.ports.evidence.Evidence`."""

    def keep(self, results: Sequence[Kept]) -> Receipt: ...

    def close(self) -> None: ...


class Bench:
    """The rules, the lists and the record of one region, as they were when it was made. `record`: of the same packs and
    lists, which it keeps copies of; None: nothing is kept. `islamic`: Sharia rules apply to all.
    """

    def __init__(
        self, desk: Desk, region: str, group: str, record: Keeps | None = None, *, islamic: bool = False
    ) -> None:
        self._desk, self._group, self._islamic = desk, group, islamic
        self.book = desk.rulebook(region)
        self._lists = desk.lists
        self.record = record

    @property
    def region(self) -> str:
        return self.book.region

    def transaction(self, entry: Entry, most_deliveries: int) -> Transaction:
        """Raises QxError: why it cannot be judged."""
        from qx.app.batch.sharia import under_sharia

        found = transaction_of(entry, most_deliveries)
        return under_sharia(found) if self._islamic else found

    def judged(self, entry: Entry, enriched: Enriched) -> Judged:
        transaction = enriched.transaction
        at = transaction.as_of or self._day_of(entry)
        screened = screen(transaction, self._lists, at)
        found = validate(transaction, self.book, at, screened)
        fields = {
            "entry": entry.id, "group": self._group, "region": found.region, "transactionId": found.transaction_id,
            "validationId": found.validation_id, "status": found.status, "complianceScore": str(found.compliance_score),
            "expiresAt": found.expires_at, "validation": encode.json_line(encode.document("validation", found)),
        }  # fmt: skip
        if enriched.conflicts:
            fields["kycConflicts"] = encode.json_line([each._asdict() for each in enriched.conflicts])
        kept = kept_of(found, transaction, screened, self._lists.digest)
        return Judged(found, kept, Outcome(entry, fields, found.validation_id))

    def dead(self, entry: Entry, why: QxError) -> Outcome:
        """`fields`: the entry's own as JSON, where they are short; '' otherwise, and where it was deleted."""
        own = "" if entry.fields is None else msgspec.json.encode(entry.fields).decode()
        fields = {
            "entry": entry.id, "group": self._group, "region": self.region, "code": why.code, "reason": why.message,
            "deliveries": str(entry.deliveries), "fields": own if len(own) <= LONGEST_LETTER else "",
        }  # fmt: skip
        return Outcome(entry, fields, why.code, dead=True)

    def _day_of(self, entry: Entry) -> datetime:
        added = int(entry.id.partition("-")[0]) / 1000
        return self._desk.now(self.book, added if FIRST_S <= added <= entry.at else entry.at)


def transaction_of(entry: Entry, most_deliveries: int) -> Transaction:
    """Raises QxError: why it cannot be judged."""
    if entry.fields is None:
        raise QxError("QX-STREAM-004", "the entry was deleted from the stream before it was judged")
    if entry.deliveries > most_deliveries:
        raise QxError("QX-STREAM-003", f"delivered {entry.deliveries} times, and never settled")
    if FIELD not in entry.fields:
        raise QxError("QX-TXN-001", f"the entry has no field '{FIELD}'")
    text = entry.fields[FIELD]
    if len(text) > LONGEST:
        raise QxError("QX-TXN-001", f"the document is longer than {LONGEST} characters")
    if "\ufffd" in text:  # what the connection puts in the place of bytes that are no UTF-8
        raise QxError("QX-TXN-001", "the document is not UTF-8")
    return read(document_of(text.encode("utf-8", "surrogatepass"), "the entry"))
