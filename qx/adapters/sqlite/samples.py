"""Position samples and maintenance windows: what is kept for a while, inside the caller's transaction.

Samples are bounded by number, not by age: a clock that jumps must not throw away what a loss estimate stands on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.lease import Maintenance
from qx.model.observation import Sample

if TYPE_CHECKING:
    import sqlite3

KEPT = 100_000  # some 10 MB; three hours of nine nodes seen every second


def keep(db: sqlite3.Connection, samples: tuple[Sample, ...], kept: int = KEPT) -> None:
    db.executemany(
        "INSERT INTO samples (cluster, region, at, lineage, position, next_xid, clock) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(s.cluster, s.region, s.at, s.lineage, s.position, s.next_xid, s.clock) for s in samples],
    )
    db.execute("DELETE FROM samples WHERE number <= (SELECT max(number) FROM samples) - ?", (kept,))


def since(db: sqlite3.Connection, cluster: str, at: float) -> tuple[Sample, ...]:
    """Oldest first."""
    rows = db.execute(
        "SELECT cluster, region, at, lineage, position, next_xid, clock FROM samples WHERE cluster = ? AND at >= ?"
        " ORDER BY at, number",
        (cluster, at),
    )
    return tuple(Sample(*row) for row in rows)


def set_maintenance(db: sqlite3.Connection, window: Maintenance) -> None:
    """One window per scope: a later one replaces it."""
    db.execute(
        "INSERT OR REPLACE INTO maintenance VALUES (?, ?, ?, ?, ?)",
        (window.scope, window.owner, window.reason, window.since, window.until),
    )


def end_maintenance(db: sqlite3.Connection, scope: str) -> bool:
    """Whether there was one."""
    return db.execute("DELETE FROM maintenance WHERE scope = ?", (scope,)).rowcount > 0


def maintenance(db: sqlite3.Connection, at: float) -> tuple[Maintenance, ...]:
    """Those in force at `at`, by scope."""
    rows = db.execute("SELECT * FROM maintenance WHERE since <= ?1 AND until > ?1 ORDER BY scope", (at,))
    return tuple(
        Maintenance(scope=scope, owner=owner, reason=reason, since=began, until=until)
        for scope, owner, reason, began, until in rows
    )
