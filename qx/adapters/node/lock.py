"""The node's start lock and epoch memory: two small files beside the data directory, which a rewind or clone
cannot erase.

`<data_dir>.qx.json` is the memory (highest epoch, what the node is held for), replaced durably;
`<data_dir>.qx.lock` is locked while a verb acts and names who acts. Invariants: one verb acts at a time; a
lower epoch never acts after a higher one was remembered; a higher one is remembered before it acts. Who holds
the lock under a lower epoch than one that waits, was superseded: after PATIENCE_S it is ended, frozen or not,
and so is the program that it runs. What a start asks for stands there too, for a supervisor that it called.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from qx.adapters.node import files, processes
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.adapters.node.deadline import Deadline

Purpose = Literal["standby", "stop", ""]

PATIENCE_S = 1.0
_POLL_S = 0.005
_NOTE_BYTES = 512  # written in one go, so that who reads beside never finds half of it


class Memory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`incomplete`: the verb that has begun to replace the data and has not finished; until then nothing may start.

    `pinned`: the upstream that a Redis was pinned to under `epoch`; its running server may rewrite its file meanwhile.
    """

    epoch: int = 0
    held_for: Purpose = ""
    pinned: str = ""
    incomplete: str = ""
    at: float = 0.0


class Starting(Struct, frozen=True):
    """What a start asks for. `term`: SENT, UNTIL and MARGIN by this machine's CLOCK_BOOTTIME."""

    epoch: int
    role: Literal["writer", "replica"]
    term: tuple[float, float, float] | None = None


class _Holder(Struct, frozen=True):
    pid: int
    start: int
    epoch: int
    verb: str
    program: tuple[int, int] | None = None  # pid and start time of the leader of its process group
    starting: Starting | None = None

    @property
    def words(self) -> str:
        return f"process {self.pid} does `{self.verb}` under epoch {self.epoch}"

    @property
    def process(self) -> processes.Pid:
        return processes.Pid(self.pid, self.start, "qx")


class StartLock:
    def __init__(self, data_dir: Path, where: str) -> None:
        self._where = where
        self._memory = Path(f"{data_dir}.qx.json")
        self._lock = Path(f"{data_dir}.qx.lock")

    def memory(self) -> Memory:
        try:
            data = self._memory.read_bytes()
        except FileNotFoundError:
            return Memory()
        try:
            return msgspec.json.decode(data, type=Memory)
        except msgspec.DecodeError as error:
            raise QxError(
                "QX-NODE-006",
                f"{self._where}: {self._memory} cannot be read: {error}",
                hint="it holds the highest epoch the node has seen: mend it by hand, never remove it lightly",
            ) from error

    @contextlib.contextmanager
    def acting(self, epoch: int, verb: str, deadline: Deadline) -> Iterator[Turn]:
        """The right to act, while the context lasts. Raises QX-NODE-002; QX-NODE-010 when the deadline passed."""
        self.refuse_lower(epoch, verb, self.memory())
        handle = self._open()
        try:
            self._take(handle, epoch, verb, deadline)
            memory = self.memory()
            self.refuse_lower(epoch, verb, memory)
            turn = Turn(handle, self._holder(epoch, verb), memory, self._memory)
            if epoch > memory.epoch:
                turn.remember(epoch=epoch, pinned="")
            try:
                yield turn
            finally:
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def starting(self) -> Starting | None:
        """What the start asks for that holds the lock at this moment; None: none does."""
        handle = self._open()
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(handle)
            return None if holder is None else holder.starting
        else:
            return None  # nobody acts: what stands there was left by one that was killed
        finally:
            os.close(handle)

    def _open(self) -> int:
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise QxError(
                "QX-NODE-006",
                f"{self._where}: {self._lock} cannot be written: {error.strerror}",
                hint=f"the control keeps its lock and memory beside the data directory, in {self._lock.parent}",
            ) from error
        files.own(handle, self._lock.parent)
        return handle

    def refuse_lower(self, epoch: int, verb: str, memory: Memory) -> None:
        """Raises QX-NODE-002."""
        if epoch < memory.epoch:
            raise Refused(
                "QX-NODE-002",
                f"{self._where}: {verb} under epoch {epoch} is refused, the node has seen {memory.epoch}",
                hint="a newer run acts here: qx runs list",
            )

    def _take(self, handle: int, epoch: int, verb: str, deadline: Deadline) -> None:
        patience = deadline.within(PATIENCE_S)
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            holder = _read_holder(handle)
            if deadline.passed:
                raise QxError(
                    "QX-NODE-010",
                    f"{self._where}: {verb} had to wait too long: {holder.words if holder else 'it is locked'}",
                    hint="a higher epoch ends who holds it: qx runs resume takes one",
                )
            if patience.passed and holder is not None and holder.epoch < epoch and holder.pid != os.getpid():
                _end(holder, deadline)
            time.sleep(_POLL_S)

    def _holder(self, epoch: int, verb: str) -> _Holder:
        me = processes.identify(os.getpid())
        return _Holder(os.getpid(), me.start if me else 0, epoch, verb)


class Turn:
    """The right to act on the node, held. Ends with its context."""

    def __init__(self, handle: int, holder: _Holder, memory: Memory, path: Path) -> None:
        self._handle, self._holder, self._path = handle, holder, path
        self.memory = memory
        self._note()

    def remember(self, **changes: object) -> None:
        """Durable when it returns."""
        self.memory = msgspec.structs.replace(self.memory, at=time.time(), **changes)
        files.replace(self._path, msgspec.json.encode(self.memory), like=self._path.parent)

    def runs(self, program: processes.Pid | None) -> None:
        """Names the program that works for this verb, so that who supersedes us can end it too."""
        who = None if program is None else (program.number, program.start)
        self._holder = msgspec.structs.replace(self._holder, program=who)
        self._note()

    def starts(self, starting: Starting) -> None:
        """Tells a supervisor that is called by this verb what to start."""
        self._holder = msgspec.structs.replace(self._holder, starting=starting)
        self._note()

    def _note(self) -> None:
        os.pwrite(self._handle, msgspec.json.encode(self._holder).ljust(_NOTE_BYTES), 0)


def _read_holder(handle: int) -> _Holder | None:
    """None when nobody stands there, or not yet."""
    try:
        return msgspec.json.decode(os.pread(handle, _NOTE_BYTES, 0), type=_Holder)
    except msgspec.DecodeError:
        return None


def _end(holder: _Holder, deadline: Deadline) -> None:
    """The holder first, so that it starts nothing more; then the group of the program that it ran."""
    processes.kill((holder.process,))
    processes.ended((holder.process,), deadline)
    if holder.program is not None:
        leader = processes.Pid(*holder.program)
        if processes.alive(leader):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader.number, signal.SIGKILL)
            processes.ended((leader,), deadline)
