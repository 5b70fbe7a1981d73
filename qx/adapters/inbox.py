"""An HTTP address that takes one kind of thing: POST of a body to one path, one request per connection.

Invariants: a body is read only once its headers were found good, never more of it than is allowed, and never longer
than PATIENCE_S; at most ABREAST connections; chunks are not taken, so that the length is known before the body.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.adapters.answer import reason_of
from qx.adapters.reception import Reception, written
from qx.config.address import parse_host_port
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABREAST = 4
PATIENCE_S = 30.0
MAX_HEAD = 16 << 10


class Said(NamedTuple):
    """An answer: its status, and a document."""

    status: int
    document: Mapping[str, Any]


class Inbox(Reception):
    """`admit` is given the headers, their names in lower case; `take` those and the body, in a thread. Both may raise
    QxError, whose HTTP status is answered.
    """

    def __init__(
        self, listen: str, path: str, most: int, admit: Callable[[Mapping[str, str]], None],
        take: Callable[[Mapping[str, str], bytes], Said],
    ) -> None:
        super().__init__(ABREAST, PATIENCE_S, MAX_HEAD)
        self._listen, self._path, self._longest, self._admit, self._take = listen, path, most, admit, take
        self._one = asyncio.Lock()

    async def open(self) -> str:
        """host:port that it listens on. Raises QX-RULE-005."""
        try:
            host, port = await self.listen(*_address(self._listen))
        except (OSError, ValueError) as error:
            why = reason_of(error)[1] if isinstance(error, OSError) else str(error)
            raise QxError("QX-RULE-005", f"{self._listen}: {why}", hint="choose another --listen HOST:PORT") from error
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        said = await self._answer(reader, writer)
        body = json.dumps(said.document, ensure_ascii=False).encode() + b"\n"
        return written(said.status, "application/json", body)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Said:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = request.partition(" ")
        if rest.partition(" ")[0].partition("?")[0] != self._path:
            return _refusal(HTTPStatus.NOT_FOUND, f"POST {self._path}")
        if method != "POST":
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "POST")
        parts = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in parts}
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            return _refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length")
        if len(length) > 12 or int(length) > self._longest:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self._longest} bytes")
        try:
            self._admit(headers)
            if headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
            body = await reader.readexactly(int(length))
            async with self._one:  # what is kept is kept one after another
                return await asyncio.to_thread(self._take, headers, body)
        except QxError as error:
            return _failure(error.entry.http, error.code, error.message)


def _address(listen: str) -> tuple[str, int]:
    """Port 0: the system chooses one. Raises ValueError."""
    if listen.endswith(":0"):
        return parse_host_port(f"{listen}1").host, 0
    address = parse_host_port(listen)
    return address.host, address.port


def _refusal(status: HTTPStatus, wanted: str) -> Said:
    return _failure(status, "QX-RULE-004", f"{status.phrase}: {wanted}")


def _failure(status: int, code: str, message: str) -> Said:
    return Said(status, {"schema": "qx.error/1", "error": {"code": code, "message": message}})
