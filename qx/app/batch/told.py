"""Told: what is written down of the rows of a chunk. Most came to one of a few answers: those are spelled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.compliance.columnar.outcomes import STATUSES
from qx.compliance.columnar.values import Coded, combined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.compliance.columnar.evaluate import Evaluated
    from qx.compliance.columnar.values import Places
    from qx.model.validation import Verdict

BEST = 100  # score


class Line(NamedTuple):
    """Of one row. `findings`: a JSON list."""

    line: int
    name: str  # its transactionId; '' none
    validation_id: str
    status: Verdict
    score: int
    expires_at: str
    findings: bytes


class Answer(NamedTuple):
    status: Verdict
    score: int
    expires_at: str


class Told(NamedTuple):
    """Of many rows, as `Line`. `answers`: each once; `which`: row -> its answer's place."""

    lines: Sequence[int]
    names: Sequence[str]
    ids: Sequence[str]
    answers: Sequence[Answer]
    which: Places
    findings: Sequence[bytes]

    def row(self, row: int) -> Line:
        status, score, end = self.answers[self.which[row]]
        return Line(self.lines[row], self.names[row], self.ids[row], status, score, end, self.findings[row])

    def rows(self) -> Iterator[Line]:
        return map(self.row, range(len(self.ids)))


def answers_of(found: Evaluated) -> tuple[list[Answer], Places]:
    """(each answer once, row -> which)."""
    verdicts, expiries = found.verdicts, found.expiries
    ends, end = np.unique(expiries.at, return_inverse=True)
    which, row_of = combined([
        Coded(end.reshape(-1), ends.tolist(), complete=True),
        Coded(verdicts.status.astype(np.intp), STATUSES, complete=True),
        Coded(verdicts.score.astype(np.intp), range(BEST + 1), complete=True),
    ])  # fmt: skip
    rows = row_of.tolist()
    return [Answer(STATUSES[verdicts.status[row]], int(verdicts.score[row]), expiries.text(row)) for row in rows], which
