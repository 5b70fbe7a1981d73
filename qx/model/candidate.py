"""Submission: a rule pack or a sanctions list that was sent for review, until a person decides on it: a candidate.

It is kept beside its file.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["waiting", "accepted", "rejected"]
CandidateKind = Literal["pack", "list", "unreadable"]


class Submission(Struct, frozen=True, kw_only=True):
    name: str  # its own: what it holds, and the beginning of its digest
    kind: CandidateKind  # what it holds
    holds: str = ""  # the name of the pack, or the list's source
    version: str = ""  # as it tells itself
    digest: str  # SHA-256 of the file
    size: int  # bytes of the file
    submitted_by: str  # who sent it
    source: str  # webhook, or the feed that it was found in
    submitted_at: float  # Unix seconds
    count: int = 0  # of its rules, or entries
    faults: tuple[str, ...] = ()  # what is wrong with it; with any it cannot be accepted
    tests: int = 0  # that stand inside its rules
    failures: tuple[str, ...] = ()  # those that do not hold; with any it cannot be accepted
    state: State = "waiting"  # whether somebody has decided
    decided_by: str = ""  # who
    account: str = ""  # account@machine under which it was decided
    decided_at: float = 0.0  # Unix seconds
    reason: str = ""  # why

    @property
    def sound(self) -> bool:
        return not self.faults and not self.failures


class Alteration(Struct, frozen=True, kw_only=True):
    """One thing in which a candidate is not what is in force."""

    what: Literal["pack", "rule", "parameter", "entry"]  # what kind of thing
    name: str  # the rule's id, the parameter, the field of the pack, the entry's uid
    how: Literal["added", "removed", "changed"]  # against what is in force
    fields: tuple[str, ...] = ()  # of what was changed: which
    before: str = ""  # in force
    after: str = ""  # in the candidate


class Reviewed(Struct, frozen=True, kw_only=True):
    """A candidate beside what is in force."""

    candidate: Submission  # as it came, and what was decided
    in_force: str  # version of what it would take the place of; '' it adds to it
    replaces: str = ""  # file that it would take the place of; '' none, or one that is shipped
    alterations: tuple[Alteration, ...] = ()  # in the order of the file
    left_out: int = 0  # alterations that are not listed
