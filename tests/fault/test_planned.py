"""Planned failover on real servers, under clients: nothing acknowledged is lost, whatever fails on the way."""

from __future__ import annotations

import time

import pytest

from qx.lab import faults
from tests.fault.cases import sampled
from tests.fixtures_lab import HOME, SESSIONS, TRADING, Site, ended, wait

pytestmark = [pytest.mark.fault, pytest.mark.integration]

BUDGET_S = 10.0
BEFORE = {
    TRADING: ("Recheck", "Prepare", "Checkpoint", "CloseRoute", "Fence", "Drain"),
    SESSIONS: ("Recheck", "Prepare", "Pin", "CloseRoute"),
}
STEPS = [(cluster, action, kind) for cluster, acts in BEFORE.items() for action in acts for kind in ("fail", "late")]
TURNS = {TRADING: "Promote", SESSIONS: "Handover"}


@pytest.mark.parametrize("moves", [pytest.param(3, id="3"), pytest.param(20, id="20", marks=pytest.mark.slow)])
def test_nothing_is_lost_in_consecutive_moves(site: Site, moves: int) -> None:
    with site.clients(pinned=True) as ledger:
        for _ in range(moves):
            target = site.way().target
            said = site.ok(*(("failback",) if target == HOME else ("failover", "--to", target)), "--yes")
            assert said["outcome"] == "done", said
            moved = time.monotonic()
            for cluster in (TRADING, SESSIONS):
                site.serves(ledger, cluster, target)
                others = [node for node in site.nodes if node.cluster == cluster and node.region != target]
                stale = [node.name for node in others if ledger.paths[node.name].acked_between(moved, time.monotonic())]
                assert not stale, f"pinned clients were acknowledged by {stale}"


@pytest.mark.parametrize(("cluster", "action", "kind"), sampled(STEPS, 4))
def test_a_failure_before_the_point_of_no_return_is_undone(site: Site, cluster: str, action: str, kind: str) -> None:
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        began = time.monotonic()
        said = site.qx("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=f"{kind}:{action}")
        assert said.document["outcome"] in (("undone",) if kind == "fail" else ("undone", "done")), said
        assert said.exit == (1 if said.document["outcome"] == "undone" else 0)
        site.serves(ledger, cluster, way.source if said.exit else way.target)
        assert ledger.paths[f"{cluster}/route"].longest_gap(began, time.monotonic()) < BUDGET_S


LINKS = [("ops", "target"), ("target", "ops"), ("source", "target"), ("target", "source")]
CUTS = [
    pytest.param(cluster, *link, id="-".join((cluster, *link)), marks=pytest.mark.slow if "source" in link else ())
    for cluster in TURNS
    for link in LINKS
]


@pytest.mark.parametrize(("cluster", "one", "other"), CUTS)
def test_a_link_of_the_target_is_cut_with_the_promotion(site: Site, cluster: str, one: str, other: str) -> None:
    """Never two writers meanwhile; once the link is back, the run ends or is resumed, and nothing is lost."""
    way = site.way(cluster)
    places = way._asdict() | {"ops": "ops"}
    cut = f"cut:{TURNS[cluster]}:{places[one]}>{places[other]}"
    with site.clients(cluster) as ledger:
        process = site.start("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=cut)
        wait(lambda: site.lab.links, "the link to be cut")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            site.writer(cluster)  # asserts that there is one at most
        site.fault(faults.heal)
        said = ended(process)
        assert said.document["outcome"] in ("done", "undone", "stuck", "open"), said
        run = site.runs()[0]
        if run.outcome in ("open", "stuck"):
            assert site.ok("runs", "resume", run.id)["outcome"] in ("done", "degraded")
        site.serves(ledger, cluster, way.source if site.runs()[0].outcome == "undone" else way.target)


@pytest.mark.slow
@pytest.mark.parametrize(("cluster", "one", "other"), [(TRADING, *LINKS[0]), (SESSIONS, *LINKS[1])])
def test_the_link_stays_cut_until_qx_gives_up(site: Site, cluster: str, one: str, other: str) -> None:
    """The run says by name that its outcome is unknown; nobody else starts a second writer; healed, it is resumed."""
    way = site.way(cluster)
    places = way._asdict() | {"ops": "ops"}
    cut = f"cut:{TURNS[cluster]}:{places[one]}>{places[other]}"
    with site.clients(cluster) as ledger:
        said = site.qx("failover", "--to", way.target, "--cluster", cluster, "--yes", fault=cut, timeout=200)
        assert (said.exit, said.document["outcome"]) == (3, "stuck"), said
        accepted = ("--accept-loss", "unknown", "--reason", "a test", "--yes")
        again = site.qx("failover", "--to", way.sibling, "--cluster", cluster, *accepted)
        assert again.exit in (1, 3, 4, 9), again
        site.writer(cluster)  # asserts that there is one at most
        site.fault(faults.heal)
        run = said.document["run"]
        assert site.qx("runs", "resume", run).document["outcome"] in ("done", "undone", "degraded")
        site.serves(ledger, cluster, site.writer(cluster) or "")
