"""The daemon's pages on loopback: GET of a few paths over HTTP/1.1, one request per connection, each with a deadline.

Answers come from the event loop: one that is stuck does not answer, and /live is not answered either, which is right.
Pages that take long to write are written in a thread. At most ABREAST connections; what is more is hung up on.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.answer import reason_of
from qx.adapters.reception import Reception, written
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


class ScrapeServer(Reception):
    """`pages`: by path, each given what the client accepts; called in a thread."""

    def __init__(self, listen: str, pages: Mapping[str, Callable[[str], Page]]) -> None:
        super().__init__(ABREAST, PATIENCE_S, MAX_REQUEST)
        self._listen, self._pages = listen, pages

    async def open(self) -> None:
        """Raises QX-OBS-004."""
        address = parse_host_port(self._listen)
        try:
            await self.listen(address.host, address.port)
        except OSError as error:
            hint = "choose another watch.metrics.listen, or see with `ss -tlnp` who has it"
            raise QxError("QX-OBS-004", f"{self._listen}: {reason_of(error)[1]}", hint=hint) from error

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
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
        return written(made.status, made.content_type, made.body, head_only=method == "HEAD")


def _words(status: HTTPStatus, words: str) -> Page:
    return Page(status, "text/plain; charset=utf-8", f"{status.phrase}: {words}\n".encode())
