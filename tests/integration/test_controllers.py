"""One controller per region on etcd, on real servers: what they do about a lost writer, and what they leave alone.

The lab of `qx lab up --controllers`. Clients write through the route, and others directly at every server: whose writes
are acknowledged when says whether there were ever two writers.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qx.adapters.etcd.gateway import At, Gateway
from qx.adapters.etcd.health import condition
from qx.kernel.errors import QxError
from qx.lab import faults
from qx.lab.lab import running
from qx.lab.up import Wish
from qx.model.journal import Event, RunOutcome
from qx.model.standing import Arming, Grant, Renewal, Witness
from tests.fixtures_etcd import MISSING, etcd_program
from tests.fixtures_lab import ROOT, SESSIONS, TRADING, came, ended, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.lab.ledger import Ledger
    from qx.model.journal import Run
    from tests.fixtures_lab import Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.fault,
    pytest.mark.skipif(etcd_program() is None, reason=MISSING),
    pytest.mark.parametrize("site", [Wish(regions=3, controllers=True)], indirect=True),
]
LEASE_S, MARGIN_S = 5.0, 1.5  # of profile fast
BUSY_S = 6.0  # what a busy machine may add to a figure that is asserted
AGAIN_S = 120.0  # a run that came to nothing on a busy machine is followed by the next after a pause that doubles


# -- what stands there


def told(site: Site, region: str, event: str, since: float, **fields: Any) -> list[dict[str, Any]]:
    """What that region's controller said since (Unix seconds)."""
    log = next(each.log for each in site.lab.controllers if each.region == region)
    lines = (line for line in Path(log).read_text().splitlines() if line.startswith("{") and f'"{event}"' in line)
    events = map(json.loads, lines)
    return [e for e in events if e["event"] == event and e["at"] >= since and fields.items() <= e.items()]


def told_by_any(site: Site, event: str, since: float, **fields: Any) -> list[dict[str, Any]]:
    return [line for each in site.lab.controllers for line in told(site, each.region, event, since, **fields)]


def watching(site: Site) -> set[str]:
    """Regions whose controller has just said what it sees."""
    with site.store() as store:
        return {each.key for each in store.records(Witness.KIND)}


def extended(site: Site, cluster: str) -> bool:
    """Whether the writer has a lease of its own."""
    with site.store() as store:
        grants = {each.key: each.value["region"] for each in store.records(Grant.KIND)}
        return store.record(Renewal.KIND, cluster) is not None and grants.get(cluster) == store.rules()[cluster].writer


def prepared(site: Site, cluster: str) -> str:
    """Armed, all controllers watching, the writer under a lease, its positions sampled; returns where it stands."""
    wait(lambda: len(watching(site)) == 3, "all controllers to watch")
    with site.store() as store:
        armed = store.record(Arming.KIND, cluster) is not None
    if not armed:
        site.ok("drill", "--cluster", cluster, "--yes")
        site.ok("arm", cluster, "--reason", "a test")
    for run in site.runs():
        if run.by.startswith("qx daemon"):
            site.ok("runs", "ack", run.id)
    since = time.time()
    wait(lambda: extended(site, cluster), "the writer's lease")
    writer = site.writer(cluster)
    assert writer is not None

    def sampled() -> bool:
        with site.store() as store:
            return sum(each.region == writer for each in store.samples(cluster, since)) >= 3

    wait(sampled, "samples of the writer")
    return writer


def etcd_leader(site: Site) -> str:
    gateway = Gateway(At(tuple(each.url for each in site.lab.etcd if each.pid), timeout=1.0))
    try:
        found = condition(gateway)
    except QxError:
        return ""
    finally:
        gateway.shut()
    return found.members[found.leader.id] if found.leader else ""


def moved(site: Site, cluster: str, since: float) -> bool:
    return bool(told_by_any(site, "decided", since, cluster=cluster, verdict="ended"))


def unmoved(site: Site, cluster: str, writer: str, since: float) -> None:
    """Nobody acted, and it writes where it wrote."""
    wait(lambda: site.writer(cluster) == writer, "the writer to write")
    assert not told_by_any(site, "decided", since, verdict="act")
    assert not told_by_any(site, "bug", since)


def unasked(site: Site, cluster: str, since: float) -> list[Run]:
    """What the controllers have begun by themselves since, the latest first; another cluster may be armed too."""
    mine = [run for run in site.runs() if run.started_at >= since and cluster in run.clusters]
    return [run for run in mine if run.by.startswith("qx daemon")]


