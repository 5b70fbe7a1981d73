"""Planned failover on real servers, under clients: nothing acknowledged is lost, whatever fails before the point of no return."""

from __future__ import annotations

import time

import pytest

from tests.fixtures_lab import AWAY, HOME, Site

pytestmark = [pytest.mark.fault, pytest.mark.integration]

BUDGET_S = 10.0
BEFORE = ("Recheck", "Prepare", "Checkpoint", "CloseRoute", "Fence", "Drain")
REDIS_BEFORE = ("Recheck", "Prepare", "Pin", "CloseRoute")


@pytest.fixture(autouse=True)
def at_home(site: Site) -> None:
    site.home()


def _consecutive() -> list[object]:
    return [pytest.param(2, id="2"), pytest.param(10, id="10", marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", _consecutive())
def test_nothing_is_lost_there_and_back(site: Site, rounds: int) -> None:
    with site.clients(pinned=True) as ledger:
        for _ in range(rounds):
            for words, writer in ((("failover", "--to", AWAY), AWAY), (("failback",), HOME)):
                said = site.ok(*words, "--yes")
                assert said["outcome"] == "done", said
                moved = time.monotonic()
                for cluster in ("trading", "sessions"):
                    assert site.writer(cluster) == writer
                    ledger.wait_for_writes(f"{cluster}/route", moved, 40, 20)
                    assert not site.lost(ledger, cluster, time.monotonic())
                    stale = [
                        region
                        for node in site.lab.nodes
                        if node.cluster == cluster and (region := node.region) != writer
                        and ledger.paths[f"{cluster}/{region}"].acked_between(moved, time.monotonic())
                    ]
                    assert not stale, f"{cluster}: pinned clients were acknowledged by {stale}"


@pytest.mark.parametrize("kind", ["fail", "late"])
@pytest.mark.parametrize(
    ("cluster", "action"),
    [("trading", a) for a in BEFORE] + [("sessions", a) for a in REDIS_BEFORE],
)
def test_a_failure_before_the_point_of_no_return_is_undone(site: Site, cluster: str, action: str, kind: str) -> None:
    with site.clients() as ledger:
        began = time.monotonic()
        said = site.qx(f"{kind}:{action}", "failover", "--to", AWAY, "--cluster", cluster, "--yes", module="tests.fault.entry")
        ended = time.monotonic()
        ledger.wait_for_writes(f"{cluster}/route", ended, 40, 20)
        assert said.document["outcome"] in ("undone", "done"), said
        if kind == "fail":
            assert said.exit == 1
            assert said.document["outcome"] == "undone"
        writer = AWAY if said.document["outcome"] == "done" else HOME
        assert site.writer(cluster) == writer
        assert not site.lost(ledger, cluster, time.monotonic())
        assert ledger.paths[f"{cluster}/route"].longest_gap(began, time.monotonic()) < BUDGET_S


@pytest.mark.parametrize("link", [f"ops>{AWAY}", f"{AWAY}>ops"])
def test_the_link_to_the_target_is_cut_with_the_promotion(site: Site, link: str) -> None:
    """Nobody can tell whether it was promoted: the run stays open, by name; once the link is back it is finished."""
    site.env["QX_TEST_FABRIC"] = str(site.directory / "fabric.sock")
    with site.clients() as ledger:
        process = site.spawn(
            f"cut:Promote:{link}", "failover", "--to", AWAY, "--cluster", "trading", "--yes", "-o", "json", module="tests.fault.entry"
        )
        try:
            deadline = time.monotonic() + 60
            while not any(one["target"] == AWAY and one["mode"] == "drop" or one["source"] == AWAY and one["mode"] == "drop" for one in _links(site)):
                assert time.monotonic() < deadline, "the link was never cut"
            assert _never_two_writers(site, 4.0)
            site.fault("heal")
            process.communicate(timeout=90)
        finally:
            process.kill()
        runs = site.ok("runs", "list")["runs"]
        if runs[0]["outcome"] in ("open", "stuck"):
            assert site.ok("runs", "resume", runs[0]["id"])["outcome"] in ("done", "degraded")
        moved = time.monotonic()
        assert site.writer("trading") == AWAY
        ledger.wait_for_writes("trading/route", moved, 40, 30)
        assert not site.lost(ledger, "trading", time.monotonic())


def _links(site: Site) -> list[dict[str, object]]:
    return list(site.ok("lab", "status", "--dir", str(site.directory))["links"])


def _never_two_writers(site: Site, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        site.writer("trading")  # asserts
    return True
