"""Every runbook that comes with qx, on real servers in the trouble that it is for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from qx.lab import faults
from tests.fixtures_lab import HOME, SESSIONS, TRADING, ended, wait

if TYPE_CHECKING:
    from tests.fixtures_lab import Site
    from tests.integration.runbooks.conftest import Books

pytestmark = [pytest.mark.integration, pytest.mark.fault]


@pytest.mark.slow
def test_region_outage(site: Site, books: Books) -> None:
    way = site.way()
    with site.clients() as ledger:
        early = books.run("region-outage", region=way.source, to=way.target)
        assert (early.exit, early.document["error"]["code"]) == (1, "QX-BOOK-005"), "it is well, and was given up"
        for node in site.nodes:
            if node.region == way.source:
                site.fault(faults.kill, node.name)
        for other in (way.target, way.sibling):  # and its other services: nothing of it answers
            site.fault(faults.link, "ops", way.source, mode="drop")
            site.fault(faults.link, other, way.source, mode="drop")
        gone = {"region": way.source, "to": way.target}
        refused = books.run("region-outage", **gone)  # its control is out of reach: nothing proves that it is dead
        assert (refused.exit, refused.document["error"]["code"]) == (1, "QX-PLAN-001"), refused
        said = books.run("region-outage", **gone, attest_fenced=way.source, accept_loss="unknown")
        assert (said.exit, said.document["outcome"]) == (0, "done"), said
        for cluster in (TRADING, SESSIONS):
            site.serves(ledger, cluster, way.target, lossless=False)


def test_planned_maintenance(site: Site, books: Books) -> None:
    for cluster in (TRADING, SESSIONS):
        if site.writer(cluster) != HOME:
            site.ok("failback", "--cluster", cluster, "--override", "cooldown", "--reason", "a test", "--yes")
    way = site.way()
    assert way.source == HOME
    with site.clients() as ledger:
        both = f"{TRADING},{SESSIONS}"
        process = books.start("planned-maintenance", region=HOME, to=way.target, clusters=both, lasting="1h")
        wait(lambda: site.ok("approve")["requests"], "the work to begin", 120)
        for cluster in (TRADING, SESSIONS):
            site.serves(ledger, cluster, way.target)
        refused = site.qx("failback", "--cluster", TRADING, "--override", "cooldown", "--reason", "early", "--yes")
        assert refused.exit == 4, "maintenance keeps it away"
        site.fault(faults.kill, f"{TRADING}/{HOME}")  # the work: somebody turned it off
        assert books.approve().exit == 0
        said = ended(process, timeout=240)
        assert (said.exit, said.document["outcome"]) == (0, "done"), said
        for cluster in (TRADING, SESSIONS):
            site.serves(ledger, cluster, HOME)
    assert site.ok("maintenance", "list")["windows"] == []


def test_high_replication_lag(site: Site, books: Books) -> None:
    """Its replay was paused: so it is behind, until the runbook finds that out."""
    way = site.way(TRADING)
    with psycopg.connect(site.dsn(TRADING, way.target), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    with site.clients(TRADING) as ledger:
        path = f"{TRADING}/route"
        ledger.wait_for_writes(path, time.monotonic(), 50, 30)
        said = books.run("high-replication-lag", cluster=TRADING, region=way.target, limit="3s")
    assert (said.exit, said.document["outcome"]) == (0, "done"), said
    run = said.document["run"]
    assert books.outcomes(run)["resume"] == "DONE"
    assert books.outcomes(run)["rejoin"] == "SKIPPED"
    assert len(books.proof(run, "senders")["rows"]) == 2


def test_high_replication_lag_of_one_that_does_not_follow(site: Site, books: Books) -> None:
    way = site.way(TRADING)
    site.fault(faults.kill, f"{TRADING}/{way.target}")
    said = books.run("high-replication-lag", cluster=TRADING, region=way.target)
    assert said.document["outcome"] in ("done", "degraded"), said  # the dead replica could not be asked for its queries
    assert books.outcomes(said.document["run"])["rejoin"] == "DONE"


def test_redis_resync(site: Site, books: Books) -> None:
    """A replica that somebody made a master of its own, with a key that nobody else has."""
    site.ok("drill", "--cluster", SESSIONS, "--yes")  # so that it is on record which of two masters is the writer
    way = site.way(SESSIONS)
    with redis.Redis.from_url(site.dsn(SESSIONS, way.target)) as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.set("astray", "1")
    said = books.run("redis-resync", cluster=SESSIONS, region=way.target)
    assert (said.exit, said.document["outcome"]) == (0, "done"), said
    with redis.Redis.from_url(site.dsn(SESSIONS, way.target)) as client:
        assert client.exists("astray") == 0
    assert site.writers(SESSIONS) == [way.source]


def test_split_brain_suspicion(site: Site, books: Books) -> None:
    """The old writer of an unplanned move was started again by hand, as a writer."""
    way = site.way(TRADING)
    site.fault(faults.kill, f"{TRADING}/{way.source}")
    accepted = ("--accept-loss", "unknown", "--reason", "a test", "--yes")
    site.ok("failover", "--to", way.target, "--cluster", TRADING, *accepted)
    site.fault(faults.restart, f"{TRADING}/{way.source}", as_writer=True)
    wait(lambda: len(site.writers(TRADING)) == 2, "two writers")
    said = books.run("split-brain-suspicion", cluster=TRADING)
    assert (said.exit, said.document["outcome"]) == (0, "done"), said
    assert site.writers(TRADING) == [way.target]
    assert site.ok("maintenance", "list")["windows"] == []


@pytest.mark.parametrize("cluster", [TRADING, SESSIONS])
def test_monthly_drill(site: Site, books: Books, cluster: str) -> None:
    if site.writer(cluster) != HOME:
        site.ok("failback", "--cluster", cluster, "--override", "cooldown", "--reason", "a test", "--yes")
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        said = books.run("monthly-drill", cluster=cluster, to=way.target)
        assert (said.exit, said.document["outcome"]) == (0, "done"), said
        site.serves(ledger, cluster, HOME)
    site.record_is_sound()
