"""Clients that write down every acknowledgement: what was acknowledged and is gone, how long nobody could write.

A path is where a client connects: the cluster's route, or one node to which it stays pinned whatever happens. Each
write has a number; one without an answer is repeated under its number until it is acknowledged, so that it counts once.
Instants are `time.monotonic()` of this process. Never: counts a write as acknowledged before the server said so.
"""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import AsyncConnection
    from redis.asyncio import Redis

OP_TIMEOUT_S = 2.0
BACKOFF_S = 0.02


class Ack(NamedTuple):
    seq: int
    at: float


class Session(Protocol):
    """One open connection."""

    async def write(self, path: str, seq: int) -> None: ...

    async def close(self) -> None: ...


class PgSession:
    """INSERT, committed; the same number twice is one row. A repetition writes too: one that only found its row would
    have waited for no standby, and would acknowledge what an interrupted attempt left on this server alone.
    """

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, address: str) -> PgSession:
        import psycopg

        connection = await psycopg.AsyncConnection.connect(address, autocommit=True, connect_timeout=2)
        connection.prepare_threshold = None
        return cls(connection)

    async def write(self, path: str, seq: int) -> None:
        insert = "INSERT INTO qx_ledger (path, seq) VALUES (%s, %s) ON CONFLICT (path, seq) DO UPDATE SET at = now()"
        await self._connection.execute(insert, (path, seq))

    async def close(self) -> None:
        self._connection.pgconn.finish()


class RedisSession:
    """SADD of the number into the path's set."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    @classmethod
    async def open(cls, address: str) -> RedisSession:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        client = Redis.from_url(
            address,
            socket_timeout=OP_TIMEOUT_S,
            socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 0),
            single_connection_client=True,
        )
        try:
            await client.ping()
        except BaseException:
            await client.aclose()
            raise
        return cls(client)

    async def write(self, path: str, seq: int) -> None:
        await self._client.sadd(f"qx_ledger:{path}", str(seq))

    async def close(self) -> None:
        await self._client.aclose()


OPENERS: dict[str, Callable[[str], object]] = {"postgresql": PgSession.open, "redis": RedisSession.open}


class Path:
    """One client path: several workers at `rate` writes per second together."""

    def __init__(self, name: str, kind: str, address: str, rate: float, workers: int) -> None:
        self.name, self.kind, self.address = name, kind, address
        self.acks: list[Ack] = []
        self.errors = 0
        self._every = workers / rate
        self._workers = workers
        self._next = 0

    def start(self, stop: asyncio.Event) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(self._work(stop, index / self._workers)) for index in range(self._workers)
        ]

    async def _work(self, stop: asyncio.Event, phase: float) -> None:
        session: Session | None = None
        due = time.monotonic() + phase * self._every
        try:
            while not stop.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due + self._every, time.monotonic() - self._every)
                seq, self._next = self._next, self._next + 1
                acked = False
                while not acked and not stop.is_set():
                    session, acked = await self._try(session, seq)
        finally:
            if session is not None:
                await session.close()

    async def _try(self, session: Session | None, seq: int) -> tuple[Session | None, bool]:
        """One attempt; a session that failed is closed, since what it would answer next could belong to this write."""
        try:
            async with asyncio.timeout(OP_TIMEOUT_S):
                if session is None:
                    session = await OPENERS[self.kind](self.address)  # type: ignore[misc]  # each opener is a coroutine function
                await session.write(self.name, seq)
        except Exception:  # noqa: BLE001 - whatever a client library raises: the write was not acknowledged
            self.errors += 1
            if session is not None:
                await session.close()
            await asyncio.sleep(BACKOFF_S)
            return None, False
        self.acks.append(Ack(seq, time.monotonic()))
        return session, True

    def acked_between(self, since: float, until: float) -> list[Ack]:
        return [ack for ack in self.acks if since <= ack.at <= until]

    def longest_gap(self, since: float, until: float) -> float:
        """The write outage: the longest time between two acknowledgements, seconds, edges included."""
        times = sorted([since, *(ack.at for ack in self.acked_between(since, until)), until])
        return max(b - a for a, b in pairwise(times))


class Ledger:
    """All paths of one demo or bench, driven by an event loop of its own in a thread; `with` starts and stops it."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = {path.name: path for path in paths}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=OP_TIMEOUT_S * 2 + 5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._all())
        finally:
            self._loop.close()

    async def _all(self) -> None:
        tasks = [task for path in self.paths.values() for task in path.start(self._stop)]
        await asyncio.gather(*tasks)

    def wait_for_writes(self, name: str, since: float, count: int, timeout: float) -> None:
        """Until the path has `count` acknowledgements after `since`. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while len(self.paths[name].acked_between(since, time.monotonic())) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{name}: fewer than {count} writes acknowledged within {timeout:.0f} s")
            time.sleep(0.02)


def prepare_postgres(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS qx_ledger"
            " (path text, seq bigint, at timestamptz DEFAULT now(), PRIMARY KEY (path, seq))"
        )


def stored(kind: str, address: str, path: str) -> set[int]:
    """The numbers that the server at `address` holds for the path."""
    if kind == "postgresql":
        import psycopg

        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            rows = connection.execute("SELECT seq FROM qx_ledger WHERE path = %s", (path,)).fetchall()
            return {int(row[0]) for row in rows}
    import redis

    with redis.Redis.from_url(address, socket_timeout=5) as client:
        found = client.smembers(f"qx_ledger:{path}")
        return {int(member) for member in found}
