"""Judge: a rulebook held against chunks of transactions. Every row gets exactly the answer that it gets alone. Pure.

Whatever columns cannot settle, rules in doubt and odd rows, is asked of the closures, row by row.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from qx.compliance.columnar.expiry import Expiries, expiries, micros
from qx.compliance.columnar.frame import Frame, Source, Window
from qx.compliance.columnar.identity import Identified, identified
from qx.compliance.columnar.names import found_of
from qx.compliance.columnar.outcomes import OUTCOMES, PLACE, Verdicts, outcome, verdicts
from qx.compliance.columnar.program import Program
from qx.compliance.columnar.values import Coded, Const
from qx.compliance.language import AS_OF
from qx.compliance.validate import TOLD, asked, events, identity, order, validate
from qx.kernel.canon import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from qx.compliance.columnar.column import Chunk
    from qx.compliance.columnar.names import Found, Screening
    from qx.compliance.columnar.outcomes import Codes
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.judge import Compiled
    from qx.compliance.screening import Screened
    from qx.compliance.validate import Asked, Rulebook
    from qx.model.validation import Finding, Validation


REMEMBERED = 1024  # rows
AT_ONCE = 8192  # rows whose inputs are made at a time


class Judge:
    """Of one rulebook; made once for many chunks."""

    def __init__(self, book: Rulebook, screening: Screening) -> None:
        self.book, self.screening = book, screening
        self.program = Program(book.rules)
        self.timezones = {pack.pack: ZoneInfo(pack.timezone) for pack in book.packs}
        self.edges = [moment for moment, _ in book.changes]

    def judged(self, chunk: Chunk, otherwise: datetime, at: datetime | None = None) -> Evaluated:
        """`at`: the moment to judge at; without it every row's own asOf, or `otherwise` where it has none."""
        source = Source(chunk)
        moments, places = _moments(source, otherwise) if at is None else ([at], np.zeros(chunk.rows, np.intp))
        outcomes = np.empty((len(self.program.rules), chunk.rows), np.uint8)
        names = found_of(source, self.screening, moments, places)
        about = About(self, chunk, moments, places)
        doubtful = 0
        for rows in self._windows(moments, places):
            frame = self._frame(source, moments, places, rows, names.facts)
            about.framed(frame, rows)
            for number, steps in enumerate(self.program.rules):
                found, doubt = outcome(steps, frame)
                for row in [] if doubt is None else np.flatnonzero(doubt).tolist():
                    found[row] = about.outcome(row if rows is None else int(rows[row]), steps.rule)
                    doubtful += 1
                outcomes[number, slice(None) if rows is None else rows] = found
            frame.forget()
        for row in chunk.odd:
            outcomes[:, row] = [about.outcome(row, one) for one in self.book.rules]
            doubtful += len(self.book.rules)
        return Evaluated(about, source, names, outcomes, doubtful)

    def _windows(self, moments: Sequence[datetime], places: Places) -> Iterator[Places | None]:
        """Rows whose asOf lies between the same changes; None: all."""
        windows = np.array([bisect_right(self.edges, moment) for moment in moments])
        if (windows == windows[0]).all():
            yield None
            return
        of_row = windows[places]
        for window in np.unique(of_row):
            yield np.flatnonzero(of_row == window)

    def _frame(
        self, source: Source, moments: list[datetime], places: Places, rows: Places | None,
        screened: Mapping[str, Value],
    ) -> Frame:  # fmt: skip
        here = places if rows is None else places[rows]
        at = moments[int(here[0])] if len(here) else moments[0]
        one = len(moments) == 1 or bool((here == here[:1]).all())
        of_row: Value = Const(at) if one else Coded(here, moments, complete=True)
        return Frame(
            self.program, source, rows, len(here), at=of_row, window=Window.of(self.book, at), screened=screened,
            timezones=self.timezones,
        )  # fmt: skip


class About:
    """The exact path: a row of a chunk as the closures are asked about it."""

    def __init__(self, judge: Judge, chunk: Chunk, moments: Sequence[datetime], places: Places) -> None:
        self.judge, self.chunk, self.moments, self.places = judge, chunk, moments, places
        self._frames: list[Frame] = []
        self._of_frame, self._place = np.zeros(chunk.rows, np.int32), np.arange(chunk.rows)
        self._asked: dict[int, Asked] = {}

    def framed(self, frame: Frame, rows: Places | None) -> None:
        """These rows, None is all, stand in this frame."""
        if rows is not None:
            self._of_frame[rows], self._place[rows] = len(self._frames), np.arange(len(rows))
        self._frames.append(frame)

    def at(self, row: int) -> datetime:
        return self.moments[int(self.places[row])]

    def screened(self, row: int) -> Screened:
        """With the facts that only the source can tell."""
        found = self.judge.screening.ask(self.chunk.transaction(row), self.at(row))
        given = {
            path: column.values[code]
            for path, column in self.chunk.facts.items()
            if (code := int(column.codes[row])) >= 0
        }
        return found._replace(facts={**found.facts, **given})

    def asked(self, row: int) -> Asked:
        if row not in self._asked:
            if row in self.chunk.odd:
                found = asked(self.chunk.odd[row], self.judge.book, self.at(row), self.screened(row))
            else:
                found = self._frames[self._of_frame[row]].asked(row, int(self._place[row]))
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()
            self._asked[row] = found
        return self._asked[row]

    def outcome(self, row: int, one: Compiled) -> int:
        return PLACE[self.asked(row).judged(one).outcome]


