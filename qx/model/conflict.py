"""Comparison: one transaction under the rules of several regions, side by side."""

from __future__ import annotations

from msgspec import Struct

from qx.model.rules import Citation, Outcome, Severity
from qx.model.validation import Verdict


class Binding(Struct, frozen=True, kw_only=True, rename="camel"):
    """A rule that keeps a region from approving."""

    rule_id: str  # the rule
    outcome: Outcome  # what it came to
    severity: Severity  # block: it rejects; flag: it makes conditional
    title: str  # what the rule says
    citation: Citation  # where it stands
    regions: tuple[str, ...]  # where it binds


class UnderRegion(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of one region; `qx validate --region` tells the whole."""

    region: str  # whose rules were asked
    jurisdictions: tuple[str, ...]  # whose law holds there
    status: Verdict  # as in qx.validation/1
    compliance_score: int  # as in qx.validation/1
    validation_id: str  # as in qx.validation/1
    expires_at: str  # as in qx.validation/1
    binding: tuple[str, ...]  # ids of the rules that decide its status
    obligations: int  # how many there are


class Conflict(Struct, frozen=True, kw_only=True, rename="camel"):
    """Two groups of regions that answer otherwise, and the rules that make the difference."""

    stricter: Verdict  # what the ones say
    where: tuple[str, ...]  # these
    milder: Verdict  # what the others say
    elsewhere: tuple[str, ...]  # those
    because: tuple[str, ...]  # ids of the rules that decide in the ones and do not in any of the others


class Comparison(Struct, frozen=True, kw_only=True, rename="camel"):
    transaction_id: str  # the transaction's own
    as_of: str  # the instant that it was judged at, everywhere
    status: Verdict  # the strictest of all
    strictest: tuple[str, ...]  # regions that say so
    agreed: bool  # all say the same
    opposed: bool  # one approves what another rejects
    regions: tuple[UnderRegion, ...]  # in the order of the configuration
    rules: tuple[Binding, ...]  # that decide anywhere: what rejects first
    conflicts: tuple[Conflict, ...]  # the sharpest first
