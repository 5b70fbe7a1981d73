"""Kept: the rows of a chunk as the record keeps them, packed where they were judged.

A row that columns cannot say, or that rests on a clearance, is kept the exact way; of the others what they share is
reckoned once: the rules that fired, and what is due since one day.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from qx.compliance.columnar.outcomes import OUTCOMES
from qx.compliance.evidence import end_of, kept_of, line, line_of, pack_lines, row_of
from qx.compliance.language import AS_OF
from qx.compliance.obligations import due
from qx.compliance.validate import ENGINE, TOLD, order, text_of
from qx.model.evidence import Basis, Owed, Row, Ruled
from qx.model.validation import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qx.app.batch.told import Answer
    from qx.compliance.columnar.column import Chunk
    from qx.compliance.columnar.evaluate import Evaluated
    from qx.compliance.judge import Compiled
    from qx.compliance.screening import Lists
    from qx.compliance.validate import Rulebook
    from qx.model.evidence import Kept, Packed
    from qx.model.rules import Outcome

    _Alike = tuple[bytes, int, int, int, int]

REMEMBERED = 20_000  # patterns of outcomes
_ASKED = [place for place, each in enumerate(OUTCOMES) if each not in ("not_applicable", "not_in_force")]


class Keeper:
    """Of one rulebook."""

    def __init__(self, book: Rulebook, lists: Lists) -> None:
        self.lists = lists.digest
        self.basis = Basis(
            region=book.region, jurisdictions=book.jurisdictions, packs=book.used, lists=lists.digest, engine=ENGINE
        )
        self._book = book
        self._ruled: dict[bytes, tuple[Ruled, ...]] = {}
        self._owing = [(number, one) for number, one in enumerate(book.rules) if one.rule.obligation is not None]

    def rules(self, pattern: bytes) -> tuple[Ruled, ...]:
        """`pattern`: a row's outcomes, by rule. What is not simply kept, in the order of the answer."""
        if pattern not in self._ruled:
            if len(self._ruled) >= REMEMBERED:
                self._ruled.clear()
            fired = [
                _finding(one, OUTCOMES[place])
                for one, place in zip(self._book.rules, pattern, strict=True)
                if OUTCOMES[place] not in TOLD
            ]
            self._ruled[pattern] = tuple(Ruled(each.rule_id, each.outcome) for each in sorted(fired, key=order))
        return self._ruled[pattern]

    def owed(self, chunk: Chunk, found: Evaluated) -> tuple[list[tuple[Owed, ...]], NDArray[np.int64]]:
        """(what is to be done, in the order of the rules; row -> which of them is because of it)."""
        keys = np.zeros(chunk.rows, np.int64)
        known: list[tuple[Owed, ...]] = [()]
        for number, one in self._owing:
            rows, which, owed = _of_rule(one, found.outcomes[number], *_since(one, chunk, found))
            distinct, places = np.unique(keys[rows] * len(owed) + which, return_inverse=True)
            keys[rows] = len(known) + places
            known += [(*known[key // len(owed)], *owed[key % len(owed)]) for key in distinct.tolist()]
        return known, keys


class Keeping:
    """Of one chunk; its rows come in order, some at a time. `names`: their transactionIds; `answers`, `which`: what
    they came to, as in `Told`.
    """

    def __init__(
        self, keeper: Keeper, chunk: Chunk, found: Evaluated, names: Sequence[str], answers: Sequence[Answer],
        which: NDArray[np.intp],
    ) -> None:  # fmt: skip
        self._keeper, self._chunk, self._found, self._names, self._answers = keeper, chunk, found, names, answers
        self._exact = found.apart(keeper.lists) | set(chunk.odd)
        self._given = _given(chunk)
        self._instants = [text_of(moment) for moment in found.moments[0]]
        self._debts, owing = keeper.owed(chunk, found)
        outcomes, width = found.outcomes.T.tobytes(), len(found.outcomes)
        self._alike = zip(  # rows that are the same in these differ in nothing but their ids
            (outcomes[begin : begin + width] for begin in range(0, len(outcomes), width)), owing.tolist(),
            found.moments[1].tolist(), which.tolist(), found.expiries.because.tolist(), strict=True,
        )  # fmt: skip
        self._ends: dict[_Alike, bytes] = {}
        self._begin = 0

    def packed(self, ids: Sequence[str], inputs: Sequence[bytes]) -> Iterator[Packed]:
        """The next rows. `ids`: of the validations; `inputs`: their canonical input, as canonical JSON."""
        rows = range(self._begin, self._begin + len(ids))
        self._begin = rows.stop
        ends = [self._ends.get(alike) or self._end(alike) for alike in islice(self._alike, len(ids))]
        lines = list(map(line, ids, self._names[rows.start : rows.stop], ends))
        for row in self._given.keys() & rows:
            known = row_of(lines[row - rows.start][1:])
            lines[row - rows.start] = line_of(replace(known, given=self._given[row]))
        if exact := self._exact.intersection(rows):
            inputs = list(inputs)
            for row in exact:
                kept = self._kept(row)
                lines[row - rows.start], inputs[row - rows.start] = line_of(kept.row), kept.input
        yield from pack_lines(self._keeper.basis, ids, lines, inputs)

    def _end(self, alike: _Alike) -> bytes:
        pattern, debt, moment, which, because = alike
        status, score, expires_at = self._answers[which]
        self._ends[alike] = end = end_of(Row(
            validation_id="", as_of=self._instants[moment], status=status, compliance_score=score,
            expires_at=expires_at, expires_because=self._found.expiries.reasons[because],
            findings=self._keeper.rules(pattern), obligations=self._debts[debt],
        ))  # fmt: skip
        return end

    def _kept(self, row: int) -> Kept:
        """The exact way."""
        found, keeper = self._found, self._keeper
        return kept_of(
            found.validation(row), self._chunk.transaction(row), found.screened(row), keeper.lists,
            basis=keeper.basis, given=self._given.get(row),
        )  # fmt: skip


def _since(one: Compiled, chunk: Chunk, found: Evaluated) -> tuple[Sequence[object], NDArray[np.intp]]:
    """From when its obligation counts: (values, row -> which); -1 where that is not there."""
    after = one.rule.obligation.after if one.rule.obligation is not None else ""
    if after == AS_OF:
        return found.moments
    column = chunk.columns.get(after)
    if column is None:
        return [], np.full(chunk.rows, -1)
    codes = column.codes.astype(np.intp)
    return column.values, np.where(np.isin(codes, list(column.malformed)), -1, codes)


def _of_rule(
    one: Compiled, outcomes: NDArray[np.uint8], values: Sequence[object], since: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[tuple[Owed, ...]]]:
    """(rows that may owe something, of each which, what is owed)."""
    after = one.rule.obligation.after if one.rule.obligation is not None else ""
    rows = np.flatnonzero(np.isin(outcomes, _ASKED) & (since >= 0))
    distinct, which = np.unique(since[rows] * len(OUTCOMES) + outcomes[rows], return_inverse=True)
    owed: list[tuple[Owed, ...]] = []
    for key in distinct.tolist():
        code, place = divmod(key, len(OUTCOMES))
        told = due(one, _finding(one, OUTCOMES[place]), {after: values[code]})
        owed.append(() if told is None else (Owed(told.rule_id, told.action, told.to, told.due),))
    return rows, which, owed


def _finding(one: Compiled, outcome: Outcome) -> Finding:
    rule = one.rule
    return Finding(rule_id=rule.id, outcome=outcome, severity=rule.severity, title=rule.title, citation=rule.citation)


def _given(chunk: Chunk) -> dict[int, dict[str, object]]:
    """Row -> the facts that only the file can tell."""
    found: dict[int, dict[str, object]] = {}
    for path, column in chunk.facts.items():
        for row in np.flatnonzero(column.codes >= 0).tolist():
            found.setdefault(row, {})[path] = column.texts[int(column.codes[row])]
    return found
