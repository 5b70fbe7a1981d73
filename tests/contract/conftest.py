"""Controls of nodes for contract tests: `driver` is either one, `sites` makes nodes, `server` is what they run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.fixtures_nodes import DRIVERS, Pair, PgSite, RedisSite, Sites
from tests.fixtures_servers import Servers, pg_installs, redis_programs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Of each kind one server, sampled by the test's name and QX_SEED; the others are marked slow."""
    if "server" not in metafunc.fixturenames:
        return
    seed = f"{os.environ.get('QX_SEED', '')}{metafunc.definition.nodeid}"
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    params = []
    found: Sequence[int | str]
    for kind, found in (("pg", list(pg_installs())), ("", list(redis_programs()))):
        for place, one in enumerate(found):
            marks = [] if place == number % len(found) else [pytest.mark.slow]
            params.append(pytest.param(one, id=f"{kind}{one}", marks=marks))
    skipped = pytest.param(None, marks=pytest.mark.skip(reason="no server is installed: pip install 'qx[lab]'"))
    metafunc.parametrize("server", params or [skipped])


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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
