"""A server's death is heard at once on the connection that is kept open, unasked; and a heartbeat arrives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.postgres.server import PostgresServer
from qx.adapters.redis.server import RedisNode as RedisServer
from qx.model.observation import Observation, PgFacts, RedisFacts

if TYPE_CHECKING:
    from tests.fixtures_servers import PgPair, RedisPair

pytestmark = pytest.mark.integration

TIMEOUT = 20.0


async def test_postgres_is_heard_to_hang_up(pg_pair: PgPair) -> None:
    heard = asyncio.Event()
    server = PostgresServer(
        "trading", "us-east", "here", pg_pair.writer.url, str, SystemClock(), heard=heard.set
    )
    try:
        for _ in range(3):
            assert isinstance(await server.observe(TIMEOUT), Observation)
        assert not heard.is_set()
        pg_pair.writer.kill()
        await asyncio.wait_for(heard.wait(), TIMEOUT)
    finally:
        await server.close()


async def test_redis_is_heard_to_hang_up(redis_pair: RedisPair) -> None:
    heard = asyncio.Event()
    server = RedisServer("sessions", "us-east", "here", redis_pair.master.url, str, SystemClock(), heard=heard.set)
    try:
        for _ in range(3):
            assert isinstance(await server.observe(TIMEOUT), Observation)
        assert not heard.is_set()
        redis_pair.master.kill()
        await asyncio.wait_for(heard.wait(), TIMEOUT)
    finally:
        await server.close()


async def test_a_heartbeat_reaches_a_standby_that_hears_nothing_else(pg_pair: PgPair) -> None:
    clock = SystemClock()
    writer = PostgresServer("trading", "us-east", "here", pg_pair.writer.url, str, clock)
    standby = PostgresServer("trading", "eu-west", "here", pg_pair.standby.url, str, clock)
    try:
        before = await _position(standby)
        await writer.heartbeat(TIMEOUT)
        until = clock.elapsed() + TIMEOUT
        while await _position(standby) <= before:
            assert clock.elapsed() < until, "no heartbeat arrived"
            await clock.sleep(0.05)
    finally:
        await writer.close()
        await standby.close()


async def _position(server: PostgresServer) -> int:
    seen = await server.observe(TIMEOUT)
    assert isinstance(seen, Observation)
    assert isinstance(seen.facts, PgFacts)
    return seen.facts.position


async def test_a_heartbeat_is_heard_by_a_replica(redis_pair: RedisPair) -> None:
    clock = SystemClock()
    master = RedisServer("sessions", "us-east", "here", redis_pair.master.url, str, clock)
    replica = RedisServer("sessions", "eu-west", "here", redis_pair.replica.url, str, clock)
    try:
        before = await _offset(replica)
        await master.heartbeat(TIMEOUT)
        until = clock.elapsed() + TIMEOUT
        while await _offset(replica) <= before:
            assert clock.elapsed() < until, "no heartbeat arrived"
            await clock.sleep(0.05)
    finally:
        await master.close()
        await replica.close()


async def _offset(server: RedisServer) -> int:
    seen = await server.observe(TIMEOUT)
    assert isinstance(seen, Observation)
    assert isinstance(seen.facts, RedisFacts)
    return seen.facts.offset
