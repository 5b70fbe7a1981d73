"""LocalNode: the control of a node whose files and processes stand on this machine.

The verbs block, so each works in a thread of its own; when its time is up, or its caller goes away, the
thread is told to stop at its next look. A thread that the kernel holds (a dead disk) delays neither the
answer nor the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from qx.adapters.node.deadline import Deadline
from qx.adapters.node.wire import LOOKS, Carried
from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from qx.adapters.node.server import Server
    from qx.model.platform import Kind, LocalControl

_REACH_S = 2.0
_GRACE_S = 0.5  # beyond its deadline, so that a verb can say itself why it did not succeed


class LocalNode(Carried):
    def __init__(self, settings: LocalControl, kind: Kind, cluster: str, region: str) -> None:
        self._server = server(settings, kind, cluster, region)

    async def carry(self, verb: str, timeout: float, **arguments: Any) -> Any:
        deadline = Deadline(timeout)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if not answer.done():
                answer.set_exception(error) if error is not None else answer.set_result(result)

        def work() -> None:
            result, failed = None, None
            try:
                result = perform(self._server, verb, arguments, deadline)
            except BaseException as error:  # noqa: BLE001 - handed to who waits, whatever it is
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, failed)

        threading.Thread(target=work, daemon=True, name=f"qx {verb} {self._server.where}").start()
        try:
            return await asyncio.wait_for(answer, timeout + _GRACE_S)
        except TimeoutError as error:
            words = f"{self._server.where}: {verb} did not end in {timeout:g} s"
            if verb in LOOKS:
                raise QxError("QX-NODE-001", words, hint="the machine or its disk does not answer") from error
            raise Unsure("QX-RUN-002", words, hint="observe the node before asking again") from error
        finally:
            deadline.expire()


def server(settings: LocalControl, kind: Kind, cluster: str, region: str) -> Server:
    """The blocking verbs of such a node."""
    where = f"{cluster}/{region}"
    if kind == "postgresql":
        from qx.adapters.node.postgres import PostgresNode

        return PostgresNode(settings, where)
    from qx.adapters.node.redis import RedisNode

    return RedisNode(settings, where)


def perform(node: Server, verb: str, arguments: dict[str, Any], deadline: Deadline) -> Any:
    """A verb of `wire.VERBS`, done. Raises QxErrors only."""
    try:
        _check_reach(node, deadline)
        return getattr(node, verb)(**arguments, deadline=deadline)
    except OSError as error:
        raise QxError("QX-NODE-005", f"{node.where}: {verb}: {error}",
                      hint="run the control as the server's account, or as root") from error


def _check_reach(node: Server, deadline: Deadline) -> None:
    """The region's management network lets us through: something answers there with a line. Raises QX-NODE-001."""
    reach = node.settings.reach
    if not reach:
        return
    host, _, port = reach.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), max(0.001, deadline.within(_REACH_S).left)) as link:
            if link.recv(1):
                return
            why = "it closed the connection"
    except OSError as error:
        why = str(error)
    raise QxError("QX-NODE-001", f"{node.where}: {reach} does not answer: {why}",
                  hint="the region's management network is cut, or the region is down")
