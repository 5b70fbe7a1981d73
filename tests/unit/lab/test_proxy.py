"""The proxy: who asks for an address is led to the relay of its own region, and to nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from qx.lab.proxy import Proxy
from qx.lab.relay import Relay, to_port
from qx.lab.way import Way
from tests.unit.lab import net

HELLO = b"\x05\x01\x00"
ADDRESS = b"\x05\x01\x00\x01\xc0\x00\x02\x02\x09\x4c"  # 192.0.2.2:2380
STANDS = b"\x05\x00\x00\x01" + bytes(6)


@asynccontextmanager
async def asked(forth: Way) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client of the proxy, which knows of one address."""
    async with net.server() as echo:
        relay, port = Relay(net.free_port(), to_port(echo.port), forth, Way()), net.free_port()
        proxy = Proxy(port, {"192.0.2.2:2380": relay})
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            proxy.close()
            relay.close()


async def test_it_leads_to_the_relay_however_the_question_is_cut() -> None:
    async with asked(Way()) as (reader, writer):
        for byte in HELLO:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(2) == b"\x05\x00"
        writer.write(ADDRESS + b"early")
        assert await reader.readexactly(len(STANDS)) == STANDS
        assert await reader.readexactly(5)


async def test_a_dropped_way_is_deaf_and_passes_on_later() -> None:
    forth = Way()
    forth.change("drop")
    async with asked(forth) as (reader, writer):
        writer.write(HELLO + ADDRESS + b"late")
        assert await reader.readexactly(2 + len(STANDS))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), net.QUIET_S)
        forth.change("pass")
        assert await asyncio.wait_for(reader.readexactly(4), net.PATIENCE_S)


@pytest.mark.parametrize("question", [
    HELLO + ADDRESS[:-1] + b"\x4d", HELLO + b"\x05\x02" + ADDRESS[2:], HELLO + b"\x05\x01\x00\x03" + ADDRESS[4:],
    b"GET / HTTP/1.1\r\n\r\n" * 40,
], ids=["unknown address", "bind", "a name", "not SOCKS"])  # fmt: skip
async def test_anything_else_is_ended(question: bytes) -> None:
    async with asked(Way()) as (reader, writer):
        writer.write(question)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(2 + len(STANDS) + 1), net.PATIENCE_S)


async def test_a_refusing_way_resets() -> None:
    forth = Way()
    forth.change("refuse")
    async with asked(forth) as (reader, writer):
        writer.write(HELLO + ADDRESS)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(2 + len(STANDS) + 1), net.PATIENCE_S)
