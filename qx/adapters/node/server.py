"""What the controls of all kinds of servers share: hold, stop, start.

Invariants: a stop has succeeded when no process of the server is left; a start goes against neither the hold
nor the pin, and not over data that a rewind or clone left incomplete; every verb that acts does so under the
node's lock, but for `extend`, which must not wait for another. Must never start a server without having looked for one
that runs.
"""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from qx.adapters.node import processes
from qx.adapters.node.greeting import greets
from qx.adapters.node.guarded import Guarded, Wanted, ticks
from qx.adapters.node.lock import Memory, Purpose, Starting, StartLock
from qx.adapters.node.programs import launch, run, tail
from qx.kernel.errors import QxError, Refused, Unsure

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.processes import Pid
    from qx.model.control import Control, Term
    from qx.model.platform import LocalControl

Role = Literal["writer", "replica"]
Mode = Literal["clean", "kill"]

_POLL_S = 0.003
_ENDING_S = 2.0  # the operator's own stop is told after a kill too, so that a supervisor rests; it gets this long
_LOG_END_BYTES = 16 << 10


class Server(ABC):
    """The sync verbs of `qx.ports.controls.NodeControl`; each ends by its deadline, or says why not.

    `CLEAN` asks its main process for a clean end; `FOREGROUND` are words that keep it its guard's child.
    """

    CLEAN: ClassVar[signal.Signals]
    FOREGROUND: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: LocalControl, where: str) -> None:
        self.settings = settings
        self.where = where
        self.data_dir = Path(settings.data_dir)
        self.bin_dir = Path(settings.bin_dir)
        self.lock = StartLock(self.data_dir, where)
        self.guarded = Guarded(self.data_dir, where)

    # -- what a kind of server must tell ---------------------------------------------------------------

    @abstractmethod
    def seen(self, memory: Memory, deadline: Deadline) -> Control:
        """The node as it is."""

    @abstractmethod
    def pids(self) -> tuple[Pid, ...]:
        """Every living process of the server."""

    @abstractmethod
    def main(self, pids: tuple[Pid, ...]) -> tuple[Pid, ...]:
        """The one of them that makes the others; none when it has ended."""

    @abstractmethod
    def end_cleanly(self, main: tuple[Pid, ...], deadline: Deadline) -> None:
        """Asks for a clean shutdown, and does not wait."""

    @abstractmethod
    def stopped(self, turn: Turn) -> None:
        """Called when a stop has succeeded: no process is left."""

    @abstractmethod
    def held(self, turn: Turn) -> None:
        """Called when the hold has changed: what else may start the server should know."""

    @abstractmethod
    def check_pin(self, role: Role) -> None:
        """Raises QX-NODE-006 when it would not come up in that role."""

    @abstractmethod
    def clear_way(self, deadline: Deadline) -> None:
        """Removes what would keep a start from succeeding and means nothing. Called when no process is left."""

    @abstractmethod
    def argv(self) -> tuple[str, ...]:
        """The server's own program in the foreground (a configured daemon is understood too)."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it accepts connections."""

    @abstractmethod
    def role(self, deadline: Deadline) -> Role:
        """Of the running server."""

    @abstractmethod
    def pin(self, epoch: int, upstream: str, deadline: Deadline) -> None: ...

    @abstractmethod
    def unpin(self, epoch: int, deadline: Deadline) -> None: ...

    @abstractmethod
    def follow(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> None: ...

    @abstractmethod
    def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, deadline: Deadline
    ) -> dict[str, Any]: ...

    @abstractmethod
    def rewind(self, epoch: int, conninfo: str, deadline: Deadline) -> dict[str, Any]: ...

    @abstractmethod
    def clone(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> dict[str, Any]: ...

    # -- the verbs that are the same for all -----------------------------------------------------------

    def inspect(self, deadline: Deadline) -> Control:
        return self.seen(self.lock.memory(), deadline)

    def answers(self, deadline: Deadline) -> bool:
        return greets(*self.greeting(), max(0.01, deadline.left))

    @abstractmethod
    def greeting(self) -> tuple[str | tuple[str, int], bytes]:
        """Where the server listens, and what any server of its kind has an answer to."""

    def guard_seen(self, deadline: Deadline, *, running: bool) -> dict[str, Any]:
        """The guard's fields of what `seen` tells."""
        return self.guarded.seen(deadline, running=running)._asdict() if self.settings.guard else {}

    def hold(self, epoch: int, purpose: Purpose, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "hold", deadline) as turn:
            turn.remember(held_for=purpose)
            self.held(turn)

    def must_be_stopped(self, verb: str) -> None:
        if left := self.pids():
            words = f"{self.where}: {verb} needs a stopped server, {len(left)} of its processes live"
            raise QxError("QX-NODE-006", words, hint="stop it first")

    def stop(self, epoch: int, mode: Mode, deadline: Deadline) -> Control:
        with self.lock.acting(epoch, "stop", deadline) as turn:
            if mode == "kill":
                self._kill(deadline, turn)
            else:
                self._end(deadline, turn)
            self.guarded.dismiss(deadline)
            if self.pids():  # of a guard that was coming up
                self._kill(deadline, turn)
            self.stopped(turn)
            return self.seen(turn.memory, deadline)

    def _end(self, deadline: Deadline, turn: Turn) -> None:
        left, said = self.pids(), ""
        if left and self.settings.stop:
            said = self._custom(self.settings.stop, deadline, turn)
        elif left:
            self.end_cleanly(self.main(left), deadline)
        while left and processes.ended(left, deadline):
            left = self.pids()
        if left:
            raise QxError(
                "QX-NODE-003",
                f"{self.where}: {len(left)} processes are left {deadline.spent:.1f} s after the clean stop began{said}",
                hint="its shutdown goes on: wait for it, or stop it with `kill`",
            )

    def _kill(self, deadline: Deadline, turn: Turn) -> None:
        """The main process first, which makes the others; then all, until none is found."""
        processes.kill(self.main(self.pids()))
        while left := self.pids():
            processes.kill(left)
            if not processes.ended(left, deadline) or deadline.passed:
                raise QxError(
                    "QX-NODE-003",
                    f"{self.where}: {len(left)} processes outlive SIGKILL for {deadline.spent:.1f} s",
                    hint="a dead disk keeps them, or a supervisor restarts them: fence the machine itself",
                )
        if self.settings.stop:
            self._custom(self.settings.stop, deadline.within(_ENDING_S), turn)
            if self.pids():
                raise QxError("QX-NODE-003", f"{self.where}: the server came back after it was killed",
                              hint="its supervisor restarts it: set its restart policy to none")

    def _custom(self, argv: tuple[str, ...], deadline: Deadline, turn: Turn | None) -> str:
        """Runs the operator's own program. What it said where that explains something: the server's state decides."""
        try:
            told = run(argv, deadline, turn)
        except (OSError, TimeoutError) as error:
            return f"; {argv[0]}: {error}"
        return f"; {argv[0]} said: {told.last_words()}" if told.code != 0 else ""

    def start(self, epoch: int, role: Role, deadline: Deadline, term: Term | None = None) -> Control:
        with self.lock.acting(epoch, "start", deadline) as turn:
            self.check_hold(role, turn.memory)
            self.check_pin(role)
            if self._runs(role, deadline):
                if term is not None:
                    self.guarded.extend(epoch, term, deadline)
            else:
                self.clear_way(deadline)
                self.guarded.dismiss(deadline)
                wanted = Wanted(turn.memory.epoch, role, None if term is None else ticks(term))
                turn.starts(Starting(wanted.epoch, role, wanted.ticks and wanted.ticks[:3]))
                self.launch(deadline, turn, wanted)
                if term is not None:
                    self._bind(epoch, term, deadline, turn)
            return self.seen(turn.memory, deadline)

    def _bind(self, epoch: int, term: Term, deadline: Deadline, turn: Turn) -> None:
        """A server that was started under a term and is not bound by one is not left running."""
        try:
            self.guarded.bind(epoch, term, deadline)
        except QxError:
            self._kill(deadline, turn)
            self.guarded.dismiss(deadline)
            raise

    def extend(self, epoch: int, term: Term | None, deadline: Deadline) -> str:
        """A higher epoch is remembered first; otherwise it takes no turn, as a verb that acts may take long."""
        memory = self.lock.memory()
        self.lock.refuse_lower(epoch, "extend", memory)
        if epoch > memory.epoch:
            with self.lock.acting(epoch, "extend", deadline):
                return self.guarded.extend(epoch, term, deadline)
        return self.guarded.extend(epoch, term, deadline)

    def check_hold(self, role: Role, memory: Memory) -> None:
        """Raises QX-NODE-002, and QX-NODE-006 for data that a verb has begun to replace."""
        if memory.held_for == "stop" or (memory.held_for == "standby" and role == "writer"):
            allowed = "nothing may start" if memory.held_for == "stop" else "only a replica may start"
            raise Refused(
                "QX-NODE-002",
                f"{self.where}: held under epoch {memory.epoch}, {allowed}",
                hint="the run that holds the node lifts it: qx runs list",
            )
        if memory.incomplete:
            raise Refused(
                "QX-NODE-006",
                f"{self.where}: a {memory.incomplete} was interrupted, the data are incomplete",
                hint="qx rejoin makes them whole",
            )

    def _runs(self, role: Role, deadline: Deadline) -> bool:
        """Whether it runs already, in that role. One that is starting or stopping is waited for."""
        while left := self.pids():
            if self.is_ready():
                found = self.role(deadline)
                if found != role:
                    raise QxError("QX-NODE-004", f"{self.where}: it runs already, as a {found}", hint="stop it first")
                return True
            if not processes.ended(left, deadline.within(_POLL_S)) and deadline.passed:
                raise QxError(
                    "QX-NODE-004",
                    f"{self.where}: {len(left)} processes of the server before it neither serve nor end",
                    hint="stop it with `kill`",
                )
        return False

    def launch(self, deadline: Deadline, turn: Turn | None = None, wanted: Wanted | None = None) -> None:
        """Starts it, whatever it then is, and returns when it takes connections."""
        offset = self._log_size
        if self.settings.start:
            said = self._custom(self.settings.start, deadline, turn)
            if said:
                raise QxError("QX-NODE-004", f"{self.where}: it did not start{said}", hint=f"its log: {self.log}")
            self._await_ready(None, offset, deadline)
            return
        argv, passed = (*self.settings.run_as, *self.argv()), dict[str, str]()
        if self.settings.guard:
            argv = self.guarded_argv(wanted or Wanted(self.lock.memory().epoch))
            passed = self.guarded.environment
        launched = launch(argv, self.log, like=self.data_dir, passed=passed)
        self._await_ready(launched, offset, deadline)

    def guarded_argv(self, wanted: Wanted) -> tuple[str, ...]:
        """What starts it in the foreground, under its guard."""
        return self.guarded.argv(self.settings.run_as, (*self.argv(), *self.FOREGROUND), self.CLEAN, wanted)

    def _await_ready(self, launched: Pid | None, offset: int, deadline: Deadline) -> None:
        """`launched`: what we started, None when it has ended already. Without one, only a start of ours has failed
        when no process is there: it may have made itself a daemon, and a supervisor may take its time.
        """
        while not self.is_ready():
            if deadline.passed:
                words = f"{self.where}: it takes no connections after {deadline.spent:.1f} s:\n{self._log_end(offset)}"
                kind = Unsure if self.pids() else QxError
                raise kind("QX-NODE-004", words, hint=f"it may still be replaying: see {self.log}, observe it")
            if launched is None:
                if not self.settings.start and not self.pids():
                    words = f"{self.where}: it did not start:\n{self._log_end(offset)}"
                    raise QxError("QX-NODE-004", words, hint=f"its log: {self.log}")
                time.sleep(_POLL_S)
            elif processes.ended((launched,), deadline.within(_POLL_S)):
                launched = None

    @property
    def log(self) -> Path:
        return Path(self.settings.log_file or f"{self.data_dir}.qx.log")

    @property
    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _log_end(self, offset: int) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(max(offset, self._log_size - _LOG_END_BYTES))
                return tail(file.read().decode(errors="replace"), 8)
        except FileNotFoundError:
            return f"({self.log} is not there)"
