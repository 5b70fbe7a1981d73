"""The same on other servers: PostgreSQL 18 and Debian's Redis 7. Debian's PostgreSQL 15 has no wheel and is slow's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qx.lab import faults
from qx.lab.up import Wish
from tests.fixtures_lab import SESSIONS, TRADING, Site, wait

if TYPE_CHECKING:
    from qx.lab.ledger import Ledger

REDIS = Path("/usr/bin/redis-server")
DEBIAN = Path("/usr/lib/postgresql/15/bin")

pytestmark = [pytest.mark.fault, pytest.mark.integration]


def _wish(name: str, *needed: Path, **wish: object) -> object:
    missing = [str(path) for path in needed if not path.exists()]
    marks = [pytest.mark.skipif(bool(missing), reason=f"not installed here: {', '.join(missing)}")]
    return pytest.param(Wish(**wish), id=name, marks=marks if name == NEWEST else [*marks, pytest.mark.slow])  # type: ignore[arg-type]


NEWEST = "postgresql-18-redis-7"
WISHES = [
    _wish(NEWEST, REDIS, pg=18, redis_bin=REDIS),
    _wish("postgresql-15-valkey-9", DEBIAN, pg_bin=DEBIAN),
]


@pytest.mark.parametrize("site", WISHES, indirect=True)
def test_a_planned_move_an_unplanned_one_and_the_way_back(site: Site) -> None:
    way = site.way()
    with site.clients(pinned=True) as ledger:
        assert site.ok("failover", "--to", way.target, "--yes")["outcome"] == "done"
        _both_serve(site, ledger, way.target)

        for cluster in (TRADING, SESSIONS):
            _dies_with_writes_of_its_own(site, ledger, cluster, way.target, (way.source, way.sibling))
        accepted = ("--accept-loss", "unknown", "--reason", "a test", "--yes")
        assert site.ok("failover", "--to", way.sibling, *accepted)["outcome"] == "done"
        _both_serve(site, ledger, way.sibling, lossless=False)

        site.fault(faults.heal)
        assert site.ok("rejoin", "--yes")["outcome"] == "done"
        wait(site.is_calm, "everyone to follow")
        _both_serve(site, ledger, way.sibling, lossless=False)


def _both_serve(site: Site, ledger: Ledger, writer: str, *, lossless: bool = True) -> None:
    for cluster in (TRADING, SESSIONS):
        site.serves(ledger, cluster, writer, lossless=lossless)


def _dies_with_writes_of_its_own(
    site: Site, ledger: Ledger, cluster: str, writer: str, others: tuple[str, ...]
) -> None:
    for other in others:  # in this order the last one knows most
        site.fault(faults.link, writer, other, mode="drop")
    ledger.wait_for_writes(f"{cluster}/route", time.monotonic(), 20, 20)
    site.fault(faults.kill, f"{cluster}/{writer}")
