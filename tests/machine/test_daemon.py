"""The very daemon under schedules of whatever can go wrong, judged by the oracle; and what it must do, and must not.

A schedule that fails prints itself; `python -m tests.machine.playing SEED` plays it again and tells what happened.
"""

from __future__ import annotations

import gc
import time
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from qx.app.ledger import KEPT, decisions, false_positive_rate
from qx.daemon.daemon import Post
from qx.model.journal import RunOutcome
from tests.fakes.process import HOME
from tests.fakes.world import ALL_REGIONS, KV, PG, US
from tests.machine.playing import Failed, Playing, play
from tests.machine.schedule import Event, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

SEEDS = 1_000
MANY = 10_000
PARTS = 30  # so many tests share them
SHOWN = 5
HOUR_S = 3_600.0
CALM = Schedule(
    seed=1, regions=ALL_REGIONS[:3], modes={PG: "auto"}, armed=frozenset((PG, KV)), profile="fast", grace=3.0,
    tight=False, recorded=True, moves_per_day=1, events=(),
)  # fmt: skip


def failures(seeds: Iterable[int]) -> list[str]:
    """Every schedule that fails; how fast they were played is printed."""
    found, began, many, moved = [], time.process_time(), 0, 0
    for many, seed in enumerate(seeds, 1):  # noqa: B007 - how many there were
        try:
            moved += bool(play(seed).oracle.moves)
        except Failed as failed:
            found.append(str(failed))
    rate = many / max(0.001, time.process_time() - began)
    print(f"{many} schedules, {moved} with an automatic failover, {len(found)} failed; {rate:.0f} seeds/s of CPU")
    return found


def told(found: list[str]) -> str:
    return "\n\n".join([f"{len(found)} schedules failed", *found[:SHOWN]])


