"""Redis-compatible servers of the lab: a master and replicas that follow it over the relays.

Invariants: the configuration file is writable and holds all there is to a node, so that `valkey-server FILE` starts it
as it was; a replica announces the address at which its master's region reaches it.
"""

from __future__ import annotations

import socket
import subprocess
import time
from typing import TYPE_CHECKING

from qx.lab.failure import not_started

if TYPE_CHECKING:
    from pathlib import Path

    from qx.lab.layout import NodeLayout

LOOPBACK = "127.0.0.1"
START_S = 30.0
POLL_S = 0.02

_SETTINGS = """\
# Written by `qx lab up`; the server rewrites it on CONFIG REWRITE.
port {port}
bind 127.0.0.1
daemonize yes
dir {data}
pidfile {pidfile}
logfile {log}
save ""
appendonly yes
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-backlog-size 16mb
repl-timeout 10
repl-ping-replica-period 2
"""


def create(node: NodeLayout) -> None:
    """A master without data."""
    node.data_dir.mkdir(parents=True, exist_ok=True)
    node.log_file.parent.mkdir(exist_ok=True)
    node.config_file.write_text(
        _SETTINGS.format(
            port=node.port,
            data=_quoted(node.data_dir),
            pidfile=_quoted(node.directory / "server.pid"),
            log=_quoted(node.log_file),
        )
    )


def create_replica(node: NodeLayout, upstream_port: int, announce_port: int) -> None:
    """Follows 127.0.0.1:`upstream_port`; its master reaches it at `announce_port`."""
    create(node)
    with node.config_file.open("a") as file:
        file.write(f"replicaof {LOOPBACK} {upstream_port}\n")
        file.write(f"replica-announce-ip {LOOPBACK}\nreplica-announce-port {announce_port}\n")


def forget_master(node: NodeLayout) -> None:
    """Takes `replicaof` out of the configuration file: the next start is a master's."""
    lines = node.config_file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.lower().startswith(("replicaof ", "slaveof "))]
    node.config_file.write_text("".join(kept))


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def start(node: NodeLayout, server: Path) -> None:
    """Plain `SERVER FILE`: returns when it answers; it outlives the caller."""
    argv = [str(server), str(node.config_file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=START_S, check=False)
    if done.returncode != 0:
        raise not_started(node, f"{server.name} failed", done.stderr, node.log_file)
    deadline = time.monotonic() + START_S
    while ask(node.port, "PING") != "+PONG":
        if time.monotonic() > deadline:
            raise not_started(node, f"{server.name} does not answer", "", node.log_file)
        time.sleep(POLL_S)


def ask(port: int, command: str) -> str:
    """The answer to an inline command: a line with its mark, or a bulk string; '' when there is none now."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as sock, sock.makefile("rb") as answers:
            sock.sendall(command.encode() + b"\r\n")
            line = answers.readline().decode(errors="replace").rstrip()
            return answers.read(int(line[1:])).decode(errors="replace") if line.startswith("$") else line
    except OSError:
        return ""


def follows(node: NodeLayout) -> bool:
    """Whether this replica's link to its master is up."""
    return "master_link_status:up" in ask(node.port, "INFO replication")
