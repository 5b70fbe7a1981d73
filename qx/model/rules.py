"""What a rule pack's file says: dated parameters and rules. The file's shape is this module's shape.

Numbers live in `params`, never in a predicate; every window is bounded by instants, or by days of the pack's timezone.
A rule whose `status` is `unverified` may flag and never block; a `house` rule says that nobody but us asks for it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from qx.model.file import File

Severity = Literal["block", "flag", "info"]
Status = Literal["verified", "partial", "unverified", "house"]
Missing = Literal["indeterminate", "not_applicable", "fail"]
Outcome = Literal["pass", "fail", "indeterminate", "not_applicable", "not_in_force", "stale", "error"]
SCHEMA = "qx-rulepack/1"


class Citation(File, frozen=True, kw_only=True):
    body: str  # who says so: CBB, CFTC, FATF; `house` for a rule of ours
    corpus: str = ""  # the text: Rulebook Vol 5, 17 CFR
    segment: str = ""  # the place in it: FC-1.1.2(b), 150.2
    url: str = ""  # where it was read
    retrieved: str = ""  # the day on which it was read


class Window(File, frozen=True, kw_only=True):
    """In force from `from` (included) to `to` (not included); without one, for as long as anybody knows."""

    from_: str = field(default="", name="from")  # a day of the pack's timezone, or an instant
    to: str = ""  # likewise
    value: str | tuple[str, ...]  # a number in words of digits, or a list of words
    note: str = ""


class Param(File, frozen=True, kw_only=True):
    unit: str = ""  # USD, BBL, days, countries
    review_by: str = ""  # a day; after it whatever passes by this parameter is stale
    windows: tuple[Window, ...]


class Obligation(File, frozen=True, kw_only=True):
    """Something to be done, by when. It is never a reason for a status."""

    action: str  # what is to be done
    to: str  # who is told: SDR, FIU, NRA
    after: str  # path of the instant or day from which it counts
    months: int = 0  # calendar months
    days: int = 0  # calendar days
    business_days: int = 0  # Monday to Friday; `calendar` names days off
    calendar: Literal["", "sun-thu"] = ""  # '': Monday to Friday are business days
    month_day: int = 0  # the n-th day of the next month instead
    timezone: str = ""  # of the end of that day; '' the pack's
    when: Literal["applies", "fail"] = "applies"


class Untranslatable(File, frozen=True, kw_only=True):
    """What no predicate can say: an attestation of this kind is asked for instead."""

    construct: str
    reason: str
    attestation: str


class RuleTest(File, frozen=True, kw_only=True):
    """`given` is laid over the base transaction of the tests; null takes a field away."""

    name: str = ""
    as_of: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    expect: Outcome


class Rule(File, frozen=True, kw_only=True):
    id: str
    title: str
    jurisdiction: str  # BH, US, EU, UK, AE, GY; `*` everywhere
    regulator: str = ""
    citation: Citation
    status: Status
    severity: Severity
    weight: int = 10  # what a failed flag takes off the score
    waivable: bool = False  # a house rule that blocks may be waived for a while; what flags always may
    effective_from: str = ""
    effective_to: str = ""
    applies_when: str = ""  # a condition over fields only; '' always
    predicate: str  # true: the rule is kept
    needs: tuple[str, ...] = ()  # paths without which it cannot be told
    on_missing: Missing = "indeterminate"
    message: str  # of a failure; {path} is filled in
    obligation: Obligation | None = None
    untranslatable: Untranslatable | None = None
    tests: tuple[RuleTest, ...] = ()


class RulePack(File, frozen=True, kw_only=True):
    pack: str  # its name: bahrain
    version: str
    schema: Literal["qx-rulepack/1"]
    title: str
    jurisdictions: tuple[str, ...]  # where it holds: BH, US, EU and its members; `*` everywhere
    timezone: str  # of days without a time
    review_by: str  # a day; after it whatever passes is stale
    params: dict[str, Param] = field(default_factory=dict)
    rules: tuple[Rule, ...]
