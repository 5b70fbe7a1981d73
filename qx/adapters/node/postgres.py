"""A PostgreSQL node's control: what it is, its pin and hold, its stop and start.

Invariants: a stop has succeeded when no process of the data directory is left; a start goes against neither the hold nor
the pin, and not over data that a rewind or clone left incomplete; what a dead server left behind never keeps it from
starting. Every verb that acts does so under the node's lock. Must never start a server that it did not look at before.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qx.adapters.node import files, pgdata, processes
from qx.adapters.node.lock import Memory, Purpose, StartLock
from qx.adapters.node.programs import Ended, launch, run, tail
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.control import PgControl

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.processes import Pid
    from qx.model.platform import LocalControl

WRITES = "in production"
_POLL_S = 0.003
_LOG_END_BYTES = 16 << 10
_ENDING_S = 2.0  # a custom stop is told after a kill too, so that its supervisor rests; it gets this long


class PostgresNode:
    """The sync verbs of `qx.ports.controls.NodeControl`; each ends by its deadline or says why not."""

    def __init__(self, settings: LocalControl, where: str) -> None:
        self.settings = settings
        self.where = where
        self.data_dir = Path(settings.data_dir)
        self.bin_dir = Path(settings.bin_dir)
        self.lock = StartLock(self.data_dir, where)

    # -- what it is ------------------------------------------------------------------------------------

    def inspect(self, deadline: Deadline) -> PgControl:
        return self._seen(self.lock.memory(), deadline)

    def _seen(self, memory: Memory, deadline: Deadline) -> PgControl:
        control = self.control_file(deadline)
        pids = processes.of_postgres(self.data_dir)
        head = pgdata.read_lock_file(self.data_dir) if pids else None
        numbers = tuple(pid.number for pid in pids)
        return PgControl(
            running=bool(pids),
            pid=head.pid if head is not None and head.pid in numbers else None,
            pids=numbers,
            state=control.state,
            system_id=control.system_id,
            timeline=max(control.timeline, control.min_recovery_timeline),
            checkpoint=control.checkpoint,
            redo=control.redo,
            min_recovery_end=control.min_recovery_end,
            standby_signal=(self.data_dir / pgdata.SIGNAL).exists(),
            held_epoch=memory.epoch,
            held_for=memory.held_for,
            free_bytes=files.free_bytes(self.data_dir),
        )

    def control_file(self, deadline: Deadline) -> pgdata.ControlFile:
        return pgdata.read_control(self.data_dir, self.bin_dir, deadline)

    def must_be_stopped(self, verb: str) -> None:
        pids = processes.of_postgres(self.data_dir)
        if pids:
            raise QxError(
                "QX-NODE-006",
                f"{self.where}: {verb} needs a stopped server, {len(pids)} of its processes live",
                hint="stop it first",
            )

    # -- pin, hold, follow -----------------------------------------------------------------------------

    def pin(self, epoch: int, upstream: str, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "pin", deadline):
            if upstream:
                pgdata.set_upstream(self.data_dir, {"primary_conninfo": upstream})
            pgdata.pin(self.data_dir)

    def unpin(self, epoch: int, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "unpin", deadline):
            pgdata.unpin(self.data_dir)

    def hold(self, epoch: int, purpose: Purpose, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "hold", deadline) as turn:
            turn.remember(held_for=purpose)

    def follow(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "follow", deadline):
            self.must_be_stopped("follow")
            pgdata.pin(self.data_dir)
            pgdata.set_upstream(
                self.data_dir, {"primary_conninfo": conninfo, "primary_slot_name": slot or None}
            )

    # -- stop ------------------------------------------------------------------------------------------

    def stop(self, epoch: int, mode: Literal["clean", "kill"], deadline: Deadline) -> PgControl:
        with self.lock.acting(epoch, "stop", deadline) as turn:
            if mode == "kill":
                self._kill(deadline, turn)
            else:
                self._stop_cleanly(deadline, turn)
            return self._seen(turn.memory, deadline)

    def _stop_cleanly(self, deadline: Deadline, turn: Turn) -> None:
        before = processes.of_postgres(self.data_dir)
        if not before:
            return
        if self.settings.stop:
            said = self._custom(self.settings.stop, deadline, turn)
        else:
            said = ""
            processes.send(self._postmaster(before), signal.SIGINT)
        processes.ended(before, deadline)
        left = processes.of_postgres(self.data_dir)
        while left and processes.ended(left, deadline):
            left = processes.of_postgres(self.data_dir)
        if left:
            raise QxError(
                "QX-NODE-003",
                f"{self.where}: {len(left)} processes are left after {deadline.spent:.1f} s of a fast stop{said}",
                hint="its shutdown goes on; stop it with `kill`, or wait",
            )

    def _kill(self, deadline: Deadline, turn: Turn) -> None:
        """The postmaster first, which makes processes; then all the others, until none is found."""
        processes.send(self._postmaster(processes.of_postgres(self.data_dir)), signal.SIGKILL)
        while left := processes.of_postgres(self.data_dir):
            processes.send(left, signal.SIGKILL)
            if not processes.ended(left, deadline) or deadline.passed:
                raise QxError(
                    "QX-NODE-003",
                    f"{self.where}: {len(left)} processes outlive SIGKILL for {deadline.spent:.1f} s",
                    hint="the kernel keeps them (a dead disk?): fence the machine itself",
                )
        if self.settings.stop:
            self._custom(self.settings.stop, deadline.within(_ENDING_S), turn)
            if processes.of_postgres(self.data_dir):
                raise QxError("QX-NODE-003", f"{self.where}: the server came back after it was killed",
                              hint="a supervisor restarts it: set its restart policy to none")

    def _postmaster(self, pids: tuple[Pid, ...]) -> tuple[Pid, ...]:
        """As the lock file names it; where that was removed, who has no parent among them."""
        head = pgdata.read_lock_file(self.data_dir)
        numbers = {pid.number for pid in pids}
        if head is None:
            return tuple(pid for pid in pids if pid.parent not in numbers)
        return tuple(pid for pid in pids if pid.number == head.pid)

    def _custom(self, argv: tuple[str, ...], deadline: Deadline, turn: Turn) -> str:
        """Runs the operator's own program; what it said, where that explains something. The server's state decides."""
        try:
            told: Ended = run(argv, deadline, turn)
        except (OSError, TimeoutError) as error:
            return f"; {argv[0]}: {error}"
        return f"; {argv[0]} said: {told.last_words()}" if told.code != 0 else ""

    # -- start -----------------------------------------------------------------------------------------

    def start(self, epoch: int, role: Literal["writer", "replica"], deadline: Deadline) -> PgControl:
        with self.lock.acting(epoch, "start", deadline) as turn:
            self._check_right(role, turn.memory)
            if not self._runs(role, deadline):
                self._clear_way(deadline)
                self._launch(deadline, turn)
            return self._seen(turn.memory, deadline)

    def _check_right(self, role: str, memory: Memory) -> None:
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
        signals = [name for name in (pgdata.SIGNAL, pgdata.RECOVERY_SIGNAL) if (self.data_dir / name).exists()]
        if role == "writer" and signals:
            raise Refused("QX-NODE-006", f"{self.where}: it would not come up as a writer, {signals[0]} stands there",
                          hint="unpin it first, if it is to write")
        if role == "replica" and pgdata.SIGNAL not in signals:
            raise Refused("QX-NODE-006", f"{self.where}: it would come up as a writer, {pgdata.SIGNAL} is missing",
                          hint="pin it first")

    def _runs(self, role: str, deadline: Deadline) -> bool:
        """Whether it runs already, in that role. One that is stopping is waited for; one without a postmaster too."""
        while pids := processes.of_postgres(self.data_dir):
            head = pgdata.read_lock_file(self.data_dir)
            if head is not None and head.pid in {pid.number for pid in pids} and head.status != "stopping":
                break
            if not processes.ended(pids, deadline.within(0.05)) and deadline.passed:
                raise QxError("QX-NODE-004", f"{self.where}: {len(pids)} processes of the server before it do not end",
                              hint="stop it with `kill`")
        if not pids:
            return False
        self._await_ready(None, self._log_size, deadline)
        found = "writer" if self.control_file(deadline).state == WRITES else "replica"
        if found != role:
            raise QxError("QX-NODE-004", f"{self.where}: it runs already, as a {found}", hint="stop it first")
        return True

    def _clear_way(self, deadline: Deadline) -> None:
        self.control_file(deadline)  # raises when there is nothing to start
        stale = pgdata.read_lock_file(self.data_dir)
        if stale is not None:
            pgdata.discard_lock_files(self.data_dir, stale, self.settings.socket_dir)
        pgdata.unbar(self.data_dir)

    def _launch(self, deadline: Deadline, turn: Turn) -> None:
        offset = self._log_size
        launched = None
        if self.settings.start:
            said = self._custom(self.settings.start, deadline, turn)
            if said:
                raise QxError("QX-NODE-004", f"{self.where}: it did not start{said}", hint=f"its log: {self._log}")
        else:
            argv = (*self.settings.run_as, str(self.bin_dir / "postgres"), "-D", str(self.data_dir))
            launched = launch(argv, self._log, like=self.data_dir)
            if launched is None:
                raise self._failed(offset)
        self._await_ready(launched, offset, deadline)

    @property
    def _log(self) -> Path:
        return Path(self.settings.log_file or f"{self.data_dir}.qx.log")

    @property
    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _await_ready(self, launched: Pid | None, offset: int, deadline: Deadline) -> None:
        """Until it accepts connections, as its lock file tells ('standby': it replays and takes none, being told so).

        `launched`: whose end means that it failed; None when another program started it.
        """
        while True:
            head = pgdata.read_lock_file(self.data_dir)
            server = processes.identify(head.pid) if head is not None else None
            if server is not None and head is not None and head.status in {"ready", "standby"}:
                return
            if deadline.passed:
                raise Unsure(
                    "QX-NODE-004",
                    f"{self.where}: started, and takes no connections after {deadline.spent:.1f} s:\n{self._log_end(offset)}",
                    hint="it may still be replaying: observe it",
                )
            watched = launched or server
            if watched is not None and processes.ended((watched,), deadline.within(_POLL_S)):
                raise self._failed(offset)
            if watched is None:
                if head is not None:
                    raise self._failed(offset)
                time.sleep(_POLL_S)

    def _failed(self, offset: int) -> QxError:
        words = f"{self.where}: it did not start:\n{self._log_end(offset)}"
        return QxError("QX-NODE-004", words, hint=f"its log: {self._log}")

    def _log_end(self, offset: int) -> str:
        try:
            with self._log.open("rb") as file:
                file.seek(max(offset, self._log_size - _LOG_END_BYTES))
                return tail(file.read().decode(errors="replace"), 8)
        except FileNotFoundError:
            return f"({self._log} is not there)"

    # -- what replaces data ----------------------------------------------------------------------------

    def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, deadline: Deadline
    ) -> dict[str, Any]:
        from qx.adapters.node.salvage import Beyond, salvage

        with self.lock.acting(epoch, "salvage", deadline) as turn:
            self.must_be_stopped("salvage")
            return salvage(self, Beyond(fork, timeline, fork_xid), Path(into), turn, deadline)

    def rewind(self, epoch: int, conninfo: str, deadline: Deadline) -> dict[str, Any]:
        from qx.adapters.node.rewind import rewind

        with self.lock.acting(epoch, "rewind", deadline) as turn:
            self.must_be_stopped("rewind")
            return rewind(self, conninfo, turn, deadline)

    def clone(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> dict[str, Any]:
        from qx.adapters.node.clone import clone

        with self.lock.acting(epoch, "clone", deadline) as turn:
            self.must_be_stopped("clone")
            return clone(self, conninfo, slot, turn, deadline)
