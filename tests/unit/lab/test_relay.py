"""Relays: bytes, ends and back-pressure as on a real wire; cuts of one direction that reset nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from qx.lab import relay as relay_module
from qx.lab.relay import Relay, to_port
from qx.lab.way import Way
from tests.unit.lab import net


class Link:
    """A relay to `server` with its two ways."""

    def __init__(self, target: int) -> None:
        self.forth, self.back = Way(), Way()
        self.port = net.free_port()
        self.relay = Relay(self.port, to_port(target), self.forth, self.back)


@contextmanager
def link(target: int) -> Iterator[Link]:
    it = Link(target)
    try:
        yield it
    finally:
        it.relay.close()


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[net.Server, Link]]:
    async with net.server() as server:
        with link(server.port) as it:
            yield server, it


async def test_bytes_arrive_in_order_both_ways() -> None:
    async with echo() as (server, it), net.client(it.port) as client:
        sent = bytes(range(256)) * 8000  # 2 MB: more than every buffer on the way
        client.send(sent)
        assert await client.get(len(sent)) == sent
        assert server.got == [sent]


async def test_half_close_leaves_the_other_direction_open() -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got %d" % len(await reader.read()))
        writer.close()

    server = await asyncio.start_server(answer_at_the_end, "127.0.0.1", 0)
    with link(server.sockets[0].getsockname()[1]) as it:
        async with net.client(it.port) as client:
            client.send(b"x" * 1000)
            client.writer.write_eof()
            assert await asyncio.wait_for(client.reader.read(), net.PATIENCE_S) == b"got 1000"
    server.close()


async def test_a_reset_travels_on() -> None:
    async with echo() as (server, it):
        async with net.client(it.port) as client:
            await client.say(b"hello")
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await net.until(lambda: server.ends == ["reset"])


async def test_a_sender_feels_that_nobody_reads() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await finished.wait()
        writer.transport.abort()

    finished = asyncio.Event()
    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    with link(server.sockets[0].getsockname()[1]) as it, socket.create_connection(("127.0.0.1", it.port)) as client:
        client.setblocking(False)
        sent = idle = 0
        while idle < 20:  # until it takes no more for a while
            try:
                sent += client.send(b"x" * 65536)
                idle = 0
            except BlockingIOError:
                idle += 1
            await asyncio.sleep(0.01)
            assert sent < 64 << 20, "the relay swallows without end"
    finished.set()
    server.close()
    await asyncio.sleep(0)


async def test_drop_forth_stops_requests_and_healing_delivers_them() -> None:
    async with echo() as (server, it), net.client(it.port) as client:
        await client.say(b"one")
        it.forth.change("drop")
        client.send(b"two")
        assert await client.silent()
        assert server.got == [b"one"]
        it.forth.change("pass")
        assert await client.get(3) == b"two"


async def test_drop_back_delivers_requests_and_holds_the_answers() -> None:
    async with echo() as (server, it), net.client(it.port) as client:
        await client.say(b"one")
        it.back.change("drop")
        client.send(b"two")
        await net.until(lambda: server.got == [b"onetwo"])
        assert await client.silent()
        it.back.change("pass")
        assert await client.get(3) == b"two"


async def test_the_end_of_a_connection_is_held_back_too() -> None:
    async with echo() as (server, it):
        async with net.client(it.port) as client:
            await client.say(b"one")
            it.forth.change("drop")
        await asyncio.sleep(net.QUIET_S)
        assert server.ends == []
        it.forth.change("pass")
        await net.until(lambda: len(server.ends) == 1)


async def test_a_new_connection_is_deaf_while_either_way_drops() -> None:
    async with echo() as (server, it):
        for way in (it.forth, it.back):
            way.change("drop")
            async with net.client(it.port) as client:
                client.send(b"set k v")
                assert await client.silent()
                assert server.got == [], "no handshake, so the request cannot have arrived"
                way.change("pass")
                assert await client.get(7) == b"set k v"
            server.got.clear()


async def test_deaf_connections_are_bounded() -> None:
    async with echo() as (_, it):
        it.forth.change("drop")
        clients = [socket.create_connection(("127.0.0.1", it.port)) for _ in range(relay_module.MAX_WAITING + 1)]
        try:
            await net.until(lambda: len(it.relay._waiting) == relay_module.MAX_WAITING)
            clients[0].settimeout(net.PATIENCE_S)
            with pytest.raises(ConnectionResetError):  # the oldest one gives way
                await asyncio.to_thread(clients[0].recv, 1)  # the relay accepts the last one meanwhile
        finally:
            for sock in clients:
                sock.close()


async def test_refuse_resets_and_refuses_until_healed() -> None:
    async with echo() as (server, it), net.client(it.port) as client:
        await client.say(b"one")
        it.forth.change("refuse")
        assert await client.was_reset()
        assert await net.refused(it.port)
        it.back.change("refuse")
        it.forth.change("pass")
        async with net.client(it.port) as other:  # refusing what the service's side opens concerns other relays
            assert await other.say(b"two") == b"two"
        assert len(server.got) == 2


async def test_delay_holds_every_byte_and_the_handshake_without_reordering() -> None:
    loop = asyncio.get_running_loop()
    async with echo() as (_, it):
        it.forth.change("pass", 0.05)
        it.back.change("pass", 0.05)
        began = loop.time()
        async with net.client(it.port) as client:
            assert await client.say(b"one") == b"one"
            assert loop.time() - began >= 0.2, "handshake and request are a round trip each"
            began = loop.time()
            for chunk in (b"a", b"b", b"c"):
                client.send(chunk)
                await asyncio.sleep(0.01)
            assert await client.get(3) == b"abc"
            assert loop.time() - began >= 0.1
            client.send(b"late")
            it.forth.change("pass")
            it.back.change("pass")
            assert await client.get(4) == b"late"


async def test_a_dead_service_resets_the_client_only_once_the_news_can_travel() -> None:
    with link(net.free_port()) as it:
        assert await net.turned_away(it.port)
    async with echo() as (server, it), net.client(it.port) as client:
        await client.say(b"one")
        it.back.change("drop")
        await server.close()
        client.send(b"two")  # meets a closed socket
        assert await client.silent()
        it.back.change("pass")
        assert await client.reader.read() == b""
