"""Residency: may data of a class leave one jurisdiction for another? Ruling: what the rule packs say; Permit: with what
regions.yaml says, the whole answer.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.rules import Citation, Outcome, Severity, Status

Answer = Literal["allowed", "conditional", "refused"]
STRICTNESS: dict[Answer, int] = {"allowed": 0, "conditional": 1, "refused": 2}


class Said(Struct, frozen=True, kw_only=True):
    """What one rule says of one flow."""

    rule_id: str  # the rule
    outcome: Outcome  # what it came to
    severity: Severity  # block: a failure refuses; flag: it makes conditional; info: neither
    status: Status  # how well the rule itself is known
    message: str  # what it says of this flow
    citation: Citation  # where it stands


class Ruling(Struct, frozen=True, kw_only=True):
    """What the rules of the packs say of data of a class from one jurisdiction to another, at one instant."""

    data_class: str  # kyc_pii, ...
    source: str  # jurisdiction that the data belong to
    to: str  # jurisdiction where they would live
    answer: Answer  # conditional: something must be evidenced, or cannot be told any more
    because: str  # the rules that make it so, and what they say
    instrument: str = ""  # that carries it: a decision, a list, the evidence that was named
    until: str = ""  # the first instant at which what carries it ends, as far as is known; '' further notice
    wanted: tuple[tuple[str, ...], ...] = ()  # each: evidence that would carry it, besides what was named
    said: tuple[Said, ...] = ()  # by every rule that speaks of it
    yields: bool = False  # only a rule of the house, or a table overdue for review, holds it up: regions.yaml decides
    rules: tuple[str, ...] = ()  # that decided: what holds it up; of one that is allowed, what is kept


Law = dict[tuple[str, str, str], Ruling]  # by data class and the jurisdictions from which and to which


class Place(Struct, frozen=True):
    """A region, or a jurisdiction alone."""

    name: str  # of the region; else the jurisdiction's
    jurisdictions: tuple[str, ...]  # whose law holds there


class Permit(Struct, frozen=True, kw_only=True):
    """May data of a class that belong to one place live in another? The answer, and all that it rests on."""

    data_class: str  # kyc_pii, ...
    source: Place  # where the data belong
    to: Place  # where they would live
    answer: Answer  # allowed; conditional: something is missing; refused
    because: str  # why
    instrument: str = ""  # what carries it; of one that is not allowed: what a cell of regions.yaml wants
    approval: str = ""  # id of the approval on record that carries it
    until: str = ""  # when what carries it ends; '' further notice
    rules: tuple[str, ...] = ()  # of the packs, that decided
    wanted: tuple[tuple[str, ...], ...] = ()  # each: evidence that would carry it
    said: tuple[Said, ...] = ()  # by every rule that speaks of it

    @property
    def allowed(self) -> bool:
        return self.answer == "allowed"


class Checked(Struct, frozen=True, kw_only=True):
    """The answer to whoever asks: may data of a class that belong to one place live in another?"""

    data_class: str  # kyc_pii, ...
    source: Place  # where the data belong
    to: Place  # where they would live
    as_of: str  # the instant that it was judged at
    evidence: tuple[str, ...]  # that was named; what was not named is not there
    status: Answer  # allowed; conditional: something must be evidenced first; refused
    because: str  # why
    instrument: str  # what carries it; of a cell of regions.yaml, what it wants
    approval: str  # id of the approval on record that carries it
    until: str  # when what carries it ends; '' further notice
    rules: tuple[str, ...]  # that decided
    wanted: tuple[tuple[str, ...], ...]  # each: evidence that would carry it, besides what was named
    findings: tuple[Said, ...]  # of every rule that speaks of it


class Cell(Struct, frozen=True, kw_only=True):
    """Of the matrix: from one jurisdiction to another, with no evidence named."""

    source: str  # jurisdiction that the data belong to
    to: str  # jurisdiction where they would live
    answer: Answer  # allowed, conditional or refused
    until: str  # when what carries it ends; '' further notice
    carried: bool  # there is evidence by which it would be allowed
    rules: tuple[str, ...]  # that decided


class MatrixTable(Struct, frozen=True, kw_only=True):
    """Of the classes whose cells are the same."""

    classes: tuple[str, ...]  # kyc_pii, ...
    cells: tuple[Cell, ...]  # from every jurisdiction to every other


class Matrix(Struct, frozen=True, kw_only=True):
    """Which data may live where."""

    as_of: str  # the instant that it was judged at
    jurisdictions: tuple[str, ...]  # whose law is known, those of the regions first
    tables: tuple[MatrixTable, ...]  # each class stands in one
