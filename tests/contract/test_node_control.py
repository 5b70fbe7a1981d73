"""The contract of NodeControl, for both kinds of servers and both drivers, on real servers: hold, pin, stop, start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qx.adapters.node.deadline import Deadline
from qx.adapters.node.lock import StartLock
from qx.adapters.node.programs import run
from qx.kernel.errors import Refused
from qx.model.control import Control, PgControl, RedisControl
from qx.ports.controls import NodeControl
from tests.fixtures_nodes import PgSite, RedisSite, alive, parent, refused
from tests.fixtures_servers import freeze, wait_until

T = 30.0

pytestmark = pytest.mark.integration


def same(one: Control, other: Control) -> bool:
    """But for the disk, which others fill too."""
    return msgspec.structs.replace(one, free_bytes=0) == msgspec.structs.replace(other, free_bytes=0)


def acts(control: NodeControl, epoch: int, into: Path, upstream: str) -> dict[str, Any]:
    """Every acting verb under that epoch, not yet awaited."""
    return {
        "pin": lambda: control.pin(epoch, upstream, T),
        "unpin": lambda: control.unpin(epoch, T),
        "hold": lambda: control.hold(epoch, "stop", T),
        "stop": lambda: control.stop(epoch, "kill", T),
        "start": lambda: control.start(epoch, "writer", T),
        "extend": lambda: control.extend(epoch, None, T),
        "follow": lambda: control.follow(epoch, upstream, "", T),
        "salvage": lambda: control.salvage(epoch, 1, 1, str(into), 0, T),
        "rewind": lambda: control.rewind(epoch, upstream, T),
        "clone": lambda: control.clone(epoch, upstream, "", T),
    }


# -- stop and start


async def test_it_starts_tells_what_runs_and_stops(site: PgSite | RedisSite) -> None:
    control = site.control
    before = await control.inspect(T)
    assert (before.running, before.pid, before.pids, before.held_epoch, before.held_for) == (False, None, (), 0, "")
    assert before.free_bytes > 0

    running = await control.start(1, "writer", T)
    assert running.running
    assert running.pid in running.pids
    wait_until(lambda: {pid.number for pid in site.server.pids()} == site.pids(), "it knows all of them")
    assert site.writes()

    stopped = await control.stop(1, "clean", T)
    assert (stopped.running, stopped.pids, site.pids()) == (False, (), set())
    assert same(await control.inspect(T), stopped)


async def test_a_clean_stop_keeps_the_data(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.start(1, "writer", T)
    keep(site, 7)
    await control.stop(1, "clean", T)
    await control.start(1, "writer", T)
    assert kept(site) == 7


def keep(site: PgSite | RedisSite, value: int) -> None:
    if isinstance(site, PgSite):
        site.sql("CREATE TABLE kept AS SELECT %s::int AS value", value)
    else:
        site.ask("SET", "kept", str(value))


def kept(site: PgSite | RedisSite) -> int:
    return int(site.sql("SELECT value FROM kept")[0][0] if isinstance(site, PgSite) else site.ask("GET", "kept"))


async def test_nothing_that_it_started_is_our_child(site: PgSite | RedisSite) -> None:
    """So no zombie of ours remains when it ends."""
    running = await site.control.start(1, "writer", T)
    assert running.pid is not None
    assert parent(running.pid) != os.getpid()


async def test_starting_and_stopping_twice_is_as_once(site: PgSite | RedisSite) -> None:
    control = site.control
    first = await control.start(1, "writer", T)
    assert (await control.start(1, "writer", T)).pid == first.pid
    await control.stop(1, "clean", T)
    assert (await control.stop(1, "clean", T)).pids == ()
    assert (await control.stop(1, "kill", T)).pids == ()


async def test_one_that_runs_in_the_other_role_is_not_taken_for_started(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.start(1, "writer", T)
    await control.pin(1, site.upstream, T)
    error = await refused("QX-NODE-004", control.start(1, "replica", T))
    assert "as a writer" in error.message


async def test_a_kill_leaves_no_process(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.start(1, "writer", T)
    if isinstance(site, PgSite):
        with site.node.connect() as busy:
            busy.execute("CREATE TABLE busy AS SELECT 1")
            assert (await control.stop(1, "kill", T)).pids == ()
    else:
        site.ask("SET", "busy", "1")
        assert (await control.stop(1, "kill", T)).pids == ()
    assert site.pids() == set()


async def test_a_frozen_server_is_not_called_stopped_and_can_be_killed(site: PgSite | RedisSite) -> None:
    control = site.control
    running = await control.start(1, "writer", T)
    assert running.pid is not None
    freeze([running.pid])
    await refused("QX-NODE-003", control.stop(1, "clean", 1.5))
    assert (await control.inspect(T)).running
    assert (await control.stop(1, "kill", T)).pids == ()


@pytest.mark.parametrize("emptied", [False, True])
async def test_it_starts_over_what_a_zombie_left(site: PgSite | RedisSite, emptied: bool) -> None:
    """Started and killed as a child of ours that we do not reap: its pid stays taken. Emptied: its data directory was
    since, and holds no lock file any more.
    """
    sockets = site.node.home / "s"
    control = site.controlled(msgspec.structs.replace(site.settings, socket_dir=str(sockets)))
    site.node.settings |= {"port": str(site.node.port)}
    if isinstance(site, PgSite):
        sockets.mkdir()
        os.chown(sockets, site.data.stat().st_uid, -1)
        site.node.settings |= {"unix_socket_directories": str(sockets)}
    site.node.start()
    process = site.node.process
    assert process is not None
    zombie = process.popen.pid
    os.kill(zombie, signal.SIGKILL)
    wait_until(lambda: not alive(zombie), "it is dead")
    assert parent(zombie) == os.getpid(), "nobody has reaped it"
    wait_until(lambda: not site.pids(), "its children are gone")
    assert not (await control.inspect(T)).running
    if emptied:
        (site.data / "postmaster.pid").unlink(missing_ok=True)
        assert isinstance(site, RedisSite) or list(sockets.glob("*.lock"))
    again = await control.start(1, "writer", T)
    assert again.pid not in {None, zombie}
    process.popen.wait(T)


async def test_it_starts_although_its_old_pid_is_somebody_elses(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.start(1, "writer", T)
    lock = site.data / "postmaster.pid"
    rest = lock.read_text().partition("\n")[2] if isinstance(site, PgSite) else ""
    await control.stop(1, "kill", T)
    lock.write_text(f"{os.getpid()}\n{rest}")
    assert (await control.start(1, "writer", T)).running
    assert site.writes()


async def test_a_start_that_fails_says_why(site: PgSite | RedisSite) -> None:
    word = site.break_settings()
    error = await refused("QX-NODE-004", site.control.start(1, "writer", T))
    assert word in error.message
    assert not site.pids()


async def test_a_start_that_fails_at_once_is_not_waited_for(site: PgSite | RedisSite) -> None:
    settings = msgspec.structs.replace(site.settings, run_as=("false",))
    async with asyncio.timeout(T / 2):
        await refused("QX-NODE-004", site.controlled(settings).start(1, "writer", T))


async def test_the_operators_own_programs_start_and_stop_it(site: PgSite | RedisSite) -> None:
    if isinstance(site, PgSite):
        ctl = (*site.settings.run_as, f"{site.settings.bin_dir}/pg_ctl", "-D", site.settings.data_dir)
        start, stop = (*ctl, "-w", "-l", site.settings.log_file, "start"), (*ctl, "-m", "fast", "stop")
    else:
        start = (str(site.node.program), str(site.node.config), "--daemonize", "yes")
        stop = ("/bin/sh", "-c", 'kill -TERM "$1"', "sh", "{}")
    settings = msgspec.structs.replace(site.settings, start=start)
    running = await site.controlled(settings).start(1, "writer", T)
    assert site.writes()
    stop = tuple(word.replace("{}", str(running.pid)) for word in stop)
    settings = msgspec.structs.replace(settings, stop=stop)
    assert (await site.controlled(settings).stop(1, "clean", T)).pids == ()

    failing = msgspec.structs.replace(settings, start=("/bin/sh", "-c", "echo broken supervisor >&2; exit 3"))
    error = await refused("QX-NODE-004", site.controlled(failing).start(1, "writer", T))
    assert "broken supervisor" in error.message


async def test_a_stop_that_does_nothing_is_found_out(site: PgSite | RedisSite) -> None:
    await site.control.start(1, "writer", T)
    settings = msgspec.structs.replace(site.settings, stop=("true",))
    await refused("QX-NODE-003", site.controlled(settings).stop(1, "clean", 1.5))
    assert site.writes()


# -- hold, epoch


async def test_the_hold_is_kept_against_every_start(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.hold(3, "standby", T)
    assert (await control.inspect(T)).held_for == "standby"
    assert isinstance(await refused("QX-NODE-002", control.start(3, "writer", T)), Refused)
    await control.hold(3, "stop", T)
    await control.pin(3, site.upstream, T)
    await refused("QX-NODE-002", control.start(3, "replica", T))
    assert not site.pids()
    await control.hold(3, "standby", T)
    assert (await control.start(3, "replica", T)).held_for == "standby"
    await control.stop(3, "clean", T)
    await control.hold(3, "", T)
    await control.unpin(3, T)
    await control.start(3, "writer", T)
    assert site.writes()


async def test_every_acting_verb_refuses_a_lower_epoch(site: PgSite | RedisSite, tmp_path: Path) -> None:
    control = site.control
    await control.start(5, "writer", T)
    running = await control.inspect(T)
    assert running.held_epoch == 5
    for verb, act in acts(control, 4, tmp_path / "salvage", site.upstream).items():
        error = await refused("QX-NODE-002", act())
        assert isinstance(error, Refused), verb
        assert "5" in error.message
    assert same(await control.inspect(T), running)
    assert site.writes()


async def test_a_higher_epoch_is_remembered_also_by_a_verb_that_fails(site: PgSite | RedisSite) -> None:
    control = site.control
    await control.pin(1, site.upstream, T)
    await refused("QX-NODE-006", control.start(9, "writer", T))
    assert (await control.inspect(T)).held_epoch == 9
    await refused("QX-NODE-002", control.unpin(8, T))


async def test_two_verbs_wait_for_each_other(site: PgSite | RedisSite) -> None:
    control = site.control
    await asyncio.gather(*(control.hold(1, "standby", T) for _ in range(5)))
    assert (await control.inspect(T)).held_for == "standby"


def locked_by(site: PgSite | RedisSite, epoch: int) -> subprocess.Popen[bytes]:
    """A process that holds the node's lock for a verb under that epoch, and a program that it runs meanwhile."""
    code = (
        "import sys, pathlib; from qx.adapters.node.lock import StartLock; from qx.adapters.node.programs import run;"
        "from qx.adapters.node.deadline import Deadline; deadline = Deadline(300)\n"
        "with StartLock(pathlib.Path(sys.argv[1]), 'x').acting(int(sys.argv[2]), 'rewind', deadline) as turn:\n"
        "    run(['/bin/sh', '-c', 'echo $$ > \"$1\"; exec sleep 300', 'sh', sys.argv[3]], deadline, turn)\n"
    )
    told = site.home / "program.pid"
    holder = subprocess.Popen([sys.executable, "-c", code, str(site.data), str(epoch), str(told)])
    wait_until(lambda: told.exists() and told.read_text().strip(), "it holds the lock")
    return holder


