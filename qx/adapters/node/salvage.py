"""Salvage of a PostgreSQL node: what lies beyond the fork is kept before anything is erased.

Kept: the WAL segments from the fork to its end, the commits in them, and the rows that lost transactions wrote.
Invariants: WAL is kept before the data are opened, since opening them ends crash recovery; nothing is opened when
no commit lies beyond the fork, so that a node that did not diverge stays so; what could not be kept stands in the
manifest's notes; every file that is kept stands there with its digest.
"""

from __future__ import annotations

import csv
import re
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.adapters.node import pgdata, waldump
from qx.adapters.node.keeper import Keeper
from qx.adapters.node.lostrows import LostRows
from qx.kernel.errors import QxError
from qx.kernel.lsn import format_lsn

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

_PAGE_HEADER = struct.Struct("=HHIQ")  # magic, info, timeline, position: the start of every WAL page
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_SHARE_OF_ROWS = 0.8  # of the time that is left when they are looked for: the manifest must be written in time


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
        return _salvage(node, beyond, Keeper(into), turn, deadline)
    except (OSError, TimeoutError) as error:
        raise QxError("QX-NODE-009", f"{node.where}: {error}", hint="nothing was erased") from error


def _salvage(
    node: PostgresNode, beyond: Beyond, keeper: Keeper, turn: Turn, deadline: Deadline
) -> dict[str, Any]:
    control = node.control_file(deadline)
    lost = _keep_wal(node, beyond, control, keeper, turn, deadline)
    rows = LostRows(node, lost, beyond.fork_xid, turn, deadline.within(deadline.left * _SHARE_OF_ROWS))
    if lost is None or lost.commits:
        complete = lost is not None and _know_all_relations(node, lost, beyond, control, turn, deadline)
        rows.keep(keeper, all_tables=not complete)
    return keeper.write_manifest({
        "schema": "qx.salvage/1",
        "node": node.where,
        "diverged": lost is None or lost.records > 0,
        "fork": beyond.fork,
        "timeline": beyond.timeline,
        **_summary(lost, beyond.fork, rows.names),
        "tables": rows.tables,
        "files": keeper.files,
        "notes": keeper.notes,
        "into": str(keeper.into),
    })


def _keep_wal(
    node: PostgresNode,
    beyond: Beyond,
    control: pgdata.ControlFile,
    keeper: Keeper,
    turn: Turn,
    deadline: Deadline,
) -> waldump.Beyond | None:
    """Copies what the old timeline wrote from the fork on, and reads it; None when it cannot tell what was lost."""
    source = node.data_dir / "pg_wal"
    first = pgdata.segment_name(beyond.timeline, beyond.fork, control.segment_bytes)
    names = sorted(
        path.name
        for path in source.iterdir()
        if path.name[:8] == first[:8] and path.name >= first and _is_written(path, control.segment_bytes)
    )
    for name in names:
        if deadline.passed:
            raise TimeoutError("the WAL beyond the fork could not be copied in time")
        keeper.copy(source / name, f"wal/{name}")
    if first not in names:
        start = pgdata.segment_name(control.timeline, control.redo, control.segment_bytes)
        if not names and control.checkpoint < beyond.fork and (source / start).exists():  # its WAL ends before the fork
            return waldump.Beyond(end=beyond.fork)
        keeper.notes.append(f"the server has removed WAL beyond the fork: {first} is missing")
        return None
    wal = waldump.Wal(node.bin_dir / "pg_waldump", keeper.into / "wal", beyond.timeline)
    try:
        lost = waldump.read(wal.between(beyond.fork, None, deadline, turn))
    except FileNotFoundError:
        keeper.notes.append(f"{wal.program} is not installed: nothing was counted, rows are judged by transaction id")
        return None
    if lost.commits:
        _list_commits(lost.commits, keeper)
    return lost


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


def _list_commits(commits: list[waldump.Commit], keeper: Keeper) -> None:
    listing = keeper.into / "commits.csv"
    with listing.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("xid", "at", "lsn"))
        rows.writerows((commit.xid, commit.at, format_lsn(commit.position)) for commit in commits)
    keeper.add(listing)


def _know_all_relations(
    node: PostgresNode,
    lost: waldump.Beyond,
    beyond: Beyond,
    control: pgdata.ControlFile,
    turn: Turn,
    deadline: Deadline,
) -> bool:
    """Adds to `lost` what its transactions wrote before the fork; False when some are older than the WAL can tell."""
    if beyond.fork_xid and all(pgdata.is_since(xid, beyond.fork_xid) for xid in lost.xids):
        return True
    if control.redo > beyond.fork or not all(pgdata.is_since(xid, control.next_xid) for xid in lost.xids):
        return False
    wal = waldump.Wal(node.bin_dir / "pg_waldump", node.data_dir / "pg_wal", beyond.timeline)
    if not (wal.place / pgdata.segment_name(beyond.timeline, control.redo, control.segment_bytes)).exists():
        return False
    among = {str(xid) for xid in lost.xids}
    before = waldump.read(wal.between(control.redo, beyond.fork, deadline, turn), among)
    for relation, changes in before.relations.items():
        lost.relations.setdefault(relation, Counter()).update(changes)
    return True


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