def what_they_did(site: Site, cluster: str, since: float) -> str:
    """In which words the controllers decided, and what is in the journals of their runs."""
    decided = told_by_any(site, "decided", since, cluster=cluster)
    lines = [f"{e['at'] - since:.1f} {e['verdict']}: {e['because']} {e.get('vetoes', '')}" for e in decided]
    for what in ("grant-ended", "granted", "released", "started-again", "freed"):
        lines += [f"{e['at'] - since:.1f} {what} in {e['region']}, epoch {e['epoch']}"
                  for e in told_by_any(site, what, since - LEASE_S, cluster=cluster) if "epoch" in e]  # fmt: skip
    for run in unasked(site, cluster, since):
        entries = (f"{each.seq} {each.event.value} {each.step} {each.error or ''}" for each in site.entries(run.id))
        lines.append(f"run {run.id}: {run.outcome.value}: {', '.join(entries)}")
    return "\n".join(lines)


def one_writer(ledger: Ledger, cluster: str) -> dict[str, tuple[float, float]]:
    """First and last acknowledgement of each server; never did one begin before another had ended."""
    spans = {}
    for name, path in ledger.paths.items():
        acks = [] if name.endswith("/route") else path.acked_between(0.0, time.monotonic())
        if acks and name.startswith(f"{cluster}/"):
            spans[name.partition("/")[2]] = (acks[0].at, acks[-1].at)
    in_order = sorted(spans.values())
    assert all(before[1] < after[0] for before, after in itertools.pairwise(in_order)), spans
    return spans


def failed_over(site: Site, ledger: Ledger, cluster: str, source: str, since: float) -> float:
    """To another region, by a run of a controller that ended well; how long clients of the route waited."""
    path = ledger.paths[f"{cluster}/route"]
    began = path.acked_between(0.0, time.monotonic())[0].at
    wait(lambda: moved(site, cluster, since), "the controllers to act")
    now = site.writer(cluster)
    assert now not in (None, source)
    site.serves(ledger, cluster, str(now), lossless=False)
    runs = unasked(site, cluster, since)
    assert [run.outcome for run in runs] == [RunOutcome.DONE], runs
    assert not told_by_any(site, "bug", since)
    site.record_is_sound()
    return path.longest_gap(began, time.monotonic())


def how_fenced(site: Site, cluster: str, since: float) -> str:
    run = unasked(site, cluster, since)[0]
    proofs = [entry.proof for entry in site.entries(run.id)]
    return next((str(proof["fence"]) for proof in proofs if "fence" in proof), "by the run itself")


# -- a lost writer


@pytest.mark.parametrize("cluster", [TRADING, pytest.param(SESSIONS, marks=pytest.mark.slow)])
def test_a_killed_server_is_released_and_replaced_at_once(site: Site, cluster: str) -> None:
    source = prepared(site, cluster)
    with site.clients(cluster, pinned=True) as ledger:
        since = time.time()
        site.fault(faults.kill, f"{cluster}/{source}")
        outage = failed_over(site, ledger, cluster, source, since)
        one_writer(ledger, cluster)
    print(f"{cluster}: server killed: outage {outage:.2f} s")
    with site.store() as store:
        leader = store.records("leader")[0].value["holder"]
    if leader != source:  # who leads beside it needs nobody's word
        assert told(site, source, "released", since, cluster=cluster)
        assert how_fenced(site, cluster, since) == "released"


@pytest.mark.parametrize("cluster", [TRADING, pytest.param(SESSIONS, marks=pytest.mark.slow)])
def test_an_isolated_writer_is_ended_by_its_guard_before_another_is_promoted(site: Site, cluster: str) -> None:
    """Its clients still reach it, and so does qx's own place; its controller reaches nobody."""
    source = prepared(site, cluster)
    with site.clients(cluster, pinned=True) as ledger:
        since, at = time.time(), time.monotonic()
        for region in site.lab.regions:
            if region != source:
                site.fault(faults.link, source, region, "drop")
                site.fault(faults.link, region, source, "drop")
        outage = failed_over(site, ledger, cluster, source, since)
        spans = one_writer(ledger, cluster)
        site.fault(faults.heal)
        wait(lambda: source in watching(site), "its controller to be back")
        one_writer(ledger, cluster)
    wrote_on = spans[source][1] - at
    print(f"{cluster}: region isolated: it wrote on for {wrote_on:.2f} s, outage {outage:.2f} s")
    assert wrote_on < LEASE_S
    assert how_fenced(site, cluster, since) == "expired"


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [TRADING, SESSIONS])
def test_a_killed_node_is_replaced_when_its_lease_has_run_out(site: Site, cluster: str) -> None:
    source = prepared(site, cluster)
    with site.clients(cluster, pinned=True) as ledger:
        since = time.time()
        site.fault(faults.kill, f"node/{source}")
        outage = failed_over(site, ledger, cluster, source, since)
        one_writer(ledger, cluster)
    print(f"{cluster}: node killed: outage {outage:.2f} s")
    assert how_fenced(site, cluster, since) == "expired"
    assert outage < LEASE_S + 1.0 + BUSY_S


