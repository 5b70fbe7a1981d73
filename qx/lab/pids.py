"""Processes that outlive the command which started them: who they are, whether they live, how they end.

Invariants: a process is (pid, start time), so that a number used again is never taken for it; a zombie is dead; signals
go through a pidfd whose start time was checked, so that they cannot hit a successor. Nothing here starts a process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROC = Path("/proc")


class Pid(Struct, frozen=True):
    """`start`: clock ticks since boot, from /proc/PID/stat."""

    number: int
    start: int


def identify(number: int) -> Pid | None:
    """The living process of that number now; None when there is none."""
    try:
        stat = (PROC / str(number) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Pid(number, int(fields[19]))


def alive(pid: Pid) -> bool:
    return identify(pid.number) == pid


def send(pid: Pid, number: signal.Signals) -> bool:
    """Whether it was alive to get the signal."""
    with _handle(pid) as handle:
        if handle is None:
            return False
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        return True


def ended(pids: Iterable[Pid], timeout: float) -> bool:
    """Waits until all have ended, at most `timeout` seconds in all. Zombies have."""
    with contextlib.ExitStack() as stack:
        handles = [handle for pid in pids if (handle := stack.enter_context(_handle(pid))) is not None]
        waiting = select.poll()
        for handle in handles:
            waiting.register(handle, select.POLLIN)
        open_handles = set(handles)
        deadline = monotonic() + timeout
        while open_handles and (left := deadline - monotonic()) > 0:
            for handle, _ in waiting.poll(left * 1000):
                waiting.unregister(handle)
                open_handles.discard(handle)
        return not open_handles


def kill(pids: Iterable[Pid], timeout: float = 10.0) -> bool:
    """SIGKILL to each; True when all have ended in time."""
    doomed = tuple(pids)
    for pid in doomed:
        send(pid, signal.SIGKILL)
    return ended(doomed, timeout)


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


@contextlib.contextmanager
def _handle(pid: Pid) -> Iterator[int | None]:
    """A pidfd of exactly that process, None when it has ended."""
    try:
        handle = os.pidfd_open(pid.number)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if alive(pid) else None
    finally:
        os.close(handle)
