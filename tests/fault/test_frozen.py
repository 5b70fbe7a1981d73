"""A frozen executor whose run was resumed elsewhere does nothing more when it wakes; before, nobody else may act."""

from __future__ import annotations

import signal
import time

import pytest

from qx.model.journal import Event
from tests.fault.cases import sampled
from tests.fixtures_lab import SESSIONS, TRADING, Site, ended, stands_still, wait

pytestmark = [pytest.mark.fault, pytest.mark.integration]

LAST = {TRADING: 27, SESSIONS: 23}
CASES = [
    (cluster, number, "meanwhile" if number % 4 < 2 else "afterwards")
    for cluster, last in LAST.items()
    for number in range(3, last + 1, 2)
]


@pytest.mark.parametrize(("cluster", "number", "woken"), sampled(CASES, 2))
def test_an_executor_that_was_frozen_does_nothing_more(site: Site, cluster: str, number: int, woken: str) -> None:
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        frozen = site.start("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=f"stop:{number}:after")
        wait(lambda: stands_still(frozen), "the executor to stand still")
        run = site.runs()[0].id
        resuming = site.start("runs", "resume", run)
        if woken == "meanwhile":
            wait(lambda: _leased(site, run) == 2, "the run to go on elsewhere")
            frozen.send_signal(signal.SIGCONT)
        resumed = ended(resuming)
        frozen.send_signal(signal.SIGCONT)
        woke = time.monotonic()
        asleep = ended(frozen)
        assert resumed.document["outcome"] in ("done", "undone"), resumed
        assert asleep.exit == 9, asleep
        _only_one_went_on(site, run, number)
        site.serves(ledger, cluster, way.target if resumed.exit == 0 else way.source)
        assert ledger.paths[f"{cluster}/route"].longest_gap(woke, time.monotonic()) < 1.0


CALLS = {
    TRADING: (
        "pg.create_slots", "pg.checkpoint", "route.close", "node.pin", "node.hold", "node.stop", "pg.replayed",
        "pg.promote", "route.open", "pg.write_marker", "pg.alter_system", "node.follow", "node.start", "pg.drop_slots",
    ),
    SESSIONS: (
        "node.hold", "node.pin", "route.close", "redis.handover", "route.open", "redis.write_marker", "redis.configure",
        "redis.replicate", "redis.persist",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cluster", "call"), sampled([(c, call) for c, calls in CALLS.items() for call in calls], 2))
def test_an_executor_that_was_frozen_in_a_call_does_not_make_it(site: Site, cluster: str, call: str) -> None:
    """Its lease was looked at before: what refuses it now are the nodes, the route and its ended sessions."""
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        frozen = site.start("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=f"halt:{call}")
        wait(lambda: stands_still(frozen), "the executor to stand still")
        run = site.runs()[0].id
        resumed = site.qx("runs", "resume", run)
        assert resumed.document["outcome"] in ("done", "undone"), resumed
        writer = way.target if resumed.exit == 0 else way.source
        site.serves(ledger, cluster, writer)
        entries, view, woke = site.entries(run), _shape(site, cluster), time.monotonic()
        frozen.send_signal(signal.SIGCONT)
        asleep = ended(frozen)
        assert asleep.exit == 9, asleep
        assert site.entries(run) == entries
        assert _shape(site, cluster) == view
        site.serves(ledger, cluster, writer)
        assert ledger.paths[f"{cluster}/route"].longest_gap(woke, time.monotonic()) < 1.0
        site.record_is_sound()


def _shape(site: Site, cluster: str) -> dict[str, tuple[str, str | None, bool]]:
    """Who writes, and who follows whom."""
    nodes = site.seen().clusters[cluster].nodes
    return {region: (node.role.value, node.upstream, node.streaming) for region, node in nodes.items()}


def _leased(site: Site, run: str) -> int:
    return sum(entry.event is Event.LEASED for entry in site.entries(run))


def _only_one_went_on(site: Site, run: str, number: int) -> None:
    """After the entry at which the first stood still come the second one's, and nothing after its end."""
    entries = site.entries(run)
    assert entries[number].event is Event.LEASED
    epochs = set(entries[number].proof.values())
    assert {entry.epoch for entry in entries[number + 1 :] if entry.epoch} <= epochs
    assert entries[-1].event is Event.CLOSED
    site.record_is_sound()
