"""An HTTP endpoint: GET, and the status that was expected. Nothing behind the status line is read, no
redirect followed.

Minimal HTTP/1.1 over asyncio's streams: docs/decisions/0006 says why no library.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qx.adapters.answer import HUNG_UP, NoAnswer, reason_of
from qx.adapters.look import View, look
from qx.adapters.names import resolves
from qx.model.observation import EndpointFacts

if TYPE_CHECKING:
    from qx.model.observation import Observation, Silence
    from qx.ports.clock import Clock

MAX_LINE = 4096
NOT_HTTP = "its answer is not HTTP"


class HttpEndpoint:
    """`url`: http:// or https://, verified against the system's certificates; `expect`: the status that is well."""

    def __init__(self, name: str, region: str, observer: str, url: str, expect: int, clock: Clock) -> None:
        self._view = View(name, region, observer)
        self._url, self._expect, self._clock = url, expect, clock

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, self._answer(timeout))

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _answer(self, timeout: float) -> EndpointFacts:
        try:
            async with asyncio.timeout(timeout):
                line = await self._status_line()
        except TimeoutError:
            raise NoAnswer(self._view.node, "timeout", f"no answer within {timeout:.3g} s") from None
        except OSError as error:
            raise NoAnswer(self._view.node, *reason_of(error)) from None
        except ValueError:  # a line without end
            raise NoAnswer(self._view.node, "protocol", NOT_HTTP) from None
        if not line:
            raise NoAnswer(self._view.node, "refused", HUNG_UP)
        version, _, status = line.decode("latin-1").strip().partition(" ")
        code = status.partition(" ")[0]
        if not version.startswith("HTTP/") or not (code.isascii() and code.isdigit()):
            raise NoAnswer(self._view.node, "protocol", NOT_HTTP)
        return EndpointFacts(ok=int(code) == self._expect, detail=status.strip())

    async def _status_line(self) -> bytes:
        parts = urlsplit(self._url)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        host, port = parts.hostname or "", parts.port or (443 if tls else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = parts.netloc.rpartition("@")[2]
        request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: qx\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        await resolves(host)
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=MAX_LINE)
        try:
            writer.write(request.encode())
            return await reader.readline()
        finally:
            writer.transport.abort()
