"""What a PostgreSQL data directory says of itself: its control file, its lock file, its pin, its upstream.

Invariants: the control file is read by the server's own pg_controldata, the upstream is written as ALTER
SYSTEM writes it, everything else in postgresql.auto.conf stays as it was. Must never start or end a process.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.node import files
from qx.adapters.node.programs import run
from qx.kernel.errors import QxError
from qx.kernel.lsn import parse_lsn

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline

SIGNAL = "standby.signal"
RECOVERY_SIGNAL = "recovery.signal"
LOCK_FILE = "postmaster.pid"
AUTOMATIC = "postgresql.auto.conf"
LABEL = "backup_label"
CONTROL = "global/pg_control"
_SETTING = re.compile(r"\s*([A-Za-z_][\w.]*)")
_OTHERS = 0o007
_FIELDS = {
    "Database system identifier": "system_id",
    "Database cluster state": "state",
    "Latest checkpoint location": "checkpoint",
    "Latest checkpoint's REDO location": "redo",
    "Latest checkpoint's TimeLineID": "timeline",
    "Minimum recovery ending location": "min_recovery_end",
    "Min recovery ending loc's timeline": "min_recovery_timeline",
    "Latest checkpoint's NextXID": "next_xid",
    "Bytes per WAL segment": "segment_bytes",
}


class ControlFile(NamedTuple):
    """Positions in bytes. `next_xid`: of 32 bits; no lower one was given out after `redo`."""

    system_id: str
    state: str
    checkpoint: int
    redo: int
    timeline: int
    min_recovery_end: int
    min_recovery_timeline: int
    segment_bytes: int
    next_xid: int


class LockFile(NamedTuple):
    """postmaster.pid. `status`: 'starting', 'ready', 'standby', 'stopping', or '' while it is not written yet."""

    pid: int
    socket_dir: str
    port: int
    status: str


def segment_name(timeline: int, position: int, segment_bytes: int) -> str:
    """Of the WAL file that holds the byte at `position`."""
    per_id = 0x1_0000_0000 // segment_bytes
    high, low = divmod(position // segment_bytes, per_id)
    return f"{timeline:08X}{high:08X}{low:08X}"


def is_since(xid: int, reference: int) -> bool:
    """Whether `xid` was given out at or after `reference`, counted around the end of the 32 bits."""
    return (xid - reference) % (1 << 32) < 1 << 31


def read_control(data_dir: Path, bin_dir: Path, deadline: Deadline) -> ControlFile:
    """Raises QX-NODE-006 when it is no data directory, QX-NODE-005 when pg_controldata cannot be run."""
    program = str(bin_dir / "pg_controldata")
    try:
        told = run((program, str(data_dir)), deadline)
    except (OSError, TimeoutError) as error:
        raise QxError("QX-NODE-005", f"{program} cannot be run: {error}", hint="set control.bin_dir") from error
    values = dict(re.findall(r"(?m)^([^:\n]+):\s*(.*?)\s*$", told.out))
    missing = [label for label in _FIELDS if label not in values]
    if told.code != 0 or missing:
        why = told.last_words(2) if told.code != 0 else f"pg_controldata tells no `{missing[0]}`"
        raise QxError("QX-NODE-006", f"{data_dir} is no PostgreSQL data directory: {why}",
                      hint="set control.data_dir; `rejoin` makes a missing one anew")
    return parse_control(values)


def parse_control(values: dict[str, str]) -> ControlFile:
    """From pg_controldata's labels and words, in the C locale."""
    raw = {name: values[label] for label, name in _FIELDS.items()}
    positions = {name: parse_lsn(raw[name]) for name in ("checkpoint", "redo", "min_recovery_end")}
    numbers = {name: int(raw[name]) for name in ("timeline", "min_recovery_timeline", "segment_bytes")}
    next_xid = int(raw["next_xid"].rpartition(":")[2])
    return ControlFile(
        system_id=raw["system_id"], state=raw["state"], next_xid=next_xid, **positions, **numbers
    )