@pytest.mark.slow
def test_a_whole_region_may_be_lost_with_the_leader_of_etcd(site: Site) -> None:
    source = prepared(site, TRADING)
    with site.clients(TRADING, pinned=True) as ledger:
        since = time.time()
        site.fault(faults.kill, source)
        outage = failed_over(site, ledger, TRADING, source, since)
        one_writer(ledger, TRADING)
    print(f"region lost: outage {outage:.2f} s")


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [TRADING, SESSIONS])
def test_what_was_frozen_with_its_guard_acknowledges_nothing_stale_when_it_wakes(site: Site, cluster: str) -> None:
    source = prepared(site, cluster)
    with site.clients(cluster, pinned=True) as ledger:
        since = time.time()
        site.fault(faults.freeze, f"node/{source}")
        outage = failed_over(site, ledger, cluster, source, since)
        promoted = time.monotonic()
        site.fault(faults.heal)
        wait(lambda: source in watching(site), "its controller to be back")
        wait(lambda: site.writers(cluster) == [site.writer(cluster)], "one writer only")
        acks = ledger.paths[f"{cluster}/{source}"].acked_between(promoted, time.monotonic())
        assert not acks or acks[-1].at - acks[0].at <= 0.5, "a guard that wakes ends its server"
        assert site.leads_to(cluster) not in (None, source)
    print(f"{cluster}: node frozen: outage {outage:.2f} s, {len(acks)} acknowledged to pinned clients after it woke")


@pytest.mark.slow
def test_a_writer_without_its_controller_ends_with_its_lease(site: Site) -> None:
    source = prepared(site, TRADING)
    with site.clients(TRADING, pinned=True) as ledger:
        since = time.time()
        site.fault(faults.kill, f"controller/{source}")
        failed_over(site, ledger, TRADING, source, since)
        one_writer(ledger, TRADING)
    assert how_fenced(site, TRADING, since) == "expired"


# -- a lost leader


