"""The contract of `qx.ports.store.Watched`: what changes is told, also what time alone ends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from tests.fakes.rigs import EtcdRig, SqliteRig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qx.model.lease import Record
    from qx.ports.store import Changes, Watched
    from tests.fixtures_etcd import Etcd

PATIENCE_S = 30.0


@pytest.fixture(params=["sqlite", "etcd"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteRig | EtcdRig]:
    made: SqliteRig | EtcdRig
    if request.param == "etcd":
        etcd: Etcd = request.getfixturevalue("etcd_server")
        made = EtcdRig(etcd.at(timeout=10.0), tmp_path.name)
    else:
        made = SqliteRig(tmp_path / "test.db")
    yield made
    made.shut()


async def told(feed: Changes) -> Record:
    return await asyncio.wait_for(anext(feed), PATIENCE_S)


async def test_all_that_stand_come_first_then_every_change(rig: SqliteRig | EtcdRig) -> None:
    mine: Watched = rig.open()
    other = rig.open()
    first = mine.put("arming", "trading", {"by": "ada"})
    mine.put("ack", "run-1", {})
    async with aclosing(mine.changes(("arming", "grant"))) as feed:
        assert await told(feed) == first
        by_other = other.put("grant", "trading", {"epoch": 1})
        assert await told(feed) == by_other
        by_me = mine.put("arming", "trading", {"by": "bob"})
        assert await told(feed) == by_me


async def test_what_is_dropped_comes_once_more_empty(rig: SqliteRig | EtcdRig) -> None:
    store = rig.open()
    store.put("arming", "trading", {"by": "ada"})
    async with aclosing(rig.open().changes(("arming",))) as feed:
        await told(feed)
        store.drop("arming", "trading")
        gone = await told(feed)
        assert (gone.kind, gone.key, gone.value, gone.until) == ("arming", "trading", {}, 0.0)
        again = store.put("arming", "trading", {"by": "bob"})
        assert await told(feed) == again


async def test_what_runs_out_is_told_although_nobody_writes(rig: SqliteRig | EtcdRig) -> None:
    store = rig.open()
    async with aclosing(rig.open().changes(("grant-live",))) as feed:
        put = store.put("grant-live", "trading", {}, ttl=rig.ttl)
        assert await told(feed) == put
        await asyncio.to_thread(rig.run_out, lambda: store.record("grant-live", "trading") is None)
        assert (await told(feed)).until == 0.0


async def test_a_feed_that_was_left_goes_on_with_what_changed_meanwhile(rig: SqliteRig | EtcdRig) -> None:
    store = rig.open()
    store.put("arming", "trading", {"by": "ada"})
    store.put("arming", "sessions", {"by": "eve"})
    feed = rig.open().changes(("arming",))
    assert {(await told(feed)).key, (await told(feed)).key} == {"trading", "sessions"}
    await feed.aclose()
    store.drop("arming", "trading")
    changed = store.put("arming", "sessions", {"by": "bob"})
    async with aclosing(feed):
        assert await told(feed) == changed
        assert ((gone := await told(feed)).key, gone.until) == ("trading", 0.0)
