"""Virtual time: a heap of events, and an asyncio loop whose waiting lets them happen.

Nothing sleeps. The loop asks its selector to wait; that moves the simulation to the next event instead. A test that
never ends runs into `limit_s` of virtual time. Several loops may share one simulation: while one is blocked (its
process is frozen), another in another thread carries time on, and the first finds the clock ahead when it goes on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import selectors
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
START = 1_800_000_000.0  # of the virtual wall clock


class Overrun(AssertionError):
    """The simulated time is over: something waits for what never happens."""


class Simulation:
    """`now` in virtual seconds since the start; `random` is seeded: the same seed, the same history."""

    def __init__(self, seed: int, limit_s: float = 2_000.0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._limit = limit_s
        self._soon: deque[Callable[[], None]] = deque()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def wall(self) -> float:
        return START + self.now

    def soon(self, event: Callable[[], None]) -> None:
        """At this instant, after what was asked for before."""
        self._soon.append(event)

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), event))

    def every(self, seconds: float, event: Callable[[], None]) -> None:
        def again() -> None:
            self.after(seconds, again)
            event()

        self.after(seconds, again)

    def step(self, until: float) -> None:
        """The next event, or `until` when there is none before it."""
        if self.now > self._limit:
            raise Overrun(f"{self._limit:.0f} virtual seconds are over")
        if self._soon:
            self._soon.popleft()()
        elif self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()
        else:
            self.now = until

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until or self._soon:
            self.step(until)

    def finish(self) -> None:
        """What was asked for at this instant still happens, and nothing more."""
        while self._soon:
            self._soon.popleft()()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """`work` to its end, in virtual time, in a loop of its own; what it left behind is cancelled."""
        loop = _Loop(self)
        try:
            return loop.run_until_complete(work)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


class _Selector(selectors.SelectSelector):
    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._simulation.step(self._simulation.now + (timeout if timeout is not None else 3_600.0))
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, simulation: Simulation) -> None:
        super().__init__(_Selector(simulation))
        self._simulation = simulation

    def time(self) -> float:
        return self._simulation.now
