"""Reception: HTTP/1.1 with one request per connection, each with a deadline. What is more than is allowed at a time is
hung up on, and so is a client that keeps us waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from http import HTTPStatus


class Reception(ABC):
    """`abreast`: connections at a time; `patience_s`: for each of them; `most`: bytes of a request's head."""

    def __init__(self, abreast: int, patience_s: float, most: int) -> None:
        self._abreast, self._patience_s, self._most = abreast, patience_s, most
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The whole answer. It may be cut short by the deadline."""

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Where it listens. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=self._most)
        bound: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return bound

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= self._abreast:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            async with asyncio.timeout(self._patience_s):
                writer.write(await self.answer(reader, writer))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client's own doing: it is hung up on
        finally:
            self._open.discard(task)
            with contextlib.suppress(RuntimeError):  # the loop has closed
                writer.transport.abort()


def written(status: int, content_type: str, body: bytes, *, head_only: bool = False) -> bytes:
    """An answer as it goes over the wire."""
    said = HTTPStatus(status)
    top = (
        f"HTTP/1.1 {said.value} {said.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return top.encode() + (b"" if head_only else body)
