"""Break, Audit: what was found when the record was verified."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.evidence import RecordAudit

What = Literal["digest", "previous", "sequence", "plan", "outcome", "approval"]


class Break(Struct, frozen=True, kw_only=True):
    """One place where the record does not hold. `position` counts from 1 in what was verified; 0: no entry.

    `what`: digest: the entry's content is not what was written; previous: an entry before it is missing, or another;
    sequence: so within its run; plan, outcome: the run's record says other than its entry; approval: it rests on one
    that is not what its approver signed.
    """

    position: int
    run: str
    seq: int
    what: What
    expected: str
    found: str


class Signatures(Struct, frozen=True, kw_only=True):
    """Of the approvals that runs rest on."""

    verified: int
    unsigned: int  # given where no approver had a key
    unknown: tuple[str, ...]  # approver and fingerprint of keys that regions.yaml does not name: nobody can tell


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
    approvals: Signatures | None = None  # None: not looked at, as regions.yaml names the keys
    records: tuple[RecordAudit, ...] = ()  # of validations, a record for each region
