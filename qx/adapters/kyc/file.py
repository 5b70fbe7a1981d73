"""A KYC provider that is a file: read whole when it is first asked for, and again when it has changed.

    .csv      UTF-8, a header; approvals with `;` between them, an empty cell is not told
    .json     a list of records
    .ndjson   a record on each line
    .db .sqlite   SQLite, opened for reading: the rows of one table

Invariant: one record that cannot be read makes the whole file unreadable: whom it is about may be what is wrong in it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import DecodeError, json

from qx.adapters.kyc.silence import unusable
from qx.compliance.kyc import chosen, record_of
from qx.compliance.names import normal
from qx.ports.kyc import KycSilent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qx.model.kyc import FileKyc, KycRecord, Party, Unknown

LARGEST = 256 << 20  # bytes
TEXTS = (".csv", ".db", ".sqlite")  # kinds without types, or with fewer

Signature = tuple[tuple[int, int, int], ...]
Index = dict[tuple[str, str], list["KycRecord"]]


class _Held(NamedTuple):
    """`error`: why it cannot be read, which stays so until the file changes."""

    signature: Signature
    records: Index
    error: KycSilent | None = None


class FileProvider:
    def __init__(self, settings: FileKyc, path: Path) -> None:
        self._settings, self._path = settings, path
        self._held: _Held | None = None
        self._lock = asyncio.Lock()

    async def look(self, party: Party) -> KycRecord | Unknown:
        async with self._lock:
            held = await asyncio.to_thread(self._current)
        if held.error is not None:
            raise KycSilent(held.error.code, held.error.message)
        near = {record for key in _keys(party) for record in held.records.get(key, ())}
        try:
            return chosen(near, party)
        except ValueError as error:
            raise unusable(self._settings.name, str(self._path), error) from None

    async def close(self) -> None:
        """Nothing is kept open."""

    def _current(self) -> _Held:
        try:
            signature = self._signature()
            if self._held is None or self._held.signature != signature:
                self._held = self._read(signature)
            return self._held
        except OSError as error:
            raise KycSilent("QX-KYC-001", f"{self._settings.name}: {self._path}: {error.strerror or error}") from None

    def _signature(self) -> Signature:
        """Of SQLite also of what is written ahead."""
        ahead = self._path.with_name(f"{self._path.name}-wal")
        found = [path.stat() for path in (self._path, ahead) if path == self._path or path.exists()]
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in found)

    def _read(self, signature: Signature) -> _Held:
        name, kind, index = self._settings.name, self._path.suffix.lower(), Index()
        if sum(size for _, size, _ in signature) > LARGEST:
            return _Held(signature, {}, unusable(name, f"{self._path} is larger than {LARGEST >> 20} MiB"))
        where = "its beginning"
        try:
            for number, row in enumerate(self._rows(kind), 1):
                where = f"record {number}"
                record = record_of(row, texts=kind in TEXTS)
                for key in _keys(record):
                    index.setdefault(key, []).append(record)
        except (DecodeError, ValueError, csv.Error, sqlite3.Error, RecursionError, AttributeError) as error:
            return _Held(signature, {}, unusable(name, f"{self._path}, {where}", error))
        return _Held(signature, index)

    def _rows(self, kind: str) -> Iterator[dict[str, Any]]:
        if kind in (".db", ".sqlite"):
            yield from self._table()
            return
        data = self._path.read_bytes()
        if kind == ".csv":
            yield from csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True, restkey="")
        elif kind == ".json":
            yield from json.decode(data, type=list[dict[str, Any]])
        else:
            for line in data.splitlines():
                if line.strip():
                    yield json.decode(line, type=dict[str, Any])

    def _table(self) -> Iterator[dict[str, Any]]:
        with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = f'SELECT * FROM "{self._settings.table}"'  # noqa: S608 # nosec B608 - a word, by its check
            found = database.execute(rows)
            names = [column[0] for column in found.description]
            for row in found:
                yield dict(zip(names, row, strict=True))


def _keys(of: KycRecord | Party) -> Iterator[tuple[str, str]]:
    if of.lei:
        yield "lei", of.lei.upper()
    if of.registration_no:
        yield "registration", of.registration_no
    if of.name:
        yield "name", normal(of.name)
