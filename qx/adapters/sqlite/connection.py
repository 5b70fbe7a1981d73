"""Connection: one process's way into the store's file; transactions are its only offer.

A write begins with BEGIN IMMEDIATE and is on the disk (synchronous=FULL) when its block has been left; a block left by
an exception has changed nothing. Waiting for another process is bounded. What SQLite says of the file becomes
QX-STORE-005 with the path; a broken constraint or a wrong use of SQLite is a bug and passes through.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qx.adapters.sqlite import schema
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CACHE_KIB = 512  # of a store of some megabytes; the operating system keeps the rest
_HINT = "Check the path and its rights, the space on the disk, and that the file is the one that qx made."
_BUSY = "`fuser -v` on the file names the processes that use it: a stopped one must go on or be ended."


class Connection:
    """Usable from several threads, one at a time. Not to be carried over a fork."""

    def __init__(self, path: Path, wall: float, busy_s: float, form: schema.Form = schema.STORE) -> None:
        self.path = path
        self._form = form
        self._lock = threading.Lock()
        with self._explained():
            if not path.exists():
                schema.create(path, wall, form)
            self._db = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            self._close = weakref.finalize(self, self._db.close)
            try:
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                self._recognise(self._db)
            except BaseException:
                self._close()
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone among all processes."""
        yield from self._transaction("BEGIN IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the store, whatever others write meanwhile."""
        yield from self._transaction("BEGIN")

    def shut(self) -> None:
        """Once is enough, more does no harm; a connection that nobody holds any more shuts itself."""
        with self._lock:
            self._close()

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            if not self._close.alive:
                raise ValueError(f"{self.path}: the store was shut")
            self._db.execute(begin)
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _recognise(self, db: sqlite3.Connection) -> None:
        if db.execute("PRAGMA application_id").fetchone() != (self._form.application_id,):
            hint = "Name another path, or move that file away."
            raise QxError("QX-STORE-005", f"{self.path} is not a qx store", hint=hint)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != self._form.version:
            said = f"{self.path} has version {version} of the store, this qx reads {self._form.version}"
            older = "Use the qx that wrote it, or move that file away." if version < self._form.version else ""
            raise QxError("QX-STORE-005", said, hint=older or "Use the qx that wrote it, or a newer one.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except (sqlite3.Error, OSError) as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            said = "another process holds it, and did not let go in time" if busy else str(error)
            raise QxError("QX-STORE-005", f"{self.path}: {said}", hint=_BUSY if busy else _HINT) from error
