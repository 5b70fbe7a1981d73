"""Salvage of a PostgreSQL node: what lies beyond the fork is kept before anything is erased.

Kept: the WAL segments from the fork to its end, the commits in them, and of every table they changed the rows
that a lost transaction wrote, as CSV. Invariants: WAL is kept before the data are opened, since opening them
ends crash recovery; nothing is opened when no commit lies beyond the fork, so that a node that did not
diverge stays so; what could not be kept stands in the manifest's notes; every file that is kept stands there
with its digest.
"""

from __future__ import annotations

import csv
import re
import shutil
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from qx.adapters.node import files, pgdata, waldump
from qx.adapters.node.isolated import identifier, literal, opened
from qx.kernel.errors import QxError
from qx.kernel.ids import slug
from qx.kernel.lsn import format_lsn

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.isolated import Session, View
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

MANIFEST = "manifest.json"
_TABLES = (
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence = 'p'"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
)
_PAGE_HEADER = struct.Struct("=HHIQ")  # magic, info, timeline, position: the start of every WAL page
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_XIDS = 1 << 32


class Beyond(NamedTuple):
    """`fork_xid`: the first transaction id that the new timeline gave out; 0 when unknown."""

    fork: int
    timeline: int
    fork_xid: int


def salvage(node: PostgresNode, beyond: Beyond, into: Path, turn: Turn, deadline: Deadline) -> dict[str, Any]:
    """The manifest, which also stands in `into`. Raises QX-NODE-009 when WAL beyond the fork cannot be kept."""
    if turn.memory.incomplete:
        because = f"a {turn.memory.incomplete} was interrupted: what it was to replace was salvaged before it, if ever"
        return {"diverged": True, "commits": None, "because": because}
    try:
        return _Salvage(node, beyond, into, turn, deadline).keep()
    except (OSError, TimeoutError) as error:
        raise QxError("QX-NODE-009", f"{node.where}: {error}", hint="nothing was erased") from error


class _Salvage:
    def __init__(self, node: PostgresNode, beyond: Beyond, into: Path, turn: Turn, deadline: Deadline) -> None:
        self.node, self.beyond, self.into, self.turn, self.deadline = node, beyond, into, turn, deadline
        self.notes: list[str] = []
        self.kept: list[dict[str, Any]] = []

    def keep(self) -> dict[str, Any]:
        into, fork = self.into, self.beyond.fork
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        lost = self._keep_wal()
        tables: list[dict[str, Any]] = []
        names: dict[waldump.Relation, str] = {}
        if lost is None or lost.commits:
            try:
                tables, names = self._keep_rows(lost)
            except QxError as error:
                self.notes.append(f"no rows were kept: {error.message}")
        manifest = {
            "schema": "qx.salvage/1",
            "node": self.node.where,
            "diverged": lost is None or lost.records > 0,
            "fork": fork,
            "timeline": self.beyond.timeline,
            "tables": tables,
            "files": self.kept,
            "notes": self.notes,
            "into": str(into),
            **_summary(lost, fork, names),
        }
        data = msgspec.json.format(msgspec.json.encode(manifest))
        files.replace(into / MANIFEST, data, like=into)
        return manifest

    # -- WAL -------------------------------------------------------------------------------------------

    def _keep_wal(self) -> waldump.Beyond | None:
        """Copies what the old timeline wrote from the fork on, and reads it; None when it cannot tell what was lost."""
        control = self.node.control_file(self.deadline)
        fork, source, target = self.beyond.fork, self.node.data_dir / "pg_wal", self.into / "wal"
        first = pgdata.segment_name(self.beyond.timeline, fork, control.segment_bytes)
        names = sorted(
            path.name
            for path in source.iterdir()
            if path.name[:8] == first[:8] and path.name >= first and _is_written(path, control.segment_bytes)
        )
        for name in names:
            if self.deadline.passed:
                raise TimeoutError("the WAL beyond the fork could not be copied in time")
            target.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(source / name, target / name)
            self._keep(target / name)
        if first in names:
            return self._dump()
        if names or control.checkpoint >= fork:
            self.notes.append(f"the server has removed WAL beyond the fork: {first} is missing")
            return None
        return waldump.Beyond(end=fork)

    def _dump(self) -> waldump.Beyond | None:
        """None: there is no pg_waldump to tell."""
        program = self.node.bin_dir / "pg_waldump"
        try:
            lost, _ = waldump.dump(
                program, self.into / "wal", self.beyond.timeline, self.beyond.fork, self.deadline, self.turn
            )
        except FileNotFoundError:
            self.notes.append(f"{program} is not installed: commits are not counted, rows are judged by transaction id")
            return None
        if lost.commits:
            listing = self.into / "commits.csv"
            with listing.open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(("xid", "at", "lsn"))
                rows.writerows((commit.xid, commit.at, format_lsn(commit.position)) for commit in lost.commits)
            self._keep(listing)
        return lost

    # -- rows ------------------------------------------------------------------------------------------

    def _keep_rows(
        self, lost: waldump.Beyond | None
    ) -> tuple[list[dict[str, Any]], dict[waldump.Relation, str]]:
        if lost is None and not self.beyond.fork_xid:
            self.notes.append("no rows were kept: neither pg_waldump nor the fork's transaction id tells which are new")
            return [], {}
        tables: list[dict[str, Any]] = []
        names: dict[waldump.Relation, str] = {}
        with opened(self.node, self.turn, self.deadline) as view:
            written = None if lost is None else {relation.database for relation in lost.relations}
            for oid, database in _databases(view):
                if written is None or oid in written:
                    with view.database(database) as session:
                        tables += self._keep_tables(session, database, oid, lost)
                        if lost is not None:
                            names |= _names(session, [rel for rel in lost.relations if rel.database == oid])
        return tables, names

    def _keep_tables(
        self, session: Session, database: str, oid: int, lost: waldump.Beyond | None
    ) -> list[dict[str, Any]]:
        if lost is None:
            among = "true"
            new = _in_window(self.beyond.fork_xid)
        else:
            filenodes = sorted({str(rel.filenode) for rel in lost.relations if rel.database == oid})
            among = f"pg_relation_filenode(c.oid) IN ({', '.join(filenodes)})"
            new = self._in_lost(lost, session)
        found = session.query(f"{_TABLES} AND {among} ORDER BY 1, 2")
        kept = []
        for number, table in enumerate(found):
            name = f"{identifier(table['schema'])}.{identifier(table['name'])}"
            try:
                answer = session.export(f"SELECT * FROM ONLY {name} WHERE {new}")  # noqa: S608 - quoted
            except QxError as error:
                self.notes.append(f"{database}: {name} was not kept: {error.message}")
                continue
            rows = _count_rows(answer)
            if rows:
                stem = f"{slug(database)}.{number:04d}.{slug(table['schema'])}.{slug(table['name'])}"
                target = self.into / "rows" / f"{stem}.csv"
                target.parent.mkdir(mode=0o700, exist_ok=True)
                shutil.copyfile(answer, target)
                entry = self._keep(target)
                kept.append({"database": database, **table, "rows": rows, "file": entry["path"]})
        return kept

    def _in_lost(self, lost: waldump.Beyond, session: Session) -> str:
        """Exactly the rows that a lost transaction wrote, also one that began before the fork."""
        path = session.place / "qx-xids.txt"
        path.write_text(",".join(map(str, sorted(lost.xids))))
        path.chmod(0o644)  # its directory is 0700 and the server's
        listed = f"string_to_array(pg_read_file({literal(str(path))}), ',')"
        return f"xmin::text::bigint IN (SELECT unnest({listed})::bigint)"

    def _keep(self, path: Path) -> dict[str, Any]:
        path.chmod(0o600)
        entry = {
            "path": str(path.relative_to(self.into)),
            "bytes": path.stat().st_size,
            "sha256": files.sha256(path),
        }
        self.kept.append(entry)
        return entry


