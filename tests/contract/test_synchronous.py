"""`set_synchronous` on real servers: in force when it returns, for those who commit and for those who let them go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from qx.failover.quorum_names import way_of
from qx.kernel.errors import QxError
from qx.model.observation import Marker
from qx.model.standing import Way
from tests.contract.test_postgres import TIMEOUT, at, facts_of
from tests.fixtures_servers import SLOT, frozen, wait_until
from tests.unit.failover.values import cluster

if TYPE_CHECKING:
    from tests.fixtures_servers import PgNode, PgPair

pytestmark = pytest.mark.integration

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Commit(threading.Thread):
    """One commit of a client, in a session of its own."""

    def __init__(self, node: PgNode) -> None:
        super().__init__(daemon=True)
        self._node = node
        self.start()

    def run(self) -> None:
        with self._node.connect() as connection:
            connection.execute("INSERT INTO ledger VALUES (1)")


@pytest.fixture
def ready(pg_pair: PgPair) -> PgPair:
    pg_pair.writer.sql("CREATE TABLE ledger (n int)")
    return pg_pair


async def test_commits_wait_from_the_moment_it_returns(ready: PgPair) -> None:
    async with at(ready.writer, tag="run/1") as server:
        await server.set_synchronous("ANY 1 (nobody)", TIMEOUT)
        waiting = Commit(ready.writer)
        wait_until(lambda: ready.writer.sql(WAITS) == [(1,)], "the commit waits")
        await server.write_marker(Marker("store", 1, "us-east"), TIMEOUT)  # qx itself does not
        await server.write_probe(TIMEOUT)
        assert waiting.is_alive()
        await server.set_synchronous(f"ANY 1 (nobody, {SLOT})", TIMEOUT)
        waiting.join(TIMEOUT)
        assert not waiting.is_alive()
        await server.set_synchronous("", TIMEOUT)
        with frozen(ready.standby.process):
            Commit(ready.writer).join(TIMEOUT)
    assert ready.writer.sql(WAITS) == [(0,)]


async def test_a_standby_that_does_not_answer_lets_nothing_go(ready: PgPair) -> None:
    async with at(ready.writer, tag="run/1") as server:
        await server.set_synchronous(f"ANY 1 ({SLOT})", TIMEOUT)
        with frozen(ready.standby.process):
            commit = Commit(ready.writer)
            wait_until(lambda: ready.writer.sql(WAITS) == [(1,)], "the commit waits")
            assert commit.is_alive()
        commit.join(TIMEOUT)
        assert not commit.is_alive()


async def test_what_it_set_is_what_is_observed(ready: PgPair) -> None:
    trading = cluster("postgresql", ("us-east", "eu-west", "ap-southeast"))
    for names, way in {
        "ANY 1 (qx_ap_southeast, qx_eu_west)": Way(writer="us-east", count=1, of=("ap-southeast", "eu-west")),
        'FIRST 2 (QX_EU_WEST, "odd one", qx_ap_southeast)':
            Way(writer="us-east", count=2, of=("?odd one", "ap-southeast", "eu-west")),
        "qx_eu_west, other": Way(writer="us-east", count=1, of=("?other", "eu-west")),
        "2 (qx_eu_west, a)": Way(writer="us-east", count=2, of=("?a", "eu-west")),
        "ANY 1 (*)": Way(writer="us-east"),
        "": Way(writer="us-east"),
    }.items():
        async with at(ready.writer, tag="run/1") as server:
            await server.set_synchronous(names, TIMEOUT)
        assert way_of(trading, "us-east", (await facts_of(ready.writer)).settings) == way, names


async def test_it_raises_a_weaker_synchronous_commit_and_keeps_a_stronger_one(ready: PgPair) -> None:
    async with at(ready.writer, tag="run/1") as server:
        for before, after in {"off": "on", "remote_write": "on", "remote_apply": "remote_apply"}.items():
            await server.alter_system({"synchronous_commit": before, "synchronous_standby_names": ""}, TIMEOUT)
            await server.set_synchronous(f"ANY 1 ({SLOT})", TIMEOUT)
            assert ready.writer.sql("SHOW synchronous_commit") == [(after,)]


async def test_a_standby_is_set_before_it_is_promoted(ready: PgPair) -> None:
    """And acknowledges nothing alone from its first commit on."""
    async with at(ready.standby, tag="run/1") as server:
        await server.set_synchronous("ANY 1 (nobody)", TIMEOUT)
        await server.promote(TIMEOUT)
        Commit(ready.standby)
        wait_until(lambda: ready.standby.sql(WAITS) == [(1,)], "the commit waits")
        await server.set_synchronous("", TIMEOUT)
        wait_until(lambda: ready.standby.sql(WAITS) == [(0,)], "it is let go")


async def test_a_setting_above_the_file_is_told(ready: PgPair) -> None:
    ready.writer.stop()
    ready.writer.settings["synchronous_standby_names"] = "ANY 1 (nobody)"
    ready.writer.start()
    async with at(ready.writer, tag="run/1") as server:
        await server.set_synchronous(f"ANY 1 ({SLOT})", TIMEOUT)  # ALTER SYSTEM stands above postgresql.conf
        with pytest.raises(QxError) as caught:
            await server.set_synchronous("ANY 1 (", TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
    with psycopg.connect(ready.writer.url) as connection:
        assert connection.execute("SHOW synchronous_standby_names").fetchone() == (f"ANY 1 ({SLOT})",)
