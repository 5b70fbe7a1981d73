"""The guard's process: its one child, its timer, its socket, in one loop that nothing can hold up.

Invariants: whatever wakes it, it first looks whether the deadline has passed, and only then answers; a server whose
main process died otherwise than cleanly leaves no process behind; it ends only when its server has, and has told its
memory how. It must never wait for a client, nor write to a disk while the server runs.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.adapters.guard import linux
from qx.adapters.guard.admission import NotAdmitted
from qx.adapters.guard.duty import Denied, Duty, Term
from qx.adapters.guard.memory import End, Memory, read, write
from qx.adapters.guard.talk import Talk
from qx.adapters.node import processes

if TYPE_CHECKING:
    from qx.adapters.guard.admission import Admission
    from qx.adapters.guard.beat import Beat
    from qx.adapters.node.processes import Pid

NAME = "qx-guard"  # as `ps` shows it
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A server inherits what is ignored: by Python, or by a shell that started us in the background. Redis does not even
# notice a SIGQUIT then.
_DEFAULT = (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ)
_NAME_LENGTH = 15  # the kernel keeps no more of a process' name
_ENDING_S, _LONGEST_ENDING_S = 0.01, 0.25  # between two looks at what is left of a server
_TIDY_S = 1.0
_NOT_STARTED = 127


class Server(NamedTuple):
    """`program`: the name of the server's own program, which `argv` must become. `stop`: asks it for a clean end."""

    argv: tuple[str, ...]
    program: str
    stop: signal.Signals


