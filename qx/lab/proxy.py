"""Proxy: where the programs of a region ask for a service by an address (SOCKS5), and are led to the region's own
relay to it.

For etcd: its members know a peer by one address, wherever they stand, and would otherwise all come the same way.
Invariants: listens on 127.0.0.1 only; leads to relays and nowhere else; says that a connection stands before it does,
as a network does that swallows what is sent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.lab.sockets import Listener, reset

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from qx.lab.relay import Relay

ASKING_S = 5.0  # whoever asks has so long to say for what
VERSION, CONNECT, IPV4 = 5, 1, 1
UNREACHABLE = 4


class Proxy:
    """`relays` by address, 'a.b.c.d:port'."""

    def __init__(self, port: int, relays: Mapping[str, Relay]) -> None:
        self._loop = asyncio.get_running_loop()
        self._relays = relays
        self._asking: set[asyncio.Task[None]] = set()
        self._listener = Listener(self._loop, port, self._accepted)
        self._listener.listen()

    def close(self) -> None:
        self._listener.close()
        for task in self._asking:
            task.cancel()

    def _accepted(self, client: socket.socket) -> None:
        task = self._loop.create_task(self._serve(client))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _serve(self, client: socket.socket) -> None:
        try:
            async with asyncio.timeout(ASKING_S):
                relay = self._relays.get(await self._asked(client))
                await self._loop.sock_sendall(client, _reply(0 if relay else UNREACHABLE))
        except (OSError, ValueError, TimeoutError):
            relay = None
        except asyncio.CancelledError:
            reset(client)
            raise
        if relay is None:
            reset(client)
        else:
            relay.lead(client)

    async def _asked(self, client: socket.socket) -> str:
        """The address. Raises ValueError for anything but a plain CONNECT to an IPv4 address."""
        version, methods = await self._read(client, 2)
        await self._read(client, methods)
        await self._loop.sock_sendall(client, bytes((VERSION, 0)))
        _, command, _, kind = await self._read(client, 4)
        if (version, command, kind) != (VERSION, CONNECT, IPV4):
            raise ValueError("not a request of SOCKS5 for an IPv4 address")
        host, port = await self._read(client, 4), await self._read(client, 2)
        return f"{'.'.join(map(str, host))}:{int.from_bytes(port, 'big')}"

    async def _read(self, client: socket.socket, size: int) -> bytes:
        read = b""
        while len(read) < size:
            data = await self._loop.sock_recv(client, size - len(read))
            if not data:
                raise ValueError("it ended in the middle of its question")
            read += data
        return read


def _reply(code: int) -> bytes:
    return bytes((VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0))
