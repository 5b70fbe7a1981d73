"""Run: a file of transactions from end to end. First the ids are read, to know which stand twice; then every chunk is
judged, and written down in the order of the file.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from qx.app.batch import source
from qx.app.batch.part import Part, Tally
from qx.app.batch.pool import Pool
from qx.app.batch.results import Rejects, Sink, Whole, form_of, sink
from qx.app.batch.work import Job, Task, Work
from qx.compliance.validate import ENGINE, text_of
from qx.kernel.errors import QxError
from qx.model.batch import Batch, Duplicates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from qx.app.batch.copies import Copies
    from qx.app.batch.parquet import ParquetSource
    from qx.app.kyc import Asking
    from qx.compliance.screening import Lists
    from qx.compliance.validate import Rulebook
    from qx.model.batch import Form
    from qx.model.evidence import Packed, Receipt

    Progress = Callable[[str, int, float], None]  # what is done, rows so far, share of the file

SMALL = 2 << 20  # bytes of a file that one process reads sooner than several are started
ROWS = 32_768  # of a Parquet file that are judged at a time


class Keeps(Protocol):
    """What is needed of `qx.ports.evidence.Evidence`."""

    def keep_packed(self, packed: Sequence[Packed]) -> Receipt: ...


class Wanted(NamedTuple):
    """What the command line asks for. `at` None: each at its own asOf, or at `otherwise`."""

    file: Path  # where the bytes are
    name: str  # as it was named
    form: Form
    book: Rulebook
    lists: Lists
    at: datetime | None
    otherwise: datetime
    lenient: bool = False
    explain: bool = False
    islamic: bool = False
    findings: str = ""
    rejects: str = ""
    jobs: int = 0  # 0: one for each processor
    asking: Callable[[], Asking] | None = None  # who is asked about counterparties, made in each process


def run(wanted: Wanted, record: Keeps, progress: Progress) -> Batch:
    """Raises QX-TXN-001, 002, 011, 012, 013, QX-CLI-001. What it was asked to write is there when it returns, and not
    before; the record has each answer as soon as it is told.
    """
    into = form_of(wanted.findings, "--findings") if wanted.findings else None
    _apart(wanted)
    wanted.book.rules, wanted.book.used, wanted.book.changes  # noqa: B018 - compiled once, for all processes
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qx-batch-")))
        file, start, paths = _prepared(wanted, scratch)
        job = Job(
            file, wanted.name, wanted.form, wanted.book, wanted.lists, wanted.at, wanted.otherwise, paths,
            wanted.lenient, wanted.explain, wanted.islamic, into, wanted.asking,
        )  # fmt: skip
        work = Work(job)
        stack.callback(work.close)
        pool = stack.enter_context(Pool(work, wanted.jobs or _processes(file)))
        feed = _Feed(job, start, progress)
        copies = feed.copies(pool)
        if len(copies.hashes):
            copies.save(scratch / "copies")
        written = _Written(wanted, into)
        stack.callback(written.undo)
        written.begin()
        tally = Tally()
        for part in feed.parts(pool, str(scratch / "copies") if len(copies.hashes) else ""):
            tally.add(part)  # every chunk's results come by here, in the order of the file
            written.write(part)
            record.keep_packed(part.kept)
        if not tally.rows and not tally.unreadable:
            raise QxError("QX-TXN-001", f"{wanted.name} holds no transaction", hint="one object on each line")
        written.done()
        return _batch(wanted, tally, copies, written.rejects.path)


def _apart(wanted: Wanted) -> None:
    """Raises QX-CLI-001 where a file would be written over another that is needed."""
    file = wanted.name if wanted.name != "-" else ""
    named = {"FILE": file, "--findings": wanted.findings, "--rejects": wanted.rejects}
    seen: dict[Path, str] = {}
    for option, path in named.items():
        if path:
            at = Path(path).resolve()
            if at in seen:
                raise QxError("QX-CLI-001", f"{seen[at]} and {option} are one file: {path}", hint="name two")
            seen[at] = option


def _processes(file: Path) -> int:
    return 1 if file.stat().st_size < SMALL else len(os.sched_getaffinity(0))


def _prepared(wanted: Wanted, scratch: Path) -> tuple[Path, source.Block, tuple[str, ...]]:
    """(the file of rows, where they begin, a table's columns)."""
    if wanted.form == "parquet":
        return wanted.file, source.Block(0, 0, 1), ()
    with wanted.file.open("rb") as file:
        if wanted.form == "json":
            lines = scratch / "lines"
            with lines.open("wb") as into:
                source.unrolled(file, into, wanted.name)
            return lines, source.Block(0, 0, 1), ()
        begin = len(source.BOM) if file.read(len(source.BOM)) == source.BOM else 0
        if wanted.form == "ndjson":
            return wanted.file, source.Block(begin, 0, 1), ()
        from qx.app.batch.table import header_of, paths_of

        file.seek(begin)
        line = file.readline(source.HEAD)
        paths = paths_of(header_of(line, wanted.name), lenient=wanted.lenient, file=wanted.name)
        return wanted.file, source.Block(begin + len(line), 0, 2), paths


class _Feed:
    """The chunks of one file, twice: for their ids, and to be judged."""

    def __init__(self, job: Job, start: source.Block, progress: Progress) -> None:
        self._job, self._start, self._progress = job, start, progress
        self._done = 0.0
        self._known: list[source.Block] = []

    @cached_property
    def _table(self) -> ParquetSource:
        from qx.app.batch.parquet import ParquetSource

        return ParquetSource(self._job.file, self._job.name, lenient=self._job.lenient)

    def copies(self, pool: Pool[Task, Part | bytes]) -> Copies:
        from qx.app.batch.copies import WIDE, Copies

        known = bytearray()
        for each in pool.ordered(self._tasks("ids", ""), self._in_hand):
            if isinstance(each, bytes):
                known += each
                self._progress("ids", len(known) // WIDE, self._done)
        return Copies.among(known)

    def parts(self, pool: Pool[Task, Part | bytes], copies: str) -> Iterator[Part]:
        rows = 0
        for part in pool.ordered(self._tasks("rows", copies), self._in_hand):
            if isinstance(part, Part):
                yield part
                rows += part.rows + len(part.rejects)
                self._progress("rows", rows, self._done)

    @property
    def _in_hand(self) -> int:
        """Tasks of a process: two, where a task only names a part of the file."""
        return 1 if self._job.form == "parquet" else 2

    def _tasks(self, what: Literal["ids", "rows"], copies: str) -> Iterator[Task]:
        if self._job.form == "parquet":
            yield from self._batches(what, copies)
            return
        size = max(1, self._job.file.stat().st_size)
        for each in self._known if what == "rows" else self._blocks():
            self._done = (each.offset + each.size) / size
            if what == "rows" or not each.endless:
                yield Task(what, each.line, each.offset, each.size, b"", copies, each.endless)

    def _blocks(self) -> Iterator[source.Block]:
        """Found once, for both times."""
        with self._job.file.open("rb") as file:
            start, quoted = self._start, self._job.form == "csv"
            for each in source.blocks(file, offset=start.offset, line=start.line, quoted=quoted):
                self._known.append(each)
                yield each

    def _batches(self, what: Literal["ids", "rows"], copies: str) -> Iterator[Task]:
        line, whole = 1, max(1, self._table.rows)
        for rows, data in self._table.batches(ROWS, ids=what == "ids"):
            yield Task(what, line, data=data, copies=copies)
            line += rows
            self._done = (line - 1) / whole


class _Written:
    """What is written while the batch goes on: nothing is to be seen of it before `done`."""

    def __init__(self, wanted: Wanted, into: Form | None) -> None:
        self.rejects = Rejects(wanted.name, wanted.rejects)
        self._into = into
        self._sink: Sink | None = None
        self._whole = Whole(Path(wanted.findings), replaces=True) if into is not None else None

    def begin(self) -> None:
        """Raises QX-TXN-011."""
        if self._into is not None and self._whole is not None:
            self._sink = sink(self._into, self._whole.begin())

    def write(self, part: Part) -> None:
        """Raises QX-TXN-011."""
        try:
            if self._sink is not None:
                self._sink.write(part.results)
            self.rejects.write(part.rejects)
        except OSError as error:
            raise QxError("QX-TXN-011", f"results cannot be written: {error.strerror or error}") from error

    def done(self) -> None:
        if self._sink is not None and self._whole is not None:
            self._sink.close()
            self._whole.done()
        self.rejects.done()

    def undo(self) -> None:
        """Nothing, after `done`."""
        if self._whole is not None:
            self._whole.undo()
        self.rejects.undo()


def _batch(wanted: Wanted, tally: Tally, copies: Copies, rejects: str) -> Batch:
    return Batch(
        file=wanted.name, form=wanted.form, region=wanted.book.region, jurisdictions=wanted.book.jurisdictions,
        as_of="" if wanted.at is None else text_of(wanted.at),
        default_as_of=text_of(wanted.otherwise) if wanted.at is None else "",
        transactions=tally.rows, unreadable=tally.unreadable, status=tally.status, statuses=tally.statuses,
        rules=tally.rules(wanted.book), worst=tally.worst, reasons=dict(sorted(tally.reasons.items())),
        duplicates=Duplicates(ids=len(copies.hashes), rows=tally.copies), digest=tally.digest,
        judged_twice=tally.checked, packs=wanted.book.used, lists=wanted.lists.digest, engine=ENGINE,
        findings=wanted.findings, rejects=rejects,
    )  # fmt: skip
