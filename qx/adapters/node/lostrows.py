"""The rows that lost transactions wrote, as CSV per table, out of a stopped server that is opened isolated.

Which they are is told by the transaction ids of the lost commits; without those (no pg_waldump) by the first id of
the new timeline, which misses transactions that began before the fork. Rows that a lost transaction deleted are gone;
the manifest's relations count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.adapters.node.isolated import identifier, literal, opened
from qx.adapters.node.waldump import Beyond, Relation
from qx.kernel.errors import QxError
from qx.kernel.ids import slug

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.isolated import Session, View
    from qx.adapters.node.keeper import Keeper
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

_XIDS = 1 << 32
_TABLES = (
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence = 'p'"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
)


class LostRows:
    """`tables`: what was kept of which; `names`: of the relations that the WAL told of, as far as they still stand."""

    def __init__(
        self, node: PostgresNode, lost: Beyond | None, fork_xid: int, turn: Turn, deadline: Deadline
    ) -> None:
        self._node, self._lost, self._fork_xid = node, lost, fork_xid
        self._turn, self._deadline = turn, deadline
        self.tables: list[dict[str, Any]] = []
        self.names: dict[Relation, str] = {}

    def keep(self, keeper: Keeper, *, all_tables: bool) -> None:
        """`all_tables`: look through all, not only through those that the WAL names. What fails becomes a note."""
        if self._lost is None and not self._fork_xid:
            keeper.notes.append("no rows were kept: nothing tells which are new")
            return
        try:
            with opened(self._node, self._turn, self._deadline) as view:
                for oid, database in _databases(view):
                    written = self._written(oid)
                    if written or all_tables:
                        with view.database(database) as session:
                            self.names |= _names(session, written)
                            self._keep_tables(session, database, None if all_tables else written, keeper)
        except QxError as error:
            keeper.notes.append(f"rows are missing: {error.message}")

    def _written(self, database: int) -> list[Relation]:
        return [] if self._lost is None else [rel for rel in self._lost.relations if rel.database == database]

    def _keep_tables(
        self, session: Session, database: str, among: list[Relation] | None, keeper: Keeper
    ) -> None:
        new = self._is_new(session)
        numbers = "" if among is None else ", ".join(sorted({str(relation.filenode) for relation in among}))
        chosen = f" AND pg_relation_filenode(c.oid) IN ({numbers})" if numbers else ""
        for place, table in enumerate(session.query(f"{_TABLES}{chosen} ORDER BY 1, 2")):
            name = f"{identifier(table['schema'])}.{identifier(table['name'])}"
            try:
                answer = session.export(f"SELECT * FROM ONLY {name} WHERE {new}")  # noqa: S608  # nosec B608 - quoted
            except QxError as error:
                keeper.notes.append(f"{database}: {name} was not kept: {error.message}")
                continue
            rows = _count_rows(answer)
            if rows:
                file = f"rows/{slug(database)}.{place:04d}.{slug(table['schema'])}.{slug(table['name'])}.csv"
                keeper.copy(answer, file)
                self.tables.append({"database": database, **table, "rows": rows, "file": file})

    def _is_new(self, session: Session) -> str:
        """The condition on a row. Ids are compared in their 32 bits, as rows hold them."""
        if self._lost is None:
            newest = "pg_snapshot_xmax(pg_current_snapshot())::text::numeric"
            return (
                f"mod(xmin::text::bigint - {self._fork_xid % _XIDS} + {_XIDS}, {_XIDS})"
                f" < mod({newest} - {self._fork_xid % _XIDS} + {_XIDS}, {_XIDS})"
            )
        path = session.place / "qx-xids.txt"
        path.write_text(",".join(map(str, sorted(self._lost.xids))))
        path.chmod(0o644)  # its directory is 0700 and the server's
        listed = f"string_to_array(pg_read_file({literal(str(path))}), ',')"
        return f"xmin::text::bigint IN (SELECT unnest({listed})::bigint)"


def _databases(view: View) -> list[tuple[int, str]]:
    with view.database("template1") as session:
        rows = session.query("SELECT oid, datname FROM pg_database WHERE datallowconn ORDER BY datname")
    return [(int(row["oid"]), row["datname"]) for row in rows]


def _names(session: Session, relations: list[Relation]) -> dict[Relation, str]:
    """Of those that still stand; a dropped or rewritten one has no name any more."""
    if not relations:
        return {}
    values = ", ".join(f"({relation.tablespace}, {relation.filenode})" for relation in relations)
    rows = session.query(
        "SELECT w.tablespace, w.filenode, w.found::text AS name FROM (SELECT v.tablespace, v.filenode,"  # noqa: S608  # nosec B608
        " pg_filenode_relation(CASE v.tablespace WHEN d.dattablespace THEN 0 ELSE v.tablespace END, v.filenode)"
        f" AS found FROM (VALUES {values}) v (tablespace, filenode)"
        " CROSS JOIN pg_database d WHERE d.datname = current_database()) w WHERE w.found IS NOT NULL"
    )
    told = {(int(row["tablespace"]), int(row["filenode"])): row["name"] for row in rows}
    return {rel: told[rel.tablespace, rel.filenode] for rel in relations if (rel.tablespace, rel.filenode) in told}


def _count_rows(path: Path) -> int:
    """Lines that end outside of quotes, less the header."""
    rows, inside = -1, False
    with path.open("rb") as file:
        for line in file:
            inside ^= line.count(b'"') % 2 == 1
            rows += not inside
    return rows
