"""Sockets of the lab's network: listeners that can truly refuse, and connections that end in a reset.

Everything listens on 127.0.0.1 only. Refusing keeps the port: a bound socket that does not listen answers with a reset.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from qx.lab.way import End, Pipe, Way

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
FIRST_PORT, LAST_PORT = 10240, 65535
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
RETRY_S = 0.1  # after accept() failed, for want of descriptors say

_LINGER_RESET = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Closes `sock` so that the other side gets a reset, and bytes not yet sent are gone."""
    with contextlib.suppress(OSError):  # a Unix socket, or one whose peer is gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    sock.close()


def at_once(sock: socket.socket) -> None:
    """Small messages leave without waiting for more."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Listener:
    """A port of 127.0.0.1 that listens or refuses. Raises OSError when the port is taken."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int, accepted: Callable[[socket.socket], None]) -> None:
        self._loop, self._accepted = loop, accepted
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._listening = False
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise

    def listen(self) -> None:
        if not self._listening:
            self._listening = True
            self._socket.listen(BACKLOG)
            self._loop.add_reader(self._socket, self._accept)

    def refuse(self) -> None:
        """New connections are refused, those not yet accepted are reset."""
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self._socket)
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._listening = False
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            self._loop.remove_reader(self._socket)
            self._loop.call_later(RETRY_S, self._again)
            return
        client.setblocking(False)
        at_once(client)
        self._accepted(client)

    def _again(self) -> None:
        if self._listening:
            self._loop.add_reader(self._socket, self._accept)


class Connection:
    """Two sockets and the pipes between them. `ended` is called once, when both sockets are closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        near: socket.socket,
        far: socket.socket,
        forth: Way,
        back: Way,
        ended: Callable[[Connection], None],
    ) -> None:
        self._sockets = (near, far)
        self._ended = ended
        self._finished = self._broken = 0
        self._forth = Pipe(
            loop, source=near, sink=far, way=forth, finished=self._on_end, broken=self._on_far_broken
        )
        self._back = Pipe(
            loop, source=far, sink=near, way=back, finished=self._on_end, broken=self._on_near_broken
        )

    def reset(self) -> None:
        """Both sides get a reset; what was under way is gone."""
        self._close(reset)

    def _on_end(self, how: End) -> None:
        self._finished += 1
        if how is End.RESET:
            self.reset()
        elif self._finished == len(self._sockets):
            self._close(socket.socket.close)

    def _on_far_broken(self) -> None:
        self._on_broken(self._back)

    def _on_near_broken(self) -> None:
        self._on_broken(self._forth)

    def _on_broken(self, news: Pipe) -> None:
        self._broken += 1
        if self._broken == len(self._sockets):
            self.reset()
        else:
            news.end(End.RESET)

    def _close(self, close: Callable[[socket.socket], None]) -> None:
        self._forth.stop()
        self._back.stop()
        for sock in self._sockets:
            close(sock)
        self._ended(self)


def free_ports(start: int) -> Iterator[int]:
    """Ports of 127.0.0.1 that can be bound now, below those that the system gives to outgoing connections.

    A server that is stopped finds its port free again. `start`: any number; it decides where the search begins.
    Raises OSError when there are no more.
    """
    lowest = int(EPHEMERAL.read_text().split()[0])
    span = lowest - FIRST_PORT if lowest > FIRST_PORT else LAST_PORT - FIRST_PORT
    for step in range(span):
        port = FIRST_PORT + (start + step) % span
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((LOOPBACK, port))
            except OSError:
                continue
        yield port
    raise OSError("no free port on 127.0.0.1")
