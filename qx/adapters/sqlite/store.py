"""SqliteStore: `qx.ports.store.Store` in one file, for every qx of one machine.

Every writing method is one BEGIN IMMEDIATE transaction, on the disk before the method returns; every reading method
sees one state. Each opened store is an executor of its own: what one holds, another of the same run takes over by
`seize` only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from qx.adapters.sqlite import journal, records, samples
from qx.adapters.sqlite.changes import Changes
from qx.adapters.sqlite.connection import Connection
from qx.adapters.sqlite.instant import Instant, this_machine
from qx.adapters.sqlite.leases import Leases
from qx.kernel.ids import sortable_id
from qx.model.deed import adoption

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from qx.model.journal import Chained, Entry, Run, RunOutcome
    from qx.model.lease import Lease, Maintenance, Record, Rule
    from qx.model.observation import Sample
    from qx.model.plan import Plan

BUSY_S = 5.0


class SqliteStore:
    """Opens the store at `path` (absolute), made on first use. Raises QX-STORE-005 with the path."""

    def __init__(self, path: Path, *, now: Callable[[], Instant] = this_machine, busy_s: float = BUSY_S) -> None:
        self._now, self._path, self._busy_s = now, path, busy_s
        self._executor = os.urandom(8).hex()
        self._connection = Connection(path, now().wall, busy_s)
        with self._connection.reading() as db:
            self._store_id: str = db.execute("SELECT id FROM store").fetchone()[0]

    @property
    def store_id(self) -> str:
        return self._store_id

    def shut(self) -> None:
        self._connection.shut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def _leases(self, db: sqlite3.Connection) -> Leases:
        return Leases(db, self._executor, self._now())

    # -- leases and epochs
    def acquire(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        with self._connection.writing() as db:
            return self._leases(db).grant(clusters, run, ttl, take_over=False)

    def seize(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        with self._connection.writing() as db:
            return self._leases(db).grant(clusters, run, ttl, take_over=True)

    def renew(self, leases: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
        with self._connection.writing() as db:
            return self._leases(db).renew(leases, ttl)

    def check(self, lease: Lease) -> None:
        with self._connection.reading() as db:
            self._leases(db).check(lease)

    def release(self, leases: tuple[Lease, ...]) -> None:
        with self._connection.writing() as db:
            self._leases(db).release(leases)

    def leases(self) -> tuple[Lease, ...]:
        with self._connection.reading() as db:
            return self._leases(db).in_force()

    def rules(self) -> dict[str, Rule]:
        with self._connection.reading() as db:
            return self._leases(db).rules()

    def record_writer(self, lease: Lease, region: str, lineage: str, at: float) -> None:
        with self._connection.writing() as db:
            self._leases(db).record_writer(lease, region, lineage, at)

    def adopt(
        self, cluster: str, epoch: int, writer: str | None, lineage: str, by: str, reason: str, at: float
    ) -> Rule:
        with self._connection.writing() as db:
            leases = self._leases(db)
            before = leases.rule(cluster)
            rule = leases.adopt(cluster, epoch, writer, lineage)
            run, entries = adoption(sortable_id(at, os.urandom(10)), before, rule, epoch, by, reason, at)
            journal.begin(db, run, None)
            for entry in entries:
                journal.append(db, entry)
            return rule

    # -- journal
    def begin(self, run: Run, plan: Plan | None) -> None:
        with self._connection.writing() as db:
            journal.begin(db, run, plan)

    def append(self, *entries: Entry) -> tuple[Chained, ...]:
        with self._connection.writing() as db:
            return tuple(journal.append(db, entry) for entry in entries)

    def close(self, run: str, outcome: RunOutcome, at: float) -> None:
        with self._connection.writing() as db:
            journal.close(db, run, outcome, at)

    def runs(self, limit: int = 50) -> tuple[Run, ...]:
        with self._connection.reading() as db:
            return journal.runs(db, limit)

    def run(self, run: str) -> Run:
        with self._connection.reading() as db:
            return journal.run(db, run)

    def plan(self, run: str) -> Plan:
        with self._connection.reading() as db:
            return journal.plan(db, run)

    def entries(self, run: str) -> tuple[Chained, ...]:
        with self._connection.reading() as db:
            return journal.entries(db, run)

    def chain(self) -> tuple[Chained, ...]:
        with self._connection.reading() as db:
            return journal.chain(db)

    # -- records
    def put(
        self, kind: str, key: str, value: dict[str, Any], *, expect: int | None = None, ttl: float | None = None
    ) -> Record:
        with self._connection.writing() as db:
            return records.put(db, self._now(), kind, key, value, expect, ttl)

    def drop(self, kind: str, key: str, *, expect: int | None = None) -> bool:
        with self._connection.writing() as db:
            return records.drop(db, self._now(), kind, key, expect)

    def record(self, kind: str, key: str) -> Record | None:
        with self._connection.reading() as db:
            return records.one(db, self._now(), kind, key)

    def records(self, kind: str) -> tuple[Record, ...]:
        with self._connection.reading() as db:
            return records.all_of(db, self._now(), kind)

    def changes(self, kinds: tuple[str, ...]) -> Changes:
        return Changes(self._path, kinds, self._now, self._busy_s)

    # -- samples
    def keep_samples(self, taken: tuple[Sample, ...]) -> None:
        if taken:
            with self._connection.writing() as db:
                samples.keep(db, taken)

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]:
        with self._connection.reading() as db:
            return samples.since(db, cluster, since)

    # -- maintenance
    def set_maintenance(self, maintenance: Maintenance) -> None:
        with self._connection.writing() as db:
            samples.set_maintenance(db, maintenance)

    def end_maintenance(self, scope: str) -> bool:
        with self._connection.writing() as db:
            return samples.end_maintenance(db, scope)

    def maintenance(self, at: float) -> tuple[Maintenance, ...]:
        with self._connection.reading() as db:
            return samples.maintenance(db, at)
