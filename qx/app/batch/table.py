"""Comma-separated values -> Rows: the header names fields by their paths, an empty cell is none, lists are JSON.

A row that cannot be read is told with its line, and the next one begins on the line after it: an open quote costs its
own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from qx.app.batch.coding import coded
from qx.app.batch.rows import Rows, reject
from qx.app.batch.typist import Typist, listed
from qx.compliance.columnar.column import Chunk
from qx.compliance.fields import FIELDS
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.batch import Reject

NAME, NAME_ALONE = "counterparty.name", "counterparty"
LONGEST_CELL = 131_072  # characters


def paths_of(header: Sequence[str], *, lenient: bool, file: str) -> tuple[str, ...]:
    """Of each column its field; '' is passed over. Raises QX-TXN-001, QX-TXN-002."""
    found = []
    for number, name in enumerate(header, 1):
        path = NAME if name.strip() == NAME_ALONE else name.strip()
        if path in found and path:
            raise QxError("QX-TXN-001", f"{file}: two columns are {path}", hint="one column for each field")
        if path not in FIELDS:
            if not lenient:
                near = did_you_mean(path[:80], FIELDS)
                hint = near if near.startswith("did you mean") else "--lenient passes over what is not known"
                said = ascii(path[:80])
                raise QxError("QX-TXN-002", f"{file}: column {number}, {said}, is no field of a transaction", hint=hint)
            path = ""
        found.append(path)
    if not any(found):
        raise QxError("QX-TXN-001", f"{file}: no column is a field of a transaction", hint="transactionId,amount,...")
    return tuple(found)


class TableReader:
    """Of one process and one file."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._paths = paths
        self._id = paths.index("transactionId") if "transactionId" in paths else None
        self._typist = Typist()

    def ids(self, block: bytes) -> list[Any]:
        if self._id is None:
            return []
        wide = len(self._paths)
        return [row[self._id] or None for _, row in _records(block, 0) if isinstance(row, list) and len(row) == wide]

    def rows(self, block: bytes, first: int) -> Rows:
        rows: list[list[str]] = []
        lines: list[int] = []
        rejects: list[Reject] = []
        for line, row in _records(block, first):
            if isinstance(row, QxError):
                rejects.append(reject(line, row, _line(block, line - first)))
            elif len(row) == len(self._paths):
                rows.append(row)
                lines.append(line)
            elif row:
                said = f"{len(row)} cells, and the header has {len(self._paths)}"
                rejects.append(reject(line, QxError("QX-TXN-001", said), _line(block, line - first)))
        columns = {}
        for path, cells in zip(self._paths, zip(*rows, strict=True), strict=True) if rows else ():
            if path:
                column = self._typist.column(path, *coded([cell or None for cell in cells]))
                if (column.codes >= 0).any():
                    columns[path] = column

        def document(row: int) -> dict[str, Any]:
            pairs = zip(self._paths, rows[row], strict=True)
            return {path: listed(path, cell) for path, cell in pairs if path and cell}

        return Rows(Chunk(len(rows), columns), lines, tuple(rejects), document)


def header_of(line: bytes, file: str) -> list[str]:
    """The cells of the first record. Raises QX-TXN-001."""
    try:
        return next(csv.reader([line.decode("utf-8-sig")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise QxError("QX-TXN-001", f"{file}: the header cannot be read: {error}", hint="CSV in UTF-8") from error


def _records(block: bytes, first: int) -> Iterator[tuple[int, list[str] | QxError]]:
    """(line where it begins, its cells or what is wrong with it)."""
    text = block.decode("utf-8", "surrogateescape")
    utf8 = text.isascii() or _is_utf8(text)
    lines = io.StringIO(text, newline="\n").readlines()
    begin = 0
    while begin < len(lines):
        reader = csv.reader(lines[begin:] if begin else lines, strict=True)
        at = begin
        try:
            for row in reader:
                yield first + at, row if utf8 or _is_utf8("".join(row)) else QxError("QX-TXN-001", "it is not UTF-8")
                at = begin + reader.line_num
            return
        except csv.Error as error:
            yield first + at, QxError("QX-TXN-001", f"the row cannot be read: {error}", hint="quotes in pairs")
            begin = at + 1


def _is_utf8(text: str) -> bool:
    """Bytes that are none came as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(block: bytes, number: int) -> str:
    lines = block.split(b"\n", number + 1)
    return lines[number].rstrip(b"\r").decode("utf-8", "replace") if number < len(lines) else ""
