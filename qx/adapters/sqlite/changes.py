"""Changes: the records of some kinds as they change in the file, by whoever's hand; looked for every POLL_S."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from qx.adapters.feed import Feed
from qx.adapters.sqlite import records
from qx.adapters.sqlite.connection import Connection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from qx.adapters.sqlite.instant import Instant
    from qx.model.lease import Record

POLL_S = 0.05


class Changes(Feed):
    """Through a connection of its own, which sees what every other one writes. Raises QX-STORE-005."""

    def __init__(self, path: Path, kinds: tuple[str, ...], now: Callable[[], Instant], busy_s: float) -> None:
        super().__init__(kinds)
        self._path, self._kinds, self._now, self._busy_s = path, kinds, now, busy_s

    async def follow(self) -> AsyncGenerator[Record, None]:
        seen: int | None = None
        ending = False  # time alone ends a record, and nobody writes then
        with ExitStack() as opened:
            file = Connection(self._path, self._now().wall, self._busy_s)
            opened.callback(file.shut)
            while True:
                with file.reading() as db:
                    version: int = db.execute("PRAGMA data_version").fetchone()[0]
                    standing = self._standing(db) if ending or version != seen else None
                if standing is not None:
                    seen, ending = version, any(record.until is not None for record in standing)
                    for record in self.known.news(standing):
                        yield record
                await asyncio.sleep(POLL_S)

    def _standing(self, db: sqlite3.Connection) -> tuple[Record, ...]:
        return tuple(record for kind in self._kinds for record in records.all_of(db, self._now(), kind))
