"""A PostgreSQL node's control: its files, its processes, its pin.

Invariants: the pin is `standby.signal`; what a dead server left behind (a lock file with a zombie's pid)
never keeps the next from starting. Readiness is read from postmaster.pid, so no connection, role or password
is needed.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qx.adapters.node import files, pgdata, processes
from qx.adapters.node.greeting import POSTGRESQL
from qx.adapters.node.server import Role, Server
from qx.kernel.errors import Refused
from qx.model.control import PgControl

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Memory, Turn
    from qx.adapters.node.processes import Pid

_WRITES = "in production"
_LOOPBACK = "127.0.0.1"
_NO_DATA = pgdata.ControlFile(
    system_id="", state="no data", checkpoint=0, redo=0, timeline=0, min_recovery_end=0, min_recovery_timeline=0,
    segment_bytes=0, next_xid=0,
)  # fmt: skip
_SERVES = {"ready", "standby"}  # 'standby': it replays, and takes no connections because it was told so


class PostgresNode(Server):
    CLEAN = signal.SIGINT  # what `pg_ctl stop -m fast` sends

    def greeting(self) -> tuple[str | tuple[str, int], bytes]:
        head = pgdata.read_lock_file(self.data_dir)
        if head is not None and head.socket_dir:
            return f"{head.socket_dir}/.s.PGSQL.{head.port}", POSTGRESQL
        return (_LOOPBACK, self.settings.port), POSTGRESQL

    def seen(self, memory: Memory, deadline: Deadline) -> PgControl:
        control = _NO_DATA if pgdata.holds_nothing(self.data_dir) else self.control_file(deadline)
        pids = self.pids()
        main = self.main(pids)
        return PgControl(
            running=bool(pids),
            pid=main[0].number if main else None,
            pids=tuple(pid.number for pid in pids),
            state=control.state,
            system_id=control.system_id,
            timeline=max(control.timeline, control.min_recovery_timeline),
            checkpoint=control.checkpoint,
            redo=control.redo,
            min_recovery_end=control.min_recovery_end,
            standby_signal=(self.data_dir / pgdata.SIGNAL).exists(),
            held_epoch=memory.epoch,
            held_for=memory.held_for,
            free_bytes=files.free_bytes(self.data_dir if self.data_dir.exists() else self.data_dir.parent),
            **self.guard_seen(deadline, running=bool(pids)),
        )

    def control_file(self, deadline: Deadline) -> pgdata.ControlFile:
        return pgdata.read_control(self.data_dir, self.bin_dir, deadline)

    def pids(self) -> tuple[Pid, ...]:
        return processes.of_postgres(self.data_dir)

    def main(self, pids: tuple[Pid, ...]) -> tuple[Pid, ...]:
        """The postmaster as its lock file names it; where that was removed, who has no parent among them."""
        head = pgdata.read_lock_file(self.data_dir)
        if head is None:
            return processes.roots(pids)
        return tuple(pid for pid in pids if pid.number == head.pid)

    def end_cleanly(self, main: tuple[Pid, ...], deadline: Deadline) -> None:
        """As pg_ctl, without its polling."""
        processes.send(main, self.CLEAN)

    def stopped(self, turn: Turn) -> None:
        self._discard_stale_locks()

    def held(self, turn: Turn) -> None:
        """Under `stop` no server starts on these data, whoever starts it."""
        if not self.data_dir.exists():
            return
        if turn.memory.held_for == "stop" or turn.memory.incomplete:
            pgdata.bar(self.data_dir)
        else:
            pgdata.unbar(self.data_dir)

    def _discard_stale_locks(self) -> None:
        """Those whose pid a zombie has, or by now somebody else: PostgreSQL itself would take it for a server's."""
        stale = pgdata.read_lock_file(self.data_dir)
        if stale is not None and processes.is_taken(stale.pid):
            pgdata.discard_lock_files(self.data_dir, stale, self.settings.socket_dir)
        for lock, pid in pgdata.socket_locks(self.settings.socket_dir, self.data_dir).items():
            if stale is None and processes.is_taken(pid):
                files.remove(lock)

    # -- pin and upstream ------------------------------------------------------------------------------

    def pin(self, epoch: int, upstream: str, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "pin", deadline):
            if pgdata.holds_nothing(self.data_dir):
                return
            if upstream:
                pgdata.set_upstream(self.data_dir, {"primary_conninfo": upstream})
            pgdata.pin(self.data_dir)

    def unpin(self, epoch: int, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "unpin", deadline):
            pgdata.unpin(self.data_dir)

    def follow(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "follow", deadline):
            self.must_be_stopped("follow")
            pgdata.pin(self.data_dir)
            pgdata.set_upstream(self.data_dir, {"primary_conninfo": conninfo, "primary_slot_name": slot or None})

    def check_pin(self, role: Role) -> None:
        signals = [name for name in (pgdata.SIGNAL, pgdata.RECOVERY_SIGNAL) if (self.data_dir / name).exists()]
        if role == "writer" and signals:
            raise Refused(
                "QX-NODE-006",
                f"{self.where}: it would not come up as a writer, {signals[0]} stands there",
                hint="unpin it first, if it is to write",
            )
        if role == "replica" and pgdata.SIGNAL not in signals:
            raise Refused(
                "QX-NODE-006",
                f"{self.where}: it would come up as a writer, {pgdata.SIGNAL} is missing",
                hint="pin it first",
            )

    # -- start -----------------------------------------------------------------------------------------

    def argv(self) -> tuple[str, ...]:
        return (str(self.bin_dir / "postgres"), "-D", str(self.data_dir))

    def is_ready(self) -> bool:
        head = pgdata.read_lock_file(self.data_dir)
        return head is not None and head.status in _SERVES and processes.identify(head.pid) is not None

    def role(self, deadline: Deadline) -> Role:
        return "writer" if self.control_file(deadline).state == _WRITES else "replica"

    def clear_way(self, deadline: Deadline) -> None:
        self.control_file(deadline)  # raises when there is nothing to start
        self._discard_stale_locks()
        pgdata.unbar(self.data_dir)

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
