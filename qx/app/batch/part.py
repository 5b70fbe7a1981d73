"""Part: what came of one chunk, on its way back to the process that reads the file; Tally: what all parts add up to."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.model.batch import Reject, RuleCount, Statuses, Worst

if TYPE_CHECKING:
    from qx.compliance.validate import Rulebook
    from qx.model.evidence import Packed
    from qx.model.rules import Outcome
    from qx.model.validation import Verdict

SHOWN = 10  # of the worst rows
RANK = {"block": 0, "flag": 1, "info": 2}


class Part(NamedTuple):
    """`results`: as they stand in the file of results. `digested`: what the batch's digest is of. `rules`: (rule,
    outcome) -> rows. `copies`: rows whose transactionId stands twice. `checked`: rows judged twice. `kept`: what goes
    to the record.
    """

    rows: int = 0
    results: bytes = b""
    digested: bytes = b""
    statuses: dict[Verdict, int] = {}  # noqa: RUF012 - never changed
    rules: dict[tuple[str, Outcome], int] = {}  # noqa: RUF012 - never changed
    worst: tuple[Worst, ...] = ()
    rejects: tuple[Reject, ...] = ()
    copies: int = 0
    checked: int = 0
    kept: tuple[Packed, ...] = ()


class Tally:
    def __init__(self) -> None:
        self.rows = self.unreadable = self.copies = self.checked = 0
        self.worst: tuple[Worst, ...] = ()
        self.reasons: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._rules: Counter[tuple[str, Outcome]] = Counter()
        self._digest = hashlib.sha256()

    def add(self, part: Part) -> None:
        """In the order of the file."""
        self.rows += part.rows
        self.unreadable += len(part.rejects)
        self.copies += part.copies
        self.checked += part.checked
        self._statuses.update(part.statuses)
        self._rules.update(part.rules)
        self.reasons.update(each.code for each in part.rejects)
        self._digest.update(part.digested)
        self.worst = lowest([*self.worst, *part.worst])

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    @property
    def statuses(self) -> Statuses:
        return Statuses(**self._statuses)

    @property
    def status(self) -> Verdict | Literal[""]:
        """The worst; '' where nothing was judged."""
        order: tuple[Verdict, ...] = ("rejected", "conditional", "approved")
        return next((each for each in order if self._statuses[each]), "")

    def rules(self, book: Rulebook) -> tuple[RuleCount, ...]:
        """What blocks first, then what is most frequent."""
        known = {one.rule.id: one.rule for one in book.rules}
        made = [
            RuleCount(
                rule_id=rule, title=known[rule].title, severity=known[rule].severity, outcome=outcome,
                transactions=count,
            )
            for (rule, outcome), count in self._rules.items()
        ]
        return tuple(sorted(made, key=_order))


def lowest(rows: list[Worst]) -> tuple[Worst, ...]:
    return tuple(sorted(rows, key=lambda each: (each.compliance_score, each.line))[:SHOWN])


def _order(each: RuleCount) -> tuple[bool, int, int, str]:
    return each.outcome != "fail", RANK[each.severity], -each.transactions, each.rule_id
