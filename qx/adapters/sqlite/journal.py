"""Runs, plans and the one chain of entries, inside the caller's transaction.

Invariants: a plan begins one run; a run's entries are numbered 1, 2, 3...; every entry is chained to the one written
before it, whichever run that was of. The text of an entry is its canonical form, the very bytes that were digested.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from qx.kernel.canon import canonical
from qx.kernel.errors import QxError, Refused
from qx.model.journal import Chained, Entry, Run, RunOutcome
from qx.model.plan import Plan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_RUN = "SELECT id, plan_id, plan_digest, intent, started_at, run_by, outcome, ended_at, clusters FROM runs"
_ENTRY = "SELECT position, body, previous, digest FROM entries"


def begin(db: sqlite3.Connection, run: Run, plan: Plan | None) -> None:
    """Raises Refused QX-PLAN-003 when `plan` has begun a run already."""
    if plan is not None:
        earlier = db.execute("SELECT id FROM runs WHERE plan_id = ?", (plan.id,)).fetchone()
        if earlier:
            raise Refused("QX-PLAN-003", f"plan {plan.id} was applied already, by run {earlier[0]}",
                          hint=f"`qx runs show {earlier[0]}`; to move again, plan again.")
        db.execute("INSERT INTO plans VALUES (?, ?)", (plan.id, msgspec.json.encode(plan).decode()))
    db.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run.id, plan.id if plan else None, run.plan_digest, run.intent, run.started_at, run.by, run.outcome,
         run.ended_at, json.dumps(run.clusters)),
    )


def append(db: sqlite3.Connection, entry: Entry) -> Chained:
    """Raises Refused QX-STORE-002 when the run has moved on, QX-RUN-004 when it never began."""
    if not db.execute("SELECT 1 FROM runs WHERE id = ?", (entry.run,)).fetchone():
        raise _unknown(entry.run)
    last = db.execute("SELECT coalesce(max(seq), 0) FROM entries WHERE run = ?", (entry.run,)).fetchone()[0]
    if entry.seq != last + 1:
        raise Refused("QX-STORE-002", f"run {entry.run} stands at entry {last}, entry {entry.seq} cannot follow it",
                      hint=f"Another executor goes on with it: `qx runs watch {entry.run}`.")
    position, previous = db.execute(
        "SELECT coalesce(max(position), 0), coalesce((SELECT digest FROM entries ORDER BY position DESC LIMIT 1), '')"
        " FROM entries"
    ).fetchone()
    chained = entry.chained_to(previous)
    row = (position + 1, _text(chained.entry), previous, chained.digest)
    db.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
    if (outcome := entry.sets_outcome) is not None:
        close(db, entry.run, outcome, entry.at)
    return chained


def close(db: sqlite3.Connection, run: str, outcome: RunOutcome, at: float) -> None:
    ended = None if outcome is RunOutcome.OPEN else at
    if not db.execute("UPDATE runs SET outcome = ?, ended_at = ? WHERE id = ?", (outcome, ended, run)).rowcount:
        raise _unknown(run)


def runs(db: sqlite3.Connection, limit: int) -> tuple[Run, ...]:
    """The latest first."""
    return tuple(map(_run, db.execute(f"{_RUN} ORDER BY started_at DESC, id DESC LIMIT ?", (limit,))))


def run(db: sqlite3.Connection, prefix: str) -> Run:
    """By id or unique prefix of one. Raises QX-RUN-004, naming the choices when there are several."""
    found = [_run(row) for row in db.execute(f"{_RUN} WHERE id = ?", (prefix,))]
    if not found and prefix:
        found = [_run(row) for row in db.execute(f"{_RUN} WHERE substr(id, 1, ?) = ? ORDER BY id DESC LIMIT 4",
                                                 (len(prefix), prefix))]
    if not found:
        raise _unknown(prefix)
    if len(found) > 1:
        several = ", ".join(each.id for each in found[:3]) + (", ..." if len(found) > 3 else "")
        raise QxError("QX-RUN-004", f"several runs begin with '{prefix}': {several}", hint="Write more of its id.")
    return found[0]


def plan(db: sqlite3.Connection, prefix: str) -> Plan:
    wanted = run(db, prefix)
    if not wanted.plan_id:
        raise QxError("QX-RUN-004", f"run {wanted.id} has no plan: its intent was '{wanted.intent}'")
    body = db.execute("SELECT body FROM plans WHERE id = ?", (wanted.plan_id,)).fetchone()[0]
    try:
        return msgspec.json.decode(body, type=Plan)
    except msgspec.DecodeError as error:
        raise QxError("QX-STORE-004", f"plan {wanted.plan_id} of run {wanted.id} cannot be read: {error}") from error


def entries(db: sqlite3.Connection, prefix: str) -> tuple[Chained, ...]:
    return _chained(db.execute(f"{_ENTRY} WHERE run = ? ORDER BY seq", (run(db, prefix).id,)))


def chain(db: sqlite3.Connection) -> tuple[Chained, ...]:
    return _chained(db.execute(f"{_ENTRY} ORDER BY position"))


def _chained(rows: Iterable[tuple[int, str, str, str]]) -> tuple[Chained, ...]:
    found = []
    for position, body, previous, digest in rows:
        try:
            entry = msgspec.json.decode(body, type=Entry)
        except msgspec.DecodeError as error:
            raise QxError("QX-STORE-004", f"entry {position} of the journal cannot be read: {error}") from error
        if _text(entry) != body:
            raise QxError("QX-STORE-004", f"entry {position} of the journal says more than qx would have written")
        found.append(Chained(entry, previous, digest))
    return tuple(found)


def _text(entry: Entry) -> str:
    return canonical(msgspec.to_builtins(entry)).decode()


def _run(row: tuple[str, str | None, str, str, float, str, str, float | None, str]) -> Run:
    identity, plan_id, plan_digest, intent, started_at, by, outcome, ended_at, clusters = row
    return Run(
        id=identity, plan_id=plan_id or "", plan_digest=plan_digest, intent=intent, started_at=started_at, by=by,
        outcome=RunOutcome(outcome), ended_at=ended_at, clusters=tuple(json.loads(clusters)),
    )


def _unknown(run: str) -> QxError:
    return QxError("QX-RUN-004", f"no run '{run}' in this store", hint="`qx runs list` shows them.")
