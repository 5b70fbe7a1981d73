"""The shape of the file, and how it comes to be: whole or not at all.

A new store is made complete under a private name and then linked to its own, so no process ever opens half a store
and, of several that come first at the same time, one makes it. Triggers keep what was written from being changed
through any connection: journal, plans and the identity of runs take no UPDATE or DELETE, epochs only rise. They bind
software, not a person with the file in hand: for that there is the chain, and its export.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from qx.kernel.ids import sortable_id

APPLICATION_ID = 0x71780A01  # marks the file as a qx store: 'qx'
VERSION = 2

_TABLES = """
CREATE TABLE store (id TEXT NOT NULL);

CREATE TABLE rules (
    cluster TEXT PRIMARY KEY, epoch INTEGER NOT NULL, writer TEXT, writer_epoch INTEGER NOT NULL DEFAULT 0,
    moved_at REAL, lineage TEXT NOT NULL DEFAULT ''
);
CREATE TABLE leases (
    cluster TEXT PRIMARY KEY REFERENCES rules, holder TEXT NOT NULL, executor TEXT NOT NULL, epoch INTEGER NOT NULL,
    until REAL NOT NULL, boot TEXT NOT NULL, until_boot REAL NOT NULL
);

CREATE TABLE plans (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, plan_id TEXT UNIQUE REFERENCES plans, plan_digest TEXT NOT NULL, intent TEXT NOT NULL,
    started_at REAL NOT NULL, run_by TEXT NOT NULL, outcome TEXT NOT NULL, ended_at REAL, clusters TEXT NOT NULL
);
CREATE TABLE entries (
    position INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    digest TEXT NOT NULL,
    run TEXT NOT NULL AS (json_extract(body, '$.run')) REFERENCES runs,
    seq INTEGER NOT NULL AS (json_extract(body, '$.seq'))
);
CREATE UNIQUE INDEX entries_of_run ON entries (run, seq);

CREATE TABLE samples (
    number INTEGER PRIMARY KEY, cluster TEXT NOT NULL, region TEXT NOT NULL, at REAL NOT NULL, lineage TEXT NOT NULL,
    position INTEGER NOT NULL, next_xid INTEGER NOT NULL, clock REAL
);
CREATE INDEX samples_of_cluster ON samples (cluster, at);

CREATE TABLE records (
    revision INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    until REAL, boot TEXT NOT NULL, until_boot REAL, UNIQUE (kind, key)
);

CREATE TABLE maintenance (
    scope TEXT PRIMARY KEY, owner TEXT NOT NULL, reason TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL
);
"""

_GUARDS = """
CREATE TRIGGER entries_follow BEFORE INSERT ON entries
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM entries)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER epochs_rise BEFORE UPDATE ON rules WHEN NEW.epoch < OLD.epoch OR NEW.cluster <> OLD.cluster
BEGIN SELECT RAISE(ABORT, 'epochs only rise'); END;
CREATE TRIGGER runs_keep BEFORE UPDATE OF id, plan_id, plan_digest, intent, started_at, run_by, clusters ON runs
BEGIN SELECT RAISE(ABORT, 'a run keeps what it began as'); END;
"""

_KEPT = (
    "UPDATE ON entries", "DELETE ON entries", "UPDATE ON plans", "DELETE ON plans", "DELETE ON runs", "DELETE ON rules"
)


class Form(NamedTuple):
    """Of a store's file: what marks it, and what makes it. There is a table `store (id)`, whose one row is added."""

    application_id: int
    version: int
    tables: str  # SQL
    kept: tuple[str, ...] = ()  # `UPDATE ON t`, `DELETE ON t`: what no connection may do


STORE = Form(APPLICATION_ID, VERSION, _TABLES + _GUARDS, _KEPT)


def create(path: Path, wall: float, form: Form = STORE) -> None:
    """Make the store at `path`, unless another process was first. Missing directories become 0700, the file 0600.

    Raises OSError and sqlite3.Error.
    """
    for directory in [*reversed(path.parent.parents), path.parent]:
        if not directory.is_dir():
            directory.mkdir(mode=0o700, exist_ok=True)
    identity = sortable_id(wall, os.urandom(10))
    draft = path.with_name(f"{path.name}.{identity}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _fill(draft, identity, form)
        os.link(draft, path)
    except FileExistsError:
        pass  # another was first: its store is the store
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _fill(draft: Path, identity: str, form: Form) -> None:
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(f"BEGIN; {form.tables}")
        for number, what in enumerate(form.kept):
            db.execute(f"CREATE TRIGGER kept_{number} BEFORE {what} BEGIN SELECT RAISE(ABORT, 'kept as written'); END")
        db.execute("INSERT INTO store VALUES (?)", (identity,))
        db.execute(f"PRAGMA application_id = {form.application_id}")
        db.execute(f"PRAGMA user_version = {form.version}")
        db.execute("COMMIT")
    finally:
        db.close()


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
