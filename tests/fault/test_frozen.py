"""A frozen executor whose run was resumed elsewhere does nothing more when it wakes; before, nobody else may act."""

from __future__ import annotations

import signal
import time

import pytest

from qx.model.journal import Event
from tests.fault.cases import sampled
from tests.fixtures_lab import SESSIONS, TRADING, Site, ended, stands_still, wait

pytestmark = [pytest.mark.fault, pytest.mark.integration]

LAST = {TRADING: 26, SESSIONS: 22}
CASES = [
    (cluster, number, woken)
    for cluster, last in LAST.items()
    for number in range(2, last + 1)
    for woken in (("meanwhile",) if number % 2 else ("afterwards",))
]


@pytest.mark.parametrize(("cluster", "number", "woken"), sampled(CASES, 3))
def test_an_executor_that_was_frozen_does_nothing_more(site: Site, cluster: str, number: int, woken: str) -> None:
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        frozen = site.start("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=f"stop:{number}:after")
        try:
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
        finally:
            frozen.kill()
        assert resumed.document["outcome"] in ("done", "undone"), resumed
        assert asleep.exit == 9, asleep
        _only_one_went_on(site, run, number)
        site.serves(ledger, cluster, way.target if resumed.exit == 0 else way.source)
        assert ledger.paths[f"{cluster}/route"].longest_gap(woke, time.monotonic()) < 1.0


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