class Guard:
    """Works in the directory of its memory and socket."""

    def __init__(self, socket: Path, memory: Path, server: Server, duty: Duty, beat: Beat) -> None:
        self._server, self._duty, self._memory, self._beat = server, duty, memory, beat
        self.id = identity()
        self._events = select.poll()
        self._talk = Talk(socket, self._answer, linux.since_boot, self._watch, self._events.unregister)
        self._timer = linux.Timer()
        self._watch(self._timer.fileno())
        self._signals = self._catch_signals()
        self._main: Pid | None = None
        self._end: End | None = None
        self._quit_sent = self._stands = False
        self._patience = _ENDING_S

    def run(self, admission: Admission | None) -> int:
        """Starts the server; its exit code, or 128 and the signal that ended it, when nothing is left of it. Raises
        NotAdmitted; then it was never here.
        """
        self._enter(admission)
        linux.adopt_orphans()
        linux.come_first()
        self._main = self._fork()
        self._timer.set(self._duty.next(linux.since_boot()))
        self._beat.begin(f"guards {self._server.program}")
        while not self._over:
            happened = self._events.poll(self._wait_ms())
            self._look()
            for fd, _ in happened:
                self._hear(fd)
            self._talk.tidy()
        self._talk.close()
        end = self._end or End(time.time(), _NOT_STARTED, expired=False)
        write(self._memory, Memory(self.id, end))
        return end.code if end.code >= 0 else 128 - end.code

    def _enter(self, admission: Admission | None) -> None:
        """From here on a stop finds it; only then it asks."""
        try:
            before = read(self._memory)
        except ValueError:
            before = None
        write(self._memory, Memory(self.id))
        try:
            if admission is not None:
                admission.check()
        except NotAdmitted:
            self._talk.close()
            if before is None:
                self._memory.unlink()
            else:
                write(self._memory, before)
            raise

    # -- the deadline

    def _look(self) -> None:
        """What is due is done."""
        self._reap()
        now = linux.since_boot()
        due = self._duty.due(now)
        self._stand(now)
        if due == "quit" and not self._quit_sent and self._main is not None:
            processes.send((self._main,), signal.SIGQUIT)
            self._quit_sent = True
        if due == "kill" or self._crashed:
            processes.kill(() if self._main is None else (self._main,))
            processes.kill(self._family())
        self._timer.set(self._duty.next(now) if due != "kill" else None)

    def _stand(self, now: float) -> None:
        """The server stands still, or goes on, as its term says. One whose time is over wakes to nothing but its end:
        its children, which answer clients, are killed first.
        """
        main = () if self._main is None else (self._main,)
        stands = bool(main) and self._duty.pauses(now)
        if stands and not self._stands:
            processes.send(main, signal.SIGSTOP)
            processes.send(self._family(), signal.SIGSTOP)
            processes.send(self._family(), signal.SIGSTOP)  # what was begun before the first of them stood still
        elif self._stands and not stands:
            if main and not self._duty.due(now):
                processes.send(self._family(), signal.SIGCONT)
            else:
                numbers = [each.number for each in main]
                processes.kill(each for each in self._family() if each.number not in numbers)
                processes.send(main, signal.SIGQUIT)
                processes.send(main, signal.SIGCONT)
                self._quit_sent = True
        self._stands = stands

    @property
    def _crashed(self) -> bool:
        return self._end is not None and self._end.code != 0

    @property
    def _over(self) -> bool:
        """Nothing is left: of a server that ended cleanly only its main process is asked for."""
        if self._end is None:
            return False
        return not self._crashed or not self._family()

    def _wait_ms(self) -> float | None:
        """Until something happens, unless something is to be looked at that tells nobody."""
        beat = self._beat.look(linux.since_boot())
        if self._crashed or self._duty.due(linux.since_boot()) == "kill":
            self._patience = min(2 * self._patience, _LONGEST_ENDING_S)
            return self._patience * 1000
        waits = (beat, _TIDY_S if self._talk.connected else None)
        return min((wait * 1000 for wait in waits if wait is not None), default=None)

    # -- the server

    def _fork(self) -> Pid | None:
        sys.stderr.flush()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                for number in _DEFAULT:
                    signal.signal(number, signal.SIG_DFL)
                os.setsid()
                linux.die_with(parent, signal.SIGQUIT)
                os.execvp(self._server.argv[0], self._server.argv)  # noqa: S606  # nosec B606 - no shell
            except BaseException as error:  # noqa: BLE001 - a child must not run on as a second guard
                os.write(2, f"{NAME}: {self._server.argv[0]} cannot be run: {error}\n".encode())
            finally:
                os._exit(_NOT_STARTED)
        return processes.identify(child)

    def _family(self) -> tuple[Pid, ...]:
        """Every living descendant: those of the server, as this process has no other child."""
        return processes.descendants(os.getpid())

    def _reap(self) -> None:
        while True:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                number, status = 0, 0
            if not number:
                return
            if self._end is None and (self._main is None or number == self._main.number):
                expired = self._duty.due(linux.since_boot()) != ""
                self._end = End(time.time(), os.waitstatus_to_exitcode(status), expired)
                self._main = None

    @property
    def _binds(self) -> bool:
        """Whether its child is the server itself: a prefix such as sudo stays in between, and the server would live on
        without its guard.
        """
        living = None if self._main is None else processes.identify(self._main.number)
        return living is not None and living.name == self._server.program[:_NAME_LENGTH]

    # -- who asks

    def _hear(self, fd: int) -> None:
        if fd == self._signals:
            for number in os.read(fd, 256):
                if number in _PASSED_ON and self._main is not None:
                    told = self._server.stop if number != signal.SIGHUP else signal.SIGHUP
                    processes.send((self._main,), told)
            self._reap()
        elif fd != self._timer.fileno():
            self._talk.hear(fd)

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            self._obey(question)
        except Denied as denied:
            return {"is": "denied", "why": denied.why, "message": str(denied)}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            return {"is": "denied", "why": "bad", "message": f"not understood: {error!r}"}
        now = linux.since_boot()
        self._stand(now)
        self._timer.set(self._duty.next(now))
        term = self._duty.term
        return {
            "is": "told",
            "guard": self.id,
            "server": None if self._main is None else self._main.number,
            "binds": self._binds,
            "epoch": self._duty.epoch,
            "deadline": term and term.until,
            "margin": term and term.margin,
            "left": self._duty.left(now),
            "exited": Memory(self.id, self._end).exited,
        }

    def _obey(self, question: dict[str, Any]) -> None:
        now = linux.since_boot()
        match question["do"]:
            case "status":
                return
            case "extend" if not self._binds:
                raise Denied("late", f"its child is not {self._server.program}, or has ended: nothing can be promised")
            case "extend":
                sent, until, margin = (float(question[each]) for each in ("sent", "deadline", "margin"))
                term = Term(sent, until, margin, question.get("paused") is True)
                self._duty.extend(int(question["epoch"]), term, now)
            case "disarm":
                self._duty.disarm(int(question["epoch"]), now)
            case other:
                raise Denied("bad", f"{other!r} is none of status, extend, disarm")

    # -- its ears

    def _watch(self, fd: int) -> None:
        self._events.register(fd, select.POLLIN)

    def _catch_signals(self) -> int:
        """The descriptor at which they are read, one byte each."""
        ear, mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_PASSED_ON):
            signal.signal(number, lambda *_: None)
        self._watch(ear)
        return ear


def identity() -> str:
    """'BOOT ID/PID/START TIME' of this process: no other has it, ever."""
    me = processes.identify(os.getpid())
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot}/{os.getpid()}/{me.start if me else 0}"


def living(guard: str) -> Pid | None:
    """The process of that identity, None when it is no more."""
    boot, _, rest = guard.partition("/")
    number, _, start = rest.partition("/")
    if not guard or boot != identity().partition("/")[0]:
        return None
    found = processes.identify(int(number))
    return found if found is not None and found.start == int(start) else None
