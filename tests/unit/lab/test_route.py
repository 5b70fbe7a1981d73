"""The route: follows the epoch, lets nobody through to yesterday's writer, holds, refuses, expires."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import pytest

from qx.kernel.errors import QxError
from qx.lab import route as route_module
from qx.lab.fabric import dial_address
from qx.lab.route import Route
from tests.unit.lab import net


@contextmanager
def route() -> Iterator[tuple[Route, int]]:
    port = net.free_port()
    it = Route("trading", port, dial_address)
    try:
        yield it, port
    finally:
        it.close()


def to(server: net.Server) -> str:
    return f"127.0.0.1:{server.port}"


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[net.Server, net.Server]]:
    async with net.server(lambda data: b"A" + data) as old, net.server(lambda data: b"B" + data) as new:
        yield old, new


async def answer(port: int) -> bytes:
    async with net.client(port) as client:
        client.send(b"x")
        return await client.get(2)


async def test_a_route_that_was_never_set_is_closed() -> None:
    with route() as (_, port):
        assert await net.refused(port)


async def test_clients_follow_the_epoch_and_old_connections_are_gone_when_set_returns() -> None:
    async with pair() as (old, new):
        with route() as (it, port):
            it.set(1, to(old), hold=False, ttl_s=None)
            async with net.client(port) as client:
                client.send(b"x")
                assert await client.get(2) == b"Ax"
                it.set(2, to(new), hold=False, ttl_s=None)
                assert it.state().connections == 0
                assert await client.was_reset()
            assert await answer(port) == b"Bx"


async def test_a_lower_epoch_is_refused_and_changes_nothing() -> None:
    async with pair() as (old, new):
        with route() as (it, port):
            it.set(2, to(new), hold=False, ttl_s=None)
            with pytest.raises(QxError, match="QX-NODE-002"):
                it.set(1, to(old), hold=False, ttl_s=None)
            assert await answer(port) == b"Bx"
            it.set(2, None, hold=False, ttl_s=None)  # the same epoch may change its mind
            with pytest.raises(QxError, match="QX-NODE-002"):
                it.set(1, to(old), hold=False, ttl_s=None)
            assert await net.refused(port)


async def test_repeating_the_same_setting_disturbs_nobody() -> None:
    async with pair() as (old, _):
        with route() as (it, port):
            it.set(1, to(old), hold=False, ttl_s=None)
            async with net.client(port) as client:
                client.send(b"x")
                assert await client.get(2) == b"Ax"
                it.set(1, to(old), hold=False, ttl_s=30)
                client.send(b"y")
                assert await client.get(2) == b"Ay"


async def test_held_clients_reach_the_new_writer() -> None:
    async with pair() as (old, new):
        with route() as (it, port):
            it.set(1, to(old), hold=False, ttl_s=None)
            it.set(2, None, hold=True, ttl_s=None)
            async with net.client(port) as client:
                client.send(b"x")
                assert await client.silent()
                it.set(2, to(new), hold=False, ttl_s=None)
                assert await client.get(2) == b"Bx"
            assert old.got == []


async def test_holding_ends_for_each_client_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "HOLD_S", 0.05)
    with route() as (it, port):
        it.set(1, None, hold=True, ttl_s=None)
        async with net.client(port) as client:
            assert await client.was_reset()
        assert it.state().waiting == 0


async def test_no_more_than_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "MAX_HELD", 3)
    with route() as (it, port):
        it.set(1, None, hold=True, ttl_s=None)
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(net.client(port))
            await net.until(lambda: it.state().waiting == 3)
            assert await net.turned_away(port)
            assert it.state().waiting == 3


async def test_closing_while_holding_turns_the_held_away() -> None:
    with route() as (it, port):
        it.set(1, None, hold=True, ttl_s=None)
        async with net.client(port) as client:
            await net.until(lambda: it.state().waiting == 1)
            it.set(1, None, hold=False, ttl_s=None)
            assert await client.was_reset()
        assert await net.refused(port)


async def test_the_lease_closes_the_route_unless_renewed() -> None:
    loop = asyncio.get_running_loop()
    async with pair() as (old, _):
        with route() as (it, port):
            it.set(1, to(old), hold=False, ttl_s=0.3)
            async with net.client(port) as client:
                client.send(b"x")
                assert await client.get(2) == b"Ax"
                began = loop.time()
                while loop.time() - began < 0.5:
                    it.set(1, to(old), hold=False, ttl_s=0.3)
                    await asyncio.sleep(0.02)
                client.send(b"y")
                assert await client.get(2) == b"Ay"
                assert await client.was_reset()
            assert await net.refused(port)
            it.set(1, to(old), hold=False, ttl_s=None)  # the same epoch may open it again
            assert await answer(port) == b"Ax"


async def test_nothing_passes_after_the_lease_even_before_its_timer_ran() -> None:
    """As for a fabric that was frozen past the lease and wakes with bytes to move."""
    async with pair() as (old, _):
        with route() as (it, port):
            it.set(1, to(old), hold=False, ttl_s=60)
            async with net.client(port) as client:
                client.send(b"x")
                assert await client.get(2) == b"Ax"
                it._way.until = asyncio.get_running_loop().time()
                client.send(b"y")
                assert await client.silent()
                assert old.got == [b"x"]


async def test_a_dead_target_resets_the_client_and_the_route_stays_open() -> None:
    async with pair() as (_, new):
        with route() as (it, port):
            it.set(1, f"127.0.0.1:{net.free_port()}", hold=False, ttl_s=None)
            assert await net.turned_away(port)
            it.set(1, to(new), hold=False, ttl_s=None)
            assert await answer(port) == b"Bx"
