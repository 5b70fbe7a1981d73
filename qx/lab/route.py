"""Route: where the clients of one cluster connect; it leads to the writer of the highest epoch that it was told.

Invariants: a lower epoch is refused; when `set` returns after any change, every connection made before it has been
reset, so no client can be acknowledged by the target of before; nothing passes once the lease has run out; a route
that was never set is closed. While it holds, new clients wait, at most `HOLD_S` and at most `MAX_HELD` of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.adapters.fabric import RouteState
from qx.kernel.errors import QxError
from qx.lab.sockets import Connection, Listener, reset
from qx.lab.way import Way

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

HOLD_S = 5.0
MAX_HELD = 1000


class Route:
    def __init__(self, cluster: str, port: int, dial: Callable[[str], Awaitable[socket.socket]]) -> None:
        """Closed at first. `dial` connects to a target ('host:port')."""
        self._loop = asyncio.get_running_loop()
        self._cluster, self._dial = cluster, dial
        self._epoch = 0
        self._target: str | None = None
        self._hold = False
        self._way = Way()
        self._expiry: asyncio.TimerHandle | None = None
        self._held: dict[socket.socket, asyncio.TimerHandle] = {}
        self._dialling: dict[socket.socket, asyncio.Task[None]] = {}
        self._connections: set[Connection] = set()
        self._listener = Listener(self._loop, port, self._accepted)

    def state(self) -> RouteState:
        until = self._way.until
        return RouteState(
            cluster=self._cluster,
            epoch=self._epoch,
            target=self._target,
            hold=self._hold,
            connections=len(self._connections),
            waiting=len(self._held),
            ttl_s=None if until is None else max(0.0, until - self._loop.time()),
        )

    def set(self, epoch: int, target: str | None, *, hold: bool, ttl_s: float | None) -> None:
        """Follow `epoch` to `target`. A repetition with the same values renews the lease and disturbs nobody.

        Errors: QX-NODE-002 for an epoch lower than one seen before.
        """
        if epoch < self._epoch:
            raise QxError(
                "QX-NODE-002",
                f"the route of {self._cluster} follows epoch {self._epoch} and refuses {epoch}",
                hint="a newer run moved this cluster: look at it with `qx runs list`",
            )
        if (epoch, target, hold) != (self._epoch, self._target, self._hold):
            self._change(epoch, target, hold=hold)
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._way.until = None
        if ttl_s is not None:
            self._way.until = self._loop.time() + ttl_s
            self._expiry = self._loop.call_later(ttl_s, self._expire)

    def close(self) -> None:
        self._change(self._epoch, None, hold=False)
        self._listener.close()
        if self._expiry is not None:
            self._expiry.cancel()

    def _expire(self) -> None:
        self._expiry = None
        self._change(self._epoch, None, hold=False)
        self._way.until = None

    def _change(self, epoch: int, target: str | None, *, hold: bool) -> None:
        self._epoch, self._target, self._hold = epoch, target, hold
        for connection in tuple(self._connections):
            connection.reset()
        for client, task in tuple(self._dialling.items()):
            task.cancel()
            self._drop(client)
        self._way = Way()
        if target is None and not hold:
            self._listener.refuse()
            for client in tuple(self._held):
                self._drop(client)
        else:
            self._listener.listen()
        if target is not None:
            for client in tuple(self._held):
                self._held.pop(client).cancel()
                self._connect(client, target)

    def _accepted(self, client: socket.socket) -> None:
        if self._target is not None:
            self._connect(client, self._target)
        elif self._hold and len(self._held) < MAX_HELD:
            self._held[client] = self._loop.call_later(HOLD_S, self._drop, client)
        else:
            reset(client)

    def _drop(self, client: socket.socket) -> None:
        self._dialling.pop(client, None)
        if (timer := self._held.pop(client, None)) is not None:
            timer.cancel()
        reset(client)

    def _connect(self, client: socket.socket, target: str) -> None:
        self._dialling[client] = self._loop.create_task(self._join(client, target, self._way))

    async def _join(self, client: socket.socket, target: str, way: Way) -> None:
        try:
            server = await self._dial(target)
        except OSError:
            self._drop(client)
            return
        del self._dialling[client]
        self._connections.add(
            Connection(
                self._loop, near=client, far=server, forth=way, back=way, ended=self._connections.discard
            )
        )