class Evaluated:
    """What came out. `outcomes`: places in OUTCOMES, a line for each rule of the book and a column for each row.
    `doubtful`: how often a rule had to be asked of a row's closure.
    """

    def __init__(self, about: About, source: Source, names: Found, outcomes: Codes, doubtful: int) -> None:
        self._about, self._source, self._names = about, source, names
        self.outcomes, self.doubtful = outcomes, doubtful
        self._book = about.judge.book

    @cached_property
    def verdicts(self) -> Verdicts:
        return verdicts(self.outcomes, self._book.rules)

    @cached_property
    def expiries(self) -> Expiries:
        about = self._about
        found = expiries(self._source, self._book, about.moments, about.places, self._names.fresh_until)
        for row in about.chunk.odd:
            ends = events(self._book, about.asked(row).fields, about.at(row), about.screened(row).fresh_until)
            last = min(ends, key=lambda event: event.at)
            found.at[row], found.because[row] = micros(last.at), found.reasons.index(last.because)
        return found

    def identities(self) -> Iterator[str]:
        """Of every row its validation id, in order."""
        for some in self.identified():
            yield from some.names

    def identified(self, most: int = AT_ONCE) -> Iterator[Identified]:
        """Of every row its validation id and its canonical input, in order, of `most` rows at a time."""
        about, begin = self._about, 0
        for found in identified(about.chunk, self._book, about.moments, about.places, self._names.digest, most):
            end = begin + len(found.names)
            for row in about.chunk.odd:
                if begin <= row < end:
                    transaction, lists = about.chunk.odd[row], about.screened(row).digest
                    found.names[row - begin] = identity(transaction, self._book, about.at(row), lists)
                    found.inputs[row - begin] = canonical(transaction.canonical)
            yield found
            begin = end

    def apart(self, lists: str) -> set[int]:
        """Rows that rest on more than the lists of this digest: a clearance counts there."""
        digests = self._names.digest
        if not isinstance(digests, Coded):
            return set()
        others = [place for place, each in enumerate(digests.values) if each != lists]
        return set(np.flatnonzero(np.isin(digests.codes, others)).tolist()) if others else set()

    @property
    def moments(self) -> tuple[Sequence[datetime], Places]:
        """(the distinct instants that rows are judged at, row -> which)."""
        return self._about.moments, self._about.places

    def screened(self, row: int) -> Screened:
        """What screening told of it, and the facts that only the source can tell."""
        return self._about.screened(row)

    def asked(self, row: int) -> Asked:
        """All that the rules are asked about this row with."""
        return self._about.asked(row)

    def findings(self, row: int, *, everything: bool = False) -> tuple[Finding, ...]:
        """As `validate` gives them: what is not simply kept, or `everything`."""
        asked = self._about.asked(row)
        wanted = [
            asked.judged(one)
            for one, place in zip(self._book.rules, self.outcomes[:, row], strict=True)
            if everything or OUTCOMES[place] not in TOLD
        ]
        return tuple(sorted(wanted, key=order))

    def validation(self, row: int, *, everything: bool = False) -> Validation:
        """The whole answer on one row."""
        about = self._about
        transaction, at = about.chunk.transaction(row), about.at(row)
        return validate(transaction, self._book, at, about.screened(row), everything=everything)


def _moments(source: Source, otherwise: datetime) -> tuple[list[datetime], Places]:
    """(the distinct instants that rows are judged at, row -> which)."""
    found = source.path(AS_OF)
    odd = {row: each.as_of or otherwise for row, each in source.chunk.odd.items()}
    if isinstance(found, Const) and not odd:
        return [otherwise], np.zeros(source.chunk.rows, np.intp)
    if isinstance(found, Coded):
        moments, places = [*found.values, otherwise], found.codes  # what is not there has the last place
    else:
        moments, places = [otherwise], np.zeros(source.chunk.rows, np.intp)
    if odd:
        places = places.copy()
        places[list(odd)] = np.arange(len(moments), len(moments) + len(odd))
        moments += odd.values()
    used, places = np.unique(places, return_inverse=True)
    return [moments[place] for place in used], places.reshape(-1)
