"""Two stores on one platform: the clusters say which one rules them; the other is refused until it adopts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.lab import faults
from tests.fixtures_lab import SESSIONS, TRADING, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.fault, pytest.mark.integration]

Env = dict[str, str]


@pytest.fixture
def second(site: Site) -> Iterator[Env]:
    """The environment of an operator with another store; in the end the first one rules again."""
    config = site.directory / "second.yaml"
    config.write_text((site.directory / "regions.yaml").read_text().replace("store.db", "second.db"))
    yield {"QX_CONFIG": str(config)}
    site.fault(faults.heal)
    for cluster in (TRADING, SESSIONS):
        site.ok("control", "adopt", cluster, "--reason", "the test is over")


def test_the_second_store_is_refused_until_it_adopts(site: Site, second: Env) -> None:
    if site.way().source != "eu-west":  # away from home, so that there is something to fail back
        site.ok("failover", "--to", "eu-west", "--yes")
    way = site.way()
    for words in (("failover", "--to", way.target), ("failback",), ("failover", "--to", way.target, "--dry-run")):
        _refused(site, second, *words)
    for cluster in (TRADING, SESSIONS):
        site.fault(faults.kill, f"{cluster}/{way.sibling}")
        _refused(site, second, "rejoin", "--cluster", cluster)
    site.fault(faults.heal)
    seen = site.ok("status", env=second)["clusters"]
    assert [seen[cluster]["cause"] for cluster in (TRADING, SESSIONS)] == ["foreign-store"] * 2
    assert site.writer(TRADING) == site.writer(SESSIONS) == way.source

    for cluster in (TRADING, SESSIONS):
        site.ok("control", "adopt", cluster, "--reason", "the first controller burnt down", env=second)
    with site.clients() as ledger:
        assert site.ok("failover", "--to", way.target, "--yes", env=second)["outcome"] == "done"
        for cluster in (TRADING, SESSIONS):
            site.serves(ledger, cluster, way.target)
    _refused(site, {}, "failover", "--to", way.sibling)
    assert site.writer(TRADING) == site.writer(SESSIONS) == way.target


def _refused(site: Site, env: Env, *words: str) -> None:
    said = site.qx(*words, "--yes", env=env)
    assert said.exit == 9, said
    assert said.document["error"]["code"] == "QX-STORE-003", said
    assert "qx control adopt" in said.document["error"]["hint"], said
