"""CSV -> parts of a Table. UTF-8, cells parted by commas, quotes where a cell holds one.

Lines that begin with `#` are comments; empty ones, and those of empty cells only, are passed over. A file without a
quote is split as it stands, which takes half the time; in one with quotes a record may go over several lines.
"""

from __future__ import annotations

import csv
import io
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np

from qx.app.risk.cells import Sheet
from qx.app.risk.table import UNREADABLE, WHERE, Columns, Part, named
from qx.kernel.errors import Place, QxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.app.risk.columns import File
    from qx.app.risk.table import Table

BLOCK = 1 << 22  # bytes
ROWS = 1 << 14
ODD = ("#", "\n", ",", " ", "\t")  # what a line begins with that may be a comment or empty
BLANK = " \t"  # what a cell may hold that is empty
MARK = b"\xef\xbb\xbf"


class Csv:
    """Raises QX-RISK-002 where it is none, with the line."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._data = data.removeprefix(MARK)
        quoted = b'"' in self._data
        self._parts = self._read() if quoted else self._split()
        first = next(self._parts, None)
        if first is None:
            raise QxError(UNREADABLE, "there is no header", hint=f"its columns: {WHERE}", place=Place(name, 1))
        self.line = int(first.lines[0])
        self.header = [cells[0] for cells in first.cells]

    def parts(self) -> Iterator[Part]:
        """What stands below the header; once."""
        yield from self._parts

    # -- without a quote -------------------------------------------------------------------------------
    def _split(self) -> Iterator[Part]:
        """The header alone, then the rest in blocks."""
        line, at, wide = 1, 0, 0
        while at < len(self._data):
            end = self._block(at, whole=bool(wide))
            text = self._text(at, end)
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            rows = text.removesuffix("\n").split("\n")
            odd = text.startswith(ODD) or any(f"\n{mark}" in text for mark in ODD)
            part = self._of_lines(rows, line, wide, odd=odd)
            if part is not None:
                yield part
                wide = wide or len(part.cells)
            line, at = line + len(rows), end

    def _block(self, at: int, *, whole: bool) -> int:
        """Where the block ends that begins at `at`: after a line; before the header is found after the first one."""
        if not whole:
            return self._data.find(b"\n", at) + 1 or len(self._data)
        if at + BLOCK >= len(self._data):
            return len(self._data)
        return self._data.rfind(b"\n", at, at + BLOCK) + 1 or self._data.find(b"\n", at + BLOCK) + 1 or len(self._data)

    def _text(self, at: int, end: int) -> str:
        try:
            return self._data[at:end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._not_text(at + error.start, error.reason) from error

    def _of_lines(self, rows: Sequence[str], first: int, wide: int, *, odd: bool) -> Part | None:
        """`wide`: cells of the header; 0 of the header itself. `odd`: some may be comments, or empty."""
        lines = np.arange(first, first + len(rows), dtype=np.int64)
        if odd:
            kept = [not row.startswith("#") and bool(row.strip(f",{BLANK}")) for row in rows]
            rows = [row for row, there in zip(rows, kept, strict=True) if there]
            lines = lines[np.array(kept, np.bool_)]
            if not rows:
                return None
        commas = list(map(str.count, rows, repeat(",")))
        if wide and set(commas) != {wide - 1}:
            at = next(at for at, count in enumerate(commas) if count != wide - 1)
            raise self._ragged(commas[at] + 1, wide, int(lines[at]))
        cells = ",".join(rows).split(",")
        wide = commas[0] + 1
        return Part(lines, [cells[at::wide] for at in range(wide)])

    # -- with quotes -------------------------------------------------------------------------------------
    def _read(self) -> Iterator[Part]:
        """The header alone, then the rest."""
        text = io.TextIOWrapper(io.BytesIO(self._data), "utf-8", newline="")
        reader = csv.reader(("\n" if line.startswith("#") else line for line in text), strict=True)
        wide, most, begin = 0, 1, 1
        while True:
            rows, starts, read = [], [], 0
            try:
                for row in islice(reader, most):
                    if any(cell.strip(BLANK) for cell in row):
                        rows.append(row)
                        starts.append(begin)
                    begin = reader.line_num + 1
                    read += 1
            except csv.Error as error:
                said = f"it is no CSV: {error}"
                raise QxError(UNREADABLE, said, hint="quotes in pairs", place=Place(self.name, begin)) from error
            except UnicodeDecodeError as error:
                raise self._not_text(None, error.reason) from error
            if not read:
                return
            for row, line in zip(rows, starts, strict=True):
                if wide and len(row) != wide:
                    raise self._ragged(len(row), wide, line)
            if rows:
                yield Part(np.array(starts, np.int64), list(zip(*rows, strict=True)))
                wide, most = wide or len(rows[0]), ROWS

    # -- what is wrong -----------------------------------------------------------------------------------
    def _ragged(self, count: int, wide: int, line: int) -> QxError:
        said = f"{count} cells, and the header has {wide}"
        hint = "a comma within a cell wants quotes around it"
        return QxError(UNREADABLE, said, hint=hint, place=Place(self.name, line))

    def _not_text(self, at: int | None, reason: str) -> QxError:
        """`at`: the first byte that is none; None: it is looked for."""
        if at is None:
            try:
                self._data.decode("utf-8")
                at = len(self._data)
            except UnicodeDecodeError as error:
                at = error.start
        place = Place(self.name, self._data.count(b"\n", 0, at) + 1)
        return QxError(UNREADABLE, f"it is not UTF-8: {reason}", hint="save it as UTF-8", place=place)


def csv_table(data: bytes, name: str, file: File) -> Table:
    """Raises QX-RISK-002, QX-RISK-003, QX-RISK-005."""
    source = Csv(data, name)
    columns = Columns(file, named(file, source.header, name, source.line), Sheet(name, []))
    for part in source.parts():
        columns.add(part)
    return columns.done()
