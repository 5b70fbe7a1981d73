"""Parquet -> Rows: columns named by paths, or nested structs; texts, numbers, truths, days, instants, lists.

One process reads the file and hands on record batches; what they hold is typed where they are judged. Decimals are
exact; a double is the number that it is written as. The one module that knows pyarrow.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qx.app.batch.coding import coded, encoded
from qx.app.batch.rows import Rows
from qx.app.batch.table import paths_of
from qx.app.batch.typist import Typist, listed
from qx.compliance.columnar.column import Chunk
from qx.compliance.fields import FIELDS
from qx.compliance.transaction import WHOLE_DIGITS
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qx.app.batch.coding import Codes

BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)
ID = "transactionId"
LITTLE = 4  # bytes of a row in a column whose texts repeat
PLAIN_PLACES = 6  # of a decimal, so that Arrow writes every one without an exponent
FEW = 64  # instants that are read one by one
YEARS = (np.datetime64("0001-01-01"), np.datetime64("10000-01-01"))  # what Python knows


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
        repeating = set(_repeating(self._file.metadata))
        words = [field.name for field in schema if _is_text(field.type) and field.name in repeating]
        if words:  # a column that is kept as words and their numbers comes as such
            self._file = pq.ParquetFile(path, read_dictionary=words)

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def batches(self, most: int, *, ids: bool = False) -> Iterator[tuple[int, bytes]]:
        """(how many rows, they in the form in which they go to another process). `ids`: of each its transactionId."""
        if ids and ID not in self._file.schema_arrow.names:
            return
        for each in self._batches(most, [ID] if ids else None):
            batch = _slim(each)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield batch.num_rows, sink.getvalue().to_pybytes()

    def _batches(self, most: int, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        """`most` rows or fewer in each: large groups of rows in even parts, small ones together."""
        waiting: list[pa.RecordBatch] = []
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if waiting and sum(map(len, waiting)) + rows > most:
                yield _together(waiting)
                waiting = []
            parts = max(1, -(-rows // most))
            size = max(1, -(-rows // parts))
            try:
                for batch in self._file.iter_batches(size, [group], columns, use_threads=False):
                    if parts > 1:
                        yield batch
                    elif len(batch):
                        waiting.append(batch)
            except BROKEN as error:
                raise self._broken(error) from error
        if waiting:
            yield _together(waiting)

    def _broken(self, error: Exception) -> QxError:
        said = str(error).partition("\n")[0]
        return QxError("QX-TXN-001", f"{self._name} is no whole Parquet file: {said}")


def _together(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    [whole] = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()
    return whole


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

    def ids(self, data: bytes, first: int) -> list[Any]:
        """The raw transactionId of every row. `first`: the number of the first."""
        try:
            return list(_received(data).column(0).to_pylist())
        except (*BROKEN, ValueError) as error:
            raise QxError("QX-TXN-001", f"an id in row {first} or later cannot be read: {error}") from error

    def rows(self, data: bytes, first: int) -> Rows:
        """`first`: the number of the first row."""
        try:
            batch = _received(data)
            flat = dict(_flat(batch))
            paths = dict(zip(flat, paths_of(tuple(flat), lenient=True, file=""), strict=True))
            raw = {path: _coded(flat[name], path) for name, path in paths.items() if path}
        except (*BROKEN, ValueError, ArithmeticError) as error:  # a day or a text that there is not
            raise QxError("QX-TXN-001", f"a value in row {first} or later cannot be read: {error}") from error
        known = {path: found for path, found in raw.items() if found[1]}
        columns = {path: self._typist.column(path, *found) for path, found in known.items()}

        def document(row: int) -> dict[str, Any]:
            cells = ((path, codes[row], distinct) for path, (codes, distinct) in known.items())
            return {path: listed(path, distinct[code]) for path, code, distinct in cells if code >= 0}

        return Rows(Chunk(batch.num_rows, columns), range(first, first + batch.num_rows), (), document)


def _received(data: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(data) as stream:
        return stream.read_next_batch()


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


def _coded(column: pa.Array, path: str) -> tuple[Codes, list[Any]]:
    """(row -> index of its raw value or -1, the raw values)."""
    kind = column.type
    if pa.types.is_nested(kind):
        return _coded_lists(column)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if pa.types.is_floating(kind):
        return coded(column.to_pylist())
    if not pa.types.is_dictionary(kind):
        column = column.dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    distinct = _values(column.dictionary, path)
    if column.dictionary.null_count:
        gone = distinct.index(None)
        codes = np.where(codes == gone, np.int32(-1), codes)
        distinct[gone] = ""
    return codes, distinct


def _values(column: pa.Array, path: str) -> list[Any]:
    """What it holds; numbers and instants as their canonical texts where that is quicker."""
    kind, wanted = column.type, FIELDS[path].kind
    values: list[Any] | None = None
    if wanted == "decimal" and pa.types.is_decimal(kind) and 0 < kind.scale <= PLAIN_PLACES:
        values = _numbers(column)
    elif wanted == "instant" and pa.types.is_timestamp(kind) and len(column) > FEW and not column.null_count:
        values = _instants(column)
    return list(column.to_pylist()) if values is None else values


def _numbers(column: pa.Array) -> list[Any] | None:
    """None: one of them may have more digits than a number can."""
    texts = column.cast(pa.string())
    longest = pc.max(pc.utf8_length(texts)).as_py() or 0
    if longest > WHOLE_DIGITS + column.type.scale:
        return None
    return list(pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".").to_pylist())


def _instants(column: pa.Array) -> list[Any] | None:
    """None: one of them is none that Python knows."""
    moments = column.cast(pa.int64()).to_numpy().astype(f"M8[{column.type.unit}]")
    if moments.min() < YEARS[0] or moments.max() >= YEARS[1]:
        return None
    whole = moments.astype("M8[s]")
    texts: list[str] = np.datetime_as_string(whole, timezone="UTC").tolist()
    parted = np.flatnonzero(moments != whole)
    finer = np.datetime_as_string(moments[parted].astype("M8[us]"), timezone="UTC").tolist()
    for place, text in zip(parted.tolist(), finer, strict=True):
        texts[place] = text
    return texts


def _coded_lists(column: pa.Array) -> tuple[Codes, list[Any]]:
    """Of lists and records the JSON."""
    numbers = _numbered(column)
    _, first, codes = np.unique(numbers, return_index=True, return_inverse=True)
    distinct = [None if each is None else encoded(each) for each in column.take(pa.array(first)).to_pylist()]
    places, found = coded(distinct)
    return places[codes.reshape(-1)], found


def _numbered(column: pa.Array) -> NDArray[np.int64]:
    """Row -> a number; rows that have the same hold the same."""
    kind = column.type
    if pa.types.is_struct(kind):
        found: NDArray[np.int64] = column.is_valid().to_numpy(zero_copy_only=False).astype(np.int64)
        for below in map(_numbered, column.flatten()):
            both = found * (int(below.max(initial=0)) + 2) + below + 1
            found = np.unique(both, return_inverse=True)[1].astype(np.int64)
        return found
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items, ends = _numbered(column.values).tobytes(), (8 * column.offsets.to_numpy()).tolist()
        known: defaultdict[bytes | None, int] = defaultdict(count().__next__)
        known[None] = -1
        there = column.is_valid().to_pylist()
        keys = (items[begin:end] if valid else None for valid, (begin, end) in zip(there, pairwise(ends), strict=True))
        return np.fromiter(map(known.__getitem__, keys), np.int64, len(column))
    if pa.types.is_nested(kind):
        return np.arange(len(column), dtype=np.int64)
    if pa.types.is_floating(kind):  # as they are spelled: 0 is not -0
        column = column.view({16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[kind.bit_width])
    if not pa.types.is_dictionary(kind):
        column = column.dictionary_encode()
    codes: NDArray[np.int64] = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _repeating(metadata: pq.FileMetaData) -> Iterator[str]:
    """Columns that take few bytes a row: they are kept as words and their numbers."""
    if metadata.num_row_groups:
        group = metadata.row_group(0)
        for number in range(group.num_columns):
            column = group.column(number)
            if column.total_uncompressed_size < LITTLE * group.num_rows:
                yield column.path_in_schema
