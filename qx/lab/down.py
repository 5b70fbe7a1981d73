"""Ending a lab, whatever state it is in: every process, mount, shared memory segment and file of it.

Invariants: a process is ended only if it was recorded with its start time, or is a server that works below the lab's
own directories; files are removed only after no process is left.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.lab import disks, interlock
from qx.lab.lab import MARK, load, locked, spare_directory
from qx.lab.pids import kill, working_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.adapters.node.processes import Pid

PROGRAMS = (
    "postgres", "valkey-server", "redis-server", "qx-guard", "etcd", "qx.lab.fabric", "qx.lab.endpoint",
    "qx.lab.controller",
)  # fmt: skip
ROUNDS = 10  # a server that is being killed may still start a child


def down(directory: Path) -> bool:
    """Ends the lab of `directory` and removes it; whether there was one. Raises QX-LAB-002, QX-LAB-007."""
    directory = directory.resolve()
    if not directory.exists():
        return False
    with locked(directory) as was_there:
        remove(directory)
    return was_there


def remove(directory: Path) -> None:
    """Leaves nothing of the lab. The caller has locked it."""
    clear(directory)
    (directory / MARK).unlink()
    directory.rmdir()


def clear(directory: Path) -> None:
    """Leaves nothing of the lab but its marked, empty directory. The caller has locked it."""
    places = [place for place in (directory, spare_directory(directory)) if place.exists()]
    _end_all(places, _recorded(directory))
    for place in places:
        for version in place.glob("**/data/PG_VERSION"):
            interlock.release(version.parent)
        disks.unmount_below(place)
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()
    if len(places) > 1:
        shutil.rmtree(places[1])


def _recorded(directory: Path) -> tuple[Pid, ...]:
    try:
        lab = load(directory)
    except QxError:  # of another version, or damaged: what runs is found by where it works
        return ()
    return tuple(lab.processes.values()) if lab else ()


def _end_all(places: list[Path], recorded: Iterable[Pid]) -> None:
    found = set(recorded)
    for _ in range(ROUNDS):
        kill(found)
        found = {pid for place in places for pid in working_in(place, PROGRAMS)}
        if not found:
            return
    raise QxError(
        "QX-LAB-004",
        f"processes of the lab do not end: {', '.join(str(pid.number) for pid in found)}",
        hint="look at them with ps; then repeat",
    )
