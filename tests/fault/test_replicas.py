"""Replicas that hang, diverge, cascade or cannot be rewound: none of them holds up a move, all of them come back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from qx.adapters.node.files import discard
from qx.app.workbench import Workbench
from qx.failover.links import conninfo, slot_name
from qx.kernel.errors import Refused
from qx.lab import faults, servers
from qx.model.journal import Event
from tests.fixtures_lab import SESSIONS, TRADING, Site, ended, wait

if TYPE_CHECKING:
    from qx.lab.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.integration]

BUDGET_S = 10.0
ACCEPTED = ("--accept-loss", "unknown", "--reason", "a test", "--yes")


@pytest.mark.parametrize("how", ["receiver-frozen", pytest.param("link-cut", marks=pytest.mark.slow)])
@pytest.mark.parametrize("when", ["just-now", pytest.param("for-a-while", marks=pytest.mark.slow)])
def test_a_hung_sibling_does_not_hold_up_the_move(site: Site, how: str, when: str) -> None:
    """The writer's clean stop waits for every walsender; one that hangs must not cost more than the budget."""
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        _alter(site, way.source, "wal_sender_timeout", "60s")  # as PostgreSQL has it: no rescue from there
        if how == "receiver-frozen":
            os.kill(_receiver(site, way.sibling), signal.SIGSTOP)  # `heal` wakes it
        else:
            site.fault(faults.link, way.source, way.sibling, mode="drop")
            site.fault(faults.link, way.sibling, way.source, mode="drop")
        if when == "for-a-while":
            wait(lambda: _reply_age(site, way.source, way.sibling) > 3.0, "the sibling to be silent for a while")
        known, began = {run.id for run in site.runs()}, time.monotonic()
        moving = site.start("failover", "--to", way.target, "--cluster", TRADING, "--yes")
        wait(lambda: _turned(site, known), "the writer to have moved, or the move to be undone")
        ledger.wait_for_writes(f"{TRADING}/route", time.monotonic(), 20, 20)
        outage = ledger.paths[f"{TRADING}/route"].longest_gap(began, time.monotonic())
        site.fault(faults.heal)
        said = ended(moving)
        print(f"{how}, {when}: {said.document['outcome']}, write outage {outage:.2f} s")
        assert said.document["outcome"] == "done", said
        assert outage < BUDGET_S
        site.serves(ledger, TRADING, way.target)
    _alter(site, way.source, "wal_sender_timeout", None)


def _turned(site: Site, known: set[str]) -> bool:
    for run in site.runs():
        if run.id not in known:
            ended_acts = [entry for entry in site.entries(run.id) if entry.event in (Event.ENDED, Event.UNDO_ENDED)]
            return any(e.step == f"{TRADING}.open-route" or e.event is Event.UNDO_ENDED for e in ended_acts)
    return False


def test_a_target_that_received_less_fetches_it_from_a_sibling(site: Site) -> None:
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        _strike(site, ledger, way.target)
        run = site.ok("failover", "--to", way.target, "--cluster", TRADING, *ACCEPTED)["run"]
        [fetched] = [e for e in site.entries(run) if e.step == f"{TRADING}.fast-forward" and e.outcome == "DONE"]
        assert fetched.proof["from"] == way.sibling, fetched
        assert fetched.proof["fetched"] > 0
        site.serves(ledger, TRADING, way.target, lossless=False)
    site.fault(faults.heal)


@pytest.mark.slow
def test_a_sibling_that_went_its_own_way_rejoins(site: Site) -> None:
    """It holds more than the one that was promoted, knowingly: it cannot follow, is salvaged and rewound."""
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        site.fault(faults.link, way.sibling, way.target, mode="drop")  # nor can the target fetch it
        _strike(site, ledger, way.target)
        said = site.qx("failover", "--to", way.target, "--cluster", TRADING, *ACCEPTED)
        assert (said.document["outcome"], said.exit) == ("degraded", 3), said
        assert f"{way.sibling} holds" in said.document["error"]["message"], said
        site.serves(ledger, TRADING, way.target, lossless=False)
        site.fault(faults.heal)
        [result] = site.ok("rejoin", "--cluster", TRADING, "--yes")["clusters"]
        measured = {each["node"].rpartition("/")[2]: each for each in result["measured_loss"]}
        assert measured[way.sibling]["diverged"]
        assert 0 < measured[way.sibling]["commits"] <= measured[way.source]["commits"]
        wait(site.is_calm, "everyone to follow")


