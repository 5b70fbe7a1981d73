"""SqliteChain: the record of one region in a file of this machine (`qx.ports.evidence.Chain`).

Every append is one BEGIN IMMEDIATE transaction, on the disk before it returns. Triggers keep what was written from
being changed through any connection; whoever has the file in hand is found out by the chain.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qx.adapters.evidence import shelf
from qx.adapters.evidence.shelf import ENTRY, SMALL, Appender
from qx.adapters.sqlite.connection import Connection
from qx.adapters.sqlite.schema import Form
from qx.compliance.evidence import KEY
from qx.kernel.errors import QxError
from qx.model.evidence import Block, Content, Head, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from qx.model.evidence import Basis, Draft, Receipt
    from qx.ports.evidence import Signs

BUSY_S = 5.0
_ASKED_AT_ONCE = 500
_READ_AT_ONCE = 8
_CACHE = "PRAGMA cache_size = -16384"  # KiB

_TABLES = """
CREATE TABLE store (id TEXT NOT NULL);
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1), region TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL,
    rows INTEGER NOT NULL, covered INTEGER NOT NULL, pending INTEGER NOT NULL
);
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY, region TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, by TEXT NOT NULL,
    basis TEXT NOT NULL, count INTEGER NOT NULL, root TEXT NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX blocks_by_time ON blocks (kind, at);