def test_whatever_goes_wrong() -> None:
    found = failures(range(SEEDS))
    assert not found, told(found)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_more_often(part: int) -> None:
    """With those of the test above so many as are wanted."""
    more = MANY - SEEDS
    found = failures(range(SEEDS + part * more // PARTS, SEEDS + (part + 1) * more // PARTS))
    assert not found, told(found)


def played(*events: Event, **changed: object) -> Playing:
    playing = Playing(CALM._replace(events=events, **changed))  # type: ignore[arg-type]
    playing.play()
    return playing


def outage(playing: Playing, name: str = PG) -> float:
    return playing.world.groups[name].outage


# -- what it must do: the writer is gone, everything else is well, and policy lets it act


@pytest.mark.parametrize("regions", [2, 3, 6])
@pytest.mark.parametrize("profile", ["fast", "default"])
def test_a_killed_postgresql_is_replaced_at_once(profile: str, regions: int) -> None:
    playing = played(Event(5.0, "crash", (f"{PG}/{US}", -1.0)), profile=profile, regions=ALL_REGIONS[:regions])
    assert [move.source for move in playing.oracle.moves] == [US]
    assert outage(playing) < 1.0


def test_a_killed_redis_is_replaced_when_its_grace_is_over() -> None:
    playing = played(Event(3.0, "crash", (f"{KV}/{US}", -1.0)), modes={KV: "auto"})
    assert playing.oracle.moves
    assert 3.0 < outage(playing, KV) < 5.0


@pytest.mark.parametrize("name", [PG, KV])
def test_one_that_was_stopped_for_longer_than_its_grace_is_replaced(name: str) -> None:
    playing = played(Event(3.0, "stop", (f"{name}/{US}", 60.0)), modes={name: "auto"})
    assert playing.oracle.moves
    assert 3.0 < outage(playing, name) < 5.0


@pytest.mark.parametrize("name", [PG, KV])
def test_one_that_hangs_for_longer_than_it_may_is_replaced(name: str) -> None:
    playing = played(Event(2.0, "hang", (f"{name}/{US}", 60.0)), modes={name: "auto"}, length=20.0)
    assert playing.oracle.moves
    assert 2.0 < outage(playing, name) < 9.0


def test_a_controller_that_dies_during_it_finishes_it_when_it_is_back() -> None:
    for entry in range(1, 20):
        for moment in ("before", "after"):
            killed = Event(0.0, "kill-at-entry", (moment, float(entry), 1.0))
            playing = played(killed, Event(2.0, "crash", (f"{PG}/{US}", -1.0)))
            assert playing.world.groups[PG].writer.region != US, (moment, entry)
            assert outage(playing) < 12.0, (moment, entry)


# -- what the schedules found


def test_a_writer_that_came_back_before_the_run_is_resumed_is_left_alone() -> None:
    """The daemon was killed when nothing was done yet; its lease runs out seconds after the writer writes again."""
    playing = played(Event(0.0, "kill-at-entry", ("after", 2.0, 1.0)), Event(2.0, "crash", (f"{PG}/{US}", 1.5)))
    assert playing.oracle.moves == []
    assert playing.world.groups[PG].writer.region == US


def test_a_hold_that_is_undone_gives_back_a_writer_that_was_started_under_it() -> None:
    """The pin was placed, its answer never came, and a supervisor started what then was a standby."""
    playing = played(Event(0.0, "answer", ("pin", "hangs-done")), Event(2.0, "crash", (f"{PG}/{US}", 8.0)))
    assert playing.world.groups[PG].writer.accepts


def test_what_only_the_old_writer_holds_outlives_the_next_failover() -> None:
    """It came up as its pin said, a replica of nobody: to follow the next writer would erase it."""
    events = (
        Event(2.0, "crash-writer", (KV,)), Event(8.0, "crash", (f"{KV}/{US}", 0.2)), Event(9.0, "acknowledge", (KV,)),
        Event(10.0, "crash-writer", (KV,)),
    )  # fmt: skip
    playing = played(*events, modes={KV: "auto"}, moves_per_day=2)
    assert len(playing.oracle.moves) == 2
    group = playing.world.groups[KV]
    assert all(any(node.holds(record) for node in group.redis) for record in group.acked)


def test_a_run_that_came_to_nothing_is_followed_by_another() -> None:
    playing = played(Event(0.0, "answer", ("inspect", "refused")), Event(2.0, "crash", (f"{PG}/{US}", -1.0)))
    assert len(playing.oracle.moves) == 1
    assert len(playing.store.runs()) == 3  # the adoption, the one in vain, and this


def test_what_a_writer_wrote_while_nobody_could_ask_about_it_is_reckoned_as_lost() -> None:
    """Its control said that it had stopped; cut off with it, it was started, wrote, and stopped again."""
    cuts = [Event(3.0, "cut", (*pair, 5.0)) for each in (HOME, *CALM.regions[1:]) for pair in ((US, each), (each, US))]
    ended = (Event(2.0, "crash", (f"{KV}/{US}", 1.5)), *cuts, Event(6.5, "crash", (f"{KV}/{US}", -1.0)))
    assert played(*ended, modes={KV: "auto"}).world.groups[KV].lost  # as much as was announced: the oracle looks


def test_a_lease_that_ran_out_proves_nothing_once_the_next_is_given() -> None:
    """The writer was cut off, started again under its next lease, and stopped: all while its control was asked."""
    cuts = (Event(3.98, "cut", (US, HOME, 6.42)), Event(3.98, "cut", (US, "sa-east", 6.42)))
    events = (*cuts, Event(9.85, "cut", ("sa-east", HOME, 5.34)), Event(11.85, "stop", (f"{PG}/{US}", 2.19)))
    assert played(*events, guarded=True, regions=ALL_REGIONS).oracle.moves == []


def test_what_a_writer_wrote_while_its_run_had_no_executor_is_reckoned_as_lost() -> None:
    """The daemon was killed when nothing was proven yet. The writer came back, cut off from everybody, and died again
    before the run was resumed: that run's estimate is of before.
    """
    pairs = [pair for each in CALM.regions[1:] for pair in ((US, each), (each, US))]
    cuts = [Event(3.2, "cut", (*pair, 20.0)) for pair in pairs]
    killed = Event(0.0, "kill-at-entry", ("before", 2.0, 8.0))
    for again in (9.0, 9.9):
        ends = (Event(2.0, "crash", (f"{PG}/{US}", 1.0)), *cuts, Event(again, "crash", (f"{PG}/{US}", -1.0)))
        playing = played(killed, *ends)
        first, second = [run for run in reversed(playing.store.runs()) if run.intent == "failover"]
        assert (first.outcome, second.outcome) == (RunOutcome.UNDONE, RunOutcome.DONE)
        assert playing.world.groups[PG].lost  # as much as was announced: the oracle looks


def test_a_choice_is_judged_when_it_is_made_and_looked_at_again_when_it_is_resumed() -> None:
    """The daemon was killed before its first entry; the writer came back, and not every replica kept up with it."""
    killed = Event(0.0, "kill-at-entry", ("before", 2.0, 8.0))
    events = (killed, Event(2.0, "crash", (f"{PG}/{US}", 1.0)), Event(4.0, "hang", (f"{PG}/ap-southeast", 8.0)))
    assert played(*events).oracle.moves == []


def test_one_that_lags_may_be_chosen_where_it_fetches_what_it_lacks() -> None:
    """The one that is ahead has its replay paused, and is no target."""
    cuts = (Event(1.0, "cut", ("eu-west", US, 8.0)), Event(1.0, "cut", (US, "eu-west", 8.0)))
    paused = Event(8.5, "pause", (f"{PG}/ap-southeast", 1.0, 6.0))
    playing = played(*cuts, Event(3.5, "crash", (f"{PG}/{US}", -1.0)), paused, profile="default")
    group = playing.world.groups[PG]
    assert group.writer.region == "eu-west"
    assert len(group.lost) <= 3


# -- what is no failure


NO_FAILURE: dict[str, tuple[Event, ...]] = {
    "restart within its grace": (Event(2.0, "stop", (f"{PG}/{US}", 2.0)),),
    "a pause below hang.after": (Event(2.0, "hang", (f"{PG}/{US}", 1.5)),),
    "the controller is cut off": tuple(
        Event(2.0, "cut", (*pair, 8.0)) for region in ALL_REGIONS[:3] for pair in ((region, "qx"), ("qx", region))
    ),
    "the controller does not reach the writer": (Event(2.0, "cut", ("qx", US, 8.0)),),
    "and hears nothing from it": (Event(2.0, "cut", (US, "qx", 8.0)),),
    "a link that flaps": tuple(Event(1.0 + n, "cut", ("qx", US, 0.5)) for n in range(10)),
    "a replica that lags": (Event(2.0, "lag", (f"{PG}/eu-west", 3.0, 8.0)),),
    "replay that is paused": (Event(2.0, "pause", (f"{PG}/eu-west", 1.0, 8.0)),),
    "a slow disk": (Event(2.0, "slow-disk", (f"{PG}/{US}", 30.0, 8.0)),),
    "a slow control": (Event(2.0, "control-slow", (f"{PG}/{US}", 1.5, 8.0)),),
    "no control": (Event(2.0, "control-away", (f"{PG}/{US}", 8.0)),),
    "a replica that dies": (Event(2.0, "crash", (f"{PG}/eu-west", -1.0)),),
    "a machine that stands still": (Event(2.0, "machine", (US, 4.0)),),  # nothing proves that it will not wake
    "the clock is set": (Event(2.0, "clock", (HOME, 3000.0)), Event(4.0, "clock", (HOME, -3000.0))),
    "the controller stood still": (Event(2.0, "freeze-controller", (HOME, 5.0)),),
    "an operator moves it": (Event(2.0, "operator", (PG, "eu-west", 0.0)),),
}


@pytest.mark.parametrize("profile", ["fast", "default"])
@pytest.mark.parametrize("what", NO_FAILURE)
def test_what_is_no_failure_is_left_alone(what: str, profile: str) -> None:
    playing = played(*NO_FAILURE[what], profile=profile)
    assert playing.oracle.moves == []
    assert not [run for run in playing.store.runs() if run.by.startswith("qx daemon")]


@pytest.mark.parametrize("mode", ["observe", "confirm"])
def test_unless_it_is_armed_nothing_is_done_to_any_node_or_route(mode: str) -> None:
    playing = played(Event(2.0, "crash", (f"{PG}/{US}", -1.0)), modes={PG: mode})
    assert decisions(playing.store)[0].verdict == ("would-act" if mode == "observe" else "asks")
    assert playing.store.runs()[0].intent == "adopt"


# -- how it keeps


def test_an_hour_of_watching_finds_nothing_and_does_not_grow() -> None:
    assert watch_calmly(HOUR_S, 600.0) < 1.01


@pytest.mark.slow
def test_a_day_of_watching_finds_nothing_and_does_not_grow() -> None:
    assert watch_calmly(24 * HOUR_S, HOUR_S) < 1.01


@pytest.mark.slow
def test_nor_does_it_where_each_region_has_a_controller() -> None:
    assert watch_calmly(2 * HOUR_S, 1000.0, apart=True) < 1.01


def watch_calmly(seconds: float, settled: float, *, apart: bool = False) -> float:
    """How much the daemons grew, from `settled` seconds after their start to the end."""
    modes = dict.fromkeys((PG, KV), "observe")
    calm = CALM._replace(modes=modes, profile="default", apart=apart, guarded=apart)  # type: ignore[arg-type]
    playing = Playing(calm, tick=1.0, limit_s=1e6)
    with playing:
        playing.world.pass_time(settled)
        before, records = held_by_the_daemons(playing), len(playing.world.shelf.records)
        playing.world.pass_time(seconds - settled)
        playing.check()
        after = held_by_the_daemons(playing)
    assert len(playing.world.shelf.records) == records
    assert decisions(playing.store) == ()
    assert false_positive_rate(decisions(playing.store)) == (0, 0)
    return after / before


def held_by_the_daemons(playing: Playing) -> int:
    """How many objects their posts hold, but for those of the simulated world that they look at."""
    gc.collect()
    posts = (each for each in gc.get_objects() if isinstance(each, Post))
    seen: set[int] = set()
    waiting: list[object] = [each for each in posts if each.bench.platform is playing.world.platform]
    count = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType) or type(one).__module__.startswith("tests."):
            continue
        seen.add(id(one))
        count += 1
        waiting += gc.get_referents(one)
    return count


def test_the_ledger_is_bounded() -> None:
    playing = Playing(CALM._replace(modes={PG: "observe"}), limit_s=1e6)
    with playing:
        for _ in range(KEPT // 2 + 20):
            playing.world.pg(PG, US).end_process()
            playing.world.pass_time(1.5)
            playing.world.pg(PG, US).begin_start()
            playing.world.pass_time(1.5)
        playing.check()
    assert len(decisions(playing.store)) == KEPT
