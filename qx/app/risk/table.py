"""Table: a file as typed columns, filled part by part, every objection with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.app.risk.cells import DayColumn, NameColumn, NumberColumn, Sheet, WordColumn, window_ends
from qx.kernel.errors import Place, Problems, QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.risk.columns import Field, File
    from qx.risk.words import Words

    Lines = NDArray[np.int64]
    Column = NameColumn | WordColumn | NumberColumn | DayColumn

UNREADABLE = "QX-RISK-002"
WHERE = "docs/reference/risk-files.md"


class Part(NamedTuple):
    """Some rows: of each column its cells."""

    lines: Lines  # (m,)
    cells: Sequence[Sequence[str]]  # of each column (m,)


class Table(NamedTuple):
    """Columns by name; those of a window as NAME.begin and NAME.end."""

    file: str
    lines: Lines  # (n,)
    texts: dict[str, Words]
    numbers: dict[str, NDArray[np.float64]]
    days: dict[str, NDArray[np.datetime64]]

    def place(self, row: int) -> Place:
        return Place(self.file, int(self.lines[row]))


class Columns:
    """Of one file that is being read."""

    def __init__(self, file: File, header: Sequence[str], sheet: Sheet) -> None:
        self.sheet = sheet
        self.header = tuple(header)
        self._lines: list[Lines] = []
        self._made: list[tuple[Column, ...]] = [_columns(file.fields[name], sheet) for name in header]

    def of(self, name: str) -> tuple[Column, ...]:
        return self._made[self.header.index(name)]

    def add(self, part: Part) -> None:
        for columns, cells in zip(self._made, part.cells, strict=True):
            for column in columns:
                column.add(cells, part.lines)
        self.count(part.lines)

    def count(self, lines: Lines) -> None:
        self._lines.append(lines)

    def done(self) -> Table:
        """Raises Problems, or the one error there is."""
        raise_all(self.sheet.errors)
        lines = np.concatenate(self._lines) if self._lines else np.empty(0, np.int64)
        table = Table(self.sheet.file, lines, {}, {}, {})
        for name, columns in zip(self.header, self._made, strict=True):
            for column, end in zip(columns, ("",) if len(columns) == 1 else (".begin", ".end"), strict=True):
                match column:
                    case NameColumn() | WordColumn():
                        table.texts[name] = column.done()
                    case NumberColumn():
                        table.numbers[name] = column.done()
                    case DayColumn():
                        table.days[f"{name}{end}"] = column.done()
        return table


def _columns(field: Field, sheet: Sheet) -> tuple[Column, ...]:
    if field.kind in {"number", "whole"}:
        return (NumberColumn(field, sheet),)
    if field.kind == "day":
        return (DayColumn(field, sheet),)
    if field.kind == "window":
        quiet = Sheet(sheet.file, [])  # one objection for both ends
        return DayColumn(field, sheet, lambda text: _end(text, 0)), DayColumn(field, quiet, lambda text: _end(text, 1))
    return (NameColumn(field, sheet) if field.kind == "id" else WordColumn(field, sheet),)


def _end(text: str, which: int) -> int | None:
    ends = window_ends(text)
    return None if ends is None else ends[which]


def raise_all(errors: Sequence[QxError]) -> None:
    if errors:
        raise errors[0] if len(errors) == 1 else Problems(sorted(errors, key=_line))


def _line(error: QxError) -> int:
    return error.place.line if error.place else 0


def named(file: File, header: Sequence[str], name: str, line: int) -> tuple[str, ...]:
    """The columns of that header. Raises QX-RISK-002: one that there is not, one twice, one that must be."""
    found: list[str] = []
    place = Place(name, line)
    for word in (cell.strip() for cell in header):
        if word not in file.fields:
            hint = did_you_mean(word.lower()[:40], file.fields)
            raise QxError(UNREADABLE, f"{word[:40]!r} is no column of {file.role} files", hint=hint, place=place)
        if word in found:
            raise QxError(UNREADABLE, f"two columns are {word}", hint="one column for each field", place=place)
        found.append(word)
    missing = [field.name for field in file.fields.values() if field.must and field.name not in found]
    if missing:
        said = f"the header has no {', '.join(missing)}"
        raise QxError(UNREADABLE, said, hint=f"columns of {file.role} files: {WHERE}", place=place)
    return tuple(found)
