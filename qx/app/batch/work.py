"""Work: one chunk of a file read, judged and written down. Runs in any process; keeps nothing but what it remembers.

In every batch some rows, chosen by their validation ids, are judged again, read anew and one by one; a difference ends
the batch.
"""

from __future__ import annotations

import os
from functools import cached_property
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from qx.app.batch.part import SHOWN, Part, lowest
from qx.app.batch.rows import reject
from qx.app.batch.sharia import ISLAMIC, under_sharia
from qx.compliance.kyc import in_words_of
from qx.compliance.screening import screen
from qx.compliance.transaction import read
from qx.compliance.validate import TOLD, validate
from qx.kernel.errors import QxError
from qx.model.batch import Worst

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from qx.app.batch.copies import Copies
    from qx.app.batch.kept import Keeper
    from qx.app.batch.lines import LineReader
    from qx.app.batch.parquet import ParquetReader
    from qx.app.batch.rows import Rows
    from qx.app.batch.said import Teller
    from qx.app.batch.table import TableReader
    from qx.app.batch.told import Line, Told
    from qx.app.kyc import Asking
    from qx.compliance.columnar.column import Chunk
    from qx.compliance.columnar.evaluate import Evaluated, Judge
    from qx.compliance.screening import Lists
    from qx.compliance.validate import Rulebook
    from qx.model.batch import Form
    from qx.model.evidence import Packed
    from qx.model.rules import Outcome
    from qx.model.validation import Verdict

_ENCODER = msgspec.json.Encoder()
CHECKED = ("000", "001", "002", "003")  # ends of ids: 4 of 4,096 rows


class Job(NamedTuple):
    """What is the same for all chunks. `at` None: each at its own asOf, or at `otherwise`. `paths`: of a table's
    columns. `into`: the form of the file of results; None: there is none. `asking`: makes what is asked about the
    counterparties, in each process its own; None: nobody is asked.
    """

    file: Path
    name: str
    form: Form
    book: Rulebook
    lists: Lists
    at: datetime | None
    otherwise: datetime
    paths: tuple[str, ...] = ()
    lenient: bool = False
    explain: bool = False
    islamic: bool = False
    into: Form | None = None
    asking: Callable[[], Asking] | None = None


class Task(NamedTuple):
    """A chunk: a piece of the file, or `data`. `line`: of its first row. `copies`: a file of ids that stand twice."""

    what: Literal["ids", "rows"]
    line: int
    offset: int = 0
    size: int = 0
    data: bytes = b""
    copies: str = ""
    endless: bool = False  # a line that is too long to be read