async def test_a_frozen_holder_is_ended_by_a_higher_epoch_and_its_program_too(site: PgSite | RedisSite) -> None:
    holder = locked_by(site, 4)
    program = int((site.home / "program.pid").read_text())
    try:
        os.kill(holder.pid, signal.SIGSTOP)
        await site.control.hold(5, "stop", T)
        assert not alive(holder.pid)
        assert not alive(program)
        assert (await site.control.inspect(T)).held_for == "stop"
    finally:
        holder.kill()
        holder.wait()


async def test_a_program_runs_only_once_its_turn_has_named_it(tmp_path: Path) -> None:
    written = tmp_path / "written"
    argv = ["/usr/bin/touch", str(written)]
    deadline = Deadline(T)
    with StartLock(tmp_path / "data", "x").acting(1, "rewind", deadline) as turn:
        with pytest.MonkeyPatch.context() as killed:
            killed.setattr(turn, "runs", raising(ConnectionAbortedError()))
            with pytest.raises(ConnectionAbortedError):
                run(argv, deadline, turn)
        assert not written.exists()
        assert run(argv, deadline, turn).code == 0
        assert written.exists()
        with pytest.raises(FileNotFoundError):
            run([str(tmp_path / "none")], deadline, turn)


def raising(error: Exception) -> Callable[[object], None]:
    def raise_(_: object) -> None:
        raise error

    return raise_


