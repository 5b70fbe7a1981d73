"""Way: the state of the network in one direction between two places. Pipe: the bytes that travel along it.

Invariants: a pipe stops reading when it holds LIMIT bytes (DELAYED_LIMIT on a delayed way), so the sender feels
back-pressure; bytes, end of file and resets leave in the order they came, and none of them moves while the way
drops; when `Way.change` returns, the change is in force for every pipe. A pipe never closes a socket: its
connection does.
"""

from __future__ import annotations

import socket
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

CHUNK = 256 << 10
LIMIT = 256 << 10
DELAYED_LIMIT = 4 << 20

Mode = Literal["pass", "drop", "refuse"]


class End(Enum):
    """What may follow the last byte."""

    FINISHED = "finished"  # the source will send no more, it may still listen
    RESET = "reset"


class Way:
    """One direction between two places. `until` (loop time) is a lease: past it nothing moves, unasked."""

    def __init__(self, mode: Mode = "pass", delay_s: float = 0.0, until: float | None = None) -> None:
        self.mode: Mode = mode
        self.delay_s = delay_s
        self.until = until
        self._watchers: dict[object, Callable[[], None]] = {}

    def change(self, mode: Mode, delay_s: float = 0.0) -> None:
        self.mode, self.delay_s = mode, delay_s
        for notice in tuple(self._watchers.values()):
            notice()

    def watch(self, watcher: object, notice: Callable[[], None]) -> None:
        self._watchers[watcher] = notice

    def unwatch(self, watcher: object) -> None:
        self._watchers.pop(watcher, None)

    def open(self, now: float) -> bool:
        return self.mode != "drop" and (self.until is None or now < self.until)


class Pipe:
    """Moves what `source` sends to `sink` along `way`.

    `finished` is called once the end was handed on (FINISHED: the sink's sending side is shut already; RESET:
    the connection shall be reset). `broken` is called when the sink can take no more; that news travels the other
    way.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        source: socket.socket,
        sink: socket.socket,
        way: Way,
        finished: Callable[[End], None],
        broken: Callable[[], None],
    ) -> None:
        self._loop, self._source, self._sink, self._way = loop, source, sink, way
        self._finished, self._broken = finished, broken
        self._queue: deque[tuple[float, memoryview | End]] = deque()  # (arrival, what)
        self._held = 0
        self._ended = False
        self._reading = self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        way.watch(self, self._arrange)
        self._arrange()

    def end(self, how: End) -> None:
        """Nothing more comes from the source; `how` follows what is queued."""
        if not self._ended:
            self._ended = True
            self._queue.append((self._loop.time(), how))
            self._deliver()

    def stop(self) -> None:
        """Lets go of both sockets; nothing moves any more."""
        self._way.unwatch(self)
        self._ended = True
        self._queue.clear()
        self._arrange()

    def _arrange(self) -> None:
        """Ask the loop for exactly what can be done now: reading, writing, waking when the next chunk is due."""
        now = self._loop.time()
        is_open = self._way.open(now)
        limit = DELAYED_LIMIT if self._way.delay_s else LIMIT
        due = self._queue[0][0] + self._way.delay_s if self._queue else None
        self._listen(reading=is_open and not self._ended and self._held < limit)
        self._await_room(writing=is_open and due is not None and due <= now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if is_open and due is not None and due > now:
            self._timer = self._loop.call_at(due, self._deliver)

    def _listen(self, *, reading: bool) -> None:
        if reading != self._reading:
            self._reading = reading
            if reading:
                self._loop.add_reader(self._source, self._receive)
            else:
                self._loop.remove_reader(self._source)

    def _await_room(self, *, writing: bool) -> None:
        if writing != self._writing:
            self._writing = writing
            if writing:
                self._loop.add_writer(self._sink, self._deliver)
            else:
                self._loop.remove_writer(self._sink)

    def _receive(self) -> None:
        now = self._loop.time()
        if not self._way.open(now):
            self._arrange()
            return
        try:
            data = self._source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.end(End.RESET)
            return
        if not data:
            self.end(End.FINISHED)
            return
        self._queue.append((now, memoryview(data)))
        self._held += len(data)
        self._deliver()

    def _deliver(self) -> None:
        """Send what is due, then arrange for the rest."""
        now = self._loop.time()
        while self._queue and self._way.open(now):
            arrived, what = self._queue[0]
            if arrived + self._way.delay_s > now:
                break
            if isinstance(what, End):
                self._queue.clear()
                self._arrange()
                self._finish(what)
                return
            try:
                sent = self._sink.send(what)
            except BlockingIOError:
                break
            except OSError:
                self.stop()
                self._broken()
                return
            self._held -= sent
            if sent < len(what):
                self._queue[0] = (arrived, what[sent:])
                break
            self._queue.popleft()
        self._arrange()

    def _finish(self, how: End) -> None:
        if how is End.FINISHED:
            try:
                self._sink.shutdown(socket.SHUT_WR)
            except OSError:
                self._broken()
                return
        self._finished(how)
