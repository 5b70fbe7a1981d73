"""Waiver: leave not to heed one finding for a while, asked for by one person and given by another. Kept as notes.

It changes no verdict: the validation stays what it was, and the waiver stands beside it.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.rules import Severity

WaiverKind = Literal["override", "waiver"]
WaiverState = Literal["requested", "approved", "refused", "revoked", "expired"]
Act = Literal["request", "approve", "refuse", "revoke"]


class Waiver(Struct, frozen=True, kw_only=True):
    """`kind`: an override is of one validation, a waiver of all with one counterparty."""

    id: str  # its own
    kind: WaiverKind  # what it is of
    rule: str  # whose finding is not heeded
    severity: Severity  # of the rule
    pack: str  # the rule's pack
    pack_digest: str  # of the pack as it was then; of another one it does not speak
    regions: tuple[str, ...]  # where it stands in the record
    validation: str = ""  # of an override: which
    transaction: str = ""  # of that validation
    counterparty: str = ""  # of a waiver: its name or LEI
    until: str  # an instant; from then on it counts nothing
    reason: str  # why it is asked for
    requested_by: str  # who asks
    account: str = ""  # account@machine that asked
    requested_at: str  # an instant
    state: WaiverState = "requested"  # what became of it
    approved_by: str = ""  # who gave it
    approved_account: str = ""  # account@machine that gave it
    approved_at: str = ""  # an instant; '' it was not given
    approved_reason: str = ""  # why
    ended_by: str = ""  # who refused it, or took it back
    ended_account: str = ""  # account@machine that did
    ended_at: str = ""  # an instant
    ended_reason: str = ""  # why
