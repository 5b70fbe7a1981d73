"""Guarded: the guard of a node's server, as the node's control starts, asks and ends it.

It leaves `<data_dir>.qx.guard.json` (see `qx.adapters.guard.memory`) and listens at `<data_dir>.qx.guard.sock`.
Invariants: a guard is told of an epoch only after the node remembers it; a stop has succeeded only when the guard is
gone too, so that what it said of the server's end is on the disk; no guard is ended while its server lives; one that is
still coming up asks the node's memory before it starts its server (`qx.adapters.guard.admission`).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import qx
from qx.adapters.guard import memory
from qx.adapters.guard.client import GuardClient
from qx.adapters.guard.duty import Term as Ticks
from qx.adapters.guard.guard import living
from qx.adapters.node import processes
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.adapters.guard.memory import Memory
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.processes import Pid
    from qx.model.control import Exited, Term

_STATUS_S = 0.5
_ENDING_S = 1.0  # a guard whose server is gone ends by itself in less
_AGAIN = ("setpriv", "--pdeathsig", "QUIT", "--")  # a prefix that changes the uid clears the parent-death signal


class Seen(NamedTuple):
    """The fields of a Control that tell of the guard."""

    guard: str = ""
    guard_epoch: int = 0
    guard_left_s: float | None = None
    exited: Exited = ""


class Wanted(NamedTuple):
    """A start that was allowed under `epoch`. `role` '': nobody asked as what, and the guard asks nobody."""

    epoch: int
    role: str = ""
    ticks: Ticks | None = None


class Guarded:
    def __init__(self, data_dir: Path, where: str) -> None:
        self._held = Path(f"{data_dir}.qx.json")
        self._memory = Path(f"{data_dir}.qx.guard.json")
        self._socket = Path(f"{data_dir}.qx.guard.sock")
        self._where = where
        self.client = GuardClient(self._socket, where)

    def argv(
        self, prefix: tuple[str, ...], server: tuple[str, ...], stop: signal.Signals, wanted: Wanted
    ) -> tuple[str, ...]:
        """What starts `server` under a guard. `prefix` must become the program that follows it, not start it."""
        options = [f"--socket={self._socket}", f"--memory={self._memory}", f"--program={Path(server[0]).name}"]
        options += [f"--stop={stop.name}", f"--epoch={wanted.epoch}"]
        if wanted.role:
            options += [f"--held={self._held}", f"--role={wanted.role}"]
        if wanted.ticks is not None:
            options.append(f"--term={','.join(map(repr, wanted.ticks[:3]))}")
        again = _AGAIN if prefix else ()
        return (sys.executable, "-S", "-P", "-m", "qx.adapters.guard", *options, "--", *prefix, *again, *server)

    @property
    def environment(self) -> dict[str, str]:
        """Where a guard finds its own code: it reads no site-packages."""
        return {"PYTHONPATH": os.fspath(Path(qx.__file__).parent.parent)}

    def seen(self, deadline: Deadline, *, running: bool) -> Seen:
        left = self._left()
        if left is None:
            return Seen()
        if not running:
            return Seen(exited=left.exited)
        if living(left.guard) is None:
            return Seen()
        try:
            told = self.client.status(deadline.within(_STATUS_S))
        except QxError:  # it is frozen, or just gone: nothing that could be relied on
            return Seen()
        return Seen(told.guard, told.epoch, told.left) if told.binds else Seen()

    def extend(self, epoch: int, term: Term | None, deadline: Deadline) -> str:
        if term is None:
            return self.client.disarm(epoch, deadline).guard
        return self.client.extend(epoch, ticks(term), deadline).guard

    def bind(self, epoch: int, term: Term, deadline: Deadline) -> None:
        """Of a server that was just started: it began under that term, or has a later one by now, or gets it."""
        told = self.client.status(deadline)
        if not told.binds or told.left is None:
            self.extend(epoch, term, deadline)

    def dismiss(self, deadline: Deadline) -> None:
        """Called when no process of the server is left: its guard ends by itself, or is ended."""
        guard = self._process()
        if guard is not None and not processes.ended((guard,), deadline.within(_ENDING_S)):
            processes.kill((guard,))
            processes.ended((guard,), deadline)

    def _process(self) -> Pid | None:
        left = self._left()
        return None if left is None else living(left.guard)

    def _left(self) -> Memory | None:
        try:
            return memory.read(self._memory)
        except ValueError as error:
            raise QxError("QX-NODE-006", f"{self._where}: {error}",
                          hint="remove it while the server is down") from error


def ticks(term: Term) -> Ticks:
    """As a guard counts: by this machine's CLOCK_BOOTTIME, which `Clock.elapsed()` is here."""
    return Ticks(term.sent, term.until, term.margin, term.paused)
