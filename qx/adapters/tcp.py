"""A TCP endpoint: it accepts a connection, or it does not. Nothing is sent and nothing read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.adapters.answer import NoAnswer, reason_of
from qx.adapters.look import View, look
from qx.adapters.names import resolves
from qx.config.address import parse_url
from qx.model.observation import EndpointFacts

if TYPE_CHECKING:
    from qx.model.observation import Observation, Silence
    from qx.ports.clock import Clock


class TcpEndpoint:
    """`url`: tcp://host:port."""

    def __init__(self, name: str, region: str, observer: str, url: str, clock: Clock) -> None:
        self._view = View(name, region, observer)
        self._url, self._clock = url, clock

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, self._answer(timeout))

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _answer(self, timeout: float) -> EndpointFacts:
        host, port = parse_url(self._url).socket
        try:
            async with asyncio.timeout(timeout):
                await resolves(host)
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            raise NoAnswer(self._view.node, "timeout", f"no answer within {timeout:.3g} s") from None
        except OSError as error:
            raise NoAnswer(self._view.node, *reason_of(error)) from None
        writer.transport.abort()
        return EndpointFacts(ok=True, detail="tcp")
