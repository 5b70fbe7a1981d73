"""Processes as the kernel tells of them: who they are, whose data directory they work in, that they have
ended.

Invariants: a process is (pid, start time), so that a pid used again is never taken for it; a zombie has
ended, whoever is to reap it; a signal goes through a pidfd whose start time was checked, so that it cannot
hit a successor; an end is waited for, not slept for. Needs Linux 5.3. Must never signal what it did not
identify.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qx.adapters.node.deadline import Deadline

_PROC = Path("/proc")
_GONE = (FileNotFoundError, ProcessLookupError)  # the second where it is reaped while its path is walked
_POSTGRES = re.compile(r"postgres|postmaster")
_REDIS = re.compile(r"(redis|valkey|keydb)-server")
_PORTS = re.compile(r":(\d+)(?=\s|$)")


class Pid(NamedTuple):
    number: int
    start: int  # clock ticks since boot
    name: str = ""  # as the kernel keeps it: at most 15 characters


def identify(number: int) -> Pid | None:
    """The living process of that number, None when there is none."""
    name, fields = _stat(number)
    if not fields or fields[0] in b"ZXx":
        return None
    return Pid(number, int(fields[19]), name)


def _stat(number: int) -> tuple[str, list[bytes]]:
    """Its name, and what follows from its state on; nothing of a process that is gone."""
    try:
        handle = os.open(f"/proc/{number}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            head, _, rest = os.read(handle, 1024).rpartition(b") ")
        finally:
            os.close(handle)
    except _GONE:
        return "", []
    return head.partition(b"(")[2].decode(errors="replace"), rest.split()


def is_taken(number: int) -> bool:
    """Whether any process has it, dead but not reaped or alive."""
    return bool(_stat(number)[1])


def alive(pid: Pid) -> bool:
    now = identify(pid.number)
    return now is not None and now.start == pid.start


def send(pids: Iterable[Pid], number: signal.Signals) -> None:
    """To each that is still alive. Raises QX-NODE-005 when this account may not."""
    for pid in pids:
        with _handle(pid) as handle:
            if handle is not None:
                try:
                    signal.pidfd_send_signal(handle, number)
                except ProcessLookupError:
                    continue
                except PermissionError as error:
                    raise QxError(
                        "QX-NODE-005",
                        f"process {pid.number} ({pid.name}) may not be signalled by uid {os.geteuid()}",
                        hint="run the control as the server's account, or as root",
                    ) from error


def kill(pids: Iterable[Pid]) -> None:
    send(pids, signal.SIGKILL)


def roots(pids: tuple[Pid, ...]) -> tuple[Pid, ...]:
    """Those of them whose parent is none of them."""
    numbers = {pid.number for pid in pids}
    return tuple(pid for pid in pids if _parent(pid) not in numbers)


def _parent(pid: Pid) -> int:
    _, fields = _stat(pid.number)
    return int(fields[1]) if fields else 0


def descendants(number: int) -> tuple[Pid, ...]:
    """Every living process below that one, parents before their children."""
    below: dict[int, list[Pid]] = {}
    for pid in _living():
        below.setdefault(_parent(pid), []).append(pid)
    found = list(below.get(number, ()))
    for pid in found:
        found += below.get(pid.number, ())
    return tuple(found)


def ended(pids: Iterable[Pid], deadline: Deadline) -> bool:
    """Waits until all have ended; False when the deadline passed first."""
    with contextlib.ExitStack() as stack:
        handles = {handle for pid in pids if (handle := stack.enter_context(_handle(pid))) is not None}
        waiting = select.poll()
        for handle in handles:
            waiting.register(handle, select.POLLIN)
        while handles and not deadline.passed:
            for handle, _ in waiting.poll(min(deadline.left, 0.25) * 1000):
                waiting.unregister(handle)
                handles.discard(handle)
        return not handles


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


def of_postgres(data_dir: Path) -> tuple[Pid, ...]:
    """The server's processes of that data directory: they work in it, or were just told to (-D)."""
    works_in, told = _works_in(data_dir), _told(data_dir)
    return tuple(pid for pid in _named(_POSTGRES) if works_in(pid) or told(pid))


def of_redis(data_dir: Path, config_file: Path, port: int) -> tuple[Pid, ...]:
    """Started with that file, or working in that directory under a title with that port, as its children do."""
    works_in, told = _works_in(data_dir), _told(config_file)

    def has_port(pid: Pid) -> bool:
        ports = _PORTS.findall(" ".join(_argv(pid)))
        return not ports or str(port) in ports

    return tuple(pid for pid in _named(_REDIS) if told(pid) or (works_in(pid) and has_port(pid)))


def _named(pattern: re.Pattern[str]) -> Iterator[Pid]:
    return (pid for pid in _living() if pattern.search(pid.name))


def _living() -> Iterator[Pid]:
    for entry in os.listdir(_PROC):  # noqa: PTH208 - of hundreds of processes, inside a write outage
        pid = identify(int(entry)) if entry.isdigit() else None
        if pid is not None:
            yield pid


def _works_in(directory: Path) -> Callable[[Pid], bool]:
    """Compared by inode: the server may know its directory by another path."""
    try:
        own = directory.stat()
    except FileNotFoundError:
        return lambda _: False

    def works_in(pid: Pid) -> bool:
        try:
            return os.path.samestat(os.stat(f"{_PROC}/{pid.number}/cwd"), own)  # noqa: PTH116 - as above
        except _GONE:
            return False  # it ended meanwhile
        except PermissionError as error:
            if _account(pid) != own.st_uid:
                return False
            raise QxError(
                "QX-NODE-005",
                f"process {pid.number} ({pid.name}) cannot be looked into by uid {os.geteuid()}",
                hint="run the control as the server's account, or as root: otherwise no stop can be proven",
            ) from error

    return works_in


def _account(pid: Pid) -> int | None:
    """Its uid, None when it is gone."""
    try:
        return (_PROC / str(pid.number)).stat().st_uid
    except _GONE:
        return None


def _told(path: Path) -> Callable[[Pid], bool]:
    """Whether `path` stands among its arguments, as itself or behind -D or `=`."""
    names = {str(path), str(path.resolve())}
    return lambda pid: any(
        word.removeprefix("-D").rpartition("=")[2].rstrip("/") in names for word in _argv(pid)
    )


def _argv(pid: Pid) -> list[str]:
    try:
        raw = (_PROC / str(pid.number) / "cmdline").read_bytes()
    except _GONE:
        return []
    return raw.decode(errors="replace").rstrip("\0").split("\0")
