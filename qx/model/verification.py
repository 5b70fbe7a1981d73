"""Verification: a validation computed once more, and whether it came out the same."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from qx.model.validation import Verdict


class Deviation(Struct, frozen=True, kw_only=True):
    field: str  # of the validation
    recorded: Any  # what it was; null: it was not there
    recomputed: Any  # what it comes to; null: it is not there


class Verification(Struct, frozen=True, kw_only=True):
    validation_id: str  # of what was verified
    transaction_id: str  # the transaction's own
    region: str  # whose rules were asked
    as_of: str  # the instant that it was judged at
    source: str  # where it stood: record, or the file
    result: Literal["same", "differs", "unknown"]  # unknown: it cannot be recomputed here
    status: Verdict  # as it stood there
    compliance_score: int  # as it stood there
    compared: tuple[str, ...] = ()  # fields
    differences: tuple[Deviation, ...] = ()  # where it did not come out the same
    not_at_hand: tuple[str, ...] = ()  # without which it cannot be recomputed
    from_copies: tuple[str, ...] = ()  # packs and lists that are not in force here any more: the record's own copies
