"""The executor is frozen (SIGSTOP) at every entry and every call; its lease runs out, the run is resumed elsewhere, to
its end. Then the frozen one goes on (SIGCONT): it changes nothing more, and says that it lost its lease.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from qx.kernel.errors import QxError
from tests.machine.lawful import LEASE_S, OPEN, assert_lawful, assert_made_whole
from tests.machine.scenes import SCENES
from tests.machine.test_killed import Moment, moments

if TYPE_CHECKING:
    from qx.model.journal import RunOutcome
    from tests.fakes.world import SimWorld

SEED = 1
SAMPLE = 10


class Elsewhere:
    """Another machine, on which the run is resumed while this one stands still."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.outcome: RunOutcome | None = None
        self.refused: QxError | None = None
        self._error: AssertionError | None = None

    def resumes(self) -> None:
        """Returns when it has ended: until then whoever calls this does not go on."""
        thread = threading.Thread(target=self._resume)
        thread.start()
        thread.join()
        if self._error is not None:
            raise self._error

    def _resume(self) -> None:
        try:
            self.world.pass_time(LEASE_S)
            if self.world.shelf.plans:
                self.outcome = self.world.resume(self.world.process(), self.world.last_run())
        except QxError as error:
            self.refused = error
        except AssertionError as error:  # raised again in the thread of the test
            self._error = error


def play(name: str, moment: Moment) -> None:
    scene = SCENES[name](SEED)
    world, before = scene.world, set(scene.world.shelf.plans)
    process, elsewhere = world.process(), Elsewhere(world)
    awake: list[int] = []

    def freeze() -> None:
        if set(world.shelf.plans) != before:  # else nobody could resume it yet
            elsewhere.resumes()
        awake.append(len(process.deeds))

    moment.arm(process, freeze)
    lost = None
    try:
        world.begin(process, scene.plan)
    except QxError as error:
        lost = error.code
    assert awake, f"{moment} never came"
    if elsewhere.outcome is None:  # it had ended before, or not begun
        return
    assert lost == "QX-STORE-002", "the frozen one went on to an end of its own"
    assert process.deeds[awake[0]:] == [], "it changed something after it woke"
    assert elsewhere.outcome not in OPEN
    world.pass_time(5.0)
    assert_lawful(scene, world.last_run(), elsewhere.outcome)
    assert_made_whole(world)


def failures(name: str, chosen: list[Moment]) -> list[str]:
    found = []
    for moment in chosen:
        try:
            play(name, moment)
        except AssertionError as error:
            found.append(f"play({name!r}, {moment!r}): {error}")
    return found


@pytest.mark.parametrize("name", SCENES)
def test_frozen_at_a_sample_of_moments(name: str) -> None:
    assert failures(name, random.Random(f"{name}/{SEED}").sample(moments(name), SAMPLE)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_frozen_at_every_moment(name: str) -> None:
    assert failures(name, moments(name)) == []
