"""A circuit breaker: after so many questions in a row that came to nothing nobody is asked for a while, then one tries
whether the other side is back. Others are turned away until that one has its answer. No I/O, no clock of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Breaker:
    """`elapsed`: seconds on a clock that never jumps."""

    def __init__(self, after: int, rest: float, elapsed: Callable[[], float]) -> None:
        self._after, self._rest, self._elapsed = after, rest, elapsed
        self._failures = 0
        self._until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        return self._failures >= self._after

    def admits(self) -> bool:
        """Whether a question may be asked now. Who was admitted says `worked`, `failed` or `left`; of the last two with
        `probe` where it was open before: then this is the one that tries.
        """
        if not self.is_open:
            return True
        if self._trying or self._elapsed() < self._until:
            return False
        self._trying = True
        return True

    def worked(self) -> None:
        self._failures, self._trying = 0, False

    def failed(self, *, probe: bool) -> None:
        if self.is_open and not probe:  # asked before it opened: nothing new
            return
        self._failures += 1
        self._trying = False
        if self.is_open:
            self._until = self._elapsed() + self._rest

    def left(self, *, probe: bool) -> None:
        """It was taken back: nothing was learned."""
        if probe:
            self._trying = False
