"""Deadline: the instant by which blocking work must have ended, shared between the thread that works and the
one that waits.
"""

from __future__ import annotations

import time


class Deadline:
    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._at = self._began + seconds

    @property
    def left(self) -> float:
        """Seconds, never below 0."""
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at

    @property
    def spent(self) -> float:
        return time.monotonic() - self._began

    def within(self, seconds: float) -> Deadline:
        """A nearer one: `seconds` from now, but not after this one."""
        return Deadline(min(seconds, self.left))

    def expire(self) -> None:
        """Nobody waits any more: the work is to stop at its next look."""
        self._at = self._began
