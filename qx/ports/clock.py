"""Time, waiting and chance come in through here, so that they can be virtual."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Unix seconds (UTC): for records."""

    def elapsed(self) -> float:
        """Seconds on a clock that never jumps: for deadlines."""

    async def sleep(self, seconds: float) -> None: ...

    def noise(self) -> bytes:
        """Ten random bytes, for ids."""
