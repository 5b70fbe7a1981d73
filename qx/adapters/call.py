"""One HTTP request and its answer, bounded: no redirect is followed, nothing is repeated.

Invariants: before the request's first byte a failure is known as such (QX-BOOK-010); after it, of a method that may
change something, it is Unsure. What stands behind a reference is in no message and in no answer.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from qx.adapters.answer import reason_of, without
from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY = 64 << 10
KEPT = 2000  # characters of a body that is no JSON
CHUNK = 8 << 10
SAFE = frozenset({"GET", "HEAD"})


class _Call:
    """In a thread of its own; `end` from outside ends it."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: str, timeout: float) -> None:
        self.method, self.url, self.headers, self.body = method, url, headers, body
        self.until = time.monotonic() + timeout
        self.sent = False
        self._connection: http.client.HTTPConnection | None = None

    @property
    def left(self) -> float:
        return max(0.01, self.until - time.monotonic())

    def __call__(self) -> tuple[int, str, bytes]:
        parts = urlsplit(self.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        options: dict[str, Any] = {"context": ssl.create_default_context()} if secure else {}
        connection = self._connection = kind(host, parts.port, timeout=self.left, **options)
        try:
            connection.connect()
            connection.sock.settimeout(self.left)
            self.sent = True
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            named = {"User-Agent": "qx", "Accept": "*/*", **self.headers}
            connection.request(self.method, path, self.body.encode() if self.body else None, named)
            answer = connection.getresponse()
            kept = b""
            while len(kept) <= MAX_BODY:
                connection.sock and connection.sock.settimeout(self.left)
                if time.monotonic() > self.until:
                    raise TimeoutError("its answer did not end in time")
                chunk = answer.read1(CHUNK)
                if not chunk:
                    break
                kept += chunk
            return answer.status, answer.headers.get_content_type(), kept[:MAX_BODY]
        finally:
            connection.close()

    def end(self) -> None:
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # it was over already
                return


async def call(
    method: str, url: str, headers: Mapping[str, str], secrets: Mapping[str, str], body: str, timeout: float
) -> dict[str, Any]:
    """`status`, `body` (JSON is read). `secrets`: header -> the secret itself."""
    one = _Call(method, url, {**headers, **secrets}, body, timeout)
    where = f"{method} {_shown(url)}"
    try:
        async with asyncio.timeout(timeout + 0.5):
            status, kind, content = await asyncio.to_thread(one)
    except TimeoutError:
        one.end()
        raise _failed(where, one, "no answer in time") from None
    except OSError as error:
        raise _failed(where, one, reason_of(error)[1]) from None
    except (http.client.HTTPException, ValueError) as error:
        raise _failed(where, one, f"its answer is not HTTP: {type(error).__name__}") from None
    text = content.decode("utf-8", "replace")
    for secret in secrets.values():
        text = without(secret, text)
    return {"status": status, "body": _read(kind, text)}


def _failed(where: str, one: _Call, why: str) -> QxError:
    if one.sent and one.method not in SAFE:
        return Unsure("QX-RUN-002", f"{where} was sent, and its answer did not come: {why}")
    return QxError("QX-BOOK-010", f"{where}: {why}", hint="try it by hand: curl")


def _shown(url: str) -> str:
    """Without what may be secret in it: userinfo and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _read(kind: str, text: str) -> Any:
    if kind.endswith("json"):
        try:
            return json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError):  # then it is a text that says that it is JSON
            return text[:KEPT]
    return text if len(text) <= KEPT else text[:KEPT] + "…"