def _in_window(fork_xid: int) -> str:
    """Rows of transactions from `fork_xid` to the newest, counted around the end of the 32 bits."""
    newest = "pg_snapshot_xmax(pg_current_snapshot())::text::numeric"
    return (
        f"mod(xmin::text::bigint - {fork_xid} + {_XIDS}, {_XIDS})"
        f" < mod({newest} - {fork_xid % _XIDS} + {_XIDS}, {_XIDS})"
    )


def _is_written(path: Path, segment_bytes: int) -> bool:
    """Whether it holds WAL of its own name: a recycled segment has the header of the one that it was."""
    if not _SEGMENT.fullmatch(path.name):
        return False
    with path.open("rb") as file:
        head = file.read(_PAGE_HEADER.size)
    if len(head) < _PAGE_HEADER.size:
        return False
    _, _, timeline, position = _PAGE_HEADER.unpack(head)
    return timeline <= int(path.name[:8], 16) and pgdata.segment_name(0, position, segment_bytes)[8:] == path.name[8:]


def _databases(view: View) -> list[tuple[int, str]]:
    with view.database("template1") as session:
        rows = session.query("SELECT oid, datname FROM pg_database WHERE datallowconn ORDER BY datname")
    return [(int(row["oid"]), row["datname"]) for row in rows]


def _names(session: Session, relations: list[waldump.Relation]) -> dict[waldump.Relation, str]:
    """Of those that still stand; a dropped or rewritten one has no name any more."""
    values = ", ".join(f"({relation.tablespace}, {relation.filenode})" for relation in relations)
    rows = session.query(
        "SELECT w.tablespace, w.filenode, w.found::text AS name FROM (SELECT v.tablespace, v.filenode,"  # noqa: S608
        " pg_filenode_relation(CASE v.tablespace WHEN d.dattablespace THEN 0 ELSE v.tablespace END, v.filenode)"
        f" AS found FROM (VALUES {values}) v (tablespace, filenode)"
        " CROSS JOIN pg_database d WHERE d.datname = current_database()) w WHERE w.found IS NOT NULL"
    )
    told = {(int(row["tablespace"]), int(row["filenode"])): row["name"] for row in rows}
    return {rel: told[rel.tablespace, rel.filenode] for rel in relations if (rel.tablespace, rel.filenode) in told}


def _summary(lost: waldump.Beyond | None, fork: int, names: dict[waldump.Relation, str]) -> dict[str, Any]:
    """The measured loss. Every number is None where nothing could tell it."""
    if lost is None:
        return {"end": None, "bytes": None, "commits": None, "first_commit": "", "last_commit": "", "relations": []}
    end = max(lost.end, fork)
    return {
        "end": end,
        "bytes": end - fork,
        "commits": len(lost.commits),
        "first_commit": lost.commits[0].at if lost.commits else "",
        "last_commit": lost.commits[-1].at if lost.commits else "",
        "relations": [
            {"database": rel.database, "filenode": rel.filenode, "name": names.get(rel, ""), "changes": dict(changes)}
            for rel, changes in sorted(lost.relations.items())
        ],
    }


def _count_rows(path: Path) -> int:
    """Lines that end outside of quotes, less the header."""
    rows, inside = -1, False
    with path.open("rb") as file:
        for line in file:
            inside ^= line.count(b'"') % 2 == 1
            rows += not inside
    return rows
