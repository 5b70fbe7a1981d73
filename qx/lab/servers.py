"""The lab's database servers as processes, whoever started them; starting one raw, or under its guard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from qx.adapters.guard import memory
from qx.adapters.guard.guard import living
from qx.adapters.node.deadline import Deadline
from qx.adapters.node.local import server
from qx.adapters.node.processes import Pid, identify, of_postgres, of_redis
from qx.lab import postgres, redis
from qx.lab.config import control
from qx.lab.failure import not_started
from qx.model.platform import LocalControl

if TYPE_CHECKING:
    from qx.lab.lab import Lab
    from qx.lab.layout import NodeLayout


START_S = 60.0
LOOK_S = 0.05  # between two looks


def processes(node: NodeLayout) -> tuple[Pid, ...]:
    """All of the node's living processes, the one in charge first; () when it is down."""
    if node.kind == "redis":
        found = of_redis(node.data_dir, node.config_file, node.port)
        return tuple(sorted(found, key=lambda pid: pid.start))  # its children fork later
    found = of_postgres(node.data_dir)
    leader = _postmaster(node)
    return tuple(sorted(found, key=lambda pid: (pid != leader, pid.start)))


def with_guard(node: NodeLayout) -> tuple[Pid, ...]:
    """As `processes`, its guard first, if it has one."""
    told = memory.read(Path(f"{node.data_dir}.qx.guard.json"))
    guard = living(told.guard) if told is not None else None
    return (*((guard,) if guard is not None else ()), *processes(node))


def leader(node: NodeLayout) -> Pid | None:
    """The process whose death is the server's."""
    found = processes(node)
    return found[0] if found else None


def start(lab: Lab, node: NodeLayout) -> None:
    """Starts it, whatever its files say that it is; returns when it answers. It outlives the caller.

    In a lab with guards: under its guard, as its control does. Raises QX-LAB-004, with guards QX-NODE-004.
    """
    if lab.guards:
        settings = msgspec.convert(control(lab, node), LocalControl)
        server(settings, node.kind, node.cluster, node.region).launch(Deadline(START_S))
    elif node.kind == "redis":
        redis.start(node, lab.redis_server)
    else:
        postgres.start(node, lab.ground)


def start_raw(lab: Lab, node: NodeLayout, *, as_writer: bool = False) -> None:
    """As a supervisor that knows nothing of qx would: `pg_ctl start`, `valkey-server FILE`, or the guard of either.

    `as_writer`: what makes it a replica is taken away first. Raises QX-LAB-004.
    """
    if node.kind == "redis":
        if as_writer:
            redis.forget_master(node)
        start(lab, node)
        return
    if as_writer:
        (node.data_dir / "standby.signal").unlink(missing_ok=True)
    if not of_postgres(node.data_dir):
        for stale in (_pid_file(node), postgres.socket_lock(node)):  # a zombie's would keep it from starting
            stale.unlink(missing_ok=True)
    start(lab, node)


def settle(lab: Lab, node: NodeLayout) -> None:
    """Returns when it answers, or has ended: one that had no room to recover in may be about to. Raises QX-LAB-004."""
    deadline = Deadline(START_S)
    while node.kind == "postgresql" and leader(node) is not None and not postgres.accepts(node, lab.ground):
        if deadline.passed:
            raise not_started(node, f"it neither answers nor ends within {START_S:g} s", "", node.log_file)
        time.sleep(LOOK_S)


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
