"""The PostgreSQL servers, the same for every system: settings, first writer, clones; and what a look at them says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from bench.failover.client import TABLE

if TYPE_CHECKING:
    from bench.failover.net import Region, World
    from qx.lab.privileges import Ground

PORT = 5432
USER = "postgres"
LOOK_S = 2

SETTINGS = {
    "shared_buffers": "64MB", "max_connections": "100", "wal_level": "replica", "hot_standby": "on",
    "wal_log_hints": "on", "wal_keep_size": "256MB", "max_wal_senders": "10", "max_replication_slots": "10",
    "max_slot_wal_keep_size": "1GB", "wal_retrieve_retry_interval": "200ms", "wal_receiver_status_interval": "1s",
    "wal_sender_timeout": "5s", "wal_receiver_timeout": "5s", "log_line_prefix": "%m [%p] ",
}  # fmt: skip
"""Of every server of every system, so that none waits where another does not; fsync and synchronous_commit stay on."""

HBA = ("local all all trust", "host all all 10.77.0.0/16 trust", "host replication all 10.77.0.0/16 trust")


class Seen(NamedTuple):
    """What one server said of itself; a server that did not answer is not there."""

    region: str
    writes: bool
    timeline: int
    streaming: int


class Servers:
    """`place`: where each region has its directory, with the server's data in `data`."""

    def __init__(self, world: World, ground: Ground, place: Path) -> None:
        self.world, self.ground, self.place = world, ground, place

    def directory(self, region: Region) -> Path:
        return self.ground.directory(self.place / region.name)

    def data(self, region: Region) -> Path:
        return self.directory(region) / "data"

    def run(self, region: Region, program: str, *arguments: str, timeout: float = 120) -> str:
        """One of PostgreSQL's programs, as the account of its servers, in that region."""
        argv = region.within(*self.ground.run_as, str(self.ground.bin_dir / program), *arguments)
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=timeout, cwd=self.directory(region)
        )
        if done.returncode:
            raise RuntimeError(f"{region.name}: {program}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def create(self, region: Region, more: dict[str, str]) -> None:
        """An empty cluster; `more` is this system's own of the settings."""
        self.run(
            region, "initdb", "--pgdata", str(self.data(region)), "--username", USER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-sync", "--no-instructions",
        )  # fmt: skip
        (self.data(region) / "pg_hba.conf").write_text("\n".join(HBA) + "\n")
        self._configure(region, more)

    def clone(self, region: Region, upstream: Region, more: dict[str, str], slot: str = "") -> None:
        """Anew, from `upstream`; with the slot, made there if it is missing."""
        shutil.rmtree(self.data(region), ignore_errors=True)
        wanted = []
        if slot:
            with self.connect(upstream.name) as link:
                link.execute(
                    "SELECT pg_create_physical_replication_slot(%s)"
                    " WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %s)", (slot, slot),
                )  # fmt: skip
            wanted = ["--slot", slot]
        source = f"host={upstream.address} port={PORT} user={USER} application_name={slot or region.name}"
        self.run(
            region, "pg_basebackup", "--pgdata", str(self.data(region)), "--dbname", source, "--wal-method", "stream",
            "--checkpoint", "fast", "--no-sync", "--no-password", *wanted,
        )  # fmt: skip
        lines = [f"primary_conninfo = '{source}'", *([f"primary_slot_name = '{slot}'"] if slot else [])]
        (self.data(region) / "postgresql.auto.conf").write_text("\n".join(lines) + "\n")
        (self.data(region) / "standby.signal").touch()
        self.ground.own(self.data(region) / "standby.signal")
        self._configure(region, more)

    def _configure(self, region: Region, more: dict[str, str]) -> None:
        """What is the node's own stands beside its data: a clone or a rewind does not replace it."""
        own = self.directory(region) / "own.conf"
        settings = SETTINGS | {
            "listen_addresses": region.address, "port": str(PORT), "unix_socket_directories": str(own.parent),
        } | more  # fmt: skip
        own.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        (self.data(region) / "postgresql.conf").write_text("include '../own.conf'\n")

    def start(self, region: Region) -> None:
        log = self.directory(region) / "server.log"
        self.run(region, "pg_ctl", "start", "--wait", "--silent", "--pgdata", str(self.data(region)), "--log", str(log))

    def connect(self, region: str, dbname: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        address = self.world.regions[region].address
        return psycopg.connect(
            host=address, port=PORT, user=USER, dbname=dbname, connect_timeout=LOOK_S, autocommit=True,
            options="-c statement_timeout=5000",
        )  # fmt: skip

    def look(self) -> list[Seen]:
        """Every server that answers."""
        found = []
        for name in self.world.regions:
            try:
                with self.connect(name) as link:
                    row = link.execute(
                        "SELECT NOT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN 0 ELSE"
                        " ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END,"
                        " (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming')"
                    ).fetchone()
            except psycopg.Error:
                continue
            if row is not None:
                found.append(Seen(name, bool(row[0]), int(str(row[1])), int(str(row[2]))))
        return found

    def writer(self) -> str | None:
        """The region of the one writer, which all others follow. None while it is not so."""
        seen = self.look()
        writers = [each for each in seen if each.writes]
        whole = len(seen) == len(self.world.regions) and len(writers) == 1
        return writers[0].region if whole and writers[0].streaming >= len(seen) - 1 else None

    def stored(self, region: str, writers: range) -> set[tuple[int, int]]:
        """The rows that the server there has of these writers."""
        with self.connect(region) as link:
            rows = link.execute(
                f"SELECT DISTINCT writer, seq FROM {TABLE} WHERE writer >= %s AND writer < %s",
                (writers.start, writers.stop),
            )
            return {(int(str(writer)), int(str(seq))) for writer, seq in rows}


def dsn(hosts: list[str], port: int = PORT) -> str:
    """A client's, which finds the writer among `hosts` by itself."""
    return f"host={','.join(hosts)} port={port} user={USER} dbname=postgres target_session_attrs=read-write"


def pinned(host: str) -> str:
    return f"host={host} port={PORT} user={USER} dbname=postgres"
