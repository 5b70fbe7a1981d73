"""Relay: one service of one place, as another place reaches it over the network between the two.

Invariants: a connection is opened towards the service only while both directions pass (a handshake needs both)
and after a round trip of their delays; while one drops, new connections are accepted and deaf; `refuse` on the way
towards the service resets the connections and refuses new ones. Nothing is ever reset because a way drops.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from qx.lab.sockets import LOOPBACK, Connection, Listener, at_once, reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.lab.way import Way

    Dial = Callable[[], Awaitable[socket.socket]]

MAX_WAITING = 128  # deaf connections kept per relay; past that the oldest is reset


def to_port(port: int) -> Dial:
    """A service that listens on 127.0.0.1."""

    async def dial() -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        at_once(sock)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, port))
        except BaseException:
            sock.close()
            raise
        return sock

    return dial


class Relay:
    def __init__(self, port: int, dial: Dial, forth: Way, back: Way) -> None:
        """Listens at once. `forth` leads to the service, `back` from it."""
        self._loop = asyncio.get_running_loop()
        self._dial, self._forth, self._back = dial, forth, back
        self._waiting: dict[socket.socket, asyncio.Task[None]] = {}
        self._connections: set[Connection] = set()
        self._changed = asyncio.Event()
        self._listener = Listener(self._loop, port, self._accepted)
        for way in (forth, back):
            way.watch(self, self._on_change)
        self._on_change()

    def close(self) -> None:
        for way in (self._forth, self._back):
            way.unwatch(self)
        self._listener.close()
        self._reset_all()

    def _on_change(self) -> None:
        if self._forth.mode == "refuse":
            self._listener.refuse()
            self._reset_all()
        else:
            self._listener.listen()
        self._changed.set()
        self._changed = asyncio.Event()

    def _reset_all(self) -> None:
        for connection in tuple(self._connections):
            connection.reset()
        for client in tuple(self._waiting):
            self._give_up(client)

    def _give_up(self, client: socket.socket) -> None:
        self._waiting.pop(client).cancel()
        reset(client)

    def lead(self, client: socket.socket) -> None:
        """Somebody who asked for the service by other means than by connecting to the port."""
        if self._forth.mode == "refuse":
            reset(client)
        else:
            self._accepted(client)

    def _accepted(self, client: socket.socket) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._give_up(next(iter(self._waiting)))
        self._waiting[client] = self._loop.create_task(self._connect(client))

    async def _connect(self, client: socket.socket) -> None:
        await self._passing(self._forth, self._back)
        if round_trip := self._forth.delay_s + self._back.delay_s:
            await asyncio.sleep(round_trip)
            await self._passing(self._forth, self._back)
        try:
            server = await self._dial()
        except OSError:
            await self._passing(self._back)  # the refusal travels too
            del self._waiting[client]
            reset(client)
            return
        del self._waiting[client]
        self._connections.add(
            Connection(
                self._loop,
                near=client,
                far=server,
                forth=self._forth,
                back=self._back,
                ended=self._connections.discard,
            )
        )

    async def _passing(self, *ways: Way) -> None:
        """Returns when all of `ways` pass."""
        while not all(way.open(self._loop.time()) for way in ways):
            await self._changed.wait()