class Work:
    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, task: Task) -> Part | bytes:
        """Of `ids` their hashes. Raises QX-TXN-001, QX-TXN-012."""
        if task.what == "ids":
            from qx.app.batch.copies import hashes

            return hashes(self._columns.ids(task.data, task.line) if task.data else self._text.ids(self._block(task)))
        if task.endless:
            error = QxError("QX-TXN-001", "the line is longer than any transaction", hint="one object on each line")
            return Part(rejects=(reject(task.line, error, ""),))
        if task.data:
            found = self._columns.rows(task.data, task.line)
        else:
            found = self._text.rows(self._block(task), task.line)
        return self._judged(found, task.copies) if found.chunk.rows else Part(rejects=found.rejects)

    def _block(self, task: Task) -> bytes:
        return os.pread(self._descriptor, task.size, task.offset)

    @cached_property
    def _descriptor(self) -> int:
        return os.open(self._job.file, os.O_RDONLY)

    @cached_property
    def _columns(self) -> ParquetReader:
        from qx.app.batch.parquet import ParquetReader

        return ParquetReader()

    @cached_property
    def _text(self) -> LineReader | TableReader:
        job = self._job
        if job.form == "csv":
            from qx.app.batch.table import TableReader

            return TableReader(job.paths)
        from qx.app.batch.lines import LineReader

        return LineReader(lenient=job.lenient)

    @cached_property
    def _judge(self) -> Judge:
        from qx.compliance.columnar.evaluate import Judge
        from qx.compliance.columnar.names import Screening

        return Judge(self._job.book, Screening.of(self._job.lists))

    @cached_property
    def _asking(self) -> Asking | None:
        return None if self._job.asking is None else self._job.asking()

    def close(self) -> None:
        """In the process that made it; the others end."""
        if "_asking" in self.__dict__ and self._asking is not None:
            self._asking.close()

    @cached_property
    def _keeper(self) -> Keeper:
        from qx.app.batch.kept import Keeper

        return Keeper(self._job.book, self._job.lists)

    @cached_property
    def _teller(self) -> Teller:
        from qx.app.batch.said import Teller

        return Teller(self._job.book)

    def _copies(self, path: str) -> Copies | None:
        if not path:
            return None
        if path not in self._known_copies:
            from qx.app.batch.copies import Copies

            self._known_copies[path] = Copies.load(Path(path))
        return self._known_copies[path]

    @cached_property
    def _known_copies(self) -> dict[str, Copies]:
        return {}

    def _judged(self, rows: Rows, copies: str) -> Part:
        import numpy as np

        from qx.app.batch.results import rendered
        from qx.compliance.columnar.column import Chunk

        job, chunk = self._job, rows.chunk
        if job.islamic:
            chunk = _islamic(chunk)
        if self._asking is not None:
            told_of = self._asking.enrich([chunk.transaction(row) for row in range(chunk.rows)])
            chunk = Chunk.of([each.transaction for each in told_of])
        known = self._copies(copies)
        twice = None if known is None else known.column(chunk)
        if twice is not None:
            chunk = chunk._replace(facts={"facts.copies": twice})
        found = self._judge.judged(chunk, job.otherwise, job.at)
        told, kept = self._told(rows, chunk, found)
        checked = [row for row, each in enumerate(told.ids) if each.endswith(CHECKED)]
        for row in checked:
            self._check(rows, chunk, row, told.row(row))
        ends = [f" {each.status} {each.score}\n" for each in told.answers]
        lowest_first = np.argsort(found.verdicts.score, kind="stable")[:SHOWN]
        return Part(
            rows=chunk.rows,
            results=rendered(job.into, told) if job.into is not None else b"",
            digested="".join(map(add, told.ids, map(ends.__getitem__, told.which.tolist()))).encode(),
            statuses=_statuses(found),
            rules=_counted(found, job.book),
            worst=lowest([_worst(told.row(row)) for row in lowest_first.tolist()]),
            rejects=rows.rejects,
            copies=0 if twice is None else int((twice.codes >= 0).sum()),
            checked=len(checked),
            kept=kept,
        )

    def _told(self, rows: Rows, chunk: Chunk, found: Evaluated) -> tuple[Told, tuple[Packed, ...]]:
        """Of each row what is written down of it; what goes to the record."""
        from qx.app.batch.kept import Keeping
        from qx.app.batch.told import Told, answers_of

        names, (answers, which) = names_of(chunk), answers_of(found)
        findings = self._findings(chunk, found)
        keeping = Keeping(self._keeper, chunk, found, names, answers, which)
        ids: list[str] = []
        kept: list[Packed] = []
        for some in found.identified():
            kept += keeping.packed(some.names, some.inputs)
            ids += some.names
        return Told(rows.lines, names, ids, answers, which, findings), tuple(kept)

    def _findings(self, chunk: Chunk, found: Evaluated) -> list[bytes]:
        """Of each row, as JSON."""
        job = self._job
        if job.explain:
            return [_ENCODER.encode(found.findings(row, everything=True)) for row in range(chunk.rows)]
        own = "asOf" in chunk.columns or any(each.as_of for each in chunk.odd.values())
        return self._teller.findings(chunk, found, job.at or (None if own else job.otherwise))

    def _check(self, rows: Rows, chunk: Chunk, row: int, told: Line) -> None:
        """Raises QX-TXN-012 where one by one it comes to something else."""
        from qx.app.batch.told import Line

        job = self._job
        transaction = read(rows.document(row), lenient=job.lenient)
        if job.islamic:
            transaction = under_sharia(transaction)
        if self._asking is not None:
            transaction = in_words_of(transaction, chunk.transaction(row))
        at = job.at or transaction.as_of or job.otherwise
        screened = screen(transaction, job.lists, at)
        twice = chunk.facts.get("facts.copies")
        if twice is not None and (code := int(twice.codes[row])) >= 0:
            screened = screened._replace(facts={**screened.facts, "facts.copies": twice.values[code]})
        alone = validate(transaction, job.book, at, screened, everything=job.explain)
        findings = alone.findings if job.explain else tuple(
            {"ruleId": each.rule_id, "outcome": each.outcome, "severity": each.severity, "message": each.message}
            for each in alone.findings
        )  # fmt: skip
        expected = Line(
            told.line, alone.transaction_id, alone.validation_id, alone.status, alone.compliance_score,
            alone.expires_at, _ENCODER.encode(findings),
        )  # fmt: skip
        if told != expected:
            differs = ", ".join(name for name in Line._fields if getattr(told, name) != getattr(expected, name))
            said = f"{job.name}:{told.line}: the row {told.validation_id} came to another {differs} when judged alone"
            raise QxError("QX-TXN-012", said, hint=f"report it; alone it is {alone.validation_id}, {alone.status}")


def _islamic(chunk: Chunk) -> Chunk:
    import numpy as np

    from qx.compliance.columnar.column import Column

    odd = {row: under_sharia(each) for row, each in chunk.odd.items()}
    codes = np.zeros(chunk.rows, np.int32)
    codes[list(odd)] = -1
    return chunk._replace(columns={**chunk.columns, ISLAMIC: Column(codes, [True], [True])}, odd=odd)


def names_of(chunk: Chunk) -> list[str]:
    """Of each row its transactionId; '' none."""
    column = chunk.columns.get("transactionId")
    if column is None:
        found = [""] * chunk.rows
    else:
        texts = ["" if code in column.malformed else text for code, text in enumerate(column.texts)]
        found = [texts[code] if code >= 0 else "" for code in column.codes.tolist()]
    for row, each in chunk.odd.items():
        found[row] = each.name
    return found


def _counted(found: Evaluated, book: Rulebook) -> dict[tuple[str, Outcome], int]:
    import numpy as np

    from qx.compliance.columnar.outcomes import OUTCOMES

    counted: dict[tuple[str, Outcome], int] = {}
    for one, outcomes in zip(book.rules, found.outcomes, strict=True):
        for place, count in enumerate(np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()):
            if count and OUTCOMES[place] not in TOLD:
                counted[one.rule.id, OUTCOMES[place]] = count
    return counted


def _statuses(found: Evaluated) -> dict[Verdict, int]:
    import numpy as np

    from qx.compliance.columnar.outcomes import STATUSES

    counts = np.bincount(found.verdicts.status, minlength=len(STATUSES)).tolist()
    return {status: count for status, count in zip(STATUSES, counts, strict=True) if count}


def _worst(told: Line) -> Worst:
    first = msgspec.json.decode(told.findings)[:1]
    return Worst(
        line=told.line, transaction_id=told.name, validation_id=told.validation_id, status=told.status,
        compliance_score=told.score, rule_id=first[0]["ruleId"] if first else "",
    )  # fmt: skip
