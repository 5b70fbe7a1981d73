"""Beat: what systemd hears of a guard: that it guards, and then that it lives, twice within its watchdog's time.

Must never hold the guard up: what cannot be said at once is not said (see `qx.adapters.systemd`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qx.adapters.systemd import Supervisor


class Beat:
    """`within`: seconds of the watchdog, 0 without one."""

    def __init__(self, supervisor: Supervisor, within: float) -> None:
        self._supervisor, self._every = supervisor, within / 2
        self._next = 0.0

    def begin(self, status: str) -> None:
        self._supervisor.tell("READY=1", f"STATUS={status}")

    def look(self, now: float) -> float | None:
        """Tells when it is time to. Seconds until it is time again, None for never."""
        if not self._every:
            return None
        if now >= self._next:
            self._supervisor.tell("WATCHDOG=1")
            self._next = now + self._every
        return self._next - now
