"""`qx guard run`: a real server that a supervisor starts under its guard, asked to by qx or by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from qx.adapters.node.deadline import Deadline
from qx.adapters.node.lock import Starting
from tests.fixtures_guards import RealRig, gone, term, until
from tests.fixtures_nodes import PgSite, RedisSite, Sites, alive, refused
from tests.fixtures_servers import Servers, wait_until

T = 30.0
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.integration


@pytest.fixture
def sites(servers: Servers) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(servers, stack, "local")


class Supervised:
    """A node whose control's `start` is a supervisor: it runs `qx guard run` beside itself, and ends at once."""

    def __init__(self, site: PgSite | RedisSite) -> None:
        self.rig = RealRig(site)
        self.file, self.log = site.home / "node.json", site.home / "supervisor.log"
        script = site.home / "supervisor"
        command = f'"{sys.executable}" -m qx guard run --settings "{self.file}"'
        script.write_text(f'#!/bin/sh\ncd {ROOT}\nsetsid {command} </dev/null >>"{self.log}" 2>&1 &\n')
        script.chmod(0o755)
        site.settings = msgspec.structs.replace(site.settings, start=(str(script),))
        self.file.write_text(json.dumps(msgspec.to_builtins(site.settings)))

    def run(self, **env: str) -> subprocess.Popen[str]:
        """As a supervisor does at boot."""
        return subprocess.Popen(
            [sys.executable, "-m", "qx", "guard", "run", "--settings", str(self.file)], cwd=ROOT,
            env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def refusal(self) -> tuple[int, str]:
        """Exit code and words of one that starts nothing."""
        process = self.run()
        try:
            _, said = process.communicate(timeout=T)
        finally:
            process.kill()
        assert not self.rig.runs
        return process.returncode, said


@pytest.fixture
def node(site: PgSite | RedisSite) -> Supervised:
    return Supervised(site)


@pytest.fixture
def quick(sites: Sites, redis_program: str) -> Supervised:
    """Where the kind of server makes no difference."""
    return Supervised(sites.redis(redis_program))


def test_a_start_of_qx_calls_the_supervisor_and_the_server_begins_under_its_term(node: Supervised) -> None:
    rig = node.rig

    async def story() -> None:
        given = term(rig, 20.0)
        seen = await rig.control.start(3, "writer", T, given)
        assert seen.guard
        assert seen.guard_epoch == 3
        assert 0 < (seen.guard_left_s or 0) <= 20.0
        assert alive(rig.guard)
        await rig.control.extend(3, None, T)
        assert (await rig.control.stop(3, "clean", T)).exited == "clean"
        seen = await rig.control.start(4, "writer", T)
        assert (seen.guard_epoch, seen.guard_left_s) == (4, None)
        await rig.control.stop(4, "kill", T)

    rig.run(story())


def test_a_machine_that_boots_brings_no_writer_back(node: Supervised) -> None:
    async def story() -> None:
        await node.rig.control.start(3, "writer", T)
        await node.rig.control.stop(3, "clean", T)
        code, said = node.refusal()
        assert (code, "QX-NODE-012" in said) == (4, True), said
        assert "qx guard start" in said
        assert (await node.rig.control.inspect(T)).exited == "clean"

    node.rig.run(story())


def test_a_replica_is_started_at_any_time(node: Supervised) -> None:
    rig = node.rig

    async def story() -> None:
        await rig.control.start(3, "writer", T)
        await rig.control.stop(3, "clean", T)
        await rig.control.hold(5, "standby", T)
        await rig.control.pin(5, rig.site.upstream, T)
        supervised = node.run()
        try:
            wait_until(rig.site.server.is_ready, "it takes connections")
            seen = await until(rig, lambda control: control.guard != "")
            assert (seen.guard_epoch, seen.guard_left_s) == (5, None)
            assert seen.guard.split("/")[1] == str(supervised.pid), "it becomes the guard, it does not start one"
            assert not rig.site.writes()
            supervised.send_signal(signal.SIGTERM)
            assert supervised.wait(T) == 0
            assert (await until(rig, lambda control: control.exited != "")).exited == "clean"
        finally:
            supervised.kill()
            supervised.communicate()

    rig.run(story())


def test_what_is_held_or_incomplete_is_refused(quick: Supervised) -> None:
    rig = quick.rig

    async def story() -> None:
        await rig.control.hold(5, "standby", T)  # without the pin it would come up as a writer
        assert quick.refusal()[0] == 9
        await rig.control.pin(5, rig.site.upstream, T)
        await rig.control.hold(5, "stop", T)
        code, said = quick.refusal()
        assert (code, "nothing may start" in said) == (9, True), said
        await rig.control.hold(5, "standby", T)
        with rig.site.server.lock.acting(5, "a test", Deadline(T)) as turn:
            turn.remember(incomplete="rewind")
        code, said = quick.refusal()
        assert (code, "rewind was interrupted" in said) == (1, True), said

    rig.run(story())


def test_a_stop_that_comes_between_is_heard(quick: Supervised) -> None:
    """The start that called the supervisor is dead, and a run with a higher epoch has fenced the node, when the guard
    comes up at last.
    """
    rig = quick.rig

    async def story() -> None:
        await rig.control.start(2, "writer", T)
        await rig.control.stop(2, "clean", T)
        server = rig.site.server
        with server.lock.acting(3, "start", Deadline(T)) as turn:
            turn.starts(Starting(3, "writer"))
            allowed = quick.run()
            allowed.send_signal(signal.SIGSTOP)  # somewhere on its way
            turn.remember(epoch=4, held_for="standby")  # what a run that supersedes this one does
            allowed.send_signal(signal.SIGCONT)
            _, said = allowed.communicate(timeout=T)
        assert allowed.returncode == 77, said
        assert "has seen 4" in said
        assert not rig.runs
        assert (await rig.control.inspect(T)).exited == "clean"  # of the server before: this guard was never here

    rig.run(story())


def test_a_start_that_was_killed_allows_nothing(quick: Supervised) -> None:
    """What it wrote stands there, and nobody holds the lock."""
    lock = quick.rig.site.server.lock
    with lock.acting(3, "start", Deadline(T)) as turn:
        turn.starts(Starting(3, "writer"))
        assert lock.starting() == Starting(3, "writer")
        left = Path(f"{quick.rig.settings.data_dir}.qx.lock").read_bytes()
    Path(f"{quick.rig.settings.data_dir}.qx.lock").write_bytes(left)
    assert lock.starting() is None
    assert quick.refusal()[0] == 4


def test_a_server_that_runs_already_is_left_alone(quick: Supervised) -> None:
    rig = quick.rig

    async def story() -> None:
        await rig.control.pin(3, rig.site.upstream, T)
        seen = await rig.control.start(3, "replica", T)
        again = quick.run()
        _, said = again.communicate(timeout=T)
        assert (again.returncode, "QX-NODE-004" in said) == (1, True), said
        assert (await rig.control.inspect(T)).guard == seen.guard

    rig.run(story())


def test_systemd_hears_it_and_the_server_does_not_know(node: Supervised) -> None:
    rig = node.rig
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0qx-test-{os.getpid()}")
        systemd.settimeout(T)
        notify = {"NOTIFY_SOCKET": f"@qx-test-{os.getpid()}", "WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"}

        async def story() -> None:
            await rig.control.pin(3, rig.site.upstream, T)
            supervised = node.run(**notify)
            try:
                assert systemd.recv(4096).startswith(b"READY=1")
                began = rig.elapsed
                for _ in range(10):
                    assert systemd.recv(4096) == b"WATCHDOG=1"
                assert rig.elapsed - began >= 1.5  # twice within its time, not more
                wait_until(rig.site.server.is_ready, "it takes connections")
                assert not [name for name in ("NOTIFY_SOCKET", "WATCHDOG", "PYTHONPATH") if name in environment(rig)]
                await rig.control.stop(3, "clean", T)
                assert supervised.wait(T) == 0
            finally:
                supervised.kill()
                supervised.communicate()

        rig.run(story())


def environment(rig: RealRig) -> str:
    return Path(f"/proc/{rig.main}/environ").read_text()


def test_a_killed_guard_takes_the_supervised_server_with_it(node: Supervised) -> None:
    rig = node.rig

    async def story() -> None:
        await rig.control.start(3, "writer", T)
        rig.kill_guard()
        await gone(rig)

    rig.run(story())


def test_settings_without_a_guard_are_refused(quick: Supervised) -> None:
    told = json.loads(quick.file.read_text()) | {"guard": False}
    quick.file.write_text(json.dumps(told))
    code, said = quick.refusal()
    assert (code, "QX-CFG-008" in said) == (2, True), said


def test_a_supervisor_that_fails_is_told_with_its_words(quick: Supervised) -> None:
    Path(quick.rig.settings.start[0]).write_text("#!/bin/sh\necho 'no such unit' >&2; exit 5\n")
    error = asyncio.run(refused("QX-NODE-004", quick.rig.control.start(3, "writer", T)))
    assert "no such unit" in error.message
