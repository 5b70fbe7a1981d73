"""kill -9 of the executor at every journal entry, before and after it is durable, and at every call; then resume.

Also twice: at the resume again. The outcome is a named one, one node writes, a planned move has lost nothing.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from qx.kernel.errors import QxError
from qx.model.journal import RunOutcome
from tests.fakes.process import Killed
from tests.machine.lawful import LEASE_S, OPEN, assert_lawful, assert_made_whole, begun
from tests.machine.scenes import SCENES, calls_of, entries_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.process import Process
    from tests.machine.scenes import Scene

SEED = 1
SAMPLE = 10
ENDED = (RunOutcome.DONE, RunOutcome.DEGRADED, RunOutcome.UNDONE, RunOutcome.PARTIAL)


class Moment(NamedTuple):
    """'before' or 'after' the entry of that number is durable, or at the 'call' of that number."""

    what: str
    number: int

    def arm(self, process: Process, act: Callable[[], None]) -> None:
        """`act` at that moment, once."""
        done: list[bool] = []

        def at(number: int) -> None:
            if number == self.number and not done:
                done.append(True)
                act()

        if self.what == "before":
            process.before_append = at
        elif self.what == "after":
            process.after_append = at
        else:
            process.trap = lambda call: at(call.number)


def moments(name: str) -> list[Moment]:
    entries = [Moment(what, n) for n in range(1, entries_of(name, SEED) + 1) for what in ("before", "after")]
    return entries + [Moment("call", call.number) for call in calls_of(name, SEED)]


def play(name: str, first: Moment, second: Moment | None = None) -> None:
    scene = SCENES[name](SEED)
    world = scene.world
    process = world.process()
    first.arm(process, process.die)
    try:
        world.begin(process, scene.plan)
    except Killed:
        pass
    else:
        raise AssertionError(f"{first} never came")
    if not begun(world, scene.plan):
        return
    run = world.last_run()
    if second is not None:
        resumed = world.process()
        second.arm(resumed, resumed.die)
        resume(scene, resumed, run)
    outcome = resume(scene, world.process(), run)
    assert outcome in ENDED, outcome
    assert_made_whole(world)


def resume(scene: Scene, process: Process, run: str) -> RunOutcome:
    """One more executor, once the lease of the one before it has run out."""
    world = scene.world
    world.pass_time(LEASE_S)
    if world.shelf.runs[run].outcome not in OPEN:
        with pytest.raises(QxError, match="has ended"):
            world.resume(process, run)
    else:
        with suppress(Killed):
            world.resume(process, run)
    outcome = world.shelf.runs[run].outcome
    assert_lawful(scene, run, outcome)
    return outcome


def failures(name: str, chosen: list[tuple[Moment, Moment | None]]) -> list[str]:
    found = []
    for first, second in chosen:
        try:
            play(name, first, second)
        except AssertionError as error:
            found.append(f"play({name!r}, {first!r}, {second!r}): {error}")
    return found


@pytest.mark.parametrize("name", SCENES)
def test_killed_at_a_sample_of_moments(name: str) -> None:
    chosen = random.Random(f"{name}/{SEED}").sample(moments(name), SAMPLE)
    assert failures(name, [(moment, None) for moment in chosen]) == []


@pytest.mark.parametrize("name", SCENES)
def test_killed_again_at_the_resume(name: str) -> None:
    dice, known = random.Random(f"twice/{name}/{SEED}"), moments(name)
    pairs = [(dice.choice(known), Moment(dice.choice(["before", "after"]), 0)) for _ in range(SAMPLE)]
    later = [(first, second._replace(number=first.number + dice.randint(1, 8))) for first, second in pairs]
    assert failures(name, [(first, second) for first, second in later if first.what != "call"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_moment(name: str) -> None:
    assert failures(name, [(moment, None) for moment in moments(name)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_killed_twice_at_every_entry(name: str) -> None:
    dice = random.Random(f"{name}/{SEED}")
    entries = [moment for moment in moments(name) if moment.what != "call"]
    chosen: list[tuple[Moment, Moment | None]] = [
        (first, Moment(what, first.number + dice.randint(1, 10))) for first in entries for what in ("before", "after")
    ]
    assert failures(name, chosen) == []
