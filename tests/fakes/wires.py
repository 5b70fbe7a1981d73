"""Servers that do not behave, on 127.0.0.1: each is what some firewall, proxy or dying machine does to a client.

    refused()      nobody listens
    deaf()         accepts, and never answers
    black_hole()   the SYN is dropped: the backlog of a listener that never accepts is full
    dripping(b)    one byte of `b` each 100 ms, forever
    garbage()      answers at once, in another protocol
    hanging_up()   accepts, and closes at once
    scripted(b)    sends `b` when it was asked something, then is silent

Each yields its port and takes everything down again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

HOST = "127.0.0.1"
DRIP_S = 0.1
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def refused() -> AsyncIterator[int]:
    """Bound, so that nobody else gets the port, and not listening."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        yield sock.getsockname()[1]


@asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(64):
            if not await _connects(stack, listener.getsockname()):
                break
        else:
            raise AssertionError("the backlog does not fill up here")
        yield listener.getsockname()[1]


async def _connects(stack: contextlib.ExitStack, address: tuple[str, int]) -> bool:
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    try:
        async with asyncio.timeout(0.3):
            await asyncio.get_running_loop().sock_connect(sock, address)
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def _serving(handler: Handler) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks.copy():
            task.cancel()
        await asyncio.gather(*tasks.copy(), return_exceptions=True)


def deaf() -> contextlib.AbstractAsyncContextManager[int]:
    async def silence(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return _serving(silence)


def dripping(drops: bytes) -> contextlib.AbstractAsyncContextManager[int]:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for drop in itertools.cycle(drops):
            writer.write(bytes([drop]))
            await writer.drain()
            await asyncio.sleep(DRIP_S)

    return _serving(drip)


def garbage() -> contextlib.AbstractAsyncContextManager[int]:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"?! this is no server of that kind\r\n" * 20)
        await writer.drain()
        await asyncio.Event().wait()

    return _serving(babble)


def hanging_up() -> contextlib.AbstractAsyncContextManager[int]:
    async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    return _serving(hang_up)


def scripted(answer: bytes) -> contextlib.AbstractAsyncContextManager[int]:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        await asyncio.Event().wait()

    return _serving(say)
