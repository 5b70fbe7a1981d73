"""Isolated: a stopped PostgreSQL opened in single-user mode: no socket, no other process, nothing sent or
archived.

It works through a view: a directory of links to the data directory's entries without its pin and its
configuration. So the pin stays where it is while crash recovery runs (single-user mode refuses it), and the
node's settings do not matter. The data directory is barred meanwhile: no server can start there. Opening it
ends an unclean stop as any restart would: crash recovery and a checkpoint on the same timeline. Only for data
that are about to be replaced.
"""

from __future__ import annotations

import contextlib
import csv
import os
import select
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from qx.adapters.node import files, pgdata
from qx.adapters.node.programs import running, tail
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import Popen
    from typing import IO

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

_LEFT_OUT = {
    pgdata.SIGNAL, pgdata.RECOVERY_SIGNAL, pgdata.LOCK_FILE, pgdata.AUTOMATIC, "postgresql.conf", "postmaster.opts"
}
_SETTINGS = {
    "wal_level": "logical",  # what slots and prepared transactions on disk may need, so that it opens
    "max_replication_slots": "1000",
    "max_prepared_transactions": "1000",
    "default_transaction_read_only": "on",
    "timezone": "GMT",
    "datestyle": "ISO",
    "client_encoding": "UTF8",
    "log_timezone": "GMT",
}
_PROMPT = b"backend> "


class View:
    """The place through which it is opened. `database` may be opened one after the other, not at once."""

    def __init__(self, node: PostgresNode, turn: Turn, deadline: Deadline, place: Path) -> None:
        self._node, self._turn, self._deadline, self._place = node, turn, deadline, place

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[Session]:
        settings = self._node.settings
        chosen = [f"-c{key}={value}" for key, value in _SETTINGS.items()]
        program = (str(self._node.bin_dir / "postgres"), "--single", "-j", "-F", "-D", str(self._place))
        with tempfile.TemporaryFile("a+b") as log:  # we read where the server appends
            try:
                with running((*settings.run_as, *program, *chosen, name), self._deadline, self._turn, log) as child:
                    session = Session(child, log, self._place, self._deadline, f"{self._node.where}, database {name}")
                    session.await_prompt()
                    yield session
                    session.leave()
            except (OSError, TimeoutError) as error:
                raise QxError("QX-NODE-009", f"{self._node.where}: it could not be opened isolated: {error}") from error


class Session:
    """One database, one statement at a time. Results come through files, as COPY writes them."""

    def __init__(self, child: Popen[bytes], log: IO[bytes], place: Path, deadline: Deadline, where: str) -> None:
        self._child, self._log, self._deadline, self._where = child, log, deadline, where
        self.place = place
        self._answer = place / "qx-answer.csv"

    def query(self, sql: str) -> list[dict[str, str]]:
        """All rows, every value as text."""
        with self.export(sql).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self._answer.unlink()
        return rows

    def export(self, sql: str) -> Path:
        """The CSV file of its rows, with a header; it stays until the next statement."""
        self._answer.unlink(missing_ok=True)
        said = self._log.seek(0, os.SEEK_END)
        self._send(f"COPY ({sql}) TO {literal(str(self._answer))} WITH (FORMAT csv, HEADER);\n\n")
        self.await_prompt()
        self._log.seek(said)
        errors = [line for line in self._log.read().decode(errors="replace").splitlines() if "ERROR:" in line]
        if errors or not self._answer.exists():
            raise QxError("QX-NODE-009", f"{self._where}: {tail(chr(10).join(errors), 2)}")
        return self._answer

    def await_prompt(self) -> None:
        told = b""
        while not told.endswith(_PROMPT):
            data = self._read()
            if not data:
                raise QxError("QX-NODE-009", f"{self._where}: it ended: {self._last_words()}")
            told = (told + data)[-len(_PROMPT) :]

    def leave(self) -> None:
        """Ends it as a clean shutdown does. Raises QX-NODE-009 when that failed."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        while self._read():
            pass
        if self._child.wait() != 0:
            raise QxError("QX-NODE-009", f"{self._where}: its shutdown failed: {self._last_words()}")

    def _read(self) -> bytes:
        """What it said, b'' when it has ended. Raises TimeoutError."""
        out = self._child.stdout
        while out is not None and not self._deadline.passed:
            if select.select([out], [], [], min(0.2, self._deadline.left))[0]:
                return os.read(out.fileno(), 1 << 16)
        raise TimeoutError(f"no answer in {self._deadline.spent:.1f} s")

    def _send(self, text: str) -> None:
        if self._child.stdin is not None:
            self._child.stdin.write(text.encode())
            self._child.stdin.flush()

    def _last_words(self) -> str:
        self._log.seek(0)
        return tail(self._log.read().decode(errors="replace"), 5)


@contextlib.contextmanager
def opened(node: PostgresNode, turn: Turn, deadline: Deadline) -> Iterator[View]:
    if pgdata.is_unused_copy(node.data_dir):
        raise QxError("QX-NODE-009", f"{node.where}: it is a copy that was never started, which opening it would spoil")
    place = files.directory(Path(f"{node.data_dir}.qx-view"), like=node.data_dir)
    try:
        pgdata.bar(node.data_dir)
        for entry in node.data_dir.iterdir():
            if entry.name not in _LEFT_OUT:
                (place / entry.name).symlink_to(entry.absolute())
        (place / "postgresql.conf").touch(mode=0o644)
        yield View(node, turn, deadline, place)
    finally:
        files.discard(place)
        node.held(turn)


def recover(node: PostgresNode, turn: Turn, deadline: Deadline) -> None:
    """Ends an unclean stop: what pg_rewind would do itself, were there no pin."""
    with opened(node, turn, deadline) as view, view.database("template1"):
        pass


def literal(text: str) -> str:
    """As an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
