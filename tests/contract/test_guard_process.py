"""The guard as a process, on real servers: what its clients see at the end, who may hold it up, what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import redis

from qx.adapters.node.command import CommandNode
from qx.adapters.node.local import LocalNode
from qx.kernel.errors import QxError
from qx.model.control import Term
from qx.model.platform import CommandControl
from tests.fixtures_guards import RealRig, connect, gone, kept, term, until
from tests.fixtures_nodes import PgSite, RedisSite, Sites, alive, refused
from tests.fixtures_servers import as_other_user, wait_until

T = 30.0
ARRIVES_S = 4.0  # a term of so long arrives before it ends, of a busy machine too: a `qx node` is started for it
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.integration


@pytest.fixture
def driver() -> str:
    return "local"


@pytest.fixture
def rig(site: PgSite | RedisSite) -> RealRig:
    return RealRig(site)


@pytest.fixture
def pg_rig(sites: Sites, pg_major: int) -> RealRig:
    return RealRig(sites.postgres(pg_major))


class Writer(threading.Thread):
    """A client pinned to the server: writes as fast as it is acknowledged. `acked`: when, by CLOCK_BOOTTIME."""

    def __init__(self, rig: RealRig) -> None:
        super().__init__(daemon=True)
        self.acked: list[float] = []
        self._rig = rig

    def run(self) -> None:
        with contextlib.suppress(psycopg.Error, redis.RedisError):
            for write in self._writes():
                write()
                self.acked.append(self._rig.elapsed)

    def _writes(self) -> Iterator[Any]:
        site = self._rig.site
        if isinstance(site, PgSite):
            with site.node.connect() as session:
                session.execute("CREATE TABLE IF NOT EXISTS acks (at timestamptz)")
                while True:
                    yield lambda: session.execute("INSERT INTO acks VALUES (now())")
        else:
            with redis.Redis(port=site.node.port) as client:
                while True:
                    yield lambda: client.incr("acks")

    def writing(self) -> Writer:
        self.start()
        wait_until(lambda: len(self.acked) > 20, "it writes")
        return self


# -- the end of a server, as its clients see it


def test_a_busy_server_is_gone_soon_after_the_deadline(rig: RealRig) -> None:
    async def story() -> None:
        await rig.control.start(1, "writer", T)
        writer = await asyncio.to_thread(Writer(rig).writing)
        given = term(rig, ARRIVES_S, margin=3.0)
        await rig.control.extend(1, given, T)
        deadline = kept(rig, given)
        took = await gone(rig) - given.until
        assert rig.elapsed > deadline
        print(f"\n{rig.site.kind}: gone {took * 1000:.0f} ms after the deadline; last acknowledgement "
              f"{(writer.acked[-1] - given.until) * 1000:+.0f} ms")
        assert took < given.margin / 2 + 1.0
        assert writer.acked[-1] < given.until + given.margin / 2

    rig.run(story())


@pytest.mark.parametrize("late", [0.3, 3.0], ids=["before-the-kill", "after-the-kill"])
def test_what_a_pinned_client_is_told_after_all_woke(rig: RealRig, late: float) -> None:
    async def story() -> None:
        await rig.control.start(1, "writer", T)
        writer = await asyncio.to_thread(Writer(rig).writing)
        given = term(rig, ARRIVES_S, margin=5.0)
        await rig.control.extend(1, given, T)
        rig.freeze(guard=True)
        await rig.sleep(given.until + late - rig.elapsed)
        begun = rig.elapsed
        rig.thaw()
        woken = rig.elapsed  # from here on the guard is not stopped any more
        took = await gone(rig) - woken
        stale = [at - woken for at in writer.acked if at > woken]
        last = f", the last after {stale[-1] * 1000:.0f} ms" if stale else ""
        print(f"\n{rig.site.kind}: gone {took * 1000:.0f} ms after all woke ({(woken - begun) * 1000:.1f} ms); "
              f"{len(stale)} acknowledged meanwhile{last}")
        assert took <= 0.5
        assert all(after <= 0.5 for after in stale)

    rig.run(story())


def test_what_is_paused_acknowledges_nothing_any_more(rig: RealRig) -> None:
    """But what it was about to say: a client waits for each answer before it asks again."""

    async def story() -> None:
        await rig.control.start(1, "writer", T)
        writer = await asyncio.to_thread(Writer(rig).writing)
        given = term(rig, ARRIVES_S, margin=3.0)
        await rig.control.extend(1, msgspec.structs.replace(given, paused=True), T)
        paused = rig.elapsed
        deadline = kept(rig, given)
        await gone(rig)
        assert rig.elapsed > deadline
        assert len([at for at in writer.acked if at > paused]) <= 1

    rig.run(story())


def test_a_pause_that_ends_loses_nobody(rig: RealRig) -> None:
    """Its sessions go on as if nothing had been."""

    async def story() -> None:
        await rig.control.start(1, "writer", T)
        writer = await asyncio.to_thread(Writer(rig).writing)
        await rig.control.extend(1, msgspec.structs.replace(term(rig, 30.0), paused=True), T)
        await rig.sleep(0.7)
        before = len(writer.acked)
        await rig.control.extend(1, term(rig, 30.0), T)
        await asyncio.to_thread(wait_until, lambda: len(writer.acked) > before + 20, "it writes on")

    rig.run(story())


def test_when_the_main_process_dies_its_children_do(pg_rig: RealRig) -> None:
    """Backends of a killed postmaster would go on until they look for it: a query that computes does not look."""

    async def story() -> None:
        await pg_rig.control.start(1, "writer", T)
        site = pg_rig.site
        assert isinstance(site, PgSite)
        busy: list[int] = []
        threading.Thread(target=_compute, args=(site, busy), daemon=True).start()
        wait_until(lambda: busy and "R" in _stat(busy[0])[0], "it computes")
        crashed = pg_rig.elapsed
        pg_rig.crash()
        assert await gone(pg_rig) - crashed < 5.0

    pg_rig.run(story())


def _compute(site: PgSite, pid: list[int]) -> None:
    """A session that never looks up; ends with its server."""
    with contextlib.suppress(psycopg.Error), site.node.connect() as session:
        pid += session.execute("SELECT pg_backend_pid()").fetchall()[0]
        session.execute("DO $$ BEGIN LOOP NULL; END LOOP; END $$")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def test_a_killed_guard_takes_a_frozen_server_with_it_when_it_wakes(rig: RealRig) -> None:
    async def story() -> None:
        await rig.control.start(1, "writer", T)
        rig.freeze(guard=False)
        rig.kill_guard()
        rig.thaw()
        await gone(rig)

    rig.run(story())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is not installed")
@pytest.mark.parametrize("prefix", ["namespace", "account"])
def test_the_parent_death_signal_survives_the_prefix(sites: Sites, redis_program: str, prefix: str) -> None:
    """A change of uid clears it. Of Redis, as the account may not be able to reach this PostgreSQL."""
    site = sites.redis(redis_program)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    run_as = as_other_user() if prefix == "namespace" else nobody
    own: dict[str, Any] = {"run_as": run_as}
    if prefix == "account":
        program = Path("/usr/bin/redis-server")
        if not program.exists():
            pytest.skip("no server stands where that account can reach it")
        own |= {"bin_dir": str(program.parent)}
        site.home.chmod(0o755)
        for above in site.home.parents[:-2]:  # below /tmp
            above.chmod(0o755)
        for path in (site.home, *site.home.rglob("*")):
            os.chown(path, 65534, 65534)
    site.settings = msgspec.structs.replace(site.settings, **own)
    rig = RealRig(site)

    async def story() -> None:
        seen = await rig.control.start(1, "writer", T)
        assert seen.guard
        assert _owner(rig.main) == (65534 if prefix == "account" else 0)
        rig.kill_guard()
        await gone(rig)

    rig.run(story())


def test_a_prefix_that_stays_in_between_is_no_guard(sites: Sites, redis_program: str) -> None:
    """As sudo does: the server would outlive its guard, so no term is promised, and with one it is not left running."""
    site = sites.redis(redis_program)
    stays = site.home / "stays"
    stays.write_text('#!/bin/sh\n"$@" &\ntrap "" QUIT\nwait\n')
    stays.chmod(0o755)
    site.settings = msgspec.structs.replace(site.settings, run_as=(str(stays),))
    rig = RealRig(site)

    async def story() -> None:
        assert (await rig.control.start(1, "writer", T)).guard == ""
        await refused("QX-NODE-011", rig.control.extend(1, term(rig, 60.0), T))
        await rig.control.stop(1, "kill", T)
        await refused("QX-NODE-011", rig.control.start(1, "writer", T, term(rig, 60.0)))
        assert not rig.runs

    rig.run(story())


# -- the process


def test_it_is_gone_after_a_stop(rig: RealRig) -> None:
    async def story() -> None:
        for mode in ("clean", "kill"):
            await rig.control.start(1, "writer", T)
            guard = rig.guard
            assert _named(guard) == "qx-guard"
            assert guard not in rig.site.pids()
            await rig.control.stop(1, mode, T)
            assert not alive(guard)
        assert not os.access(rig.socket, os.F_OK)

    rig.run(story())


def test_sigterm_to_it_is_a_clean_stop(rig: RealRig) -> None:
    """As a machine that shuts down does to everybody."""

    async def story() -> None:
        await rig.control.start(1, "writer", T)
        os.kill(rig.guard, signal.SIGTERM)
        await gone(rig)
        assert (await until(rig, lambda control: control.exited != "")).exited == "clean"

    rig.run(story())


def test_nobody_can_hold_it_up(rig: RealRig) -> None:
    """Clients that hang, chatter or shout; its memory stays as it is; and the deadline is kept."""

    async def story() -> None:
        await rig.control.start(1, "writer", T)
        guard, path = rig.guard, rig.socket
        assert _mode(path) == 0o600
        await asyncio.to_thread(_chatter, path, 500)
        before = _rss(guard)
        hung = [connect(path) for _ in range(40)]
        for link in hung[-10:]:
            link.send(b'{"do": "sta')
        with connect(path) as deaf:
            for _ in range(200):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    deaf.setblocking(False)
                    deaf.send(b'{"do": "status"}\n' * 100)
        with connect(path) as shouting, contextlib.suppress(ConnectionError):
            shouting.sendall(b"x" * (1 << 20))
        forever = b'{"do": "extend", "epoch": %s, "sent": 0, "deadline": %s, "margin": %s}\n'
        absurd = [forever % values for values in ((b"Infinity", b"9", b"1"), (b"1", b"1e300", b"1"),
                                                  (b"1", b"NaN", b"1"), (b"1", b"1" * 400, b"1"))]  # fmt: skip
        shapes = (b"[]\n", b"null\n", b"{}\n", b"\xff\xfe\n", b"[" * 4000 + b"\n", b'{"do": "extend"}\n')
        for nonsense in (*absurd, *shapes):
            with connect(path) as link:
                link.sendall(nonsense)
                assert json.loads(link.makefile().readline())["is"] == "denied"
        await asyncio.to_thread(_chatter, path, 3000)
        after = _rss(guard)
        print(f"\n{rig.site.kind}: guard {after / 1024:.1f} MB, {after - before:+d} kB after 3000 more questions")
        assert after < 20_000
        assert after - before < 512
        given = term(rig, ARRIVES_S, margin=4.0)
        await rig.control.extend(1, given, T)
        with connect(path) as link:
            while rig.elapsed < given.until:
                with contextlib.suppress(ConnectionError):
                    link.send(b"\n")
            seen = await gone(rig)
        assert seen - given.until < 1.0
        for link in hung:
            link.close()

    rig.run(story())


def _chatter(path: Path, count: int) -> None:
    with connect(path) as link, link.makefile() as answers:
        for _ in range(count):
            link.sendall(b'{"do": "status"}\n')
            assert json.loads(answers.readline())["is"] == "told"


def _owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _named(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


def _rss(pid: int) -> int:
    """kB"""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_a_second_guard_does_not_take_the_first_ones_place(rig: RealRig) -> None:
    async def story() -> None:
        seen = await rig.control.start(1, "writer", T)
        argv = [sys.executable, "-m", "qx.adapters.guard", "--socket", str(rig.socket), "--memory",
                str(rig.socket.with_suffix(".json")), "--program", "true", "--", "true"]  # fmt: skip
        second = await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, capture_output=True, timeout=T, check=False)
        assert second.returncode == 75, second.stderr
        assert (await rig.control.inspect(T)).guard == seen.guard

    rig.run(story())


def test_a_server_that_does_not_start_says_why(rig: RealRig) -> None:
    async def story() -> None:
        why = rig.site.break_settings()
        error = await refused("QX-NODE-004", rig.control.start(1, "writer", T))
        assert why in error.message

    rig.run(story())


def test_its_environment_is_not_the_servers(rig: RealRig) -> None:
    async def story() -> None:
        await rig.control.start(1, "writer", T)
        assert "PYTHON" not in _environment(rig.main)

    rig.run(story())


# -- over another machine


def test_a_term_is_dated_before_it_was_sent_however_slow_the_way(sites: Sites, redis_program: str) -> None:
    """Hello, request and answer are held up for a second each: none of that lengthens the term."""
    rig = RealRig(sites.redis(redis_program))
    file = rig.site.home / "control.json"
    file.write_text(json.dumps(msgspec.to_builtins(rig.settings)))
    slow = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "hello = p.stdout.readline(); time.sleep(1); sys.stdout.buffer.write(hello); sys.stdout.flush()\n"
        "asked = sys.stdin.buffer.readline(); time.sleep(1); p.stdin.write(asked); p.stdin.flush()\n"
        "answer = p.stdout.readline(); time.sleep(1); sys.stdout.buffer.write(answer)\n"
    )
    argv = (sys.executable, "-c", slow, sys.executable, "-m", "qx", "node", "--settings", str(file))
    far = CommandNode(CommandControl(argv=argv), "redis", "trading", "eu-west")

    async def story() -> None:
        near = LocalNode(rig.settings, "redis", "trading", "eu-west")
        await near.start(1, "writer", T)
        given = Term(sent=rig.elapsed, ttl=31.0, margin=1.0)
        await far.extend(1, given, T)
        left = (await near.inspect(T)).guard_left_s
        assert left is not None
        print(f"\ndated {given.until - rig.elapsed - left:.2f} s before the truth, the way took 3 s")
        assert 0.9 <= given.until - rig.elapsed - left < 5.0
        assert time.clock_gettime(time.CLOCK_BOOTTIME) - given.sent > 3.0

    rig.run(story())


async def test_a_far_end_without_a_guard_says_so(sites: Sites, redis_program: str) -> None:
    site = sites.redis(redis_program)
    site.driver = "command"
    await site.control.start(1, "writer", T)
    with pytest.raises(QxError) as caught:
        await site.control.extend(1, Term(sent=time.clock_gettime(time.CLOCK_BOOTTIME), ttl=5, margin=1), T)
    assert caught.value.code == "QX-NODE-011"
