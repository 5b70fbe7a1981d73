"""Validation: the whole answer on one transaction; Finding: what one rule says of it. Their JSON is camelCase, as the
transactions are.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from qx.model.rules import Citation, Outcome, Severity, Status

Verdict = Literal["approved", "conditional", "rejected"]


class _Wire(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    pass


class Used(_Wire, frozen=True, kw_only=True):
    """A parameter, and the window that was in force: from included, to not."""

    name: str  # the parameter
    value: str | tuple[str, ...]  # in force at asOf
    unit: str = ""  # of the value
    from_: str = ""  # since when; '' ever
    to: str = ""  # until when; '' further notice


class Change(_Wire, frozen=True, kw_only=True):
    """What would keep the rule, all else being equal. Never advice."""

    path: str  # the field
    now: str  # its value
    wanted: str  # the nearest one that keeps the rule


class Due(_Wire, frozen=True, kw_only=True):
    """An obligation of this very transaction."""

    rule_id: str  # whose obligation it is
    action: str  # what is to be done
    to: str  # who is told
    due: str  # an instant
    because: str  # how it was counted


class Finding(_Wire, frozen=True, kw_only=True):
    rule_id: str  # the rule
    outcome: Outcome  # what it came to
    severity: Severity  # block: a failure rejects; flag: it makes conditional; info: neither
    title: str  # what the rule says
    message: str = ""  # what it says of this transaction
    pack: str = ""  # the rule's pack
    evidence: Status = "verified"  # how well the rule itself is known
    citation: Citation  # where it stands
    seen: dict[str, Any] = field(default_factory=dict)  # path -> the value that was judged
    parameters: tuple[Used, ...] = ()  # that it was judged by
    missing: tuple[str, ...] = ()  # without which it could not be told
    nearest: tuple[Change, ...] = ()  # single changes that would keep the rule


class PackUsed(_Wire, frozen=True, kw_only=True):
    pack: str  # its name
    version: str  # as its file tells
    digest: str  # SHA-256 of its canonical form


class Validation(_Wire, frozen=True, kw_only=True, omit_defaults=False):
    validation_id: str  # of all that it rests on: whoever has that gets the same
    transaction_id: str  # the transaction's own
    region: str  # whose rules were asked
    jurisdictions: tuple[str, ...]  # whose law holds there
    as_of: str  # the instant that it was judged at
    status: Verdict  # rejected: a rule forbids it; conditional: something is missing or to be looked at
    compliance_score: int  # 0 to 100, within the band of the status
    expires_at: str  # the first instant at which the answer may change
    expires_because: str  # what may change it then
    findings: tuple[Finding, ...]  # what is not simply kept; all of them when they were asked for
    obligations: tuple[Due, ...]  # what is to be done because of it
    missing: tuple[str, ...]  # fields without which rules could not be told
    outcomes: dict[str, int]  # how many rules came to what
    packs: tuple[PackUsed, ...]  # that were asked
    lists: str  # digest of the lists that names were held against; '' none
    engine: str  # whose reckoning it is
