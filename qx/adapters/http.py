"""An HTTP endpoint: GET, and the status that was expected. HTTP/1.1 over asyncio; the body is not read."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qx.adapters.answer import NoAnswer, reason_of
from qx.adapters.look import View, look
from qx.adapters.names import resolves
from qx.model.observation import EndpointFacts

if TYPE_CHECKING:
    from qx.model.observation import Observation, Silence
    from qx.ports.clock import Clock

MAX_LINE = 4096


class HttpEndpoint:
    def __init__(self, name: str, region: str, observer: str, url: str, expect: int, clock: Clock) -> None:
        self._view, self._url, self._expect, self._clock = View(name, region, observer), url, expect, clock

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, self._answer(timeout))

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _answer(self, timeout: float) -> EndpointFacts:
        try:
            async with asyncio.timeout(timeout):
                line = await self._status_line()
        except TimeoutError as error:
            raise NoAnswer(self._view.node, "timeout", f"no answer within {timeout:.3g} s") from error
        except OSError as error:
            raise NoAnswer(self._view.node, *reason_of(error)) from error
        words = line.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
            raise NoAnswer(self._view.node, "protocol", "its answer is not HTTP")
        return EndpointFacts(ok=int(words[1]) == self._expect, detail=" ".join(words[1:]).strip())

    async def _status_line(self) -> str:
        parts = urlsplit(self._url)
        secure, host = parts.scheme == "https", parts.hostname or ""
        await resolves(host)
        context = ssl.create_default_context() if secure else None
        reader, writer = await asyncio.open_connection(host, parts.port or (443 if secure else 80), ssl=context, limit=MAX_LINE)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: qx\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return (await reader.readline()).decode("latin-1").strip()
        except ValueError as error:
            raise NoAnswer(self._view.node, "protocol", "its answer is not HTTP") from error
        finally:
            writer.close()
