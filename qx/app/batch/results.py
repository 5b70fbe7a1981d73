"""Results: one line for each transaction, in the form of the file's name; and the file of what could not be read.

A file appears under its name when it is whole, never before. No cell of CSV begins like a formula: such a one gets an
apostrophe in front.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import msgspec

from qx.kernel.errors import QxError
from qx.render.paint import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qx.app.batch.told import Line, Told
    from qx.model.batch import Form, Reject

FORMS: dict[str, Form] = {
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json", ".csv": "csv", ".parquet": "parquet",
}  # fmt: skip
COLUMNS = ("line", "transactionId", "validationId", "status", "complianceScore", "expiresAt", "findings")
REJECTED = ("line", "code", "reason", "hint", "text")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_lines_of = msgspec.json.Encoder().encode_lines


def form_of(path: str, option: str) -> Form:
    """Raises QX-CLI-001."""
    form = FORMS.get(Path(path).suffix.lower())
    if form is None:
        hint = "a name in .ndjson, .json, .csv or .parquet"
        raise QxError("QX-CLI-001", f"{option} {path}: its form is not known", hint=hint)
    return form


def rendered(form: Form, told: Told) -> bytes:
    """As these rows stand in such a file; of Parquet a stream of record batches."""
    if form == "csv":
        return _csv([(*row[:-1], _in_words(row.findings)) for row in told.rows()])
    if form == "parquet":
        return _columns(told.rows())
    return b",\n".join(_lines(told)) if form == "json" else b"\n".join([*_lines(told), b""])


def _lines(told: Told) -> Iterator[bytes]:
    middles = [
        b'","status":"%b","complianceScore":%d,"expiresAt":"%b","findings":'
        % (each.status.encode(), each.score, each.expires_at.encode())
        for each in told.answers
    ]
    names = _lines_of(told.names).split(b"\n")[:-1]
    ids = "\n".join(told.ids).encode().split(b"\n")
    rows = zip(told.lines, names, ids, map(middles.__getitem__, told.which.tolist()), told.findings, strict=True)
    return (b'{"line":%d,"transactionId":%b,"validationId":"%b%b%b}' % row for row in rows)


def _in_words(findings: bytes) -> str:
    return "; ".join(
        f"{each['ruleId']} {each['outcome']}{': ' if each.get('message') else ''}{each.get('message', '')}"
        for each in msgspec.json.decode(findings)
    )


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def cell(value: Any) -> Any:
    """Numbers as they are; of texts none that a spreadsheet would run, or that moves a cursor."""
    if not isinstance(value, str):
        return value
    safe = f"'{value}" if value.startswith(FORMULA) else value
    return printable(safe)


def _columns(rows: Iterable[Line]) -> bytes:
    import pyarrow as pa

    words = pa.string()
    said = pa.struct([("ruleId", words), ("outcome", words), ("severity", words), ("message", words)])
    kinds = (pa.int64(), words, words, words, pa.int16(), words, pa.list_(said))
    told = [(*row[:-1], msgspec.json.decode(row.findings)) for row in rows]
    columns = list(zip(*told, strict=True)) or [()] * len(kinds)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    sink = pa.BufferOutputStream()
    batch = pa.record_batch(arrays, names=list(COLUMNS))
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


class Sink(Protocol):
    """Takes what is rendered, in order; `close` once, when all is there."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class _Plain:
    def __init__(self, file: BinaryIO, before: bytes = b"", between: bytes = b"", after: bytes = b"") -> None:
        self._file, self._between, self._after, self._first = file, between, after, True
        file.write(before)

    def write(self, data: bytes) -> None:
        if data:
            self._file.write(data if self._first else self._between + data)
            self._first = False

    def close(self) -> None:
        self._file.write(self._after)


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pa, self._pq, self._file = pa, pq, file
        self._writer: Any = None

    def write(self, data: bytes) -> None:
        if data:
            with self._pa.ipc.open_stream(data) as stream:
                batch = stream.read_next_batch()
            if self._writer is None:
                self._writer = self._pq.ParquetWriter(self._file, batch.schema, compression="zstd")
            self._writer.write_batch(batch)

    def close(self) -> None:
        if self._writer is None:
            self.write(_columns([]))
        self._writer.close()


def sink(form: Form, file: BinaryIO) -> Sink:
    if form == "parquet":
        return _Parquet(file)
    if form == "json":
        return _Plain(file, b"[", b",\n", b"]\n")
    return _Plain(file, _csv([COLUMNS]) if form == "csv" else b"")


class Whole:
    """A file that appears under its name when `done` is called. It is begun apart, so that whoever is to undo it knows
    of it before it is there. Raises QX-TXN-011.

    `replaces` false: what stands there already is left alone, and it is an error.
    """

    def __init__(self, path: Path, *, replaces: bool) -> None:
        self._path, self._replaces = path, replaces
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        if path.is_dir() or (not replaces and path.exists()):
            raise QxError("QX-TXN-011", f"{path} stands there already", hint="name another file, or take it away")
        self._file: BinaryIO | None = None

    def begin(self) -> BinaryIO:
        try:
            self._file = self._part.open("xb")
        except OSError as error:
            raise self._cannot(error) from error
        return self._file

    def done(self) -> None:
        """Once it was begun."""
        try:
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            if self._replaces:
                self._part.replace(self._path)
            else:
                os.link(self._part, self._path)  # fails where somebody else made it meanwhile
                self._part.unlink()
        except OSError as error:
            self.undo()
            raise self._cannot(error) from error

    def undo(self) -> None:
        """Nothing, where it is done."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what is still to be written is not wanted
                self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._part.unlink()

    def _cannot(self, error: OSError) -> QxError:
        hint = "name a file in a directory that you may write to"
        return QxError("QX-TXN-011", f"{self._path} cannot be written: {error.strerror or error}", hint=hint)


class Rejects:
    """Made with the first reject. `path` '' : the first free name beside `file`."""

    def __init__(self, file: str, path: str) -> None:
        self._beside, self._named = file, path
        self._whole: Whole | None = None
        self.path = ""
        if path and form_of(path, "--rejects") not in ("ndjson", "csv"):
            raise QxError("QX-CLI-001", f"--rejects {path}: its form is not known", hint="a name in .ndjson or .csv")
        if path and Path(path).exists():
            raise QxError("QX-TXN-011", f"{path} stands there already", hint="name another file, or take it away")

    def write(self, rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        table = self._named.lower().endswith(".csv")
        if self._whole is None:
            self.path = self._named or str(_free(self._beside))
            self._whole = Whole(Path(self.path), replaces=False)
            self._file = self._whole.begin()
            self._file.write(_csv([REJECTED]) if table else b"")
        if table:
            self._file.write(_csv([[getattr(each, name) for name in REJECTED] for each in rejects]))
        else:
            self._file.write(b"".join(msgspec.json.encode(each) + b"\n" for each in rejects))

    def done(self) -> None:
        if self._whole is not None:
            self._whole.done()

    def undo(self) -> None:
        if self._whole is not None:
            self._whole.undo()


def _free(file: str) -> Path:
    beside = Path("stdin" if file == "-" else file)
    first = beside.with_name(f"{beside.name}.rejects.ndjson")
    number, free = 2, first
    while free.exists():
        free, number = first.with_name(f"{beside.name}.rejects-{number}.ndjson"), number + 1
    return free
