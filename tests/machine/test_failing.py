"""Every call that a run makes goes wrong, in every way, at every step: what must be true stays true.

`make test` plays a seeded sample; the complete matrix is marked slow. A case is reproduced by its line:
`play(Case('planned', 1, 12, How.CUT_TO))`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.fakes.process import How
from tests.fakes.world import US
from tests.machine.lawful import OPEN, assert_made_whole, in_budget, run_to_its_end
from tests.machine.scenes import SCENES, calls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.process import Call

SEED = 1
SAMPLE = 14  # cases per scene
LASTING = (How.REFUSED, How.UNREACHABLE, How.LOST_REQUEST, How.HANGS)
BREAKS_SERVERS = (How.CRASH, How.CRASH_AFTER, How.FREEZE, How.RESTART)


class Case(NamedTuple):
    """At the call of that number; `lasting`: and at every later one of the same part of the same node."""

    scene: str
    seed: int
    number: int
    how: How
    lasting: bool = False

    @property
    def trap(self) -> Callable[[Call], How | None]:
        hit: list[Call] = []

        def spring(call: Call) -> How | None:
            if call.number == self.number:
                hit.append(call)
                return self.how
            same = hit and (call.part, call.cluster, call.region) == (hit[0].part, hit[0].cluster, hit[0].region)
            return self.how if self.lasting and same else None

        return spring


def play(case: Case) -> None:
    scene = SCENES[case.scene](case.seed)
    process = scene.world.process()
    process.trap = case.trap
    outcome = run_to_its_end(scene, process)
    assert outcome not in OPEN, f"{outcome} although everything was mended"
    if scene.plan.intent != "rejoin" and case.how not in BREAKS_SERVERS and scene.plan.stages[0].mode == "planned":
        assert in_budget(scene), {name: group.outage for name, group in scene.world.groups.items()}
    assert_made_whole(scene.world)


def cases(name: str, hows: tuple[How, ...]) -> Iterator[Case]:
    for call in calls_of(name, SEED):
        for how in hows:
            if name == "attested" and how is How.RESTART and call.region in (US, ""):
                continue  # the word given was false: nothing saves from that
            yield Case(name, SEED, call.number, how)
            if how in LASTING:
                yield Case(name, SEED, call.number, how, lasting=True)


def failures(played: Iterator[Case] | list[Case]) -> list[str]:
    """Every case that fails, with what is wrong: not only the first."""
    found = []
    for case in played:
        try:
            play(case)
        except AssertionError as error:
            found.append(f"{case!r}: {error}")
    return found


@pytest.mark.parametrize("name", SCENES)
def test_a_sample_of_what_can_go_wrong(name: str) -> None:
    chosen = random.Random(f"{name}/{SEED}").sample(list(cases(name, tuple(How))), SAMPLE)
    assert failures(chosen) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("name", SCENES)
def test_everything_that_can_go_wrong(name: str, how: How) -> None:
    assert failures(cases(name, (how,))) == []
