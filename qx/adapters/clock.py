"""The machine's clock and its randomness."""

from __future__ import annotations

import asyncio
import os
import time

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`elapsed` counts the time that the machine was suspended, where the system can tell."""

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return time.clock_gettime(_STEADY)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def noise(self) -> bytes:
        return os.urandom(10)