@pytest.mark.parametrize("lost", ["pg_wal/0*", "*"])
def test_what_cannot_be_rewound_is_cloned(site: Site, lost: str) -> None:
    """Its WAL is gone, or its disk is a new one."""
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        _strike(site, ledger, way.sibling, way.target)
        site.ok("failover", "--to", way.target, "--cluster", TRADING, *ACCEPTED)
        for path in site.node(TRADING, way.source).data_dir.glob(lost):
            discard(path)
        for region in (way.target, way.sibling):  # the links; the dead server would not even start
            site.fault(faults.heal, region)
        run = site.ok("rejoin", way.source, "--cluster", TRADING, "--yes")["run"]
        [resync] = [e for e in site.entries(run) if e.step.startswith(f"{TRADING}.resync") and e.outcome == "DONE"]
        assert resync.proof["method"] == "clone", resync
        site.serves(ledger, TRADING, way.target, lossless=False)
    site.fault(faults.heal)
    wait(site.is_calm, "everyone to follow")


@pytest.mark.parametrize("to", ["above", pytest.param("below", marks=pytest.mark.slow)])
def test_a_cascade_is_parented_anew(site: Site, to: str) -> None:
    """source -> above -> below becomes a star around whichever of the two is made the writer."""
    way = site.way(TRADING)
    above, below = way.target, way.sibling
    _follow(site, below, above)
    with site.clients(TRADING) as ledger:
        target = above if to == "above" else below
        assert site.ok("failover", "--to", target, "--cluster", TRADING, "--yes")["outcome"] == "done"
        site.serves(ledger, TRADING, target)
        wait(site.is_calm, "everyone to follow the writer itself")


def test_a_redis_that_hangs_is_fenced(site: Site) -> None:
    """No process is left, nothing on the start path brings it back as a master."""
    way = site.way(SESSIONS)
    node = site.node(SESSIONS, way.source)
    with site.clients(SESSIONS) as ledger:
        site.fault(faults.freeze, node.name)
        site.ok("failover", "--to", way.target, "--cluster", SESSIONS, *ACCEPTED)
        assert servers.processes(node) == ()
        with site.store() as store:
            epoch = store.rules()[SESSIONS].epoch
        with pytest.raises(Refused) as refusal:
            asyncio.run(Workbench(site.env).controls[SESSIONS, way.source].start(epoch, "writer", 5))
        assert refusal.value.code == "QX-NODE-002"
        assert "\nreplicaof " in node.config_file.read_text()
        site.serves(ledger, SESSIONS, way.target, lossless=False)


def _strike(site: Site, ledger: Ledger, *cut_off: str) -> None:
    """The writer goes on for a while without these regions, then dies."""
    source = site.way(TRADING).source
    for region in cut_off:
        site.fault(faults.link, source, region, mode="drop")
    ledger.wait_for_writes(f"{TRADING}/route", time.monotonic(), 50, 20)
    site.fault(faults.kill, f"{TRADING}/{source}")


def _alter(site: Site, region: str, name: str, value: str | None) -> None:
    """None: as its own file has it."""
    words = f"SET {name} = '{value}'" if value is not None else f"RESET {name}"
    with psycopg.connect(site.dsn(TRADING, region), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM {words}")
        connection.execute("SELECT pg_reload_conf()")


def _receiver(site: Site, region: str) -> int:
    with psycopg.connect(site.dsn(TRADING, region)) as connection:
        row = connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchone()
    assert row is not None
    return int(row[0])


def _reply_age(site: Site, writer: str, region: str) -> float:
    with psycopg.connect(site.dsn(TRADING, writer)) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp() - reply_time) FROM pg_stat_replication"
            " WHERE application_name = %s",
            ("qx_" + region.replace("-", "_"),),
        ).fetchone()
    return float(row[0]) if row else 1e9  # the writer has given it up


def _follow(site: Site, region: str, upstream: str) -> None:
    cluster = site.platform.clusters[TRADING]
    slot = slot_name(cluster, region)
    with psycopg.connect(site.dsn(TRADING, upstream), autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", (slot,))
    _alter(site, region, "primary_conninfo", conninfo(cluster, upstream, region))

    def cascaded() -> bool:
        view = site.seen().clusters[TRADING].nodes[region]
        return view.streaming and view.upstream == upstream

    wait(cascaded, f"{region} to stream from {upstream}")
