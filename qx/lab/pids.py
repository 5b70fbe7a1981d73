"""Which processes are a lab's, whoever started them, and their end."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qx.adapters.node.deadline import Deadline
from qx.adapters.node.processes import Pid, alive, ended, identify, send

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROC = Path("/proc")
POLL_S = 0.002


def kill(pids: Iterable[Pid], timeout: float = 10.0) -> bool:
    """SIGKILL to each; True when all have ended within `timeout` seconds."""
    doomed = tuple(pids)
    send(doomed, signal.SIGKILL)
    return ended(doomed, Deadline(timeout))


def freeze(pids: Iterable[Pid], timeout: float = 5.0) -> bool:
    """SIGSTOP to each; True when all of them that live stand still within `timeout` seconds."""
    stopped = tuple(pids)
    send(stopped, signal.SIGSTOP)
    deadline = Deadline(timeout)
    while not all(frozen(pid) for pid in stopped if alive(pid)):
        if deadline.passed:
            return False
        time.sleep(POLL_S)
    return True


def frozen(pid: Pid) -> bool:
    """Whether it was stopped by a signal and waits for SIGCONT: each of its threads, which stop one by one."""
    try:
        threads = list((PROC / str(pid.number) / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(threads) and all(map(_stands, threads))


def _stands(thread: Path) -> bool:
    """Or has ended since it was listed."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):
        return True


def working_in(directory: Path, programs: tuple[str, ...]) -> Iterator[Pid]:
    """Living processes of one of `programs` (names, or modules run with `-m`) that work in `directory` or below it.

    A server works in its data directory, whoever started it.
    """
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or another's
                where = Path(str((entry / "cwd").readlink()).removesuffix(" (deleted)"))
                if where.is_relative_to(directory) and not set(programs).isdisjoint(_names(entry)):
                    pid = identify(int(entry.name))
                    if pid is not None:
                        yield pid


def _names(entry: Path) -> tuple[str, ...]:
    argv = (entry / "cmdline").read_text(errors="replace").split("\0")
    module = argv[2:3] if argv[1:2] == ["-m"] else []
    return ((entry / "comm").read_text().strip(), *module)
