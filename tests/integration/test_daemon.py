"""`qx daemon` on a real lab: what it does about a writer that dies or hangs, and what it leaves alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from qx.lab import faults
from qx.lab.up import Wish
from tests.fixtures_lab import ROOT, SESSIONS, TRADING, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures_lab import Site

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("site", [Wish(regions=3, guards=True)], indirect=True)]


LEASE_S = 5.0  # of profile fast


class Watching:
    """A daemon, and what it said."""

    def __init__(self, site: Site) -> None:
        self.log = site.directory.parent / f"daemon-{time.monotonic_ns()}.log"
        self._stderr, self.began = self.log.open("w"), time.time()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qx", "daemon", "-o", "json"], env=site.env, cwd=ROOT, stderr=self._stderr
        )

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    def end(self) -> None:
        """A signal to one that is gone is none."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self._stderr.close()


@contextmanager
def watching(site: Site) -> Iterator[Watching]:
    found = Watching(site)
    try:
        wait(lambda: found.said("watching"), "the daemon to watch")
        yield found
        assert not found.said("bug"), found.log.read_text()
    finally:
        found.end()
        print(found.log.read_text())


def armed(site: Site, cluster: str) -> None:
    site.ok("drill", "--cluster", cluster, "--yes")
    site.ok("arm", cluster, "--reason", "a test")


def released(site: Site, cluster: str) -> None:
    """As the next test wants to find it."""
    site.ok("disarm", cluster, "--reason", "the end of a test")
    acknowledged(site)


def acknowledged(site: Site) -> None:
    """Else what the daemon did vetoes what it is to do in the next test on this lab."""
    for run in site.runs():
        if run.by.startswith("qx daemon"):
            site.ok("runs", "ack", run.id)


def sampled(site: Site, cluster: str, region: str, since: float) -> bool:
    """Enough positions of the writer to estimate a loss by: without, policy consents to none."""
    with site.store() as store:
        return sum(sample.region == region for sample in store.samples(cluster, since)) >= 5


@pytest.mark.parametrize(
    ("cluster", "how"), [(TRADING, faults.kill), (SESSIONS, faults.kill), (TRADING, faults.freeze)]
)
def test_an_armed_cluster_is_failed_over(site: Site, cluster: str, how: Any) -> None:
    way = site.way(cluster)
    armed(site, cluster)
    with site.clients(cluster) as ledger, watching(site) as daemon:
        wait(lambda: daemon.said("granted", cluster=cluster), "the writer's lease")
        wait(lambda: sampled(site, cluster, way.source, daemon.began), "samples of the writer")
        site.fault(how, f"{cluster}/{way.source}")
        wait(lambda: daemon.said("decided", cluster=cluster, verdict="ended"), "the daemon to act")
        moved = site.writer(cluster)
        assert moved in (way.target, way.sibling)
        site.serves(ledger, cluster, moved, lossless=False)
        path = ledger.paths[f"{cluster}/route"]
        outage = path.longest_gap(path.acked_between(0, time.monotonic())[0].at, time.monotonic())
        print(f"{cluster} {how.__name__}: outage {outage:.2f} s")
    assert site.runs()[0].by.startswith("qx daemon on ")
    site.record_is_sound()
    released(site, cluster)


def test_what_is_not_armed_is_only_told(site: Site) -> None:
    way, before = site.way(TRADING), site.ok("runs", "ledger")
    acted = [run for run in site.runs() if run.by.startswith("qx daemon")]
    with watching(site) as daemon:
        site.fault(faults.kill, f"{TRADING}/{way.source}")
        wait(lambda: daemon.said("decided", cluster=TRADING, verdict="would-act"), "the daemon to tell")
        assert site.writer(TRADING) is None
        site.fault(faults.heal)
        wait(lambda: daemon.said("decided", cluster=TRADING, verdict="well"), "the writer to be back")
    after = site.ok("runs", "ledger")
    assert after["would_act"] == before["would_act"] + 1
    assert after["false_positives"] == before["false_positives"] + 1
    assert [run for run in site.runs() if run.by.startswith("qx daemon")] == acted


def test_a_server_that_hangs_for_less_than_hang_after_is_left_alone(site: Site) -> None:
    way = site.way(TRADING)
    armed(site, TRADING)
    with watching(site) as daemon:
        wait(lambda: daemon.said("granted", cluster=TRADING), "the writer's lease")
        site.fault(faults.freeze, f"{TRADING}/{way.source}")
        time.sleep(0.8)  # the fault's own length
        site.fault(faults.heal)
        wait(lambda: site.writer(TRADING) == way.source, "the writer to go on")
        looks = len(daemon.said("granted"))
        wait(site.is_calm, "everyone to follow")
        assert not daemon.said("decided", verdict="act")
        assert len(daemon.said("granted")) == looks
    released(site, TRADING)


def test_a_writer_that_is_disarmed_outlives_its_controller(site: Site) -> None:
    """Its guard would end it, and nobody could take its place."""
    way = site.way(TRADING)
    armed(site, TRADING)
    with watching(site) as daemon:
        wait(lambda: daemon.said("granted", cluster=TRADING), "the writer's lease")
        daemon.process.kill()
        said = site.ok("disarm", TRADING, "--reason", "its controller is gone")
        assert (said["was_armed"], said["freed"], said["untold"]) == (True, way.source, "")
    guards = [each for each in site.ok("guard", "status")["guards"] if each["cluster"] == TRADING]
    assert [each["left_s"] for each in guards if each["region"] == way.source] == [None], guards
    time.sleep(LEASE_S + 1)  # the length of the deadline that it had
    assert site.writer(TRADING) == way.source


def test_once_for_cron(site: Site) -> None:
    said = site.qx("daemon", "--once")
    assert (said.exit, said.document["without_writer"]) == (0, [])
    way = site.way(TRADING)
    site.fault(faults.kill, f"{TRADING}/{way.source}")
    said = site.qx("daemon", "--once")
    assert (said.exit, said.document["without_writer"]) == (7, [TRADING])
