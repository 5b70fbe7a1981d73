"""Each veto by itself, and that nothing stands in the way when nothing should."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from qx.config.profiles import watch_of
from qx.failover.calendar import in_window
from qx.failover.vetoes import AUTOMATIC, Standing, vetoes
from qx.model.journal import Run, RunOutcome
from qx.model.lease import Lease, Maintenance
from qx.model.standing import Arming
from qx.model.watching import Watching, Window
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, NOW, US

WATCH = watch_of(Watching())
ARMED = replace(v.cluster("postgresql"), mode="auto")
FREE = Standing(
    now=NOW, distrust_s=0.0, arming=Arming(cluster="trading", by="ada", reason="drilled", at=NOW), leases=(),
    unended=(), moves=(), acknowledged=frozenset(), maintenance=(), witnesses=1, observers=1,
)  # fmt: skip


def run(name: str, region: str, cluster: str = "other", age: float = 60.0, by: str = AUTOMATIC) -> Run:
    return Run(
        id=name, plan_id=name, plan_digest="", intent="failover", started_at=NOW - age,
        by=f"{by} on host, {region} is gone", outcome=RunOutcome.DONE, clusters=(cluster,),
    )  # fmt: skip


def names(cluster: Any = ARMED, watch: Any = WATCH, **changed: Any) -> list[str]:
    return [veto.name for veto in vetoes("trading", cluster, US, watch, replace(FREE, **changed))]


def test_nothing_stands_against_an_armed_cluster() -> None:
    assert names() == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"arming": None}, "mode"),
        ({"distrust_s": 3.0}, "distrust"),
        ({"leases": (Lease("trading", "r1", 4, NOW + 5),)}, "lease"),
        ({"unended": (run("r1", US, "trading"),)}, "run"),
        ({"maintenance": (Maintenance(scope=US, owner="a", reason="b", since=NOW - 1, until=NOW + 1),)}, "maintenance"),
        ({"moves": (run("r1", AP),)}, "moves"),
        ({"moves": (run("r1", US, "trading"),), "watch": WATCH._replace(moves_per_day=2)}, "cooldown"),
        ({"observers": 3}, "witnesses"),
    ],
)
def test_each_veto(changed: dict[str, Any], expected: str) -> None:
    assert names(**changed) == [expected]


def test_modes() -> None:
    assert names(replace(ARMED, mode="observe")) == ["mode"]
    assert names(replace(ARMED, mode="auto"), arming=None) == ["mode"]
    assert names(replace(ARMED, mode="confirm"), arming=None) == []


def test_a_person_weighs_how_often_it_was_moved() -> None:
    often = {"moves": (run("r1", US, "trading"), run("r2", AP))}
    assert names(replace(ARMED, mode="confirm"), **often) == []
    assert names(replace(ARMED, mode="confirm"), observers=3) == ["witnesses"]


def test_the_lease_and_maintenance_of_others_do_not_count() -> None:
    elsewhere = Maintenance(scope=AP, owner="a", reason="b", since=NOW - 1, until=NOW + 1)
    over = Maintenance(scope="*", owner="a", reason="b", since=NOW - 9, until=NOW)
    assert names(leases=(Lease("sessions", "r1", 4, NOW + 5),), maintenance=(elsewhere, over)) == []


def test_clusters_that_leave_one_region_are_one_move() -> None:
    moves = (run("r1", US), run("r2", US, "third"))
    assert names(moves=(*moves, run("r3", AP, age=25 * 3600))) == []
    assert names(moves=(*moves, run("r4", US, "third"))) == ["moves"]  # it left it twice


def test_what_came_to_nothing_is_no_move_and_is_tried_again_later_each_time() -> None:
    vain = [replace(run(f"r{n}", US, "trading", age=10.0), outcome=RunOutcome.UNDONE, ended_at=NOW - 9) for n in (1, 2)]
    assert names(moves=(vain[0],), watch=WATCH._replace(ttl=10.0)) == ["again"]
    assert names(moves=(vain[0],), watch=WATCH._replace(ttl=8.0)) == []
    assert names(moves=tuple(vain), watch=WATCH._replace(ttl=8.0)) == ["again"]


def test_an_acknowledged_run_ends_the_cooldown() -> None:
    seen = {"moves": (run("r1", US, "trading"),), "acknowledged": frozenset({"r1"})}
    assert names(**seen, watch=WATCH._replace(moves_per_day=2)) == []
    assert names(**seen) == ["moves"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


SETTLEMENT = Window(name="settlement", days=("mon",), start="13:30", end="15:00", timezone="America/New_York")
NIGHT = Window(name="night", days=("fri",), start="22:00", end="02:00")


@pytest.mark.parametrize(
    ("window", "when", "inside"),
    [
        (SETTLEMENT, "2026-11-23 18:30", True),  # Monday 13:30 in New York, winter
        (SETTLEMENT, "2026-11-23 20:00", False),
        (SETTLEMENT, "2026-07-06 17:30", True),  # summer: an hour earlier in UTC
        (SETTLEMENT, "2026-11-24 18:30", False),
        (NIGHT, "2026-11-27 23:00", True),
        (NIGHT, "2026-11-28 01:59", True),  # Saturday, by the clock; Friday's window
        (NIGHT, "2026-11-28 23:00", False),
        (NIGHT, "2026-11-27 01:00", False),
        (replace(NIGHT, days=()), "2026-11-25 00:30", True),
    ],
)
def test_windows(window: Window, when: str, *, inside: bool) -> None:
    assert in_window(window, at(when)) is inside


def test_a_window_holds_up_what_it_says() -> None:
    always = Window(name="freeze", start="00:00", end="23:59")
    day = at("2026-11-23 12:00")
    assert names(watch=watch_of(Watching(windows=(always,))), now=day) == []
    strict = replace(always, only_planned=False)
    assert names(watch=watch_of(Watching(windows=(strict,))), now=day) == ["calendar"]
    elsewhere = replace(strict, clusters=("sessions",))
    assert names(watch=watch_of(Watching(windows=(elsewhere,))), now=day) == []
