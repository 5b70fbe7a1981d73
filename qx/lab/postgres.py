"""PostgreSQL servers of the lab: a fresh writer, standbys cloned over the relays, starting as anybody would start them.

Invariants: postgresql.conf in the data directory only includes `../postgres.conf`, the same line on every node, so that
a rewind or a new clone, which copy it, change nothing; what is the node's own stands outside of the data directory.
Data are synced by the server as in production (fsync is on); only the set-up skips syncing.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from qx.lab.failure import not_started
from qx.lab.layout import NodeLayout, slot_name

if TYPE_CHECKING:
    from pathlib import Path

    from qx.lab.privileges import Ground

SUPERUSER = "postgres"
START_S = 60
LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.65535")

_SETTINGS = """\
# Written by `qx lab up`: this node's own settings, kept outside of its data directory.
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '{socket_dir}'
cluster_name = '{cluster}/{region}'
max_connections = 100
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
wal_level = replica
wal_log_hints = on
hot_standby = on
max_wal_senders = 10
max_replication_slots = 10
wal_keep_size = 256MB
max_slot_wal_keep_size = 1GB
wal_retrieve_retry_interval = 200ms
wal_receiver_status_interval = 1s
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
logging_collector = on
log_directory = '../log'
log_filename = 'server.log'
log_rotation_age = 0
log_rotation_size = 0
"""


def create_writer(node: NodeLayout, ground: Ground) -> None:
    """An empty cluster with data checksums; trust on loopback and the Unix socket."""
    _make_directories(node, ground)
    _run(
        ground,
        node,
        "initdb",
        *("--pgdata", str(node.data_dir), "--username", SUPERUSER, "--auth", "trust"),
        *("--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-sync", "--no-instructions"),
    )
    (node.data_dir / "postgresql.conf").write_text("include '../postgres.conf'\n")
    _write_settings(node)


def create_standby(node: NodeLayout, ground: Ground, upstream_port: int) -> None:
    """A clone of the server behind 127.0.0.1:`upstream_port`, with its own slot there, ready to start and follow it."""
    _make_directories(node, ground)
    slot = slot_name(node.region)
    conninfo = f"host=127.0.0.1 port={upstream_port} user={SUPERUSER} application_name={slot}"
    _run(
        ground,
        node,
        "pg_basebackup",
        *("--pgdata", str(node.data_dir), "--dbname", f"{conninfo}_clone", "--wal-method", "stream"),
        *("--checkpoint", "fast", "--create-slot", "--slot", slot, "--no-sync", "--no-password"),
    )
    _write_settings(node)
    automatic = node.data_dir / "postgresql.auto.conf"
    automatic.write_text(f"primary_conninfo = '{conninfo}'\nprimary_slot_name = '{slot}'\n")
    (node.data_dir / "standby.signal").touch()
    ground.own(node.data_dir / "standby.signal")


def start(node: NodeLayout, ground: Ground) -> None:
    """Plain `pg_ctl start`: returns when the server accepts connections; it outlives the caller."""
    options = ("--wait", "--silent", "--timeout", str(START_S), "--log", str(node.log_file))
    _run(ground, node, "pg_ctl", "start", "--pgdata", str(node.data_dir), *options)


def streams(node: NodeLayout, ground: Ground, count: int) -> bool:
    """Whether `count` standbys stream from this writer."""
    sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    where = f"host=127.0.0.1 port={node.port} user={SUPERUSER} dbname=postgres connect_timeout=5"
    rows = _run(ground, node, "psql", "--no-psqlrc", "--no-align", "--tuples-only", "--command", sql, where)
    return int(rows) == count


def accepts(node: NodeLayout, ground: Ground) -> bool:
    """Whether it takes connections: it does not while it recovers."""
    argv = [*ground.run_as, str(ground.bin_dir / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={node.port}"]
    return subprocess.run(argv, capture_output=True, cwd=node.directory, timeout=START_S, check=False).returncode == 0


def socket_dir(node: NodeLayout) -> str:
    """Where its Unix socket stands; '' (none) when that path is too long for one."""
    path = str(node.directory)
    return path if len(path.encode()) <= LONGEST_SOCKET_DIR else ""


def socket_lock(node: NodeLayout) -> Path:
    return node.directory / f".s.PGSQL.{node.port}.lock"


def _make_directories(node: NodeLayout, ground: Ground) -> None:
    ground.directory(node.directory)
    ground.directory(node.log_file.parent)


def _write_settings(node: NodeLayout) -> None:
    node.config_file.write_text(
        _SETTINGS.format(
            port=node.port,
            socket_dir=socket_dir(node).replace("'", "''"),
            cluster=node.cluster,
            region=node.region,
        )
    )


def _run(ground: Ground, node: NodeLayout, program: str, *arguments: str) -> str:
    argv = [*ground.run_as, str(ground.bin_dir / program), *arguments]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, cwd=node.directory, timeout=2 * START_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise not_started(node, f"{program} did not end", "", node.log_file) from error
    if done.returncode != 0:
        raise not_started(node, f"{program} failed", done.stderr or done.stdout, node.log_file)
    return done.stdout
