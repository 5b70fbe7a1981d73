"""A Redis (or Valkey) node's control: its configuration file, its processes, its pin.

Invariants: the pin is a persisted `replicaof`. A running server that rewrites its file drops the pin: a stop
under the same epoch puts it back. A clean stop keeps the data, also of a server that is not told to persist
any.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qx.adapters.node import files, processes
from qx.adapters.node.greeting import REDIS
from qx.adapters.node.keeper import Keeper
from qx.adapters.node.redisconf import RedisConf
from qx.adapters.node.server import Role, Server
from qx.kernel.errors import QxError, Refused
from qx.model.control import RedisControl

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Memory, Turn
    from qx.adapters.node.processes import Pid

_ASK_S = 0.5
_SERVERS = ("redis-server", "valkey-server", "keydb-server")
_ANYWHERE = {"*", "::*"}  # the zero addresses can be connected to as they are
_LOOPBACK = "127.0.0.1"


class RedisNode(Server):
    CLEAN = signal.SIGTERM
    FOREGROUND = ("--daemonize", "no")  # whatever its file says

    @property
    def config(self) -> RedisConf:
        return RedisConf(Path(self.settings.config_file))

    def seen(self, memory: Memory, deadline: Deadline) -> RedisControl:
        pids = self.pids()
        main = self.main(pids)
        return RedisControl(
            running=bool(pids),
            pid=main[0].number if main else None,
            pids=tuple(pid.number for pid in pids),
            replicaof=self.config.replicaof,
            held_epoch=memory.epoch,
            held_for=memory.held_for,
            free_bytes=files.free_bytes(self.data_dir),
            **self.guard_seen(deadline, running=bool(pids)),
        )

    def pids(self) -> tuple[Pid, ...]:
        return processes.of_redis(self.data_dir, Path(self.settings.config_file), self.settings.port)

    def main(self, pids: tuple[Pid, ...]) -> tuple[Pid, ...]:
        """Its children write snapshots."""
        return processes.roots(pids)

    # -- pin -------------------------------------------------------------------------------------------

    def pin(self, epoch: int, upstream: str, deadline: Deadline) -> None:
        if not upstream:
            raise QxError("QX-NODE-006", f"{self.where}: a pin of Redis needs an upstream", hint="host:port")
        with self.lock.acting(epoch, "pin", deadline) as turn:
            turn.remember(pinned=upstream)
            self.config.follow(upstream)

    def unpin(self, epoch: int, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "unpin", deadline) as turn:
            turn.remember(pinned="")
            self.config.follow("")

    def follow(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> None:
        with self.lock.acting(epoch, "follow", deadline) as turn:
            self.must_be_stopped("follow")
            turn.remember(pinned=conninfo)
            self.config.follow(conninfo)

    def held(self, turn: Turn) -> None:
        """Nothing more: whatever starts it, starts what its file says."""

    def stopped(self, turn: Turn) -> None:
        if turn.memory.pinned:
            self.config.follow(turn.memory.pinned)

    def check_pin(self, role: Role) -> None:
        upstream = self.config.replicaof
        if role == "writer" and upstream:
            raise Refused(
                "QX-NODE-006",
                f"{self.where}: it would not come up as a writer, `replicaof {upstream}` stands in its file",
                hint="unpin it first, if it is to write",
            )
        if role == "replica" and not upstream:
            raise Refused(
                "QX-NODE-006",
                f"{self.where}: it would come up as a writer, its file has no `replicaof`",
                hint="pin it first",
            )

    # -- stop and start --------------------------------------------------------------------------------

    def end_cleanly(self, main: tuple[Pid, ...], deadline: Deadline) -> None:
        """SIGTERM saves what the server is told to persist; one that is told nothing is asked to save nevertheless."""
        if self.config.persists:
            processes.send(main, self.CLEAN)
            return
        password = self.config.value("requirepass")
        answer = self._ask("SHUTDOWN", "SAVE", password=password, timeout=deadline.left)
        if answer.startswith(b"-"):
            raise QxError(
                "QX-NODE-003",
                f"{self.where}: it refused SHUTDOWN SAVE: {answer.decode(errors='replace')}",
                hint="let it persist (appendonly yes), or set control.stop",
            )

    def argv(self) -> tuple[str, ...]:
        programs = [self.bin_dir / name for name in _SERVERS if (self.bin_dir / name).exists()]
        if not programs:
            raise QxError("QX-NODE-004", f"{self.where}: {self.bin_dir} holds none of {', '.join(_SERVERS)}",
                          hint="set control.bin_dir, or control.start")
        return (str(programs[0]), self.settings.config_file)

    def clear_way(self, deadline: Deadline) -> None:
        """Nothing that a dead Redis leaves keeps the next from starting."""

    def is_ready(self) -> bool:
        """It answers, and has loaded its data. Of a port that speaks TLS only a connection is asked for."""
        try:
            if self.config.value("tls-port") == str(self.settings.port):
                with socket.create_connection((self._host, self.settings.port), _ASK_S):
                    return True
            answer = self._ask("PING")
        except OSError:
            return False
        return answer != b"" and not answer.startswith(b"-LOADING")

    def greeting(self) -> tuple[str | tuple[str, int], bytes]:
        return (self._host, self.settings.port), REDIS

    def role(self, deadline: Deadline) -> Role:
        """By the length of its answer to ROLE; where it asks for a user that we do not know, as its file has it."""
        told = self._ask("ROLE", password=self.config.value("requirepass"))
        if told.startswith(b"*"):
            return "writer" if told == b"*3" else "replica"
        return "replica" if self.config.replicaof else "writer"

    @property
    def _host(self) -> str:
        names = [name.lstrip("-") for name in self.config.values.get("bind", [])]
        return next((name for name in names if name not in _ANYWHERE), _LOOPBACK)

    def _ask(self, *words: str, password: str = "", timeout: float = _ASK_S) -> bytes:
        """The first line of the last answer, b'' when it closed the connection."""
        commands = [("AUTH", password)] if password else []
        with socket.create_connection((self._host, self.settings.port), timeout) as link:
            link.sendall(b"".join(map(_resp, (*commands, words))))
            with link.makefile("rb") as answers:
                lines = [answers.readline().rstrip() for _ in range(len(commands) + 1)]
        return next((line for line in lines if line.startswith(b"-")), lines[-1])

    # -- what replaces data ----------------------------------------------------------------------------

    def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, deadline: Deadline
    ) -> dict[str, Any]:
        """Copies of the snapshot and, when it is stopped, of the append-only files: a running one writes on."""
        with self.lock.acting(epoch, "salvage", deadline):
            try:
                return self._keep(Path(into), running=bool(self.pids()))
            except OSError as error:
                raise QxError("QX-NODE-009", f"{self.where}: {error}", hint="nothing was erased") from error

    def _keep(self, into: Path, *, running: bool) -> dict[str, Any]:
        keeper = Keeper(into)
        snapshot = self.data_dir / self.config.value("dbfilename", "dump.rdb")
        for source in self._data_files():
            if source == snapshot or not running:
                keeper.copy(source, str(source.relative_to(self.data_dir)))
        if running:
            keeper.notes.append("it runs: its append-only files were left out")
        if not keeper.files:
            keeper.notes.append(f"no snapshot and no append-only file stands in {self.data_dir}")
        return keeper.write_manifest({
            "schema": "qx.salvage/1",
            "node": self.where,
            "diverged": None,  # only its upstream can tell
            "commits": None,
            "bytes": None,
            "files": keeper.files,
            "notes": keeper.notes,
            "into": str(into),
        })

    def _data_files(self) -> list[Path]:
        config = self.config
        names = [config.value("dbfilename", "dump.rdb"), config.value("appendfilename", "appendonly.aof")]
        folder = self.data_dir / config.value("appenddirname", "appendonlydir")
        found = [self.data_dir / name for name in names if (self.data_dir / name).is_file()]
        return found + sorted(path for path in folder.glob("*") if path.is_file())

    def rewind(self, epoch: int, conninfo: str, deadline: Deadline) -> dict[str, Any]:
        with self.lock.acting(epoch, "rewind", deadline):
            words = f"{self.where}: Redis knows no rewind"
            raise QxError("QX-NODE-006", words, hint="clone it: a full synchronisation")

    def clone(self, epoch: int, conninfo: str, slot: str, deadline: Deadline) -> dict[str, Any]:
        """Its data are dropped; the upstream sends all of its own when it starts."""
        with self.lock.acting(epoch, "clone", deadline) as turn:
            self.must_be_stopped("clone")
            turn.remember(pinned=conninfo)
            self.config.follow(conninfo)
            dropped = self._data_files()
            for path in dropped:
                path.unlink()
            files.sync(self.data_dir)
            return {"cloned": True, "dropped": [path.name for path in dropped]}


def _resp(words: tuple[str, ...]) -> bytes:
    """A command on the wire."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
