"""Break, Audit: what was found when the record was verified."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.evidence import RecordAudit

What = Literal["digest", "previous", "sequence", "plan", "outcome"]


class Break(Struct, frozen=True, kw_only=True):
    """One place where the record does not hold. `position` counts from 1 in what was verified; 0: no entry.

    `what`: digest: the entry's content is not what was written; previous: an entry before it is missing, or another;
    sequence: so within its run; plan, outcome: the run's record says other than its entry.
    """

    position: int
    run: str
    seq: int
    what: What
    expected: str
    found: str


class Audit(Struct, frozen=True, kw_only=True):
    """One verification. `missing`: digests that the export `compared_with` holds, and the store does not any more."""

    verified: bool
    source: Literal["store", "file", "records"]  # records: those of validations alone, where no regions.yaml is
    name: str
    store_id: str
    run: str | None  # None: every run
    count: int  # of entries
    head: str  # digest of the last entry, '' when there is none
    breaks: tuple[Break, ...]
    compared_with: str | None = None
    missing: tuple[str, ...] = ()
    records: tuple[RecordAudit, ...] = ()  # of validations, a record for each region
