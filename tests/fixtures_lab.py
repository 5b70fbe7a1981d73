"""A real three-region lab for tests, the commands that an operator would type at it, and clients that keep a ledger.

A test finds the lab calm: every server runs and follows the writer, wherever that stands (`site.way`), every link
passes, no run is open. It may leave the lab in any state that `heal`, `runs resume` and `rejoin` bring to rest: one
that they do not is an error of the test that left it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
import redis

from qx.adapters.node.processes import Pid
from qx.app.observe import look
from qx.app.workbench import Workbench
from qx.engine.chain import verify, verify_runs
from qx.failover.openruns import UNENDED
from qx.lab import faults
from qx.lab.config import dsn
from qx.lab.down import down
from qx.lab.lab import locked, running
from qx.lab.ledger import Ledger, prepare_postgres, stored
from qx.lab.ledger import Path as Client
from qx.lab.pids import frozen
from qx.lab.status import status
from qx.lab.up import Wish, up
from qx.model.standing import Witness
from qx.model.topology import Cause, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qx.adapters.etcd.store import EtcdStore
    from qx.adapters.sqlite.store import SqliteStore
    from qx.lab.layout import NodeLayout
    from qx.lab.status import LabStatus
    from qx.model.journal import Entry, Run
    from qx.model.topology import ClusterView, Topology

RATE, WORKERS, PINNED_RATE = 200.0, 4, 20.0
PATIENCE_S = 40.0
TIRED_RUNS = 50  # each left a timeline behind, and a rewind copies the WAL of all of them
SETTLE_S = 6.0  # a standby notices within 5 s that its upstream went silent
HOME, AWAY, THIRD = "us-east", "eu-west", "ap-southeast"
TRADING, SESSIONS = "trading", "sessions"
ROOT = Path(__file__).parents[1]


class Said(NamedTuple):
    """What a command said, and how long it took."""

    exit: int
    document: dict[str, Any]
    stderr: str
    took: float = 0.0


class Way(NamedTuple):
    """A move: from where the writer stands, to where, and who else follows."""

    source: str
    target: str
    sibling: str


class Site:
    """One lab and its operator."""

    def __init__(self, directory: Path, wish: Wish) -> None:
        self.directory, self.wish = directory, wish
        lab = up(directory, wish, lambda _: None)
        self.nodes = lab.layout.nodes
        self.kinds = {node.cluster: node.kind for node in self.nodes}
        self.env = {
            **os.environ,
            "QX_CONFIG": str(lab.config),
            "XDG_STATE_HOME": str(directory.parent / "state"),
            "PYTHONPATH": str(ROOT),
            "QX_TEST_FABRIC": str(lab.fabric_socket),
        }
        self.platform = Workbench(self.env).platform
        self._started: list[subprocess.Popen[str]] = []

    # -- what stands there, asked past qx and past the lab's network

    @property
    def lab(self) -> LabStatus:
        return status(running(self.directory))

    def node(self, cluster: str, region: str) -> NodeLayout:
        return next(n for n in self.nodes if (n.cluster, n.region) == (cluster, region))

    def dsn(self, cluster: str, region: str) -> str:
        """Straight to the server."""
        node = self.node(cluster, region)
        return dsn(node, node.port)

    def route(self, cluster: str) -> str:
        return next(route.dsn for route in self.lab.routes if route.cluster == cluster)

    def leads_to(self, cluster: str) -> str | None:
        """The region that the cluster's route sends clients to; None: it is closed."""
        target = next(route.target for route in self.lab.routes if route.cluster == cluster)
        nodes = self.platform.clusters[cluster].nodes
        return next((region for region, node in nodes.items() if target and target in node.url), None)

    def writers(self, cluster: str) -> list[str]:
        """Every region whose server takes writes at one and the same time."""
        found = [n.region for n in self.nodes if n.cluster == cluster and writes(n.kind, dsn(n, n.port))]
        if len(found) < 2:
            return found
        return [r for r in found[:-1] if writes(self.kinds[cluster], self.dsn(cluster, r))] + found[-1:]

    def writer(self, cluster: str) -> str | None:
        """The one region whose server takes writes; AssertionError when there are several."""
        found = self.writers(cluster)
        assert len(found) <= 1, f"{cluster}: several writers: {found}"
        return found[0] if found else None

    def way(self, cluster: str = "") -> Way:
        """From the present writer to the next region. Without a cluster: of both, which are brought together first."""
        if not cluster:
            self._bring_together()
        cluster = cluster or TRADING
        regions = [node.region for node in self.nodes if node.cluster == cluster]
        at = regions.index(self.writer(cluster) or regions[0])
        source, target, *others = regions[at:] + regions[:at]
        return Way(source, target, others[0])

    # -- commands

    def spawn(self, *words: str, fault: str = "", env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """`fault`: of tests.fault.entry, inside that very process."""
        program = ["tests.fault.entry", fault] if fault else ["qx"]
        process = subprocess.Popen(
            [sys.executable, "-m", *program, *words],
            env=self.env | (env or {}), cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def qx(self, *words: str, timeout: float = 120, **how: Any) -> Said:
        """A command with -o json, as a process of its own."""
        began = time.monotonic()
        return ended(self.spawn(*words, "-o", "json", **how), timeout, began)

    def ok(self, *words: str, **how: Any) -> dict[str, Any]:
        said = self.qx(*words, **how)
        assert said.exit == 0, f"qx {' '.join(words)} ended with {said.exit}: {said.document} {said.stderr}"
        return said.document

    def fault(self, act: Callable[..., object], *words: str, **options: Any) -> None:
        """One of qx.lab.faults."""
        with locked(self.directory):
            act(running(self.directory), *words, **options)

    def start(self, *words: str, fault: str = "") -> subprocess.Popen[str]:
        """A command with -o json that the test goes on beside; `ended` waits for it."""
        return self.spawn(*words, "-o", "json", fault=fault)

    def end(self) -> None:
        """Of every command that a test started and did not wait for."""
        while self._started:
            process = self._started.pop()
            if process.poll() is None:
                process.kill()
                process.communicate()

    # -- what qx knows

    @contextmanager
    def store(self) -> Iterator[SqliteStore | EtcdStore]:
        with Workbench(self.env).store as store:
            yield store

    def runs(self) -> tuple[Run, ...]:
        """The latest first."""
        with self.store() as store:
            return store.runs()

    def entries(self, run: str) -> tuple[Entry, ...]:
        with self.store() as store:
            return tuple(chained.entry for chained in store.entries(run))

    def record_is_sound(self) -> None:
        with self.store() as store:
            chain = store.chain()
            assert not verify(chain)
            assert not verify_runs(chain, store.runs(10_000), store.plan)

    def seen(self) -> Topology:
        async def go() -> Topology:
            bench = Workbench(self.env)
            try:
                return (await look(bench)).topology
            finally:
                await bench.close()

        return asyncio.run(go())

    # -- calm

    def is_calm(self) -> bool:
        return all(self._follows(view) for view in self.seen().clusters.values())

    def _follows(self, view: ClusterView) -> bool:
        others = [node for region, node in view.nodes.items() if region != view.writer]
        following = all(n.role is Role.REPLICA and n.streaming and n.upstream == view.writer for n in others)
        return view.verdict is Verdict.HEALTHY and following and self.leads_to(view.name) == view.writer

    def _will_settle(self) -> bool:
        """Whether everyone may yet follow unasked: all run, and none has gone its own way."""
        nodes = [node for view in self.seen().clusters.values() for node in view.nodes.values()]
        return all(
            n.role is Role.WRITER or (n.role is Role.REPLICA and n.upstream and n.cause is not Cause.REPLICA_DIVERGED)
            for n in nodes
        )

    def calm(self) -> None:
        self.fault(faults.heal)
        came(self._is_controlled, PATIENCE_S)
        for run in self.runs():
            if run.outcome in UNENDED:
                self.qx("runs", "resume", run.id)
        came(lambda: self.is_calm() or not self._will_settle(), SETTLE_S)
        if not self.is_calm():
            wait(self._rejoined, "the cluster to be free")
            wait(self.is_calm, f"everyone to follow: {self.seen()}")

    def _rejoined(self) -> bool:
        """Not while a controller holds the cluster, to give its writer a lease, or a writer is still coming up."""
        said = self.qx("rejoin", "--yes", timeout=180)
        assert said.exit in (0, 4, 9), said
        return said.exit == 0

    def _is_controlled(self) -> bool:
        """Whether every region has its controller, where each is to have one."""
        if not self.wish.controllers:
            return True
        with self.store() as store:
            return {each.key for each in store.records(Witness.KIND)} == set(self.platform.regions)

    def _bring_together(self) -> None:
        where = self.writer(TRADING)
        if self.writer(SESSIONS) != where:
            self.ok("failover", "--to", str(where), "--cluster", SESSIONS, "--yes")

    # -- clients

    @contextmanager
    def clients(self, *clusters: str, pinned: bool = False, rate: float = RATE) -> Iterator[Ledger]:
        """Through the routes of `clusters` (none: of all), from an empty ledger on; `pinned`: and at each server."""
        chosen = {name: kind for name, kind in self.kinds.items() if not clusters or name in clusters}
        paths = []
        for name, kind in chosen.items():
            forget(kind, self.route(name))
            paths.append(Client(f"{name}/route", kind, self.route(name), rate, WORKERS))
        if pinned:
            mine = [node for node in self.nodes if node.cluster in chosen]
            paths += [Client(n.name, n.kind, dsn(n, n.port), PINNED_RATE, 1) for n in mine]
        with Ledger(paths) as ledger:
            for name in chosen:
                ledger.wait_for_writes(f"{name}/route", 0.0, 20, PATIENCE_S)
            yield ledger

    def lost(self, ledger: Ledger, cluster: str) -> set[int]:
        """Acknowledged through the route until now, and not at the present writer."""
        until, path = time.monotonic(), ledger.paths[f"{cluster}/route"]
        writer = self.writer(cluster)
        assert writer is not None, f"{cluster}: nobody writes"
        held = stored(path.kind, self.dsn(cluster, writer), path.name)
        return {ack.seq for ack in path.acked_between(0.0, until)} - held

    def serves(self, ledger: Ledger, cluster: str, writer: str, *, lossless: bool = True) -> None:
        """Clients write again; only `writer` takes writes, only there the route leads, nothing acknowledged is gone."""
        ledger.wait_for_writes(f"{cluster}/route", time.monotonic(), 20, PATIENCE_S)
        assert self.writer(cluster) == writer
        assert self.leads_to(cluster) == writer
        assert not lossless or not self.lost(ledger, cluster)


def wait(condition: Callable[[], object], what: str, patience: float = PATIENCE_S) -> None:
    assert came(condition, patience), f"waited {patience:.0f} s in vain for {what}"


def came(condition: Callable[[], object], patience: float) -> bool:
    """Whether it holds now, or within `patience` seconds. What is long to ask is asked less often: the servers that are
    waited for need the processor.
    """
    until = time.monotonic() + patience
    while True:
        began = time.monotonic()
        if condition():
            return True
        asked = time.monotonic()
        if asked > until:
            return False
        time.sleep(min(0.5, max(0.02, 2 * (asked - began))))


def stands_still(process: subprocess.Popen[str]) -> bool:
    """Whether it was stopped by a signal. It must not have ended."""
    assert process.poll() is None, f"it ended: {process.communicate()}"
    return frozen(Pid(process.pid, 0))


def ended(process: subprocess.Popen[str], timeout: float = 120, began: float = 0.0) -> Said:
    """What a started command said in the end."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    try:
        document = json.loads(out) if out.strip() else {}
    except json.JSONDecodeError as error:
        raise AssertionError(f"no JSON document: {out!r} {err!r}") from error
    return Said(process.returncode, document, err, time.monotonic() - began)


def forget(kind: str, address: str) -> None:
    """Empties the ledger, so that what an earlier test wrote cannot stand for what this one lost."""
    if kind == "postgresql":
        prepare_postgres(address)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("TRUNCATE qx_ledger")
        return
    with redis.Redis.from_url(address, socket_timeout=5) as client:
        for key in client.scan_iter("qx_ledger:*"):
            client.delete(key)


def writes(kind: str, address: str) -> bool:
    try:
        if kind == "postgresql":
            with psycopg.connect(address, connect_timeout=2, autocommit=True) as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        with redis.Redis.from_url(address, socket_timeout=2) as client:
            role = client.execute_command("ROLE")
            return bool(role[0] == b"master")
    except (psycopg.OperationalError, redis.RedisError):
        return False


class _Standing:
    """The session's lab, one at a time; one that a test left beyond repair is replaced."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._site: Site | None = None

    def site(self, wish: Wish) -> Site:
        if self._site is not None and (self._site.wish != wish or len(self._site.runs()) >= TIRED_RUNS):
            self.end()
        if self._site is None:
            self._site = Site(self._factory.mktemp("site") / "lab", wish)
        return self._site

    def end(self) -> None:
        if self._site is not None:
            down(self._site.directory)
            self._site = None


@pytest.fixture(scope="session")
def standing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Standing]:
    standing = _Standing(tmp_path_factory)
    yield standing
    standing.end()


@pytest.fixture
def site(standing_site: _Standing, request: pytest.FixtureRequest) -> Iterator[Site]:
    """`@pytest.mark.parametrize("site", [Wish(...)], indirect=True)` chooses other servers."""
    found = standing_site.site(getattr(request, "param", Wish(regions=3)))
    yield found
    found.end()
    try:
        found.calm()
    except BaseException:
        standing_site.end()
        raise
