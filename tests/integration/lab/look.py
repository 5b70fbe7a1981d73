"""Looking at a lab's servers: past its network, or through it as its regions do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg

from qx.lab.lab import Lab
from qx.lab.layout import OPS

PATIENCE_S = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)


def port(lab: Lab, region: str, *, cluster: str = "trading", source: str | None = None) -> int:
    """Of the node itself, or of the relay to it from place `source`."""
    return lab.layout.relay(source, region, cluster) if source else lab.layout.node(cluster, region).port


def sql(at: int, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(
        host="127.0.0.1", port=at, user="postgres", dbname="postgres", connect_timeout=2, autocommit=True
    ) as link:
        cursor = link.execute(query)
        return cursor.fetchall() if cursor.description else []


def answers(at: int) -> bool:
    """Whether PostgreSQL at that port answers a query; it does not while it recovers."""
    try:
        return sql(at, "SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def reaches(lab: Lab, region: str, source: str = OPS) -> bool:
    """Whether a question from `source` to the region's health endpoint is answered within half a second."""

    async def ask() -> bool:
        try:
            async with asyncio.timeout(0.5):
                reader, writer = await asyncio.open_connection("127.0.0.1", lab.layout.relay(source, region, "http"))
                try:
                    writer.write(b"GET /health HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
                    return region.encode() in await reader.read()
                finally:
                    writer.transport.abort()
        except (TimeoutError, OSError):
            return False

    return asyncio.run(ask())
