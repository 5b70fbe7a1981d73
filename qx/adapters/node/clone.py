"""A stopped PostgreSQL node becomes a base backup of its upstream. Own settings, the pin and the place of the
WAL stay.

Invariants: the copy is complete before anything of the old data is erased, unless the disk cannot hold both,
which the answer then says; while data are replaced the directory is barred and marked incomplete, so that
nothing can start it; an interrupted clone is begun anew by the next. The copy is made inside the directory,
which may be a mount of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.adapters.node import files, keepsakes, pgdata
from qx.adapters.node.conninfo import without_password
from qx.adapters.node.programs import run
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

_COPY = "qx-clone"
_NAME = "qx_clone"  # under the standby's own name the copy, not yet a standby, would count as one that acknowledges
_MARGIN = 1.1


def clone(node: PostgresNode, conninfo: str, slot: str, turn: Turn, deadline: Deadline) -> dict[str, Any]:
    """What was done. Raises QX-NODE-006; the old data are then still there, unless the disk could not hold both."""
    data_dir = node.data_dir
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keepsakes.put_back(data_dir)  # of a rewind that was interrupted
    places = [data_dir, *_wal_elsewhere(data_dir)]
    for place in places:
        files.discard(place / _COPY)
    _refuse_tablespaces(node)
    identity = _identity(node, deadline)
    erased_first = files.free_bytes(data_dir) < _MARGIN * files.size_of(data_dir)
    if erased_first:
        _begin(node, turn)
        for place in places:
            _empty(place)
    try:
        _base_backup(node, conninfo, slot, places, turn, deadline)
        _check_identity(node, identity, deadline)
    except BaseException:
        for place in places:
            files.discard(place / _COPY)
        raise
    _begin(node, turn)
    for place in places:
        _swap(place)
    pgdata.pin(data_dir)
    pgdata.set_upstream(data_dir, {"primary_conninfo": conninfo, "primary_slot_name": slot or None})
    turn.remember(incomplete="")
    pgdata.unbar(data_dir)
    return {"cloned": True, "erased_first": erased_first, "took_s": round(deadline.spent, 3)}


def _begin(node: PostgresNode, turn: Turn) -> None:
    turn.remember(incomplete="clone")
    pgdata.bar(node.data_dir)


def _wal_elsewhere(data_dir: Path) -> list[Path]:
    """The directory that pg_wal is a link to, if it is one."""
    wal = data_dir / "pg_wal"
    return [wal.resolve()] if wal.is_symlink() and wal.is_dir() else []


def _refuse_tablespaces(node: PostgresNode) -> None:
    place = node.data_dir / "pg_tblspc"
    names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    if names:
        raise QxError(
            "QX-NODE-006",
            f"{node.where}: it has tablespaces of its own ({', '.join(names)}), whose places a clone cannot choose",
            hint="clone it by hand with pg_basebackup --tablespace-mapping, then `qx rejoin`",
        )


def _identity(node: PostgresNode, deadline: Deadline) -> str:
    """The system id of what is to be replaced; '' when nothing readable is there."""
    try:
        return node.control_file(deadline).system_id
    except QxError:
        return ""


def _check_identity(node: PostgresNode, identity: str, deadline: Deadline) -> None:
    copied = pgdata.read_control(node.data_dir / _COPY, node.bin_dir, deadline).system_id
    if identity not in {"", copied}:
        raise QxError("QX-NODE-006", f"{node.where}: its upstream is system {copied}, it is {identity}",
                      hint="the upstream is another cluster: check its address")


def _base_backup(
    node: PostgresNode, conninfo: str, slot: str, places: list[Path], turn: Turn, deadline: Deadline
) -> None:
    options = ["--wal-method", "stream", "--checkpoint", "fast", "--no-password"]
    if slot:
        options += ["--slot", slot]
    if len(places) > 1:
        options += ["--waldir", str(places[1] / _COPY)]
    program = (str(node.bin_dir / "pg_basebackup"), "--pgdata", str(node.data_dir / _COPY))
    with without_password(conninfo, node.data_dir, named=_NAME) as source:
        try:
            told = run((*node.settings.run_as, *program, "--dbname", source, *options), deadline, turn)
        except (OSError, TimeoutError) as error:
            raise QxError("QX-NODE-006", f"{node.where}: it cannot be cloned: {error}") from error
    if told.code != 0:
        raise QxError("QX-NODE-006", f"{node.where}: it cannot be cloned: {told.last_words(3)}",
                      hint="see whether the upstream takes replication connections from here, and the disk")


def _swap(place: Path) -> None:
    """The copy's entries take the place of the old ones; own files stay."""
    _empty(place)
    copy = place / _COPY
    for entry in copy.iterdir():
        target = place / entry.name
        if target.exists() or target.is_symlink():
            files.discard(entry)
        else:
            entry.rename(target)
    copy.rmdir()
    files.sync(place)


def _empty(place: Path) -> None:
    """All but the copy, own files, and a WAL directory that stands elsewhere."""
    for entry in place.iterdir():
        if entry.name != _COPY and not keepsakes.is_own(entry) and not (entry.name == "pg_wal" and entry.is_symlink()):
            files.discard(entry)
