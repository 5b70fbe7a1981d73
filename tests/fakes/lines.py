"""Line: one client's connection to one simulated server: opened when first used, found dead when the server ended it.

What is sent travels, and arrives even when nobody waits for the answer any more. While nothing is asked the line hears
the server hang up, as long as anything passes from there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qx.kernel.errors import QxError, Unsure
from tests.fakes.nodes import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.nodes import Node
    from tests.fakes.process import Process


class Line:
    """`epoch` names its sessions, 0 those of an observer. `heard` is called when the server hangs up unasked."""

    def __init__(self, process: Process, node: Node, epoch: int = 0, heard: Callable[[], None] | None = None) -> None:
        self.node, self.epoch = node, epoch
        self._process, self._heard = process, heard
        self._network, self._home = process.world.network, process.home
        self._session: Session | None = None

    def close(self) -> None:
        if self._session is not None:
            self._session.open = False
        self._session = None

    async def ask(
        self, timeout: float, work: Callable[[Callable[[Any], None]], None], *, harmless: bool = False
    ) -> Any:
        """Sends `work` to the server; it answers through the function that it is given, or raises.

        A session that was ended is found dead: what is harmless goes over a new one, anything else is refused, once.
        """
        network, home, node = self._network, self._home, self.node
        session = await self._opened(timeout, harmless=harmless)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        session.waiting.append(answer)

        def settle(value: Any, error: BaseException | None) -> None:
            if answer.done() or not session.open:
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def back(value: Any, error: BaseException | None = None) -> None:
            wait = network.hop(node.region, home)
            network.carry(node.region, home, lambda: node.simulation.after(wait, lambda: settle(value, error)))

        def serve() -> None:
            if not session.open:
                return
            try:
                work(back)
                if not harmless:
                    self._process.did(f"statement at {node}")
            except QxError as error:
                back(None, error)

        def arrive() -> None:
            if session.open:
                node.when_awake(serve)

        wait = self._process.ahead + network.hop(home, node.region)
        node.simulation.after(wait, lambda: network.carry(home, node.region, arrive))
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            if self._session is session:
                self._session = None  # left alone: what was sent may still arrive
            raise Unsure("QX-RUN-002", f"{node}: no answer within {timeout:.3f} s") from error
        finally:
            session.waiting.remove(answer)

    async def _opened(self, timeout: float, *, harmless: bool) -> Session:
        known, self._session = self._session, None
        if known is not None and known.open:
            self._session = known
            return known
        if known is not None and not harmless:
            raise QxError("QX-NODE-001", f"{self.node}: the session was ended by the server")
        if not self.node.reachable or not self._network.joins(self._home, self.node.region):
            await asyncio.sleep(timeout)
            raise QxError("QX-NODE-001", f"{self.node}: cannot be reached")
        if not self.node.serves:
            await asyncio.sleep(self._network.hop(self._home, self.node.region))
            raise QxError("QX-NODE-001", f"{self.node}: connection refused")
        self._session = self.node.open_session(self.epoch, self._home)
        self._session.heard = lambda session=self._session: self._hung_up(session)  # type: ignore[misc]
        return self._session

    def _hung_up(self, session: Session) -> None:
        if self._session is session and self._heard is not None:
            self._process.hears(self._heard)
