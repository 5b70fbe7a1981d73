"""A controller in each region, the store in an etcd, servers under guards: what must be done, what is no failure."""

from __future__ import annotations

import pytest

from tests.fakes.world import ALL_REGIONS, AP, EU, KV, PG, US
from tests.machine.playing import Playing
from tests.machine.schedule import Event
from tests.machine.test_daemon import CALM, outage

APART = CALM._replace(apart=True, guarded=True)
LEASE_S = 5.0  # of profile fast


def played(*events: Event, **changed: object) -> Playing:
    playing = Playing(APART._replace(events=events, **changed))  # type: ignore[arg-type]
    playing.play()
    return playing


def isolated(region: str, at: float, seconds: float, regions: tuple[str, ...] = ALL_REGIONS[:3]) -> tuple[Event, ...]:
    others = [each for each in regions if each != region]
    return tuple(Event(at, "cut", (*pair, seconds)) for each in others for pair in ((region, each), (each, region)))


# -- what it must do


@pytest.mark.parametrize("name", [PG, KV])
@pytest.mark.parametrize("profile", ["fast", "default"])
def test_a_killed_server_is_released_and_replaced_at_once(name: str, profile: str) -> None:
    playing = played(Event(5.0, "crash", (f"{name}/{US}", -1.0)), modes={name: "auto"}, profile=profile)
    assert [move.source for move in playing.oracle.moves] == [US]
    assert outage(playing, name) < 1.5


