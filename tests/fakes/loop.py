"""Loop: the event loop of one simulated process, in virtual time. It can stand still while the world goes on, and end.

Other than the loop of `Simulation.run` it is driven by the simulation and does not drive it: any number of them live
side by side. What is ready runs at this instant; what is due while it is frozen runs when it is thawed. A call that
blocks puts the process ahead of the world: it goes on when the world has caught up.
"""

from __future__ import annotations

import asyncio
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from tests.fakes.simulation import Simulation

Ts = TypeVarTuple("Ts")
UNASKED_S = 60.0  # so long a gatherer may wait for others before it asks what one died of; no act takes longer
ROUNDS = 50  # so often what clings to life is cancelled


if TYPE_CHECKING:
    Base = asyncio.SelectorEventLoop  # what it leaves out nobody asks for
else:
    Base = asyncio.AbstractEventLoop


class Loop(Base):
    """`failures`: in words, what its tasks died of and nobody asked for."""

    def __init__(self, simulation: Simulation) -> None:
        self.frozen = False
        self.failures: list[str] = []
        self._simulation = simulation
        self._ahead = 0.0  # it does nothing before this instant
        self._ready: deque[asyncio.Handle] = deque()
        self._awake = False
        self._ended = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._dead: list[tuple[float, asyncio.Task[Any]]] = []

    # -- its life

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False
        self._wake()

    def block(self, seconds: float) -> None:
        """What runs now waits for so long, and everything else of it too."""
        self._ahead = self.time() + seconds

    def end(self) -> None:
        """Every task is cancelled, at this instant. What they still do must have no effect: that is the process' to see
        to. Not to be called from within itself.
        """
        self.frozen, self._ended = False, True
        for _ in range(ROUNDS):
            while self._ready:
                self._turn()
            if not self._tasks:
                return
            for task in tuple(self._tasks):
                task.cancel()
        raise AssertionError(f"they cannot be cancelled: {self._tasks}")

    def check(self) -> None:
        """Raises what died unnoticed: an error that nobody hears of is a fault of its own."""
        late = self.time() - UNASKED_S
        self.failures += [_words(task) for died, task in self._dead if task._log_traceback and died <= late]
        if self.failures:
            raise AssertionError("; ".join(self.failures))

    # -- asyncio's side

    def time(self) -> float:
        return max(self._simulation.now, self._ahead)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        self._wake()
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._simulation.after(max(0.0, when - self._simulation.now), lambda: self._due(handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # a coroutine is all that it is ever given
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def is_running(self) -> bool:
        return _get_running_loop() is self

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._ended:
            self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None: ...

    # -- in between

    def _wake(self) -> None:
        if not self._ready or self._awake or self.frozen or self._ended:
            return
        self._awake = True
        if self._ahead > self._simulation.now:
            self._simulation.after(self._ahead - self._simulation.now, self._turn)
        else:
            self._simulation.soon(self._turn)

    def _due(self, handle: asyncio.TimerHandle) -> None:
        if not (handle.cancelled() or self._ended):
            self._ready.append(handle)
            self._wake()

    def _turn(self) -> None:
        self._awake = False
        if self.frozen and not self._ended:
            return
        before = _get_running_loop()
        _set_running_loop(self)
        try:
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
                if self._ahead > self._simulation.now and not self._ended:
                    break
        finally:
            _set_running_loop(before)
        self._wake()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not (self._ended or task.cancelled()) and task._exception is not None:
            self._dead.append((self.time(), task))


def _words(task: asyncio.Task[Any]) -> str:
    return f"'{task.get_name()}' died of {task.exception()!r}"
