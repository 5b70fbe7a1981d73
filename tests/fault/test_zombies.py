"""Old writers that come back: the start path refuses them or makes them replicas; past it, the first look ends them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from qx.app.workbench import Workbench
from qx.kernel.errors import QxError, Refused
from qx.lab import faults, servers
from qx.lab.ledger import stored
from tests.fixtures_lab import SESSIONS, TRADING, Site, ended, wait, writes

pytestmark = [pytest.mark.fault, pytest.mark.integration]

STOPPED_S = 10.0  # 2 s are promised, from the command's start to the last process's end; this machine may be busy
ACCEPTED = ("--accept-loss", "unknown", "--reason", "a test", "--yes")


@pytest.mark.parametrize("cluster", [TRADING, SESSIONS])
@pytest.mark.parametrize("mode", ["planned", "unplanned"])
def test_the_old_writer_comes_back(site: Site, cluster: str, mode: str) -> None:
    way = site.way(cluster)
    old = f"{cluster}/{way.source}"
    move = ("failover", "--to", way.target, "--cluster", cluster)
    with site.clients(cluster, pinned=True) as ledger:
        if mode == "unplanned":
            site.fault(faults.kill, old)
        site.ok(*move, *(("--yes",) if mode == "planned" else ACCEPTED))
        if mode == "planned":
            site.fault(faults.kill, old)
        _start_path_refuses(site, cluster, way.source)
        site.fault(faults.restart, old)
        assert not _writes(site, cluster, way.source), "started raw, it is to be a replica"
        site.fault(faults.kill, old)
        site.fault(faults.restart, old, as_writer=True)
        assert _writes(site, cluster, way.source), "no zombie, so nothing was tested"
        written = ledger.paths[f"{cluster}/{way.source}"]
        ledger.wait_for_writes(written.name, time.monotonic(), 5, 20)  # by a client that would not leave it
        _is_named_and_stopped(site, cluster)
        _start_path_refuses(site, cluster, way.source)
        if cluster == TRADING:
            with pytest.raises(QxError):
                site.fault(faults.restart, old)
        site.ok("rejoin", "--cluster", cluster, "--yes")
        wait(site.is_calm, "everyone to follow")
        there = [stored(written.kind, site.dsn(cluster, region), written.name) for region in (way.source, way.target)]
        assert there[0] == there[1], "it kept what only it had"
        site.serves(ledger, cluster, way.target, lossless=mode == "planned")


def test_a_region_given_up_by_attestation_comes_back(site: Site) -> None:
    """Its servers never stopped: they are writers still, when it can be reached again."""
    way = site.way()
    with site.clients() as ledger:
        site.fault(faults.isolate, way.source)
        refused = site.qx("failover", "--to", way.target, *ACCEPTED)
        assert refused.exit == 4, refused
        assert f"--attest-fenced {way.source}" in str(refused.document), refused
        site.ok("failover", "--to", way.target, "--attest-fenced", way.source, *ACCEPTED)
        assert site.leads_to(TRADING) == site.leads_to(SESSIONS) == way.target
        site.fault(faults.heal)
        assert _writes(site, TRADING, way.source)
        assert _writes(site, SESSIONS, way.source)
        _is_named_and_stopped(site, TRADING, SESSIONS)
        for cluster in (TRADING, SESSIONS):
            _start_path_refuses(site, cluster, way.source)
            site.serves(ledger, cluster, way.target, lossless=False)


def _writes(site: Site, cluster: str, region: str) -> bool:
    return writes(site.kinds[cluster], site.dsn(cluster, region))


def _start_path_refuses(site: Site, cluster: str, region: str) -> None:
    """As a writer under the newest epoch; under an epoch before that, as anything."""
    with site.store() as store:
        epoch = store.rules()[cluster].epoch

    async def start(under: int, role: Any) -> None:
        await Workbench(site.env).controls[cluster, region].start(under, role, 10)

    for under, role, code in ((epoch, "writer", "QX-NODE-002"), (epoch - 1, "replica", "QX-NODE-002")):
        with pytest.raises(Refused) as refusal:
            asyncio.run(start(under, role))
        assert refusal.value.code == code
    assert servers.leader(site.node(cluster, region)) is None


def _is_named_and_stopped(site: Site, *clusters: str) -> None:
    """By the first `qx status` that sees it; meanwhile the route never leads there."""
    lawful = {cluster: site.leads_to(cluster) for cluster in clusters}
    before = site.ok("status", "--dry-run")["clusters"]
    stale = [
        site.node(cluster, region)
        for cluster in clusters
        for region, view in before[cluster]["nodes"].items()
        if (view["role"], view["cause"]) == ("stale-writer", "stale-writer")
    ]
    assert len(stale) == len(clusters), before
    began = time.monotonic()
    looking = site.start("status")
    while any(servers.processes(node) for node in stale):
        assert time.monotonic() - began < STOPPED_S, "a stale writer still runs"
        assert all(site.leads_to(cluster) in (lawful[cluster], None) for cluster in clusters)
    print(f"stopped {time.monotonic() - began:.2f} s after the command was started: {', '.join(n.name for n in stale)}")
    said = ended(looking)
    assert said.exit == 0, said
    for node in stale:
        assert any(node.name in warning and "stopped" in warning for warning in said.document["warnings"]), said
        held = asyncio.run(Workbench(site.env).controls[node.cluster, node.region].inspect(5))
        assert (held.running, held.held_for) == (False, "stop" if node.kind == "postgresql" else "standby")
    assert {cluster: site.leads_to(cluster) for cluster in clusters} == lawful
