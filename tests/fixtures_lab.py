"""A real three-region lab for tests, the commands that an operator would type at it, and clients that keep a ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
import redis

from qx.lab.down import down
from qx.lab.ledger import Ledger, prepare_postgres, stored
from qx.lab.ledger import Path as Client
from qx.lab.status import LabStatus, status
from qx.lab.up import Wish, up

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE, WORKERS, PINNED_RATE = 200.0, 4, 20.0
HOME, AWAY, THIRD = "us-east", "eu-west", "ap-southeast"
ROOT = Path(__file__).parents[1]


class Said(NamedTuple):
    exit: int
    document: dict[str, Any]
    stderr: str


class Site:
    """One lab and its operator."""

    def __init__(self, directory: Path, wish: Wish) -> None:
        self.directory = directory
        up(directory, wish, lambda _: None)
        self.env = {**os.environ, "QX_CONFIG": str(directory / "regions.yaml"), "PYTHONPATH": str(ROOT)}

    @property
    def lab(self) -> LabStatus:
        from qx.lab.lab import running

        return status(running(self.directory))

    def dsn(self, cluster: str, region: str) -> str:
        """Straight to the server, past the lab's network."""
        return next(n.dsn for n in self.lab.nodes if (n.cluster, n.region) == (cluster, region))

    def route(self, cluster: str) -> str:
        return next(route.dsn for route in self.lab.routes if route.cluster == cluster)

    def spawn(self, *words: str, module: str = "qx") -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", module, *words]
        return subprocess.Popen(
            argv, env=self.env, cwd=ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def qx(self, *words: str, module: str = "qx", timeout: float = 120) -> Said:
        """A command with -o json, as a process of its own."""
        process = self.spawn(*words, "-o", "json", module=module)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Said(process.returncode, json.loads(out) if out.strip() else {}, err)

    def ok(self, *words: str, **more: Any) -> dict[str, Any]:
        said = self.qx(*words, **more)
        assert said.exit == 0, f"qx {' '.join(words)} ended with {said.exit}: {said.document} {said.stderr}"
        return said.document

    def fault(self, *words: str) -> None:
        self.ok("lab", "fault", *words, "--dir", str(self.directory))

    def writer(self, cluster: str) -> str | None:
        """The one region whose server takes writes, asked directly; AssertionError when there are several."""
        found = [node.region for node in self.lab.nodes if node.cluster == cluster and writes(node.kind, node.dsn)]
        assert len(found) <= 1, f"{cluster}: several writers: {found}"
        return found[0] if found else None

    def home(self) -> None:
        """Everything healed, everyone following, writers at home: how each test finds the lab."""
        self.fault("heal")
        for run in self.ok("runs", "list")["runs"]:
            if run["outcome"] in ("open", "stuck"):
                self.qx("runs", "resume", run["id"])
        self.ok("rejoin", "--yes", timeout=180)
        self.ok("failback", "--yes")

    @contextmanager
    def clients(self, *, pinned: bool = False, rate: float = RATE) -> Iterator[Ledger]:
        lab = self.lab
        kinds = {node.cluster: node.kind for node in lab.nodes}
        prepare_postgres(self.route("trading"))
        paths = [Client(f"{c}/route", kind, self.route(c), rate, WORKERS) for c, kind in kinds.items()]
        if pinned:
            paths += [Client(f"{n.cluster}/{n.region}", n.kind, n.dsn, PINNED_RATE, 1) for n in lab.nodes]
        with Ledger(paths) as ledger:
            for cluster in kinds:
                ledger.wait_for_writes(f"{cluster}/route", 0.0, 60, 20)
            yield ledger

    def lost(self, ledger: Ledger, cluster: str, until: float) -> set[int]:
        """Acknowledged through the route and not at the present writer."""
        writer = self.writer(cluster)
        assert writer is not None, f"{cluster}: nobody writes"
        path = ledger.paths[f"{cluster}/route"]
        return {ack.seq for ack in path.acked_between(0.0, until)} - stored(path.kind, self.dsn(cluster, writer), path.name)


def writes(kind: str, dsn: str) -> bool:
    try:
        if kind == "postgresql":
            with psycopg.connect(dsn, connect_timeout=2, autocommit=True) as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        with redis.Redis.from_url(dsn, socket_timeout=2) as client:
            role = client.execute_command("ROLE")
            return bool(role[0] == b"master")
    except (psycopg.OperationalError, redis.RedisError):
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    """`@pytest.mark.parametrize("site", [Wish(...)], indirect=True)` chooses other servers."""
    directory = tmp_path_factory.mktemp("site") / "lab"
    try:
        yield Site(directory, getattr(request, "param", Wish(regions=3)))
    finally:
        down(directory)