CREATE INDEX blocks_by_root ON blocks (root);
CREATE INDEX blocks_by_basis ON blocks (basis, count);
CREATE TABLE lines (key BLOB PRIMARY KEY, block INTEGER NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX lines_by_block ON lines (block);
CREATE TABLE slices (at INTEGER PRIMARY KEY, keys BLOB NOT NULL);
CREATE TABLE contents (digest TEXT PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL);

CREATE TRIGGER blocks_follow BEFORE INSERT ON blocks
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM blocks)
BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
"""
FORM = Form(
    0x71780B01, 1, _TABLES,
    tuple(f"{verb} ON {table}" for table in ("blocks", "lines", "slices", "contents") for verb in ("UPDATE", "DELETE")),
)  # fmt: skip
_LINK = "SELECT region, number, kind, at, by, basis, count, root, previous, digest, body FROM blocks"
_CONTENT = "SELECT digest, kind, body FROM contents"


class SqliteChain:
    """At `path` (absolute), made when something is first kept. Raises QX-STORE-005 with the path."""

    def __init__(
        self, path: Path, region: str, signer: Callable[[], Signs | None] = lambda: None, *, busy_s: float = BUSY_S
    ) -> None:
        self._path, self._region, self._busy_s = path, region, busy_s
        self._appender = Appender(region, signer)

    @property
    def name(self) -> str:
        return str(self._path)

    @cached_property
    def _file(self) -> Connection:
        opened = Connection(self._path, time.time(), self._busy_s, FORM)
        with opened.reading() as db:
            db.execute(_CACHE)
        return opened

    def shut(self) -> None:
        if "_file" in self.__dict__:
            self.__dict__.pop("_file").shut()

    def append(self, drafts: Sequence[Draft], contents: Callable[[Basis], Iterable[Content]]) -> Receipt:
        with self._writing() as open_shelf:
            return self._appender.append(open_shelf, drafts, contents)

    def seal(self, at: float, by: str) -> None:
        if self._stands:
            with self._writing() as open_shelf:
                self._appender.seal(open_shelf, at, by)

    @contextmanager
    def _writing(self) -> Iterator[_Shelf]:
        try:
            with self._file.writing() as db:
                yield _Shelf(db, self._region)
        except sqlite3.IntegrityError as error:  # a number that stands there already
            self._appender.forget()
            raise QxError("QX-STORE-004", f"{self._path}: {error}", hint="`qx audit verify` tells more.") from error
        except BaseException:
            self._appender.forget()
            raise

    # -- reading
    @property
    def _stands(self) -> bool:
        return "_file" in self.__dict__ or self._path.exists()

    def _rows(self, question: str, *parameters: object) -> list[tuple[Any, ...]]:
        if not self._stands:
            return []
        with self._file.reading() as db:
            return db.execute(question, parameters).fetchall()

    def head(self) -> Head:
        if not self._stands:
            return Head()
        with self._file.reading() as db:
            return _Shelf(db, self._region).head()

    def holding(self, key: bytes) -> tuple[int, ...]:
        if not self._stands:
            return ()
        with self._file.reading() as db:
            bounds = (key + b"\0" * 4, key + b"\xff" * 4)
            found = {row[0] for row in db.execute("SELECT block FROM lines WHERE key BETWEEN ? AND ?", bounds)}
            slices = db.execute(
                "SELECT b.number, s.keys FROM blocks b JOIN slices s ON s.at = (b.number << 8) | ?"
                " WHERE b.count >= ? AND b.kind = 'validations'", (key[0], SMALL),
            )  # fmt: skip
            found |= {number for number, keys in slices if shelf.place_in(keys, key) is not None}
        return tuple(sorted(found))

    def block(self, number: int) -> Block | None:
        return next(self._read(f"{_LINK} WHERE number = ?", number), None)

    def blocks(self, first: int = 1) -> Iterator[Block]:
        last = first - 1
        while some := list(self._read(f"{_LINK} WHERE number > ? ORDER BY number LIMIT {_READ_AT_ONCE}", last)):
            yield from some
            last = some[-1].link.number

    def between(self, kind: Kind, since: float, until: float) -> Iterator[Block]:
        found = "SELECT number FROM blocks WHERE kind = ? AND at >= ? AND at < ? ORDER BY at, number"
        for (number,) in self._rows(found, kind, since, until):
            yield from self._read(f"{_LINK} WHERE number = ?", number)

    def covering(self, number: int) -> Block | None:
        first = f"{_LINK} WHERE kind = 'checkpoint' AND number > ? ORDER BY number LIMIT 1"
        return next(self._read(first, number), None)

    def _read(self, question: str, *parameters: object) -> Iterator[Block]:
        for row in self._rows(question, *parameters):
            yield shelf.block_of(row)

    def digests(self, first: int, last: int) -> tuple[str, ...]:
        rows = self._rows("SELECT digest FROM blocks WHERE number BETWEEN ? AND ? ORDER BY number", first, last)
        return tuple(row[0] for row in rows)

    def index(self, number: int) -> dict[bytes, int]:
        if not self._stands:
            return {}
        with self._file.reading() as db:
            found: dict[bytes, int] = dict(db.execute("SELECT key, place FROM lines WHERE block = ?", (number,)))
            bounds = (number << 8, number << 8 | 255)
            for (keys,) in db.execute("SELECT keys FROM slices WHERE at BETWEEN ? AND ?", bounds):
                found |= shelf.index_of(keys)
        return found

    def indexed(self) -> frozenset[int]:
        rows = self._rows("SELECT DISTINCT block FROM lines UNION SELECT DISTINCT at >> 8 FROM slices")
        return frozenset(row[0] for row in rows)

    def content(self, digest: str) -> Content | None:
        return next((shelf.content_of(row) for row in self._rows(f"{_CONTENT} WHERE digest = ?", digest)), None)

    def contents(self) -> Iterator[Content]:
        for (digest,) in self._rows("SELECT digest FROM contents ORDER BY digest"):
            yield from map(shelf.content_of, self._rows(f"{_CONTENT} WHERE digest = ?", digest))


class _Shelf:
    """The tables, within one transaction."""

    def __init__(self, db: sqlite3.Connection, region: str) -> None:
        self._db, self._region = db, region

    def head(self) -> Head:
        found = self._db.execute("SELECT number, digest, rows, covered, pending FROM head").fetchone()
        return Head(*found) if found else Head()

    def set_head(self, head: Head) -> None:
        self._db.execute("REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, ?)", (self._region, *head))

    def has_root(self, root: str, basis: str) -> bool:
        found = self._db.execute("SELECT 1 FROM blocks WHERE root = ? AND basis = ?", (root, basis))
        return found.fetchone() is not None

    def large(self, basis: str) -> int:
        question = "SELECT count(*) FROM blocks WHERE basis = ? AND count >= ?"
        found: tuple[int] = self._db.execute(question, (basis, SMALL)).fetchone()
        return found[0]

    def lines(self, keys: Sequence[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        for begin in range(0, len(keys), _ASKED_AT_ONCE):
            some = keys[begin : begin + _ASKED_AT_ONCE]
            places = ", ".join("?" * len(some))
            question = f"SELECT key FROM lines WHERE key IN ({places})"  # noqa: S608 - question marks  # nosec B608
            known.update(row[0] for row in self._db.execute(question, some))
        return known

    def slices(self, basis: str, first_byte: int) -> Iterator[bytes]:
        found = self._db.execute(
            "SELECT s.keys FROM blocks b JOIN slices s ON s.at = (b.number << 8) | ?"
            " WHERE b.basis = ? AND b.count >= ?", (first_byte, basis, SMALL),
        )  # fmt: skip
        return (row[0] for row in found)

    def keys_after(self, number: int, basis: str) -> Iterator[tuple[bytes, int]]:
        after = self._db.execute("SELECT number, count FROM blocks WHERE basis = ? AND number > ?", (basis, number))
        for block, count in after.fetchall():
            if count < SMALL:
                lines = self._db.execute("SELECT key FROM lines WHERE block = ?", (block,))
                yield b"".join(row[0] for row in lines), KEY
            else:
                bounds = (block << 8, block << 8 | 255)
                for (keys,) in self._db.execute("SELECT keys FROM slices WHERE at BETWEEN ? AND ?", bounds):
                    yield keys, ENTRY

    def put(self, block: Block, entries: bytes) -> None:
        link = block.link
        row = (link.number, link.region, link.kind, link.at, link.by, link.basis, link.count, link.root, link.previous,
               link.digest, block.body)  # fmt: skip
        self._db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if len(entries) < SMALL * ENTRY:
            lines = [(key, link.number, place) for key, place in shelf.index_of(entries).items()]
            self._db.executemany("INSERT INTO lines VALUES (?, ?, ?)", lines)
        else:
            slices = [(link.number << 8 | byte, keys) for byte, keys in shelf.split(entries)]
            self._db.executemany("INSERT INTO slices VALUES (?, ?)", slices)

    def digests(self, first: int, last: int) -> tuple[str, ...]:
        question = "SELECT digest FROM blocks WHERE number BETWEEN ? AND ? ORDER BY number"
        return tuple(row[0] for row in self._db.execute(question, (first, last)))

    def missing(self, digests: Iterable[str]) -> set[str]:
        asked = "SELECT 1 FROM contents WHERE digest = ?"
        return {each for each in digests if self._db.execute(asked, (each,)).fetchone() is None}

    def put_content(self, content: Content) -> None:
        row = (content.digest, content.kind, zlib.compress(content.body))
        self._db.execute("INSERT INTO contents VALUES (?, ?, ?)", row)
