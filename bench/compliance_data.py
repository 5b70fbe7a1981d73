"""Files of made-up transactions: the same rows as Parquet, typed and flat, and as NDJSON, nested."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.compliance_engine import COMMODITIES, COUNTRIES, PARTIES, Rows
from qx.compliance.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qx.compliance.columnar.column import Chunk, Column

CHUNK = 32_768  # rows that a batch judges at a time
BLOCK = 5_000  # rows of a file that are made at a time
GROUP = 100_000  # rows of a Parquet file that stand together, where the smallest file has as many
WORLDS = 3  # each of other counterparties, taken in turn by blocks
NAMES = WORLDS * PARTIES
ALL_NAMES = 2 * WORLDS * BLOCK  # so many rows have every name
_OWNERS = pa.list_(
    pa.struct([("name", pa.string()), ("country", pa.string()), ("pct", pa.string()), ("control", pa.bool_())])
)
_ATTESTED = pa.list_(pa.struct([("kind", pa.string()), ("by", pa.string()), ("at", pa.string())]))
_TYPES: dict[str, pa.DataType] = {
    "decimal": pa.decimal128(18, 4), "day": pa.date32(), "instant": pa.timestamp("us", "UTC"), "bool": pa.bool_(),
}  # fmt: skip


class Trades(Rows):
    """Ids are a block's own; its counterparties are those of one of the WORLDS."""

    def __init__(self, count: int, seed: int) -> None:
        self._world = seed % WORLDS
        super().__init__(count, seed)

    def _parties(self) -> None:
        self._random = random.Random(self._world)
        super()._parties()


class Positions(Trades):
    """With what rules on positions and swaps ask for, often enough for each to be kept and broken."""

    def _fields(self, seed: int) -> None:
        super()._fields(seed)
        draw = self._numbers
        self._few("transactionType", ("spot",) * 6 + ("swap",) * 3 + ("future",))
        self._few("commodityType", COMMODITIES)
        self._few("originCountry", (*COUNTRIES, "RU", "VE"))
        self._few("ourEntity.type", ("NFC", "SD", "MSP"))
        self._few("position.contract", ("CL", "NG", "NG", "HO", "RB"))
        for path in ("position.isSpotMonth", "position.physical", "position.hedge.flag"):
            self._few(path, (False, True))
        for path, most in (("position.grossLong", 220), ("position.grossShort", 220)):
            self._own(path, [str(each) for each in draw.integers(0, most, self.count).tolist()])
        net = draw.integers(-220, 220, self.count) * np.where(draw.random(self.count) < 0.1, 60, 1)
        self._own("position.futuresEquivalent", [str(each) for each in net.tolist()])
        dealt = draw.integers(0, 9_000_000_000, self.count).tolist()
        self._own("ourEntity.trailingDealingNotional", [str(each) for each in dealt])
        self._own("uti", [f"UTI{seed:04d}{row:08d}" for row in range(self.count)])
        for path in ("workflow.createdBy", "workflow.approvedBy", "workflow.settledBy"):
            self._few(path, tuple(f"clerk{number}" for number in range(60)))
        self._lack("unitPrice", draw.random(self.count) < 0.05)
        self._lack("uti", draw.random(self.count) < 0.1)
        hedges = draw.integers(-1, 3, self.count).astype(np.int32)
        self._column("position.hedge.evidence", ["D-1", "D-2", "D-3"], hedges)
        contract = self.columns["position.contract"]
        other = np.array([value != "NG" for value in contract.values])[contract.codes]
        self._lack("position.futuresEquivalent", other & (draw.random(self.count) < 0.1))

    def _lack(self, path: str, where: NDArray[np.bool_]) -> None:
        column = self.columns[path]
        self.columns[path] = column._replace(codes=np.where(where, np.int32(-1), column.codes))


def chunks(rows: int, size: int = CHUNK, kind: type[Trades] = Trades) -> Iterator[Chunk]:
    for seed, start in enumerate(range(0, rows, size)):
        yield kind(min(size, rows - start), seed).chunk()


def write(directory: Path, sizes: Sequence[int], *, texts: bool) -> dict[tuple[str, int], Path]:
    """(form, rows) -> file; each begins with the rows of the smaller ones. `texts`: Parquet holds texts in place of
    numbers, days and instants.
    """
    made = {(form, size): directory / f"{size}.{form}" for size in sizes for form in ("parquet", "ndjson")}
    schema = next(_batch(chunk, texts=texts).schema for chunk in chunks(1))
    for size in sizes:
        with made["ndjson", size].open("wb") as lines, pq.ParquetWriter(made["parquet", size], schema) as table:
            held: list[pa.RecordBatch] = []
            for chunk in chunks(size, BLOCK):
                lines.writelines(_lines(chunk))
                held.append(_batch(chunk, texts=texts))
                if len(held) * BLOCK >= min(GROUP, *sizes):
                    table.write_table(pa.Table.from_batches(held))
                    held.clear()
            if held:
                table.write_table(pa.Table.from_batches(held))
    return made


def _batch(chunk: Chunk, *, texts: bool) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({path: _array(path, one, texts=texts) for path, one in chunk.columns.items()})


def _array(path: str, column: Column, *, texts: bool) -> pa.Array:
    codes = pa.array(column.codes, mask=column.codes < 0)
    if path == "counterparty.owners":
        values = pa.array(list(column.texts), _OWNERS)
    elif path == "attestations":
        values = pa.array(list(column.texts), _ATTESTED)
    else:
        kind = FIELDS[path].kind
        values = pa.array(list(column.texts))
        if kind in _TYPES and not texts:
            values = values.cast(_TYPES[kind])
    return values.take(codes)


def _lines(chunk: Chunk) -> Iterator[bytes]:
    """Of each row its document and the end of the line."""
    return (msgspec.json.encode(each) + b"\n" for each in documents(chunk, tuple(chunk.columns)))


def documents(chunk: Chunk, paths: Sequence[str], most: int | None = None) -> Iterator[dict[str, Any]]:
    """Of each row these fields, nested; numbers as the texts that they are."""
    columns = []
    for path in paths:
        codes, _, texts, _ = chunk.columns[path]
        *above, last = path.split(".")
        columns.append((above, last, codes.tolist(), texts))
    for row in islice(range(chunk.rows), most):
        made: dict[str, Any] = {}
        for above, last, codes, texts in columns:
            if (code := codes[row]) >= 0:
                at = made
                for key in above:
                    at = at.setdefault(key, {})
                at[last] = texts[code]
        yield made