async def test_a_holder_of_the_same_or_a_higher_epoch_is_left_alone(site: PgSite | RedisSite) -> None:
    holder = locked_by(site, 6)
    program = int((site.home / "program.pid").read_text())
    try:
        error = await refused("QX-NODE-010", site.control.hold(6, "stop", 2.5))
        assert "rewind" in error.message
        await refused("QX-NODE-002", site.control.hold(5, "stop", T))
        assert alive(holder.pid)
    finally:
        holder.kill()
        holder.wait()
        os.kill(program, signal.SIGKILL)


# -- pin


async def test_pinned_it_is_started_as_a_replica_only(site: PgSite | RedisSite) -> None:
    control = site.control
    await refused("QX-NODE-006", control.start(1, "replica", T))
    await control.pin(1, site.upstream, T)
    await control.pin(1, site.upstream, T)
    found = await control.inspect(T)
    assert found.standby_signal if isinstance(found, PgControl) else found.replicaof == site.upstream
    assert isinstance(await refused("QX-NODE-006", control.start(1, "writer", T)), Refused)
    await control.start(1, "replica", T)
    assert not site.writes()
    await control.stop(1, "clean", T)
    await control.unpin(1, T)
    await control.unpin(1, T)
    await control.start(1, "writer", T)
    assert site.writes()


