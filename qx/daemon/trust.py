"""Trust: does this process still live in the same time as the world? A loop that stood still, or a clock that jumped,
makes it distrust itself for a while: what it knows may be old, and others may have acted since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qx.ports.clock import Clock

PULSE_S = 0.25


class Trust:
    """`stall` and `distrust` in seconds. `feel` is called often, and once more just before anything is done."""

    def __init__(self, clock: Clock, stall: float, distrust: float) -> None:
        self._clock, self._stall, self._distrust = clock, stall, distrust
        self._felt = clock.elapsed()
        self._drift = clock.now() - self._felt
        self._until = 0.0
        self.because = ""
        self.lag = 0.0  # seconds by which the last pulse came late

    def feel(self) -> float:
        """The seconds of distrust that are left."""
        elapsed = self._clock.elapsed()
        stood = elapsed - self._felt
        drift = self._clock.now() - elapsed
        jumped = drift - self._drift
        if stood > self._stall + PULSE_S:
            self.because, self._until = f"it stood still for {stood:.1f} s", elapsed + self._distrust
        elif abs(jumped) > self._stall:
            self.because, self._until = f"the clock jumped by {jumped:+.1f} s", elapsed + self._distrust
        self._felt, self._drift = elapsed, drift
        return max(0.0, self._until - elapsed)

    async def pulse(self) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.elapsed()
            await self._clock.sleep(PULSE_S)
            self.lag = max(0.0, self._clock.elapsed() - began - PULSE_S)
            self.feel()
