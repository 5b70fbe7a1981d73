"""What the kernel does for a guard: a signal to its child when it dies, orphans that become its own, a timer that
counts suspended time. Linux only.

Measured (Linux 6.18, util-linux 2.38): the parent-death signal survives an exec, and `unshare --user --map-user=1000`,
which changes no uid that the kernel sees; a change of uid clears it (setpriv --reuid, su, sudo), so it is set again
behind a prefix: see `qx.adapters.node.guarded`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_TIMER_ABSOLUTE = 1


def since_boot() -> float:
    """Seconds, the time that the machine was suspended included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def die_with(parent: int, number: signal.Signals) -> None:
    """In a child that was just forked: it gets this signal when `parent` dies, also if that is now."""
    _call(_libc.prctl, _PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Descendants whose own parent died become children of this process."""
    _call(_libc.prctl, _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def come_first() -> None:
    """Takes the processor before others where it may, so that a busy machine does not delay the end of a server. Its
    children do not inherit that.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


class _Spec(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = (
        ("interval_s", ctypes.c_long), ("interval_ns", ctypes.c_long), ("s", ctypes.c_long), ("ns", ctypes.c_long)
    )  # fmt: skip


class Timer:
    """Readable from an instant of CLOCK_BOOTTIME on: at once when that passed while we were stopped or suspended."""

    def __init__(self) -> None:
        self._fd: int = _call(_libc.timerfd_create, time.CLOCK_BOOTTIME, os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def set(self, at: float | None) -> None:
        """None: never."""
        seconds, nanos = (0, 0) if at is None else divmod(max(1, int(at * 1e9)), 1_000_000_000)
        spec = _Spec(0, 0, seconds, nanos)
        _call(_libc.timerfd_settime, self._fd, _TIMER_ABSOLUTE, ctypes.byref(spec), None)


def _call(function: Callable[..., int], *arguments: object) -> int:
    result = function(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