async def test_a_pin_does_not_disturb_the_running_server_and_holds_when_somebody_else_starts_it(
    site: PgSite | RedisSite,
) -> None:
    """Killed while it wrote, and then started by hand: it comes up and takes no write."""
    control = site.control
    await control.start(1, "writer", T)
    keep(site, 3)
    await control.pin(1, site.upstream, T)
    assert site.writes()
    await control.stop(1, "kill", T)
    site.raw_start()
    assert not site.writes()
    assert kept(site) == 3


async def test_follow_wants_a_stopped_server(site: PgSite | RedisSite) -> None:
    await site.control.start(1, "writer", T)
    await refused("QX-NODE-006", site.control.follow(1, site.upstream, "", T))


# -- reach


async def test_a_region_that_cannot_be_reached_is_not_acted_on(site: PgSite | RedisSite, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    control = site.controlled(msgspec.structs.replace(site.settings, reach=address))
    await refused("QX-NODE-001", control.inspect(T))
    for act in acts(control, 7, tmp_path / "salvage", site.upstream).values():
        await refused("QX-NODE-001", act())
    assert (await site.control.inspect(T)).held_epoch == 0


async def test_a_region_that_answers_is(site: PgSite | RedisSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"

        def answer() -> None:
            link, _ = listener.accept()
            with link:
                link.sendall(b"qx\n")

        control = site.controlled(msgspec.structs.replace(site.settings, reach=address))
        seen, _ = await asyncio.gather(control.inspect(T), asyncio.to_thread(answer))
    assert isinstance(seen, PgControl | RedisControl)
