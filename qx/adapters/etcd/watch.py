"""Changes: the records of some kinds as etcd tells of them, by one watch over the gateway.

All records are listed at one revision, and the watch begins at the next. A stream that breaks, or is silent for QUIET_S
(a member that hangs says nothing), is followed by another listing: what was missed in between is told then. So an ended
record is told at most QUIET_S late, whatever happens to the members, while a majority of them answers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from msgspec import DecodeError, json

from qx.adapters.etcd import records, wire
from qx.adapters.feed import Feed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from qx.adapters.etcd.space import Space
    from qx.model.lease import Record

QUIET_S = 5.0
PAUSE_S = 0.1  # between a stream that broke and the next listing


class Changes(Feed):
    """Raises QX-STORE-005 when no majority answers, QX-STORE-004 when a record cannot be read."""

    def __init__(self, space: Space, kinds: tuple[str, ...], *, quiet_s: float = QUIET_S) -> None:
        super().__init__(kinds)
        self._space, self._quiet_s = space, quiet_s

    async def follow(self) -> AsyncGenerator[Record, None]:
        gateway = self._space.gateway
        limits = httpx.Timeout(gateway.at.timeout, read=self._quiet_s)
        async with httpx.AsyncClient(verify=gateway.tls, trust_env=False, timeout=limits) as client:
            while True:
                standing, revision = await asyncio.to_thread(records.everything, self._space)
                for record in self.known.news(standing):
                    yield record
                try:
                    async for told in self._watched(client, revision + 1):
                        for record in self._news(told):
                            yield record
                except httpx.ReadTimeout:
                    continue
                except (httpx.TransportError, DecodeError):
                    await asyncio.sleep(PAUSE_S)

    async def _watched(self, client: httpx.AsyncClient, revision: int) -> AsyncIterator[wire.Watched]:
        """What the member that answered last tells, from `revision` on, until it ends the watch."""
        gateway, first = self._space.gateway, self._space.key(records.RECORDS)
        create = {"key": first, "range_end": wire.end_of(first), "start_revision": revision}
        async with client.stream(
            "POST", f"{gateway.endpoint}/v3/watch", content=json.encode({"create_request": create}),
            headers=gateway.authorization,
        ) as answer:
            async for line in answer.aiter_lines():
                told = json.decode(line, type=wire.Streamed, strict=False).result
                if told is None or told.canceled:
                    return
                yield told

    def _news(self, told: wire.Watched) -> Iterator[Record]:
        for event in told.events:
            name, revision = self._space.name(event.kv.key), event.kv.mod_revision
            record = None if event.type == "DELETE" else records.read(name, self._space.kept(event.kv))
            if record is not None:
                yield from self.known.change(record)
            else:
                kind, _, key = name.removeprefix(records.RECORDS).partition("/")
                yield from self.known.end(kind, key, revision)