@contextmanager
def dying(site: Site, number: int, when: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Instead of the lab's controllers: of these, the first to append that journal entry dies."""
    lab = running(site.directory)
    flag, started = site.directory.parent / f"died-{time.monotonic_ns()}", []
    try:
        since = time.time()
        for region in lab.layout.regions:
            log = site.directory / "controllers" / f"{region}.log"
            argv = [sys.executable, "-m", "tests.fault.controller", str(number), when, str(flag), region]
            with log.open("ab") as stderr:
                started.append(subprocess.Popen(
                    [*argv, str(lab.config_of(region))], cwd=ROOT, env={**os.environ, **site.env},
                    stdin=subprocess.DEVNULL, stderr=stderr,
                ))  # fmt: skip
        for region in lab.layout.regions:
            wait(lambda region=region: told(site, region, "watching", since), "it to watch")  # type: ignore[misc]
            site.fault(faults.kill, f"controller/{region}")  # not before: a writer does not outlive its controller
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


# In order: started, leased, then announced and done of: recheck, proven, close-route, freeze, fast-forward, promote,
# open-route, mark, ... That a step is done is written with what is announced next.
@pytest.mark.parametrize(("number", "when"), [
    pytest.param(13, "after", id="promotion announced"),
    *(pytest.param(number, "after", marks=pytest.mark.slow) for number in (3, 5, 7, 9, 11, 15, 17)),
    *(pytest.param(number, "before", marks=pytest.mark.slow) for number in (1, 8, 10, 12, 14, 16, 18)),
])  # fmt: skip
def test_another_controller_finishes_what_a_dead_leader_began(site: Site, number: int, when: str) -> None:
    wait(lambda: len(watching(site)) == 3, "all controllers to watch")
    prepared(site, TRADING)
    with dying(site, number, when) as controllers:
        wait(lambda: len(watching(site)) == 3, "all controllers to watch")
        source = prepared(site, TRADING)
        with site.clients(TRADING, pinned=True) as ledger:
            since = time.time()
            site.fault(faults.kill, f"{TRADING}/{source}")
            died = came(lambda: any(each.poll() == -9 for each in controllers), AGAIN_S)
            assert died, f"the leader lives on: {what_they_did(site, TRADING, since)}"
            moved_on = came(lambda: site.writer(TRADING) not in (None, source), AGAIN_S)
            assert moved_on, f"nobody finished it: {what_they_did(site, TRADING, since)}"
            ledger.wait_for_writes(f"{TRADING}/route", time.monotonic(), 20, 60)
            one_writer(ledger, TRADING)
        wait(lambda: all(run.outcome is not RunOutcome.OPEN for run in site.runs()), "every run to end", AGAIN_S)
        runs = unasked(site, TRADING, since)
        assert sum(run.outcome is RunOutcome.DONE for run in runs) == 1, runs
        leases = [entry for run in runs for entry in site.entries(run.id) if entry.event is Event.LEASED]
        assert len(leases) >= 2 or number == 1
    site.record_is_sound()


# -- what is no failure


def test_what_happens_to_etcd_moves_no_writer(site: Site) -> None:
    """Its leader is lost and another is elected; then all of it is gone for a while."""
    source = prepared(site, TRADING)
    with site.clients(TRADING, pinned=True) as ledger:
        since = time.time()
        wait(lambda: etcd_leader(site) not in ("", source), "the leader of etcd to stand elsewhere")
        leader = etcd_leader(site)
        site.fault(faults.kill, f"etcd/{leader}")
        wait(lambda: etcd_leader(site) not in ("", leader), "another leader of etcd")
        time.sleep(LEASE_S)  # the fault's own length: longer than any lease
        unmoved(site, TRADING, source, since)
        path = ledger.paths[f"{TRADING}/route"]
        gap = path.longest_gap(path.acked_between(0.0, time.monotonic())[0].at, time.monotonic())
        print(f"leader of etcd killed: longest gap {gap:.2f} s")
        site.fault(faults.restart, f"etcd/{leader}")
        for region in site.lab.regions:
            site.fault(faults.freeze, f"etcd/{region}")
        time.sleep(LEASE_S + 2.0)  # likewise
        site.fault(faults.heal)
        wait(lambda: extended(site, TRADING), "the writer's lease")
        ledger.wait_for_writes(f"{TRADING}/route", time.monotonic(), 20, 30)
        unmoved(site, TRADING, source, since)
        assert set(one_writer(ledger, TRADING)) == {source}


def test_an_observer_that_is_cut_off_moves_no_writer(site: Site) -> None:
    source = prepared(site, TRADING)
    other = next(region for region in site.lab.regions if region != source)
    since = time.time()
    site.fault(faults.link, other, source, "drop")
    site.fault(faults.link, source, other, "drop")
    time.sleep(LEASE_S)  # the fault's own length
    unmoved(site, TRADING, source, since)


@pytest.mark.slow
def test_a_region_without_a_writer_may_be_cut_off(site: Site) -> None:
    source = prepared(site, TRADING)
    other = next(region for region in site.lab.regions if region != source)
    since = time.time()
    site.fault(faults.isolate, other)
    time.sleep(2 * LEASE_S)  # the fault's own length
    unmoved(site, TRADING, source, since)


@pytest.mark.slow
def test_a_controller_that_is_restarted_in_time_goes_on(site: Site) -> None:
    source = prepared(site, TRADING)
    since = time.time()
    with site.store() as store:
        before = store.record(Grant.KIND, TRADING)
    site.fault(faults.kill, f"controller/{source}")
    site.fault(faults.restart, f"controller/{source}")
    wait(lambda: told(site, source, "watching", since), "it to watch again")
    in_time = time.time() - since < LEASE_S - 2 * MARGIN_S  # on a machine that is not too busy for it
    time.sleep(LEASE_S)  # longer than what its guard had left
    unmoved(site, TRADING, source, since)
    with site.store() as store:
        assert not in_time or store.record(Grant.KIND, TRADING) == before


# -- what an operator does beside them


def test_operators_commands_work_as_on_one_machine(site: Site) -> None:
    """That a planned move does, every test proves that arms a cluster: its drill is two of them."""
    prepared(site, TRADING)
    assert site.ok("status")["clusters"]
    assert site.ok("runs", "list")["runs"]
    doctor = ended(site.start("doctor"))
    assert [each["name"] for each in doctor.document["examined"] if each["group"] == "store"], doctor
