"""What `qx guard run` does: this process becomes the guard of a node's server, for a supervisor such as systemd.

A replica, which its pin makes one, is started at any time. A writer only while a `start` of qx holds the node's lock
and has called the supervisor: so a machine that boots again never brings an old writer back by itself. Invariant:
whatever was found here, the guard asks the node's memory once more when it is known, just before it starts the server.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from qx.adapters.guard.duty import Term
from qx.adapters.node.deadline import Deadline
from qx.adapters.node.guarded import Wanted
from qx.adapters.node.local import server
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qx.adapters.node.agent import NodeSettings
    from qx.adapters.node.server import Role, Server
    from qx.model.platform import Kind

TURN_S = 30.0  # how long another verb of qx may hold the node


def become(settings: NodeSettings, file: Path, env: Mapping[str, str]) -> NoReturn:
    """Raises QxError when nothing may be started: QX-NODE-012 a writer, QX-NODE-002 against the hold."""
    if not settings.guard:
        raise QxError("QX-CFG-008", f"{file}: a guard is to be run, and `guard` is not set there", hint="guard: true")
    kind: Kind = "redis" if settings.config_file else "postgresql"
    node = server(settings, kind, settings.cluster or "server", settings.region or str(file))
    try:
        argv = node.guarded_argv(admitted(node, Deadline(TURN_S)))
    except OSError as error:
        raise QxError("QX-NODE-005", f"{node.where}: {error}", hint="run it as the server's account") from error
    os.execve(argv[0], argv, {**env, **node.guarded.environment})  # noqa: S606  # nosec B606 - no shell


def admitted(node: Server, deadline: Deadline) -> Wanted:
    """What may be started now; its way is clear."""
    asked = node.lock.starting()
    if asked is not None:  # that verb has looked at all the rest, and waits for us
        return Wanted(asked.epoch, asked.role, None if asked.term is None else Term(*asked.term))
    epoch, role = node.lock.memory().epoch, _role(node)
    with node.lock.acting(epoch, "guard run", deadline) as turn:
        node.check_hold(role, turn.memory)
        if role == "writer":
            raise Refused(
                "QX-NODE-012",
                f"{node.where}: it would come up as a writer, and no start of qx asks for that",
                hint="the run or the controller that makes it the writer starts it; in a cold start: qx guard start",
            )
        if left := node.pids():
            raise QxError("QX-NODE-004", f"{node.where}: {len(left)} processes of its server live already",
                          hint="stop it first, if it is to run under a guard")  # fmt: skip
        node.clear_way(deadline)
    return Wanted(epoch, role)


def _role(node: Server) -> Role:
    """What it comes up as, whoever starts it."""
    try:
        node.check_pin("replica")
    except Refused:
        return "writer"
    return "replica"
