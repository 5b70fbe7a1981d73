"""Durability `quorum` on real servers under load: nothing acknowledged is lost, and nothing degrades by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from qx.failover.troubles import alerts_of
from qx.lab import faults
from qx.lab.up import Wish
from tests.fixtures_lab import TRADING, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures_lab import Site

pytestmark = [
    pytest.mark.fault,
    pytest.mark.integration,
    pytest.mark.parametrize("site", [Wish(regions=3, durability="quorum")], indirect=True),
]
QUIET_S = 1.5  # so long without an acknowledgement means that commits wait


@pytest.fixture
def in_force(site: Site) -> Iterator[Site]:
    made_so(site)
    yield site
    site.fault(faults.heal)


def made_so(site: Site) -> dict[str, Any]:
    """Both standbys count."""
    wait(lambda: len(stands(site)["streaming"]) == 2, "both standbys to stream")
    wait(lambda: site.qx("durability", TRADING, "--apply", "--reason", "a test").exit == 0, "durability to be in force")
    found = stands(site)
    assert (found["count"], len(found["of"]), found["left"]) == (1, 2, ""), found
    return found


def stands(site: Site) -> dict[str, Any]:
    return dict(site.ok("durability", TRADING)["clusters"][0])


def names_at(site: Site, region: str) -> str:
    with psycopg.connect(site.dsn(TRADING, region), autocommit=True) as connection:
        row = connection.execute("SHOW synchronous_standby_names").fetchone()
        return str(row[0]) if row else ""


def test_the_writer_is_killed_and_nothing_acknowledged_is_lost(in_force: Site) -> None:
    site, way = in_force, in_force.way(TRADING)
    with site.clients(TRADING) as ledger:
        site.fault(faults.kill, f"{TRADING}/{way.source}")
        said = site.qx("failover", "--to", way.target, "--cluster", TRADING, "--yes")
        writer = way.target
        if said.exit == 4:  # the other one is ahead of it
            writer = way.sibling
            said = site.qx("failover", "--to", writer, "--cluster", TRADING, "--yes")
        assert said.exit == 0, said
        site.serves(ledger, TRADING, writer)
    plan = next(run for run in site.runs() if run.plan_id)
    with site.store() as store:
        loss = store.plan(plan.id).stages[0].loss
    assert loss is not None
    assert (loss.bytes_high, loss.transactions_high) == (0, 0)
    assert "synchronous_commit" in loss.because
    found = stands(site)
    assert found["count"] == 1
    assert [each["writer"] for each in found["ways"]] == [writer], "what was acknowledged before is narrowed away"
    site.record_is_sound()


def test_a_planned_move_loses_nothing_and_does_not_hang(in_force: Site) -> None:
    site = in_force
    for _ in range(2):
        way = site.way(TRADING)
        with site.clients(TRADING) as ledger:
            site.ok("failover", "--to", way.target, "--cluster", TRADING, "--yes")
            site.serves(ledger, TRADING, way.target)
            outage = ledger.paths[f"{TRADING}/route"].longest_gap(0, time.monotonic())
        print(f"planned, quorum: {outage:.2f} s without an acknowledgement")
        assert names_at(site, way.source) == ""
        assert names_at(site, way.target).startswith("ANY 1 (")
        made_so(site)


def test_one_standby_gone_writes_go_on_both_gone_they_wait(in_force: Site) -> None:
    site, way = in_force, in_force.way(TRADING)
    before = names_at(site, way.source)
    with site.clients(TRADING) as ledger:
        path = ledger.paths[f"{TRADING}/route"]
        site.fault(faults.kill, f"{TRADING}/{way.target}")
        ledger.wait_for_writes(path.name, time.monotonic(), 20, 20)
        site.fault(faults.kill, f"{TRADING}/{way.sibling}")
        wait(lambda: not path.acked_between(time.monotonic() - QUIET_S, time.monotonic()), "commits to wait")
        since = time.monotonic()
        wait(lambda: f"quorum/{TRADING}" in {each.key for each in alerts_of(site.platform, site.seen())}, "an alert")
        time.sleep(QUIET_S)
        assert not path.acked_between(since, time.monotonic())
        assert site.qx("durability", TRADING, "--apply", "--reason", "a test").exit == 0
        assert names_at(site, way.source) == before, "it never degrades by itself"
        site.fault(faults.heal)
        ledger.wait_for_writes(path.name, time.monotonic(), 20, 40)
        assert not site.lost(ledger, TRADING)


def test_the_only_one_that_acknowledged_is_out_of_reach(in_force: Site) -> None:
    site, way = in_force, in_force.way(TRADING)
    site.fault(faults.kill, f"{TRADING}/{way.sibling}")
    wait(lambda: stands(site)["streaming"] == [way.target], "one standby to be left")
    site.ok("durability", TRADING, "--apply", "--reason", "a test")
    assert stands(site)["of"] == [way.target]
    with site.clients(TRADING) as ledger:
        ledger.wait_for_writes(f"{TRADING}/route", time.monotonic(), 20, 20)
    site.fault(faults.heal)
    wait(lambda: len(stands(site)["streaming"]) == 2, "the other one to be back")
    site.fault(faults.kill, f"{TRADING}/{way.target}")
    site.fault(faults.kill, f"{TRADING}/{way.source}")
    said = site.qx("failover", "--to", way.sibling, "--cluster", TRADING, "--yes")
    assert said.exit == 4, said
    [gate] = [each for each in said.document["gates"] if each["gate"] == "durability"]
    assert not gate["passed"]
    assert way.target in gate["because"]
    assert way.target in gate["remedy"]
