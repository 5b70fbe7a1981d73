"""The lab's database servers as processes, whoever started them; starting one raw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.node.processes import Pid, identify, of_postgres, of_redis
from qx.lab import postgres, redis

if TYPE_CHECKING:
    from pathlib import Path

    from qx.lab.lab import Lab
    from qx.lab.layout import NodeLayout


def processes(node: NodeLayout) -> tuple[Pid, ...]:
    """All of the node's living processes, the one in charge first; () when it is down."""
    if node.kind == "redis":
        found = of_redis(node.data_dir, node.config_file, node.port)
        return tuple(sorted(found, key=lambda pid: pid.start))  # its children fork later
    found = of_postgres(node.data_dir)
    leader = _postmaster(node)
    return tuple(sorted(found, key=lambda pid: (pid != leader, pid.start)))


def leader(node: NodeLayout) -> Pid | None:
    """The process whose death is the server's."""
    found = processes(node)
    return found[0] if found else None


def start_raw(lab: Lab, node: NodeLayout, *, as_writer: bool = False) -> None:
    """As a supervisor that knows nothing of qx would: `pg_ctl start`, `valkey-server FILE`.

    `as_writer`: what makes it a replica is taken away first. Raises QX-LAB-004.
    """
    if node.kind == "redis":
        if as_writer:
            redis.forget_master(node)
        redis.start(node, lab.redis_server)
        return
    if as_writer:
        (node.data_dir / "standby.signal").unlink(missing_ok=True)
    if not of_postgres(node.data_dir):
        for stale in (_pid_file(node), postgres.socket_lock(node)):  # a zombie's would keep it from starting
            stale.unlink(missing_ok=True)
    postgres.start(node, lab.ground)


def _pid_file(node: NodeLayout) -> Path:
    return node.data_dir / "postmaster.pid"


def _postmaster(node: NodeLayout) -> Pid | None:
    """The living process that the pid file names, if it is of this data directory."""
    try:
        number = int(_pid_file(node).read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    pid = identify(number)
    return pid if pid in of_postgres(node.data_dir) else None
