"""Where clients are sent. A route follows the epoch: a call with a lower one is refused (QX-NODE-002)."""

from __future__ import annotations

from typing import Protocol


class Route(Protocol):
    async def close(self, epoch: int, timeout: float) -> None:
        """New clients wait or are refused; returns when no old connection is left."""

    async def open(self, epoch: int, region: str, timeout: float) -> None:
        """Clients go to the cluster's node in `region`; connections to any other node are gone when it returns."""

    async def target(self, timeout: float) -> str | None:
        """The region that clients are sent to, or None when closed."""
