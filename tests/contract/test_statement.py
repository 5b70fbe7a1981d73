"""A statement that somebody else wrote, on real servers: one, bounded, without effect unless it says that it writes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.postgres.statement import LONGEST, Statement
from qx.adapters.redis.command import asked
from tests.fixtures_servers import frozen

if TYPE_CHECKING:
    from tests.fixtures_servers import PgNode, PgPair, RedisPair

pytestmark = pytest.mark.integration

TAG = "runbook/01abc"


async def said(
    node: PgNode, statement: str, *parameters: Any, writes: bool = False, rows: int = 20, timeout: float = 20
) -> dict[str, Any]:
    session = Statement("trading/here", node.url, lambda: "", TAG)
    return await session.run(statement, parameters, writes=writes, rows=rows, timeout=timeout)


async def test_rows_are_plain_and_named(shared_pg_pair: PgPair) -> None:
    found = await said(
        shared_pg_pair.writer,
        """SELECT $1::int AS n, $2::text AS t, 1.5::numeric AS d, 3::numeric AS w, now() AS at, interval '2 s' AS i,
           NULL AS nothing, ARRAY[1, 2] AS many, '{"a": [1]}'::jsonb AS j, 'nan'::float8 AS nan, 1, 2,
           repeat('x', 9999)""",
        7, "it's %s",
    )
    [row] = found["rows"]
    assert (row["n"], row["t"], row["d"], row["w"], row["i"]) == (7, "it's %s", 1.5, 3, 2.0)
    assert (row["nothing"], row["many"], row["j"], row["nan"]) == (None, [1, 2], {"a": [1]}, None)
    assert (row["column"], row["column_12"]) == (1, 2)
    assert len(row["repeat"]) == LONGEST + 1
    assert (found["count"], found["more"]) == (1, False)


async def test_of_many_rows_a_few_are_kept_and_the_rest_is_not_waited_for(shared_pg_pair: PgPair) -> None:
    found = await said(shared_pg_pair.writer, "SELECT generate_series(1, 2000000000) AS n", rows=3)
    assert ([row["n"] for row in found["rows"]], found["more"]) == ([1, 2, 3], True)
    wide = await said(shared_pg_pair.writer, "SELECT repeat('x', 400) FROM generate_series(1, 999)", rows=1000)
    assert wide["more"]
    assert 0 < wide["count"] < 999


@pytest.mark.parametrize("statement", [
    "CREATE TABLE forbidden (n int)", "SELECT 1; CREATE TABLE forbidden (n int)",
    "COMMIT; CREATE TABLE forbidden (n int)",
    "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); CREATE TABLE forbidden (n int); END $$",
    "SET TRANSACTION READ WRITE",
])  # fmt: skip
async def test_what_does_not_write_cannot(shared_pg_pair: PgPair, statement: str) -> None:
    with contextlib.suppress(Declined):  # some are refused, some come to nothing
        await said(shared_pg_pair.writer, statement)
    assert shared_pg_pair.writer.sql("SELECT to_regclass('forbidden')") == [(None,)]


async def test_what_writes_is_done_once_and_counted(shared_pg_pair: PgPair) -> None:
    writer = shared_pg_pair.writer
    try:
        assert (await said(writer, "CREATE TABLE booked (n int)", writes=True))["rows"] == []
        found = await said(writer, "INSERT INTO booked SELECT generate_series(1, 5) RETURNING n", writes=True, rows=2)
        assert (found["affected"], found["count"], found["more"]) == (5, 2, True)
        with pytest.raises(Declined) as refused:
            await said(writer, "INSERT INTO booked VALUES (6); INSERT INTO booked VALUES (7)", writes=True)
        assert refused.value.state == "42601"
        assert writer.sql("SELECT count(*) FROM booked") == [(5,)]
    finally:
        writer.sql("DROP TABLE IF EXISTS booked")


async def test_the_server_gives_up_first_so_that_it_is_known(shared_pg_pair: PgPair) -> None:
    with pytest.raises(Declined) as refused:
        await said(shared_pg_pair.writer, "SELECT pg_sleep(30)", writes=True, timeout=1.5)
    assert refused.value.state == "57014"


async def is_at_work(node: PgNode, task: asyncio.Task[Any]) -> None:
    """The statement has reached the server."""
    async with asyncio.timeout(20):
        while not node.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"):
            assert not task.done(), task
            await asyncio.sleep(0.02)


async def test_a_write_that_was_given_up_can_be_looked_for(pg_pair: PgPair) -> None:
    writing = asyncio.create_task(said(pg_pair.writer, "SELECT pg_sleep(10)", writes=True))
    await is_at_work(pg_pair.writer, writing)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await Statement("trading/here", pg_pair.writer.url, lambda: "", "").sessions(TAG, 10) == 1


async def test_a_server_that_dies_leaves_a_write_unknown(pg_pair: PgPair) -> None:
    writing = asyncio.create_task(said(pg_pair.writer, "SELECT pg_sleep(10)", writes=True))
    await is_at_work(pg_pair.writer, writing)
    pg_pair.writer.kill()
    with pytest.raises(LostAnswer):
        await writing


async def test_a_frozen_server_leaves_only_a_write_unknown(pg_pair: PgPair) -> None:
    """What was only asked is no more than not answered; nor was what never reached it."""
    with frozen(pg_pair.writer.process):
        for writes in (False, True):
            with pytest.raises(NoAnswer):
                await said(pg_pair.writer, "SELECT 1", writes=writes, timeout=1)


async def test_redis_answers_are_plain(shared_redis_pair: RedisPair) -> None:
    url = shared_redis_pair.master.url

    async def ask(*command: str, writes: bool = False) -> Any:
        found = await asked("sessions/here", url, lambda: "", TAG, command, writes=writes, timeout=10)
        return found["reply"]

    assert await ask("PING") == "PONG"
    info = await ask("INFO", "replication")
    assert info["role"] == "master"
    assert isinstance(info["connected_slaves"], int)
    await ask("HSET", "booked", "a", "1", writes=True)
    assert await ask("HGETALL", "booked") == {"a": "1"}
    assert await ask("DEL", "booked", writes=True) == 1
    assert "maxmemory" in await ask("CONFIG", "GET", "maxmemory")
    with pytest.raises(Declined):
        await ask("NOSUCH")
