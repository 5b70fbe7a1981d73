"""Kept: the rows of a chunk as the record keeps them, packed where they were judged.

A row that columns cannot say, or that rests on a clearance, is kept the exact way; of the others what they share is
reckoned once: the rules that fired, and what is due since one day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.compliance.columnar.outcomes import OUTCOMES
from qx.compliance.evidence import kept_of, pack
from qx.compliance.language import AS_OF
from qx.compliance.obligations import due
from qx.compliance.validate import ENGINE, TOLD, order, text_of
from qx.model.evidence import Basis, Kept, Owed, Row, Ruled
from qx.model.validation import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.batch.part import Told
    from qx.compliance.columnar.column import Chunk
    from qx.compliance.columnar.evaluate import Evaluated
    from qx.compliance.judge import Compiled
    from qx.compliance.screening import Lists
    from qx.compliance.validate import Rulebook
    from qx.model.evidence import Packed
    from qx.model.rules import Outcome

REMEMBERED = 20_000  # patterns of outcomes
_ASKED = [place for place, each in enumerate(OUTCOMES) if each not in ("not_applicable", "not_in_force")]


class Keeper:
    """Of one rulebook."""

    def __init__(self, book: Rulebook, lists: Lists) -> None:
        self._book, self._lists = book, lists
        self._basis = Basis(
            region=book.region, jurisdictions=book.jurisdictions, packs=book.used, lists=lists.digest, engine=ENGINE
        )
        self._ruled: dict[bytes, tuple[Ruled, ...]] = {}
        self._owing = [(number, one) for number, one in enumerate(book.rules) if one.rule.obligation is not None]

    def packed(
        self, chunk: Chunk, found: Evaluated, told: Sequence[Told], inputs: Sequence[str]
    ) -> tuple[Packed, ...]:
        """In the order of the rows. `inputs`: their canonical input, as canonical JSON."""
        exact = found.apart(self._lists.digest) | set(chunk.odd)
        owed = self._owed(chunk, found)
        patterns, width = found.outcomes.T.tobytes(), len(found.outcomes)
        reasons, because = found.expiries.reasons, found.expiries.because.tolist()
        moments, places = found.moments
        instants, at = [text_of(moment) for moment in moments], places.tolist()
        given = _given(chunk)
        kept = []
        for row, (each, text) in enumerate(zip(told, inputs, strict=True)):
            if row in exact:
                kept.append(kept_of(
                    found.validation(row), chunk.transaction(row), found.screened(row), self._lists.digest,
                    basis=self._basis, given=given.get(row),
                ))  # fmt: skip
                continue
            told_row = Row(
                validation_id=each.validation_id, transaction_id=each.name, as_of=instants[at[row]],
                status=each.status, compliance_score=each.score, expires_at=each.expires_at,
                expires_because=reasons[because[row]], findings=self._rules(patterns[row * width : (row + 1) * width]),
                obligations=owed[row], given=given.get(row, {}),
            )
            kept.append(Kept(self._basis, told_row, text.encode()))
        return tuple(pack(kept))

    def _rules(self, pattern: bytes) -> tuple[Ruled, ...]:
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

    def _owed(self, chunk: Chunk, found: Evaluated) -> list[tuple[Owed, ...]]:
        """Of each row what is to be done because of it, in the order of the rules."""
        keys = np.zeros(chunk.rows, np.int64)
        known: list[tuple[Owed, ...]] = [()]
        for number, one in self._owing:
            which, owed = _of_rule(one, found.outcomes[number], *_since(one, chunk, found))
            if len(owed) > 1:
                distinct, keys = np.unique(keys * len(owed) + which, return_inverse=True)
                known = [(*known[key // len(owed)], *owed[key % len(owed)]) for key in distinct.tolist()]
        return [known[key] for key in keys.tolist()]


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
) -> tuple[NDArray[np.int64], list[tuple[Owed, ...]]]:
    """(row -> which, what is owed). The first is nothing."""
    after = one.rule.obligation.after if one.rule.obligation is not None else ""
    asked = np.isin(outcomes, _ASKED) & (since >= 0)
    keys = np.where(asked, since * len(OUTCOMES) + outcomes, -1)
    distinct, which = np.unique(keys, return_inverse=True)
    owed: list[tuple[Owed, ...]] = [()]
    places: list[int] = []
    for key in distinct.tolist():
        told = None
        if key >= 0:
            code, place = divmod(key, len(OUTCOMES))
            told = due(one, _finding(one, OUTCOMES[place]), {after: values[code]})
        places.append(0 if told is None else len(owed))
        if told is not None:
            owed.append((Owed(told.rule_id, told.action, told.to, told.due),))
    return np.array(places, np.int64)[which], owed


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