def read_lock_file(data_dir: Path) -> LockFile | None:
    """None when there is none. A single-user backend writes its pid negative."""
    try:
        lines = (data_dir / LOCK_FILE).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    pid, port = lines[0].strip(), lines[3].strip()
    return LockFile(
        pid=abs(int(pid)) if pid.lstrip("-").isdigit() else 0,
        socket_dir=lines[4].strip(),
        port=int(port) if port.isdigit() else 0,
        status=lines[7].strip(),
    )


def discard_lock_files(data_dir: Path, stale: LockFile, socket_dir: str) -> None:
    """Removes what a dead server left: a zombie's pid, or one used again, would keep the next from starting."""
    for directory in {stale.socket_dir, socket_dir} - {""}:
        lock = Path(directory, f".s.PGSQL.{stale.port}.lock")
        if _first_line(lock) == str(stale.pid):
            files.remove(lock)
    files.remove(data_dir / LOCK_FILE)


def socket_locks(socket_dir: str, data_dir: Path) -> dict[Path, int]:
    """Lock files of sockets that a server of this data directory made -> its pid: they outlive a directory that was
    emptied.
    """
    found: dict[Path, int] = {}
    for lock in Path(socket_dir).glob(".s.PGSQL.*.lock") if socket_dir else ():
        pid, directory = _lines(lock)[:2]
        if directory == str(data_dir) and pid.isdigit():
            found[lock] = int(pid)
    return found


def _first_line(path: Path) -> str:
    return _lines(path)[0]


def _lines(path: Path) -> list[str]:
    """At least two."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        lines = []
    return [line.strip() for line in [*lines, "", ""]]


def holds_nothing(data_dir: Path) -> bool:
    """A new disk, or one that was wiped: no server can start there. A place that is not there at all is a mistake."""
    return data_dir.parent.is_dir() and not (data_dir / CONTROL).exists()


def is_unused_copy(data_dir: Path) -> bool:
    """Whether a rewind or a clone made it and no server has started on it since: only a standby may."""
    return (data_dir / LABEL).exists()


def pin(data_dir: Path) -> None:
    """A start comes up as a standby from now on."""
    if not (data_dir / SIGNAL).exists():
        files.replace(data_dir / SIGNAL, b"", like=data_dir)


def unpin(data_dir: Path) -> None:
    files.remove(data_dir / SIGNAL)


def set_upstream(data_dir: Path, upstream: dict[str, str | None]) -> None:
    """Rewrites these settings of postgresql.auto.conf; None removes one, so that other configuration files decide."""
    path = data_dir / AUTOMATIC
    text = path.read_text() if path.exists() else ""
    written = with_settings(text, upstream)
    if written != text:
        files.replace(path, written.encode(), like=data_dir)


def with_settings(text: str, settings: dict[str, str | None]) -> str:
    """`text` of a configuration file without these settings, then with those that have a value at its end."""
    kept = [line for line in text.splitlines() if _name_of(line) not in settings]
    added = [f"{name} = {quoted(value)}" for name, value in settings.items() if value is not None]
    return "".join(f"{line}\n" for line in (*kept, *added))


def _name_of(line: str) -> str:
    found = _SETTING.match(line)
    return found.group(1).lower() if found else ""


def quoted(value: str) -> str:
    """As a configuration file quotes it. A line break has no spelling there: QX-NODE-006."""
    if "\n" in value or "\r" in value:
        raise QxError("QX-NODE-006", "a setting cannot hold a line break")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def bar(data_dir: Path) -> None:
    """No server starts there, ours or another: PostgreSQL itself refuses a data directory that others may enter."""
    _mode(data_dir, add=0o001)


def unbar(data_dir: Path) -> None:
    _mode(data_dir, remove=_OTHERS)


def _mode(data_dir: Path, *, add: int = 0, remove: int = 0) -> None:
    before = data_dir.stat().st_mode & 0o777
    after = before & ~remove | add
    if after != before:
        data_dir.chmod(after)
        files.sync(data_dir)
