"""Prices, long (a line for each factor and day) or wide (a column for each factor). Which one, the header says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.app.risk.cells import DayColumn, NumberColumn, Sheet
from qx.app.risk.columns import PRICES, Field
from qx.app.risk.csvfile import Csv, csv_table
from qx.app.risk.table import UNREADABLE, raise_all
from qx.kernel.errors import Place, QxError
from qx.kernel.text import did_you_mean
from qx.risk.quotes import Quotes
from qx.risk.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.risk.table import Table

DATE = PRICES.fields["date"]
WITHIN = "@"  # FACTOR@MONTH: a column of one contract


def csv_quotes(data: bytes, name: str) -> Quotes:
    """Raises QX-RISK-002, QX-RISK-003, QX-RISK-005."""
    source = Csv(data, name)
    header = [cell.strip() for cell in source.header]
    if not is_wide(header, name, source.line):
        return _long(csv_table(data, name, PRICES))
    wide = Wide(header, name, source.line)
    for part in source.parts():
        wide.date.add(part.cells[wide.at], part.lines)
        for number, column in wide.columns:
            column.add(part.cells[number], part.lines)
        wide.lines.append(part.lines)
    return wide.done()


def parquet_quotes(data: bytes, name: str) -> Quotes:
    """Likewise."""
    from qx.app.risk.parquet import Parquet, fill, parquet_table

    source = Parquet(data, name)
    if not is_wide(source.header, name, 0):
        return _long(parquet_table(data, name, PRICES))
    wide = Wide(source.header, name, 0)
    for lines, batch in source.parts():
        fill(wide.date, batch.columns[wide.at], lines, f"{name}: date")
        for number, column in wide.columns:
            fill(column, batch.columns[number], lines, f"{name}: {column.field.name}")
        wide.lines.append(lines)
    return wide.done()


def is_wide(header: Sequence[str], name: str, line: int) -> bool:
    """Raises QX-RISK-002 where it is neither."""
    if "factor" in header and "value" in header:
        return False
    long = PRICES.fields.keys() - {"date"}
    if "date" in header and not long & set(header):
        return True
    missing = [word for word in ("date", "factor", "value") if word not in header]
    near = (did_you_mean(word.lower()[:40], missing) for word in header if word not in PRICES.fields)
    hint = next((words for words in near if words.startswith("did")), "long: date,factor,value; wide: date,CL.M1,CL.M2")
    raise QxError(UNREADABLE, f"the header has no {', '.join(missing)}", hint=hint, place=Place(name, line))


def _long(table: Table) -> Quotes:
    def words(name: str) -> Words:
        found = table.texts.get(name)
        return found if found is not None else _same("", len(table.lines))

    return Quotes(
        table.file, table.lines, table.days["date"], words("factor"), table.numbers["value"], words("contract"),
        words("unit"), words("currency"),
    )  # fmt: skip


class Wide:
    """An empty cell is no price. Units and currencies are the factors'."""

    def __init__(self, header: Sequence[str], name: str, line: int) -> None:
        self.sheet = Sheet(name, [])
        twice = [word for number, word in enumerate(header) if word in header[:number] or not word]
        if twice:
            said = f"two columns are {twice[0]}" if twice[0] else "a column has no name"
            raise QxError(UNREADABLE, said, hint="one column for each factor", place=Place(name, line))
        self.at = list(header).index("date")
        self.date = DayColumn(DATE, self.sheet)
        self.columns = [
            (number, NumberColumn(Field(word, "number", "a price"), self.sheet))
            for number, word in enumerate(header) if number != self.at
        ]  # fmt: skip
        self.lines: list[NDArray[np.int64]] = []

    def done(self) -> Quotes:
        """Day after day, as a long file would have it."""
        raise_all(self.sheet.errors)
        names = [column.field.name.partition(WITHIN) for _, column in self.columns]
        days = self.date.done()
        lines = np.concatenate(self.lines) if self.lines else np.empty(0, np.int64)
        values = np.array([column.done() for _, column in self.columns], np.float64).reshape(len(names), len(days)).T
        row, at = np.nonzero(~np.isnan(values))
        return Quotes(
            self.sheet.file, lines[row], days[row], _coded([factor for factor, _, _ in names], at), values[row, at],
            _coded([contract for _, _, contract in names], at), _same("", len(row)), _same("", len(row)),
        )  # fmt: skip


def _coded(words: Sequence[str], at: NDArray[np.intp]) -> Words:
    number = {word: position for position, word in enumerate(dict.fromkeys(words))}
    codes = np.array([number[word] for word in words], np.int32)
    return Words(codes[at], tuple(number) or ("",))


def _same(word: str, count: int) -> Words:
    return Words(np.zeros(count, np.int32), (word,))
