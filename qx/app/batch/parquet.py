"""Parquet -> Rows: columns named by paths, or nested structs; texts, numbers, truths, days, instants, lists.

One process reads the file and hands on record batches; what they hold is typed where they are judged. Decimals are
exact; a double is the number that it is written as. The one module that knows pyarrow.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qx.app.batch.rows import Rows
from qx.app.batch.table import paths_of
from qx.app.batch.typist import Typist, coded, encoded, listed
from qx.compliance.columnar.column import Chunk
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BROKEN = (pa.ArrowException, OSError)


class ParquetSource:
    """Raises QX-TXN-001, QX-TXN-002 where the file or one of its columns cannot be read."""

    def __init__(self, path: Path, name: str, *, lenient: bool) -> None:
        self._name = name
        try:
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
        except BROKEN as error:
            raise self._broken(error) from error
        leaves = list(_leaves(schema))
        paths_of([path for path, _ in leaves], lenient=lenient, file=name)
        for column, kind in leaves:
            if not _readable(kind):
                raise QxError("QX-TXN-001", f"{name}: {column} is of type {kind}", hint="text, number, day, list")
        words = [field.name for field in schema if _is_text(field.type)]
        if words:  # a column that is kept as words and their numbers comes as such
            self._file = pq.ParquetFile(path, read_dictionary=words)

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def ids(self, most: int) -> Iterator[list[Any]]:
        if "transactionId" in self._file.schema_arrow.names:
            for batch in self._batches(most, ["transactionId"]):
                yield batch.column(0).to_pylist()

    def batches(self, most: int) -> Iterator[tuple[int, bytes]]:
        """(how many rows, they in the form in which they go to another process)."""
        for each in self._batches(most, None):
            batch = _slim(each)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield batch.num_rows, sink.getvalue().to_pybytes()

    def _batches(self, most: int, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(most, columns=columns, use_threads=False)
        except BROKEN as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> QxError:
        said = str(error).partition("\n")[0]
        return QxError("QX-TXN-001", f"{self._name} is no whole Parquet file: {said}")


def _slim(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without words that hardly any of its rows has: a dictionary is that of a whole group of rows."""
    for number, column in enumerate(batch.columns):
        if pa.types.is_dictionary(column.type) and len(column.dictionary) > batch.num_rows // 4:
            batch = batch.set_column(number, batch.schema.field(number).name, column.dictionary_decode())
    return batch


class ParquetReader:
    """Of one process and one file."""

    def __init__(self) -> None:
        self._typist = Typist()

    def rows(self, data: bytes, first: int) -> Rows:
        """`first`: the number of the first row."""
        try:
            with pa.ipc.open_stream(data) as stream:
                batch = stream.read_next_batch()
            raw = {path: _coded(column) for path, column in _flat(batch)}
        except (*BROKEN, ValueError, ArithmeticError) as error:  # a day or a text that there is not
            raise QxError("QX-TXN-001", f"a value in row {first} or later cannot be read: {error}") from error
        paths = dict(zip(raw, paths_of(tuple(raw), lenient=True, file=""), strict=True))
        known = {paths[name]: found for name, found in raw.items() if paths[name] and found[1]}
        columns = {path: self._typist.column(path, *found) for path, found in known.items()}

        def document(row: int) -> dict[str, Any]:
            cells = ((path, codes[row], distinct) for path, (codes, distinct) in known.items())
            return {path: listed(path, distinct[code]) for path, code, distinct in cells if code >= 0}

        return Rows(Chunk(batch.num_rows, columns), range(first, first + batch.num_rows), (), document)


def _leaves(schema: Any, above: str = "") -> Iterator[tuple[str, pa.DataType]]:
    for field in schema:
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type, f"{above}{field.name}.")
        else:
            yield f"{above}{field.name}", field.type


def _flat(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    waiting = [(field.name, column) for field, column in zip(batch.schema, batch.columns, strict=True)]
    while waiting:
        path, column = waiting.pop()
        if pa.types.is_struct(column.type):
            inner = zip(column.type, column.flatten(), strict=True)  # what is within a null is null
            waiting += [(f"{path}.{field.name}", below) for field, below in inner]
        else:
            yield path, column


def _readable(kind: pa.DataType) -> bool:
    t = pa.types
    if t.is_dictionary(kind):
        return _readable(kind.value_type)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        inner = kind.value_type
        return all(_readable(each.type) for each in inner) if t.is_struct(inner) else _readable(inner)
    return (
        _is_text(kind) or t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_boolean(kind)
        or t.is_date(kind) or t.is_timestamp(kind) or t.is_null(kind)
    )  # fmt: skip


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _coded(column: pa.Array) -> tuple[NDArray[np.int32], list[Any]]:
    """(row -> index of its raw value or -1, the raw values)."""
    kind = column.type
    if pa.types.is_nested(kind):
        lists = [None if each is None else encoded(each) for each in column.to_pylist()]
        return coded(lists)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if pa.types.is_boolean(kind) or pa.types.is_floating(kind):
        return coded(column.to_pylist())
    if not pa.types.is_dictionary(kind):
        column = column.dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    distinct = column.dictionary.to_pylist()
    if None in distinct:
        gone = distinct.index(None)
        codes = np.where(codes == gone, np.int32(-1), codes)
        distinct[gone] = ""
    return codes, distinct
