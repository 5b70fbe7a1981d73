"""Small servers and clients for the tests of the lab's network."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from qx.lab.sockets import free_ports

PATIENCE_S = 10.0  # how long a condition may take on a busy machine
QUIET_S = 0.15  # how long nothing must happen before we believe that nothing happens


_PORTS = free_ports(os.getpid() * 211)


def free_port() -> int:
    """Another one each time."""
    return next(_PORTS)


class Server:
    """Remembers what it got, per connection; answers each chunk with `reply` of it."""

    def __init__(self, reply: Callable[[bytes], bytes]) -> None:
        self.reply = reply
        self.got: list[bytes] = []
        self.ends: list[str] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        me = len(self.got)
        self.got.append(b"")
        try:
            while data := await reader.read(1 << 16):
                self.got[me] += data
                writer.write(self.reply(data))
                await writer.drain()
            self.ends.append("finished")
        except ConnectionError:
            self.ends.append("reset")
        finally:
            writer.close()
            self._tasks.discard(task)

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def server(reply: Callable[[bytes], bytes] = lambda data: data) -> AsyncIterator[Server]:
    it = Server(reply)
    listening = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = listening.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        listening.close()
        await it.close()


class Client:
    """A connection to 127.0.0.1:`port`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def get(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE_S)

    async def say(self, data: bytes) -> bytes:
        self.send(data)
        return await self.get(len(data))

    async def silent(self) -> bool:
        """Whether nothing comes, not even an end."""
        try:
            await asyncio.wait_for(self.reader.read(1), QUIET_S)
        except TimeoutError:
            return True
        return False

    async def was_reset(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_S) is None
        except ConnectionResetError:
            return True


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def refused(port: int) -> bool:
    try:
        async with client(port):
            return False
    except ConnectionRefusedError:
        return True


async def turned_away(port: int) -> bool:
    """Whether a new connection is reset (which the client may see while it connects)."""
    try:
        async with client(port) as it:
            return await it.was_reset()
    except ConnectionResetError:
        return True


async def until(condition: Callable[[], bool]) -> None:
    """Waits for `condition`; fails when it does not come true in time."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the condition belongs to others
            await asyncio.sleep(0.002)
