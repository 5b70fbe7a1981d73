"""ComplianceReport: what the record of one region says of a span of time. Every form of it tells the same numbers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.rules import Citation, Severity
from qx.model.waiver import Waiver

Fulfilment = Literal["missed", "late", "open", "fulfilled"]


class Counts(Struct, kw_only=True):
    """How many validations came to what."""

    approved: int = 0  # nothing stands against them
    conditional: int = 0  # something was missing or to be looked at
    rejected: int = 0  # a rule forbade them

    @property
    def total(self) -> int:
        return self.approved + self.conditional + self.rejected


class Span(Struct, frozen=True, kw_only=True):
    """One bar of the timeline."""

    since: str  # a day, or the first day of a month
    counts: Counts  # of what was kept then


class RuleFired(Struct, frozen=True, kw_only=True):
    """A rule that was not simply kept."""

    rule: str  # its id
    title: str  # what it says; '' it stands in no pack in force
    severity: Severity | Literal[""]  # block, flag, info; '' likewise
    evidence: str  # how well the rule itself is known
    citation: Citation | None  # where it stands; null likewise
    pack: str  # its pack
    failed: int  # validations in which it failed
    untold: int  # in which it could not be told, or was kept by a table overdue for review
    waived: int  # of both, those with an override or a waiver beside them


class Obligated(Struct, frozen=True, kw_only=True):
    """One obligation of one transaction."""

    transaction: str  # the transaction's own id
    validation: str  # the latest that tells it
    rule: str  # whose obligation it is
    action: str  # what is to be done
    to: str  # who is told
    due: str  # an instant
    state: Fulfilment  # at the end of the report
    fulfilled_by: str = ""  # who said that it was done
    fulfilled_at: str = ""  # an instant: when it was said to be done
    note: str = ""  # what was said


class PackInUse(Struct, frozen=True, kw_only=True):
    """Rules that validations rested on."""

    pack: str  # its name
    version: str  # as its file tells
    digest: str  # SHA-256 of its canonical form
    validations: int  # that rested on it
    stale: str = ""  # since when it is overdue for review at the end of the report; '' it is not, or not known
    stale_tables: tuple[str, ...] = ()  # parameters of it that are


class ListsInUse(Struct, frozen=True, kw_only=True):
    digest: str  # of the lists that names were held against; '' none
    validations: int  # that rested on them


class Leave(Struct, frozen=True, kw_only=True):
    """An override or a waiver that was asked for, given, ended or stood within the report."""

    waiver: Waiver  # as it stands at the end of the report
    validations: int  # of the report, that it stands beside


class Decision(Struct, frozen=True, kw_only=True):
    """Anything else that a person said in the record."""

    kind: str  # candidate-accepted, candidate-rejected, ...
    about: str  # what it is about
    who: str  # who said so
    at: str  # when
    reason: str  # why


class RecordState(Struct, frozen=True, kw_only=True):
    """Whether the record is what was written."""

    verified: bool  # the whole chain was recomputed, and holds
    reached: bool  # false: the store did not answer, so nothing is known
    blocks: int  # of the chain
    validations: int  # of the whole record, not only of the report
    checkpoints: int  # Merkle roots over the blocks
    head: str  # digest of the last block
    waiting: int  # rows that wait on the machine that made this report
    faults: tuple[str, ...]  # where it does not hold


class ComplianceReport(Struct, frozen=True, kw_only=True):
    region: str  # whose record
    jurisdictions: tuple[str, ...]  # whose law holds there
    since: str  # an instant, included
    until: str  # an instant, not included
    validations: int  # kept between them
    transactions: int  # different ids among them
    counts: Counts  # by status
    lowest_score: int | None  # null: there is no validation
    mean_score: float | None  # to one place
    every: Literal["day", "month"]  # one bar of the timeline
    timeline: tuple[Span, ...]  # whole, also where nothing was kept
    rules: tuple[RuleFired, ...]  # those that failed most first
    obligations: dict[str, int]  # how many are missed, late, open, fulfilled
    obligated: tuple[Obligated, ...]  # missed first, then by due instant
    left_out: int  # obligations that are counted and not listed
    leaves: tuple[Leave, ...]  # overrides and waivers
    decisions: tuple[Decision, ...]  # in the order of the record
    packs: tuple[PackInUse, ...]  # by name and version
    lists: tuple[ListsInUse, ...]  # by digest
    engines: tuple[str, ...]  # whose reckoning it was
    record: RecordState  # the state of the chain
