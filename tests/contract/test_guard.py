"""The contract of a guarded server, for both kinds, on real ones behind either driver and on the simulated ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from msgspec.structs import replace

from qx.kernel.errors import Refused, Unsure
from qx.model.control import Term
from tests.fixtures_guards import RealRig, Rig, SimRig, gone, kept, term, until
from tests.fixtures_nodes import DRIVERS, Sites, refused
from tests.fixtures_servers import Servers, pg_installs, redis_programs

T = 30.0
KINDS = ("postgresql", "redis")

pytestmark = pytest.mark.integration


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The simulated ones, and a real one of a kind, behind a driver and with a server that the test's name (and
    QX_SEED) chooses; the others are slow.
    """
    if "rig" not in metafunc.fixturenames:
        return
    seed = f"{os.environ.get('QX_SEED', '')}{metafunc.definition.nodeid}"
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    params: list[object] = []
    for place, kind in enumerate(KINDS):
        installed = list(pg_installs() if kind == "postgresql" else redis_programs())
        for which, driver in enumerate(DRIVERS):
            chosen = number // 8 % len(KINDS) == place and number % len(DRIVERS) == which
            marks = [] if chosen else [pytest.mark.slow]
            if not installed:
                marks = [pytest.mark.skip(reason="no server is installed: pip install 'qx[lab]'")]
            server = installed[number // 4 % len(installed)] if installed else ""
            params.append(pytest.param((driver, kind, server), id=f"{driver}-{kind}{server}", marks=marks))
        params.append(pytest.param(("", kind, ""), id=f"simulated-{kind}"))
    metafunc.parametrize("rig", params, indirect=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Rig]:
    driver, kind, server = request.param
    if not driver:
        yield SimRig(kind)
        return
    with ExitStack() as stack:
        sites = Sites(servers, stack, driver)
        yield RealRig(sites.postgres(server) if kind == "postgresql" else sites.redis(server))


def test_a_server_without_a_deadline_runs_freely(rig: Rig) -> None:
    async def story() -> None:
        seen = await rig.control.start(3, "writer", T)
        assert seen.guard
        assert (seen.guard_left_s, seen.exited) == (None, "")
        await rig.sleep(1.0)
        assert rig.runs

    rig.run(story())


def test_when_its_time_is_over_it_is_ended(rig: Rig) -> None:
    async def story() -> None:
        seen = await rig.control.start(3, "writer", T)
        given = term(rig, 4.0)
        assert await rig.control.extend(3, given, T) == seen.guard
        assert 0 < ((await rig.control.inspect(T)).guard_left_s or 0) <= 4.0
        deadline = kept(rig, given)
        await gone(rig)
        assert rig.elapsed >= deadline
        over = await until(rig, lambda control: control.exited != "")
        assert (over.exited, over.guard, over.running) == ("expired", "", False)

    rig.run(story())


def test_an_extension_keeps_it(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        first = term(rig, 4.0)
        await rig.control.extend(3, first, T)
        while rig.elapsed < first.until + 1.0:
            await rig.control.extend(3, term(rig, 4.0), T)
            await rig.sleep(0.2)
        assert rig.runs
        await rig.control.extend(3, None, T)
        assert (await rig.control.inspect(T)).guard_left_s is None

    rig.run(story())


def test_a_paused_server_answers_nobody_until_it_is_told_another_term(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        for bound in (True, False):
            await rig.control.extend(3, replace(term(rig, 30.0), paused=True), T)
            assert not await rig.control.answers(0.5)
            assert ((await rig.control.inspect(T)).guard_left_s or 0) > 0
            await rig.control.extend(3, term(rig, 30.0) if bound else None, T)
            assert await rig.control.answers(T), bound

    rig.run(story())


def test_a_paused_server_is_ended_when_its_time_is_over(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        given = replace(term(rig, 4.0), paused=True)
        await rig.control.extend(3, given, T)
        deadline = kept(rig, given)
        await gone(rig)
        assert rig.elapsed >= deadline
        over = await until(rig, lambda control: control.exited != "")
        assert (over.exited, over.running) == ("expired", False)
        await rig.control.start(4, "writer", T)
        assert await rig.control.answers(T)

    rig.run(story())


def test_it_begins_under_its_term(rig: Rig) -> None:
    """No moment without a deadline: whoever started it may be gone by now."""

    async def story() -> None:
        given = term(rig, 6.0)
        seen = await rig.control.start(3, "writer", T, given)
        assert 0 < (seen.guard_left_s or 0) <= 6.0
        deadline = kept(rig, given)
        await gone(rig)
        assert rig.elapsed >= deadline

    rig.run(story())


def test_a_lower_epoch_is_refused_and_a_restart_remembers_it(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        await rig.control.extend(7, term(rig, 60.0), T)
        for late in (term(rig, 90.0), None):
            assert isinstance(await refused("QX-NODE-002", rig.control.extend(6, late, T)), Refused)
        assert (await rig.control.inspect(T)).guard_epoch == 7
        await refused("QX-NODE-002", rig.control.stop(6, "clean", T))
        await rig.control.stop(7, "clean", T)
        await refused("QX-NODE-002", rig.control.start(6, "writer", T))
        seen = await rig.control.start(7, "writer", T)
        assert (seen.guard_epoch, seen.guard_left_s) == (7, None)
        await refused("QX-NODE-002", rig.control.extend(6, term(rig, 60.0), T))

    rig.run(story())


def test_what_arrives_late_changes_nothing(rig: Rig) -> None:
    """A term that is over, one that a later one has overtaken, one of another clock."""

    async def story() -> None:
        await rig.control.start(3, "writer", T)
        old = Term(sent=rig.elapsed - 10.0, ttl=60.0, margin=1.0)
        await rig.control.extend(3, term(rig, 60.0), T)
        await refused("QX-NODE-011", rig.control.extend(3, old, T))
        await refused("QX-NODE-011", rig.control.extend(4, Term(sent=rig.elapsed - 9, ttl=5, margin=1), T))
        await refused("QX-NODE-011", rig.control.extend(4, Term(sent=rig.elapsed + 900, ttl=5, margin=1), T))
        await refused("QX-NODE-011", rig.control.extend(4, Term(sent=rig.elapsed, ttl=60, margin=0), T))
        seen = await rig.control.inspect(T)
        assert 30 < (seen.guard_left_s or 0) <= 60
        assert seen.guard_epoch == 3
        assert rig.runs

    rig.run(story())


def test_what_was_sent_before_it_was_disarmed_does_not_arm_it_again(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        late = term(rig, 60.0)
        await rig.sleep(0.5)
        await rig.control.extend(3, None, T)
        await refused("QX-NODE-011", rig.control.extend(3, late, T))
        assert (await rig.control.inspect(T)).guard_left_s is None
        await rig.sleep(2.0)  # what travels between machines is dated earlier than it was, by the way it took
        await rig.control.extend(3, term(rig, 60.0), T)
        assert (await rig.control.inspect(T)).guard_left_s

    rig.run(story())


def test_a_killed_guard_takes_its_server_with_it(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        rig.kill_guard()
        await gone(rig)
        over = await rig.control.inspect(T)
        assert (over.guard, over.exited) == ("", "")
        assert (await rig.control.start(3, "writer", T)).guard

    rig.run(story())


def test_a_clean_stop_and_a_crash_are_told_apart(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        assert (await rig.control.stop(3, "clean", T)).exited == "clean"
        assert (await rig.control.inspect(T)).exited == "clean"
        assert (await rig.control.start(3, "writer", T)).exited == ""
        rig.crash()
        await gone(rig)
        assert (await until(rig, lambda control: control.exited != "")).exited == "crash"
        await rig.control.start(3, "writer", T)
        assert (await rig.control.stop(3, "kill", T)).exited == "crash"

    rig.run(story())


def test_without_a_server_there_is_nothing_to_extend(rig: Rig) -> None:
    async def story() -> None:
        await refused("QX-NODE-011", rig.control.extend(3, term(rig, 60.0), T))
        await rig.control.start(3, "writer", T)
        await rig.control.stop(3, "clean", T)
        await refused("QX-NODE-011", rig.control.extend(3, term(rig, 60.0), T))

    rig.run(story())


@pytest.mark.parametrize("late", [0.2, 1.5], ids=["before-the-kill", "after-the-kill"])
def test_frozen_with_its_guard_it_is_ended_when_both_wake(rig: Rig, late: float) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        given = term(rig, 4.0, margin=2.0)
        await rig.control.extend(3, given, T)
        rig.freeze(guard=True)
        assert isinstance(await refused("QX-RUN-002", rig.control.extend(3, term(rig, 60.0), 1.0)), Unsure)
        assert (await rig.control.inspect(T)).guard == ""
        await rig.sleep(max(0.0, given.until + late - rig.elapsed))
        assert rig.runs
        woken = rig.elapsed
        rig.thaw()
        assert await gone(rig) - woken <= 0.5
        assert (await until(rig, lambda control: control.exited != "")).exited == "expired"

    rig.run(story())


def test_a_frozen_server_is_killed_by_its_guard(rig: Rig) -> None:
    async def story() -> None:
        await rig.control.start(3, "writer", T)
        given = term(rig, 4.0, margin=1.0)
        await rig.control.extend(3, given, T)
        deadline = kept(rig, given)
        rig.freeze(guard=False)
        await gone(rig)
        assert rig.elapsed >= deadline

    rig.run(story())
