"""Parquet -> Table: the same columns; words, numbers and days as the file holds them, or as text. Rows count from 1.

Imported for such files only: the library takes longer to import than a portfolio to value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qx.app.risk.cells import DayColumn, NameColumn, NumberColumn, Sheet, WordColumn
from qx.app.risk.table import UNREADABLE, Columns, Table, named
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qx.app.risk.columns import File
    from qx.app.risk.table import Column

PART = 1 << 16  # rows


class Parquet:
    """Raises QX-RISK-002 where the file or the type of a column cannot be read."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            self._file = pq.ParquetFile(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            said = str(error).partition("\n")[0]
            raise QxError(UNREADABLE, f"{name} is no whole Parquet file: {said}", hint="write it again") from error
        self.header: tuple[str, ...] = tuple(self._file.schema_arrow.names)

    def parts(self) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        first = 1
        try:
            for batch in self._file.iter_batches(PART, use_threads=False):
                yield np.arange(first, first + batch.num_rows, dtype=np.int64), batch
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            said = str(error).partition("\n")[0]
            raise QxError(UNREADABLE, f"{self.name} is no whole Parquet file: {said}", hint="write it again") from error


def parquet_table(data: bytes, name: str, file: File) -> Table:
    """Raises QX-RISK-002, QX-RISK-003, QX-RISK-005."""
    source = Parquet(data, name)
    columns = Columns(file, named(file, source.header, name, 0), Sheet(name, []))
    for lines, batch in source.parts():
        for word, cells in zip(columns.header, batch.columns, strict=True):
            for column in columns.of(word):
                fill(column, cells, lines, f"{name}: {word}")
        columns.count(lines)
    return columns.done()


def fill(column: Column, cells: pa.Array, lines: NDArray[np.int64], place: str) -> None:
    """Raises QX-RISK-002 where the one is nothing that the other can hold."""
    types = pa.types
    kind = cells.type
    if types.is_dictionary(kind):
        cells, kind = cells.dictionary_decode(), kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        column.add(["" if cell is None else cell for cell in cells.to_pylist()], lines)
        return
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if isinstance(column, NumberColumn) and number:
        empty = np.asarray(cells.is_null().to_numpy(zero_copy_only=False), np.bool_)
        values = cells.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
        column.take(np.asarray(values, np.float64), empty, lines)
        return
    if isinstance(column, DayColumn) and (types.is_date(kind) or types.is_timestamp(kind)):
        days = cells.cast(pa.date32(), safe=False).to_numpy(zero_copy_only=False)
        column.take(np.asarray(days, "datetime64[D]"), lines)
        return
    if isinstance(column, NameColumn | WordColumn) and types.is_integer(kind):
        column.add(["" if cell is None else str(cell) for cell in cells.to_pylist()], lines)
        return
    raise QxError(UNREADABLE, f"{place} is of type {kind}", hint="text, numbers, days")
