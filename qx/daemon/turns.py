"""Turns: how many nodes are asked at once, so that neither this process nor a server that they share makes them late.

A deadline counts from the node's turn. Whoever takes much longer than answers took lately is left to wait by itself and
gives its turn to the next: a region that has gone dark holds nobody up, and where everything is slow nothing is rushed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE = 64
LATE = 4.0  # times as long as answers take, and the turn is the next one's
SHORTEST_S = 0.05
FIRST_S = 0.25  # before anything was answered
SLOWER, FASTER = 0.3, 0.02  # weight of one answer: patience grows at once, and goes slowly


class Turns:
    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._usual: float | None = None  # seconds that an answer takes

    def answered(self, took_s: float) -> None:
        usual = took_s if self._usual is None else self._usual
        self._usual = usual + (SLOWER if took_s > usual else FASTER) * (took_s - usual)

    @property
    def patience(self) -> float:
        """Seconds that a turn is held for an answer."""
        return FIRST_S if self._usual is None else max(SHORTEST_S, LATE * self._usual)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        await self._free.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        late = asyncio.get_running_loop().call_later(self.patience, give_back)
        try:
            yield
        finally:
            late.cancel()
            give_back()
