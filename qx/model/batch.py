"""Batch: what a file of transactions came to as a whole. Its JSON is camelCase, as a validation's is.

Nothing in it depends on when, how fast or on how many cores it was reckoned.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.rules import Outcome, Severity
from qx.model.validation import PackUsed, Verdict

Form = Literal["json", "ndjson", "csv", "parquet"]


class _Wire(Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Reject(_Wire, frozen=True, kw_only=True):
    """A row that is no transaction, and why."""

    line: int  # of the file, from 1; of a JSON array the item, of Parquet the row
    code: str  # the error's
    reason: str  # what is wrong with it
    hint: str = ""  # what would mend it
    text: str = ""  # how it begins


class RuleCount(_Wire, frozen=True, kw_only=True):
    """How many transactions a rule came to this outcome for. What is simply kept is not counted."""

    rule_id: str  # the rule
    title: str  # what it says
    severity: Severity  # block: a failure rejects; flag: it makes conditional; info: neither
    outcome: Outcome  # what it came to
    transactions: int  # for how many


class Worst(_Wire, frozen=True, kw_only=True):
    """One of the rows with the lowest scores."""

    line: int  # where it stands, as in Reject
    transaction_id: str  # the transaction's own
    validation_id: str  # of its answer
    status: Verdict  # its answer
    compliance_score: int  # 0 to 100
    rule_id: str  # the first of its findings; '' none


class Statuses(_Wire, frozen=True, kw_only=True):
    """How many transactions came to what."""

    approved: int = 0  # no rule stands against it
    conditional: int = 0  # something is missing or to be looked at
    rejected: int = 0  # a rule forbids it


class Duplicates(_Wire, frozen=True, kw_only=True):
    """transactionIds that stand more than once. Every copy is flagged by GL-SCH-006."""

    ids: int = 0  # different ones
    rows: int = 0  # that bear them, all copies counted


class Batch(_Wire, frozen=True, kw_only=True):
    file: str  # as it was named; `-` standard input
    form: Form  # how it was read
    region: str  # whose rules were asked
    jurisdictions: tuple[str, ...]  # whose law holds there
    as_of: str  # the instant that all were judged at; '' each at its own asOf
    default_as_of: str  # for those that state none; '' where asOf says it
    transactions: int  # that were judged
    unreadable: int  # rows that are no transaction; they stand in `rejects`
    status: Verdict | Literal[""]  # the worst; '' where nothing was judged
    statuses: Statuses  # how many came to what
    rules: tuple[RuleCount, ...]  # what was found, blocks first, then the most frequent
    worst: tuple[Worst, ...]  # the lowest scores, at most ten
    reasons: dict[str, int]  # unreadable rows by the code of their error
    duplicates: Duplicates  # ids that stand twice or more
    digest: str  # SHA-256 of a line `validationId status complianceScore` of each transaction, in their order
    judged_twice: int  # rows of the sample that were judged again, one by one, and came to the same
    packs: tuple[PackUsed, ...]  # that were asked
    lists: str  # digest of the lists that names were held against; '' none
    engine: str  # whose reckoning it is
    findings: str = ""  # the file of results; '' none was asked for
    rejects: str = ""  # the file of unreadable rows; '' there are none
