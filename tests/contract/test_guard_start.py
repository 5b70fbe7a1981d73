"""`qx guard start` on real servers under real guards: by the record, and on somebody's word where no store answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.app.attested import attestations, deliver
from qx.app.guards import Wish, look, start
from qx.app.workbench import Workbench
from qx.engine.chain import verify, verify_runs
from qx.engine.records import read, write
from qx.kernel.errors import QxError
from qx.model.guarding import GuardStart
from qx.model.journal import Run
from qx.model.standing import Grant, Release
from tests.fakes.runs import a_plan, a_run
from tests.fixtures_nodes import PgSite, RedisSite, Sites
from tests.fixtures_servers import Servers

S = 30.0
HOME, AWAY = "us-east", "eu-west"
T = TypeVar("T")

pytestmark = pytest.mark.integration


class Platform:
    """The cluster `trading` of two nodes under guards, both stopped: the writer at home, away its replica."""

    def __init__(self, home: PgSite | RedisSite, away: PgSite | RedisSite, directory: Path) -> None:
        self.sites = {HOME: home, AWAY: away}
        for site in self.sites.values():
            site.settings = msgspec.structs.replace(site.settings, guard=True)
        self.path, self.directory = directory / "store.db", directory
        self.env = {"QX_CONFIG": str(directory / "regions.yaml"), "XDG_STATE_HOME": str(directory / "state")}
        document = {
            "version": 1, "platform": "main", "store": {"path": str(self.path)},
            "regions": {region: {"title": region, "jurisdictions": ["US"]} for region in self.sites},
            "clusters": {
                "trading": {
                    "kind": home.kind, "home": HOME, "data_classes": ["market_data"],
                    "nodes": {region: self._node(site) for region, site in self.sites.items()},
                }
            },
        }  # fmt: skip
        (directory / "regions.yaml").write_text(json.dumps(document))

    def _node(self, site: PgSite | RedisSite) -> dict[str, Any]:
        return {"url": site.node.url, "control": {"driver": "local", **msgspec.to_builtins(site.settings)}}

    def ask(self, story: Callable[[Workbench], Coroutine[Any, Any, T]]) -> T:
        async def go() -> T:
            bench = Workbench(self.env)
            try:
                return await story(bench)
            finally:
                await bench.close()

        return asyncio.run(go())

    def start(self, region: str = HOME, *, attested: bool = False) -> GuardStart:
        wish = Wish("trading", region, "the power is back", attested)
        return self.ask(lambda bench: start(bench, wish))

    def refused(self, code: str = "QX-NODE-012", region: str = HOME, *, attested: bool = False) -> QxError:
        ran = self.servers()
        with pytest.raises(QxError) as caught:
            self.start(region, attested=attested)
        assert caught.value.code == code, caught.value
        assert self.servers() == ran
        return caught.value

    def servers(self) -> dict[str, int | None]:
        """The main process of each that runs: it was there before its children, which come and go."""
        return {where: min(site.pids(), default=None) for where, site in self.sites.items()}

    @contextmanager
    def store(self) -> Iterator[SqliteStore]:
        with SqliteStore(self.path) as store:
            yield store

    def recorded(self) -> None:
        """The writer stood at home under epoch 1, which its node remembers."""
        with self.store() as store:
            (lease,) = store.acquire(("trading",), "born", 30.0)
            store.record_writer(lease, HOME, "7/1", 1.0)
            store.release((lease,))
        for site in self.sites.values():
            asyncio.run(site.control.hold(1, "", S))
        asyncio.run(self.sites[AWAY].control.pin(1, self.sites[AWAY].upstream, S))

    def deeds(self) -> list[Run]:
        with self.store() as store:
            assert not verify(store.chain())
            assert not verify_runs(store.chain(), store.runs(1000), store.plan)
            return [run for run in store.runs() if run.intent == "guard-start"]

    def proof(self, run: str) -> dict[str, Any]:
        with self.store() as store:
            return store.entries(run)[0].entry.proof


@pytest.fixture
def sites(servers: Servers) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(servers, stack, "local")


@pytest.fixture
def both(sites: Sites, server: int | str, tmp_path: Path) -> Platform:
    """Of either kind."""
    make: Any = sites.postgres if isinstance(server, int) else sites.redis
    return _recorded(make(server), make(server), tmp_path)


@pytest.fixture
def platform(sites: Sites, redis_program: str, tmp_path: Path) -> Platform:
    return _recorded(sites.redis(redis_program), sites.redis(redis_program), tmp_path)


def _recorded(home: PgSite | RedisSite, away: PgSite | RedisSite, directory: Path) -> Platform:
    found = Platform(home, away, directory)
    found.recorded()
    return found


def test_the_writer_on_record_is_started_and_what_proved_its_end_is_taken_back(both: Platform) -> None:
    with both.store() as store:
        write(store, Grant(cluster="trading", region=HOME, epoch=1, guard="g", ttl=5, margin=1), "trading")
    started = both.start()
    assert (started.epoch, started.already, started.journalled) == (2, False, True)
    assert "not armed" in started.follows
    assert both.sites[HOME].writes()
    (seen,) = [each for each in both.ask(lambda bench: look(bench, "trading")) if each.region == HOME]
    assert (seen.guard, seen.epoch, seen.left_s, seen.running) == (started.guard, 2, None, True)
    with both.store() as store:
        assert read(store, Grant, "trading") is None
        assert store.leases() == ()
    assert [run.id for run in both.deeds()] == [started.run]
    assert both.proof(started.run)["reason"] == "the power is back"
    assert both.proof(started.run)["seen"][AWAY] == "stopped; by its files a replica"

    again = both.start()
    assert (again.already, again.guard, again.run) == (True, started.guard, "")
    assert len(both.deeds()) == 1


def test_another_region_is_not_started(platform: Platform) -> None:
    error = platform.refused(region=AWAY)
    assert f"the writer on record is {HOME}" in error.message
    assert "qx failover" in error.hint
    platform.refused(region=AWAY, attested=True)


def test_a_released_writer_is_one_again(both: Platform) -> None:
    home = both.sites[HOME]
    asyncio.run(home.control.hold(1, "standby", S))
    asyncio.run(home.control.pin(1, home.upstream, S))
    assert "was not released" in both.refused().message
    with both.store() as store:
        write(store, Release(cluster="trading", region=HOME, epoch=1, at=1.0, because="a crash"), "trading")
    both.start()
    assert home.writes()
    with both.store() as store:
        assert read(store, Release, "trading") is None


def test_an_unended_run_stands_in_the_way(platform: Platform) -> None:
    with platform.store() as store:
        store.begin(a_run("r1"), a_plan())
    assert "qx runs resume r1" in platform.refused("QX-RUN-011").hint


def test_who_holds_the_cluster_is_not_disturbed(platform: Platform) -> None:
    with platform.store() as store:
        store.acquire(("trading",), "a run", 60.0)
        platform.refused("QX-STORE-001")


def test_without_a_record_somebody_must_attest(platform: Platform) -> None:
    platform.path.unlink()
    SqliteStore(platform.path).shut()
    assert "no writer of it is on record" in platform.refused().message
    started = platform.start(attested=True)
    assert (started.attested, started.journalled) == (True, True)
    assert platform.proof(started.run)["attested"] is True


def test_without_a_store_it_takes_a_word_which_is_journalled_when_a_store_hears_it(both: Platform) -> None:
    with both.store() as store:
        write(store, Grant(cluster="trading", region=HOME, epoch=1, guard="g", ttl=5, margin=1), "trading")
    away = both.path.rename(both.directory / "moved.db")
    error = both.refused()
    assert "no store answers" in error.message
    assert "--attest" in error.hint

    started = both.start(attested=True)
    assert (started.epoch, started.attested, started.journalled) == (1, True, False)
    assert started.guard
    assert both.sites[HOME].writes()
    assert not both.path.exists(), "no store is made where one is missing"
    (word,) = attestations(Workbench(both.env)).waiting()
    assert (word.run, word.reason, word.region) == (started.run, "the power is back", HOME)
    assert word.seen[AWAY] == "stopped; by its files a replica"
    assert both.start(attested=True).already

    away.rename(both.path)
    heard = deliver(Workbench(both.env))
    assert [each.run for each in heard] == [started.run]
    assert deliver(Workbench(both.env)) == ()
    (deed,) = both.deeds()
    assert (deed.id, deed.by, deed.started_at) == (started.run, word.by, word.at)
    assert both.proof(deed.id)["attested"] is True
    with both.store() as store:
        assert read(store, Grant, "trading") is None, "it would prove the end of a server that runs"
    moved = attestations(Workbench(both.env)).path
    assert [path.name for path in moved.parent.glob("*attested*")] == [f"{moved.name}.{started.run}"]


def test_a_word_that_was_half_heard_is_heard_once(platform: Platform) -> None:
    away = platform.path.rename(platform.directory / "moved.db")
    started = platform.start(attested=True)
    away.rename(platform.path)
    (word,) = attestations(Workbench(platform.env)).waiting()
    with platform.store() as store:
        run, entries = word.deed()
        store.begin(run, None)
        store.append(entries[0])
    deliver(Workbench(platform.env))
    assert [run.id for run in platform.deeds()] == [started.run]


def test_the_next_start_delivers_what_waits(platform: Platform) -> None:
    away = platform.path.rename(platform.directory / "moved.db")
    started = platform.start(attested=True)
    away.rename(platform.path)
    assert platform.start().already
    assert [run.id for run in platform.deeds()] == [started.run]


def test_a_writer_that_answers_is_never_overruled(both: Platform) -> None:
    away = both.sites[AWAY]
    asyncio.run(away.control.unpin(1, S))
    asyncio.run(away.control.start(1, "writer", S))
    assert f"{AWAY} takes writes" in both.refused().message
    both.path.unlink()
    assert f"{AWAY} takes writes" in both.refused(attested=True).message


def test_what_the_nodes_remember_is_never_overruled(platform: Platform) -> None:
    platform.path.unlink()
    home, away = platform.sites[HOME].control, platform.sites[AWAY].control
    asyncio.run(away.hold(2, "", S))
    asyncio.run(away.unpin(2, S))
    assert f"{AWAY} was the writer later" in platform.refused(attested=True).message
    asyncio.run(away.pin(2, "127.0.0.1:1", S))
    asyncio.run(home.hold(1, "standby", S))
    assert "is held for standby" in platform.refused(attested=True).message
    asyncio.run(home.hold(1, "stop", S))
    assert "is held for stop" in platform.refused(attested=True).message
    asyncio.run(home.hold(1, "", S))
    asyncio.run(home.pin(1, "127.0.0.1:1", S))
    assert "is a replica by its files" in platform.refused(attested=True).message
