"""The daemon's pages on loopback: GET of a few paths over HTTP/1.1, one request per connection, each with a deadline.

Answers come from the event loop: one that is stuck does not answer, and /live is not answered either, which is right.
Pages that take long to write are written in a thread. At most ABREAST connections; what is more is hung up on.
"""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.answer import reason_of
from qx.config.address import parse_host_port
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABREAST = 16
PATIENCE_S = 5.0
MAX_REQUEST = 8192


class Page(NamedTuple):
    status: int
    content_type: str
    body: bytes


class ScrapeServer:
    """`pages`: by path, each given what the client accepts; called in a thread."""

    def __init__(self, listen: str, pages: Mapping[str, Callable[[str], Page]]) -> None:
        self._listen, self._pages = listen, pages
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises QX-OBS-004."""
        address = parse_host_port(self._listen)
        try:
            self._server = await asyncio.start_server(self._serve, address.host, address.port, limit=MAX_REQUEST)
        except OSError as error:
            hint = "choose another watch.metrics.listen, or see with `ss -tlnp` who has it"
            raise QxError("QX-OBS-004", f"{self._listen}: {reason_of(error)[1]}", hint=hint) from error

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= ABREAST:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                writer.write(await self._answer(head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client's own doing: it is hung up on
        finally:
            self._open.discard(task)
            with contextlib.suppress(RuntimeError):  # the loop has closed
                writer.transport.abort()

    async def _answer(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        page = self._pages.get(path)
        if page is None:
            made = _words(HTTPStatus.NOT_FOUND, " ".join(self._pages))
        elif method not in {"GET", "HEAD"}:
            made = _words(HTTPStatus.METHOD_NOT_ALLOWED, "GET")
        else:
            headers = dict(line.lower().split(":", 1) for line in lines if ":" in line)
            made = await asyncio.to_thread(page, headers.get("accept", "").strip())
        status = HTTPStatus(made.status)
        top = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {made.content_type}\r\n"
            f"Content-Length: {len(made.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return top.encode() + (b"" if method == "HEAD" else made.body)


def _words(status: HTTPStatus, words: str) -> Page:
    return Page(status, "text/plain; charset=utf-8", f"{status.phrase}: {words}\n".encode())
