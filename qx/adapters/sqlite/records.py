"""Records: small named values with a revision and, if wanted, an end; over one open transaction at one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import json

from qx.kernel.errors import Refused
from qx.model.lease import Record

if TYPE_CHECKING:
    import sqlite3

    from qx.adapters.sqlite.instant import Instant


class _Row(NamedTuple):
    revision: int
    kind: str
    key: str
    body: str
    until: float | None
    boot: str
    until_boot: float | None

    def stands(self, now: Instant) -> bool:
        if self.until is None or self.until_boot is None:
            return True
        left = self.until_boot - now.since_boot if self.boot and self.boot == now.boot else self.until - now.wall
        return left > 0

    @property
    def record(self) -> Record:
        value = json.decode(self.body)
        return Record(kind=self.kind, key=self.key, value=value, revision=self.revision, until=self.until)


def put(
    db: sqlite3.Connection, now: Instant, kind: str, key: str, value: dict[str, Any], expect: int | None,
    ttl: float | None,
) -> Record:
    _expect(db, now, kind, key, expect)
    until = None if ttl is None else now.wall + ttl
    until_boot = None if ttl is None else now.since_boot + ttl
    written = db.execute(
        "INSERT OR REPLACE INTO records (kind, key, body, until, boot, until_boot) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING *",
        (kind, key, json.encode(value).decode(), until, now.boot, until_boot),
    ).fetchone()
    return _Row._make(written).record


def drop(db: sqlite3.Connection, now: Instant, kind: str, key: str, expect: int | None) -> bool:
    _expect(db, now, kind, key, expect)
    stood = one(db, now, kind, key) is not None
    db.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
    return stood


def one(db: sqlite3.Connection, now: Instant, kind: str, key: str) -> Record | None:
    found = db.execute("SELECT * FROM records WHERE kind = ? AND key = ?", (kind, key)).fetchone()
    row = _Row._make(found) if found else None
    return row.record if row is not None and row.stands(now) else None


def all_of(db: sqlite3.Connection, now: Instant, kind: str) -> tuple[Record, ...]:
    rows = map(_Row._make, db.execute("SELECT * FROM records WHERE kind = ? ORDER BY key", (kind,)))
    return tuple(row.record for row in rows if row.stands(now))


def _expect(db: sqlite3.Connection, now: Instant, kind: str, key: str, expect: int | None) -> None:
    if expect is None:
        return
    found = one(db, now, kind, key)
    stands = found.revision if found else 0
    if stands != expect:
        said = f"the {kind} record of {key} stands at revision {stands}, not {expect}"
        raise Refused("QX-STORE-008", said, hint="Somebody else changed it: look again.")
