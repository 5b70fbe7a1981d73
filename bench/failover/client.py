"""The client: writers that append numbered rows at a steady rate and note who acknowledged each, and when.

A path's writers follow the writer as its DSN lets them; a pinned one never leaves its server, as a pooler with stale
DNS would not. Invariants: a row that failed is sent again under the same number; nothing is sent in bursts to catch
up; an operation that takes longer than OPERATION_S has its socket shut down, since the kernel of a frozen server still
acknowledges at TCP's level, so that no keepalive and no timeout of TCP's would ever end it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import psycopg

from bench.failover.measure import Ack

if TYPE_CHECKING:
    from types import TracebackType

CONNECT_S = 2
OPERATION_S = 2.0
BACK_OFF_S = 0.05
ENDING_S = 8.0
RECENT_S = 0.5

TABLE = "bench_writes"
CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} (writer int, seq bigint, at timestamptz DEFAULT clock_timestamp())"
_INSERT = (
    f"INSERT INTO {TABLE} (writer, seq) VALUES (%s, %s)"
    " RETURNING host(inet_server_addr()), ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
)
_READ_ONLY = "25006"


class Deadlines(threading.Thread):
    """Ends operations that take too long, by shutting their sockets down."""

    def __init__(self) -> None:
        super().__init__(name="deadlines", daemon=True)
        self._lock = threading.Lock()
        self._due: dict[int, tuple[float, int]] = {}
        self.over = threading.Event()

    def arm(self, writer: int, fd: int) -> None:
        with self._lock:
            self._due[writer] = (time.monotonic() + OPERATION_S, fd)

    def disarm(self, writer: int) -> None:
        with self._lock:
            self._due.pop(writer, None)

    def run(self) -> None:
        while not self.over.wait(0.02):
            now = time.monotonic()
            with self._lock:  # the writer cannot close this socket before it has disarmed
                for writer in [writer for writer, (due, _) in self._due.items() if due <= now]:
                    _, fd = self._due.pop(writer)
                    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as link:
                        link.shutdown(socket.SHUT_RDWR)


class Writer(threading.Thread):
    """`acks` grows while it runs; only the last one may be read meanwhile."""

    def __init__(self, number: int, path: str, dsn: str, rate: float, deadlines: Deadlines, *, pinned: bool) -> None:
        super().__init__(name=f"{path} {number}", daemon=True)
        self.number, self.path = number, path
        self.acks: list[Ack] = []
        self.errors: dict[str, int] = {}
        self._dsn, self._period, self._pinned = dsn, 1 / rate, pinned
        self._deadlines = deadlines
        self.over = threading.Event()

    def run(self) -> None:
        seq, link, due = 1, None, time.monotonic()
        while not self.over.is_set():
            try:
                if link is None:
                    link = psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_S)
                    link.prepare_threshold = None
                    due = time.monotonic()
                self.over.wait(max(0.0, due - time.monotonic()))
                due = max(due + self._period, time.monotonic() - self._period)
                self._write(link, seq)
                seq += 1
            except psycopg.Error as error:
                self._note(error)
                stays = self._pinned and link is not None and error.sqlstate == _READ_ONLY and not link.closed
                if link is not None and not stays:
                    link.close()
                    link = None
                self.over.wait(BACK_OFF_S)
        if link is not None:
            link.close()

    def _write(self, link: psycopg.Connection[tuple[str, int]], seq: int) -> None:
        self._deadlines.arm(self.number, link.fileno())
        try:
            row = link.execute(_INSERT, (self.number, seq)).fetchone()
        finally:
            self._deadlines.disarm(self.number)
        if row is not None:
            self.acks.append(Ack(time.monotonic(), self.number, seq, row[0], row[1]))

    def _note(self, error: psycopg.Error) -> None:
        said = error.sqlstate or (str(error).strip().splitlines() or [type(error).__name__])[0][:90]
        self.errors[said] = self.errors.get(said, 0) + 1


class Load:
    """Every writer of one run, while the `with` lasts. `paths` and `pinned`: name -> DSN; rates in rows per second."""

    def __init__(
        self, first: int, paths: dict[str, str], pinned: dict[str, str], *,
        path_rate: float = 100.0, path_writers: int = 2, pinned_rate: float = 20.0,
    ) -> None:
        self._deadlines = Deadlines()
        numbers = iter(range(first, first + 1000))
        share = path_rate / path_writers
        self.writers = [
            Writer(next(numbers), name, dsn, share, self._deadlines, pinned=False)
            for name, dsn in paths.items()
            for _ in range(path_writers)
        ]
        self.writers += [
            Writer(next(numbers), "pinned", dsn, pinned_rate, self._deadlines, pinned=True) for dsn in pinned.values()
        ]
        self.numbers = range(first, next(numbers))
        self.ended = 0.0

    def __enter__(self) -> Self:
        self._deadlines.start()
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ended = time.monotonic()
        for writer in self.writers:
            writer.over.set()
        until = time.monotonic() + ENDING_S
        for writer in self.writers:
            writer.join(max(0.0, until - time.monotonic()))
        self._deadlines.over.set()

    def write(self, since: float) -> bool:
        """Whether every writer of a path was acknowledged lately, and after `since`."""
        after = max(since, time.monotonic() - RECENT_S)
        return all(each.acks and each.acks[-1].at > after for each in self.writers if each.path != "pinned")

    def identities(self) -> set[tuple[str, int]]:
        """Who acknowledged last, as each writer knows."""
        return {each.acks[-1].identity for each in self.writers if each.acks}

    def acks(self) -> dict[str, list[Ack]]:
        """By path, in order of time; `pinned` is one of them."""
        found: dict[str, list[Ack]] = {}
        for writer in self.writers:
            found.setdefault(writer.path, []).extend(writer.acks)
        return {path: sorted(acks) for path, acks in found.items()}

    def errors(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for writer in self.writers:
            for said, count in writer.errors.items():
                total[said] = total.get(said, 0) + count
        return total
