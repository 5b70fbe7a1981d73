"""Nodes of both kinds with a control of either driver: what the contract of NodeControl needs.

A Site is a server's files and its control; whatever starts a server there, `end` finds and ends it by pid.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import psycopg
import pytest
import redis

from qx.adapters.node import processes
from qx.adapters.node.command import CommandNode
from qx.adapters.node.deadline import Deadline
from qx.adapters.node.local import LocalNode
from qx.adapters.node.local import server as blocking
from qx.adapters.node.server import Server
from qx.kernel.errors import QxError
from qx.lab import interlock
from qx.model.platform import CommandControl, Kind, LocalControl
from qx.ports.controls import NodeControl
from tests.fixtures_servers import (
    PG_SETTINGS,
    REDIS_SETTINGS,
    SUPERUSER,
    PgNode,
    RedisNode,
    Servers,
    as_other_user,
    pg_installs,
    wait_until,
)

T = 60.0
DRIVERS = ("local", "command")
AT_WRITER, AT_STANDBY = "us-east", "eu-west"


@dataclass
class Site:
    """A stopped server with all that is needed to control it. `upstream`: what a pin may name."""

    kind: Kind
    home: Path
    settings: LocalControl
    driver: str

    @property
    def control(self) -> NodeControl:
        return self.controlled(self.settings)

    def controlled(self, settings: LocalControl) -> NodeControl:
        """Through the site's driver, with other settings."""
        if self.driver == "local":
            return LocalNode(settings, self.kind, "trading", "eu-west")
        file = self.home / "control.json"
        file.write_text(json.dumps(msgspec.to_builtins(settings)))
        argv = (sys.executable, "-m", "qx", "node", "--settings", str(file))
        return CommandNode(CommandControl(argv=argv), self.kind, "trading", "eu-west")

    @property
    def server(self) -> Server:
        return blocking(self.settings, self.kind, "trading", "eu-west")

    @property
    def data(self) -> Path:
        return Path(self.settings.data_dir)

    def pids(self) -> set[int]:
        """Living processes that work in the data directory: found without the code under test."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                inside = entry.name.isdigit() and (entry / "cwd").samefile(self.data)
                if inside and (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                    found.add(int(entry.name))
        return found

    def end(self) -> None:
        found = self.server.pids()
        processes.kill(found)
        assert processes.ended(found, Deadline(30))
        if self.data.exists():
            interlock.release(self.data)


@dataclass
class PgSite(Site):
    node: PgNode
    upstream: ClassVar[str] = "host=127.0.0.1 port=1 user=postgres"

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.node.sql(query, *parameters)

    def raw_start(self) -> None:
        """As an operator's fingers do it."""
        ctl = str(pg_installs()[self.node.major] / "pg_ctl")
        argv = (ctl, "start", "-w", "-D", str(self.data), "-l", self.settings.log_file)
        subprocess.run([*as_other_user(), *argv], check=True, capture_output=True, timeout=60)

    def initdb(self) -> None:
        """A system of its own, where there is no data directory."""
        options = f"--username {SUPERUSER} --auth trust --locale C --data-checksums -N"
        argv = [str(pg_installs()[self.node.major] / "initdb"), "--pgdata", str(self.data), *options.split()]
        subprocess.run([*as_other_user(), *argv], check=True, capture_output=True, timeout=60)
        write_settings(self.node)

    def writes(self) -> bool:
        """Whether it takes a write; False when it is a replica."""
        try:
            self.sql("CREATE TABLE IF NOT EXISTS tried (); INSERT INTO tried DEFAULT VALUES")
        except psycopg.errors.ReadOnlySqlTransaction:
            return False
        return True

    def break_settings(self) -> str:
        """It cannot start any more; what its log will say."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("no_such_setting = 1\n")
        return "no_such_setting"


@dataclass
class RedisSite(Site):
    node: RedisNode
    upstream: ClassVar[str] = "127.0.0.1:1"

    def ask(self, *command: str) -> Any:
        return self.node.ask(*command)

    def raw_start(self) -> None:
        self.node.start()

    def writes(self) -> bool:
        try:
            self.ask("SET", "tried", "1")
        except redis.ReadOnlyError:
            return False
        return True

    def break_settings(self) -> str:
        with self.node.config.open("a") as file:
            file.write("no-such-setting 1\n")
        return "no-such-setting"


def write_settings(node: PgNode) -> None:
    """All that it needs to start by itself, its port included."""
    lines = [f"{name} = '{value}'" for name, value in {**PG_SETTINGS, **node.settings}.items()]
    (node.data / "postgresql.conf").write_text("\n".join(lines) + "\n")


class Sites:
    """Makes sites; what runs there is ended with `stack`."""

    def __init__(self, servers: Servers, stack: ExitStack, driver: str) -> None:
        self._servers, self._stack, self._driver = servers, stack, driver

    def postgres(self, major: int, **settings: str) -> PgSite:
        node = self._servers.postgres(major)
        node.settings = {"port": str(node.port), **settings}
        write_settings(node)
        local = LocalControl(
            data_dir=str(node.data),
            bin_dir=str(pg_installs()[major]),
            port=node.port,
            run_as=as_other_user(),
            log_file=str(node.home / "log"),
        )
        site = PgSite("postgresql", node.home, local, self._driver, node)
        self._stack.callback(site.end)
        return site

    def redis(self, program: str, **settings: str) -> RedisSite:
        node = self._servers.redis(program)
        (node.home / "data").mkdir()
        own = {"port": str(node.port), "bind": "127.0.0.1", "dir": str(node.home / "data")}
        mine = {**REDIS_SETTINGS, "appendonly": "yes", **own, **{k.replace("_", "-"): v for k, v in settings.items()}}
        node.config.write_text("".join(f"{name} {value}\n" for name, value in mine.items()))
        local = LocalControl(
            data_dir=str(node.home / "data"),
            bin_dir=str(node.program.parent),
            port=node.port,
            config_file=str(node.config),
            log_file=str(node.home / "log"),
        )
        site = RedisSite("redis", node.home, local, self._driver, node)
        self._stack.callback(site.end)
        return site


async def refused(code: str, doing: Awaitable[object]) -> QxError:
    """The error with that code which `doing` must end with."""
    with pytest.raises(QxError) as caught:
        await doing
    assert caught.value.code == code, caught.value
    return caught.value


def conninfo(node: PgNode, name: str = "eu-west") -> str:
    return f"host=127.0.0.1 port={node.port} user={SUPERUSER} application_name={name}"


def streams(writer: PgNode, name: str = "eu-west") -> None:
    """Waits until the writer sees it stream."""
    query = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = %s"
    wait_until(lambda: writer.sql(query, name), f"{name} streams")


def fork_of(node: PgNode, timeline: int = 2) -> int:
    """Where that timeline left the one before it, as its history file says."""
    line = (node.data / f"pg_wal/{timeline:08X}.history").read_text().splitlines()[-1]
    high, low = line.split()[1].split("/")
    return int(high, 16) << 32 | int(low, 16)


def alive(pid: int) -> bool:
    """A zombie is not."""
    return processes.identify(pid) is not None


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Pair:
    """A writer and a standby that streams from it, both started by their controls; then what happens to pairs."""

    def __init__(self, writer: PgSite, standby: PgSite) -> None:
        self.writer, self.standby = writer, standby

    async def start(self) -> None:
        await self.writer.control.start(1, "writer", T)
        self.writer.sql("SELECT pg_create_physical_replication_slot('standby', true)")
        await self.standby.control.follow(1, conninfo(self.writer.node, AT_STANDBY), "standby", T)
        await self.standby.control.start(1, "replica", T)
        streams(self.writer.node, AT_STANDBY)

    async def cut(self) -> None:
        """The standby has all, and gets nothing more."""
        [(position,)] = self.writer.sql("SELECT pg_current_wal_flush_lsn()")
        seen = "SELECT 1 WHERE pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: self.standby.sql(seen, position), "it has replayed")
        await self.standby.control.stop(1, "clean", T)

    async def promote(self) -> int:
        """The standby is the writer now; where its timeline began."""
        await self.standby.control.start(1, "replica", T)
        self.standby.sql("SELECT pg_promote()")
        wait_until(lambda: self.standby.sql("SELECT 1 WHERE NOT pg_is_in_recovery()"), "it writes")
        self.standby.sql("CHECKPOINT")
        return fork_of(self.standby.node)

    async def diverge(self) -> int:
        """A write that only the old writer has; it is dead then, and pinned. Returns the fork."""
        self.writer.sql("CREATE TABLE trades (id int PRIMARY KEY, what text)")
        self.writer.sql("INSERT INTO trades SELECT n, 'both' FROM generate_series(1, 100) n")
        await self.cut()
        self.writer.sql("INSERT INTO trades VALUES (101, 'lost')")
        await self.writer.control.pin(2, "", T)
        await self.writer.control.stop(2, "kill", T)
        return await self.promote()

    async def joins(self, epoch: int = 3) -> None:
        """The old writer follows the new one, which sees it stream, and has what it has."""
        if not self.standby.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'back'"):
            self.standby.sql("SELECT pg_create_physical_replication_slot('back', true)")
        await self.writer.control.follow(epoch, conninfo(self.standby.node, AT_WRITER), "back", T)
        await self.writer.control.start(epoch, "replica", T)
        streams(self.standby.node, AT_WRITER)
        self.standby.sql("CREATE TABLE after_all AS SELECT 1 AS one")
        wait_until(lambda: self.writer.sql("SELECT to_regclass('after_all')")[0][0], "it gets what the writer writes")


def wrap_programs(site: PgSite) -> Callable[[], set[str]]:
    """What pg_rewind and pg_basebackup are called with, from now until the answer is asked for: through wrappers."""
    log = site.home / "argvs"
    real = Path(site.settings.bin_dir)
    wrapped = site.home / "bin"
    wrapped.mkdir()
    for program in real.iterdir():
        (wrapped / program.name).symlink_to(program)
    for name in ("pg_rewind", "pg_basebackup"):
        (wrapped / name).unlink()
        lines = ("#!/bin/sh", f'printf "%s\\n" "$*" >> "{log}"', f'env >> "{log}"', f'exec "{real / name}" "$@"')
        (wrapped / name).write_text("\n".join(lines))
        (wrapped / name).chmod(0o755)
    site.settings = msgspec.structs.replace(site.settings, bin_dir=str(wrapped))
    return lambda: set(log.read_text().splitlines())


def check_files(manifest: dict[str, Any], into: Path) -> None:
    """Every file stands in the manifest with its digest, and nothing else stands there."""
    for entry in manifest["files"]:
        data = (into / entry["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    there = {str(path.relative_to(into)) for path in into.rglob("*") if path.is_file()}
    assert there == {entry["path"] for entry in manifest["files"]} | {"manifest.json"}
    assert json.loads((into / "manifest.json").read_text()) == manifest
