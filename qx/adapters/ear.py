"""Ear: hears a server hang up at the moment when it does, on a connection that is idle.

It listens on a duplicate of the connection's socket, so that the client library need not know. Nothing is read: what
arrives unasked (end of file, a reset, a farewell) is told once, and looked into by the next question.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Ear:
    """`heard` None: it does not listen."""

    def __init__(self, heard: Callable[[], None] | None) -> None:
        self._heard = heard
        self._fd: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def covered(self, socket: Callable[[], int | None]) -> AsyncIterator[None]:
        """While a question is asked what arrives is its answer. `socket`: of the connection that is open afterwards."""
        self.close()
        try:
            yield
        finally:
            fd = socket() if self._heard is not None else None
            if fd is not None:
                self._fd, self._loop = os.dup(fd), asyncio.get_running_loop()
                self._loop.add_reader(self._fd, self._wake)

    def close(self) -> None:
        if self._fd is not None and self._loop is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._fd)
            os.close(self._fd)
        self._fd = None

    def _wake(self) -> None:
        self.close()
        if self._heard is not None:
            self._heard()