LOST: dict[str, tuple[Event, ...]] = {
    "the region loses its power": (Event(2.0, "power", (US, 60.0)),),
    "the machine stands still": (Event(2.0, "machine", (US, 12.0)),),
    "the region is cut off": isolated(US, 2.0, 12.0),
    "its controller dies, then the region is cut off": (
        Event(1.5, "kill-controller", (US, 30.0)), *isolated(US, 2.0, 12.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [PG, KV])
@pytest.mark.parametrize("what", LOST)
def test_a_lost_region_is_replaced_when_its_lease_has_run_out(what: str, name: str) -> None:
    playing = played(*LOST[what], modes={name: "auto"}, length=20.0)
    assert [move.source for move in playing.oracle.moves] == [US]
    assert outage(playing, name) < LEASE_S + 1.0


def test_so_it_is_when_the_leader_of_the_store_is_lost_with_it() -> None:
    playing = Playing(APART._replace(events=(Event(2.0, "power", (US, 60.0)),), length=20.0))
    assert playing.world.etcd is not None
    playing.world.etcd.leader = US
    playing.play()
    assert playing.oracle.moves
    assert outage(playing) < LEASE_S + 1.0, "the store elects its next one meanwhile"


def test_one_controller_replaces_a_lost_region_when_its_lease_has_run_out() -> None:
    playing = played(*isolated(US, 2.0, 15.0, ("qx", *ALL_REGIONS[:3])), apart=False, length=20.0)
    assert [move.source for move in playing.oracle.moves] == [US]
    assert outage(playing) < 2 * LEASE_S + 2.5


def test_a_server_that_was_frozen_with_its_guard_acknowledges_for_a_moment_at_most() -> None:
    stale = []
    for seed in range(10):
        playing = played(Event(2.0, "machine", (US, 12.0)), seed=seed, length=20.0)
        assert playing.oracle.moves
        stale.append(playing.world.groups[PG].stale)
    assert 0 < max(stale) <= 5


def test_whoever_dies_in_the_midst_of_it_another_finishes_it() -> None:
    for entry in range(1, 20, 2):
        for moment in ("before", "after"):
            killed = Event(0.0, "kill-at-entry", (moment, float(entry), 30.0))
            playing = played(killed, Event(2.0, "crash", (f"{PG}/{US}", -1.0)), length=30.0)
            assert playing.world.groups[PG].writer.region != US, (moment, entry)
            assert outage(playing) < 16.0, (moment, entry)


def test_so_it_is_when_he_dies_beside_the_server_that_the_run_was_to_hold() -> None:
    """The controller beside the writer leads, and its release is held up: the run holds the server itself. Then nobody
    is left there who could take that back.
    """
    leading = [Event(0.1, "kill-controller", (region, 12.0)) for region in (EU, AP)]
    dying = [Event(14.9, "answer", ("hold", "hangs")), Event(15.0, "crash", (f"{PG}/{US}", -1.0))]
    for entry in range(1, 9):
        killed = Event(14.5, "kill-at-entry", ("after", float(entry), 60.0))
        playing = played(*leading, killed, *dying, length=60.0)
        plans = [playing.store.plan(run.id) for run in playing.store.runs(10) if run.by.startswith("qx daemon")]
        assert f"{PG}.hold" in {step.id for step in plans[-1].steps}
        assert playing.world.groups[PG].writer.region != US, entry
        assert outage(playing) < 16.0, entry


def test_a_released_writer_that_was_started_again_gets_its_role_back_when_nobody_took_it() -> None:
    """The loss would be above the budget; a supervisor brings the server up, as its pin says: a standby of nobody."""
    lagging = [Event(0.5, "lag", (f"{PG}/{region}", 8.0, 13.0)) for region in (EU, AP)]
    playing = played(*lagging, Event(6.0, "crash", (f"{PG}/{US}", 3.0)), tight=True)
    assert playing.oracle.moves == []
    assert playing.world.groups[PG].writer.accepts


def test_a_writer_that_is_cut_off_stands_still_before_it_is_ended() -> None:
    """What it would acknowledge meanwhile might be lost."""
    playing = played(*isolated(US, 2.0, 12.0), length=20.0)
    writer = playing.world.node(PG, US)
    assert 0.7 < writer.ended - writer.frozen_since < 0.9
    assert playing.world.groups[PG].writer.region != US
    other = played(*isolated(US, 2.0, 12.0), length=20.0, profile="default").world.node(PG, US)
    assert other.frozen_since == 0.0, "no isolation.stop_after"


@pytest.mark.parametrize("seconds", [1.0, 1.3])
def test_a_cut_that_ends_in_time_wakes_it_as_it_was(seconds: float) -> None:
    playing = played(*isolated(US, 2.0, seconds))
    writer = playing.world.node(PG, US)
    assert 0.1 < writer.woken - writer.frozen_since < 0.75
    assert (writer.incarnation, writer.accepts) == (0, True)


# -- what is no failure

NO_FAILURE: dict[str, tuple[Event, ...]] = {
    "a flap of three seconds": isolated(US, 2.0, 3.0),
    "a flap of a second": isolated(US, 2.0, 1.0),
    "the store elects another leader": (Event(2.0, "elect"), Event(4.0, "elect")),
    "the store has no majority": tuple(Event(2.0, "member", (region, 9.0)) for region in ALL_REGIONS[1:3]),
    "a member dies": (Event(2.0, "member", (EU, 9.0)),),
    "another region is cut off": isolated(EU, 2.0, 9.0),
    "another region loses its power": (Event(2.0, "power", (EU, 9.0)),),
    "the writer's controller is restarted": (Event(2.0, "kill-controller", (US, 1.0)),),
    "the writer's controller stood still": (Event(2.0, "freeze-controller", (US, 2.5)),),
    "the leader's controller dies": (Event(2.0, "kill-controller", (EU, 9.0)),),
    "a link to the writer is cut": (Event(2.0, "cut", (EU, US, 9.0)),),
    "another link to the writer is cut": (Event(2.0, "cut", (US, EU, 9.0)),),
    "restart within its grace": (Event(2.0, "stop", (f"{PG}/{US}", 2.0)),),
    "a pause below hang.after": (Event(2.0, "hang", (f"{PG}/{US}", 1.5)),),
    "a slow disk": (Event(2.0, "slow-disk", (f"{PG}/{US}", 30.0, 8.0)),),
    "a slow control": (Event(2.0, "control-slow", (f"{PG}/{US}", 0.9, 8.0)),),
    "replicas that lag": tuple(Event(2.0, "lag", (f"{PG}/{region}", 3.0, 8.0)) for region in (EU, AP)),
    "clocks are set": tuple(Event(2.0 + n, "clock", (each, 3000.0)) for n, each in enumerate(ALL_REGIONS[:3])),
}


@pytest.mark.parametrize("profile", ["fast", pytest.param("default", marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", NO_FAILURE)
def test_what_is_no_failure_is_left_alone(what: str, profile: str) -> None:
    playing = played(*NO_FAILURE[what], profile=profile)
    assert playing.oracle.moves == []
    assert playing.world.groups[PG].writer.region == US
    assert playing.world.groups[PG].writer.accepts


@pytest.mark.parametrize("what", LOST)
def test_a_lost_region_is_not_replaced_whose_server_no_guard_ends(what: str) -> None:
    playing = played(*LOST[what], guarded=False)
    assert playing.oracle.moves == [] or what == "the region loses its power"  # its controller comes back and releases


@pytest.mark.parametrize("mode", ["observe", "confirm"])
@pytest.mark.parametrize("what", LOST)
def test_unless_it_may_act_nothing_is_done_to_any_server(what: str, mode: str) -> None:
    playing = played(*LOST[what], modes={PG: mode})
    assert playing.oracle.moves == []
    assert playing.world.groups[PG].writer.region == US
