"""Controls of nodes for contract tests: `driver` is either one, `server` what its node runs; `site` and `pair` are made
of them. Of servers, and of drivers where data move, one is sampled by the test's name and QX_SEED; the rest is slow.

`rig`: every implementation of the store.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.rigs import EtcdRig, MemoryRig, Rig, SqliteRig
from tests.fixtures_etcd import Etcd
from tests.fixtures_nodes import DRIVERS, Pair, PgSite, RedisSite, Sites
from tests.fixtures_servers import Servers, pg_installs, redis_programs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seed = f"{os.environ.get('QX_SEED', '')}{metafunc.definition.nodeid}"
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    if "server" in metafunc.fixturenames:
        params = [*_sampled(number, list(pg_installs()), "pg"), *_sampled(number, list(redis_programs()))]
        missing = pytest.param(None, marks=pytest.mark.skip(reason="no server is installed: pip install 'qx[lab]'"))
        metafunc.parametrize("server", params or [missing])
    if "driver" in metafunc.fixturenames:
        data_move = "pair" in metafunc.fixturenames
        metafunc.parametrize("driver", _sampled(number // 2, DRIVERS) if data_move else DRIVERS)


def _sampled(number: int, found: Sequence[int | str], prefix: str = "") -> list[object]:
    return [
        pytest.param(one, id=f"{prefix}{one}", marks=[] if place == number % len(found) else [pytest.mark.slow])
        for place, one in enumerate(found)
    ]


@pytest.fixture
def sites(servers: Servers, driver: str) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(servers, stack, driver)


@pytest.fixture
def site(sites: Sites, server: int | str) -> PgSite | RedisSite:
    return sites.postgres(server) if isinstance(server, int) else sites.redis(server)


@pytest.fixture
def pair(sites: Sites, pg_major: int) -> Pair:
    return Pair(sites.postgres(pg_major), sites.postgres(pg_major))


@pytest.fixture(params=["sqlite", "memory", "etcd"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made: Rig
    if request.param == "etcd":
        etcd: Etcd = request.getfixturevalue("etcd_server")
        made = EtcdRig(etcd.at(timeout=10.0), tmp_path.name)  # a busy machine's disk takes its time
    else:
        made = SqliteRig(tmp_path / "state" / "qx" / "test.db") if request.param == "sqlite" else MemoryRig()
    yield made
    made.shut()
