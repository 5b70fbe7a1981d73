"""`qx runs close`, and maintenance as a deed on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from qx.adapters.sqlite.store import SqliteStore
from qx.kernel.exits import Exit
from qx.model.journal import Entry, Event
from qx.model.plan import CloseRoute, OpenRoute, Promote, Step
from tests.cli.test_record import Platform
from tests.fakes.record import T0
from tests.fakes.runs import a_plan, a_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx

REGION = {"cluster": "trading", "region": "us-east"}
MOVE = replace(a_plan(), steps=(
    Step(id="trading.close-route", stage="trading", action=CloseRoute(**REGION), because="", timeout_s=1.0,
         undo=OpenRoute(**REGION), outage=True),
    Step(id="trading.promote", stage="trading", action=Promote(**REGION, writer="us-east"), because="", timeout_s=1.0,
         point_of_no_return=True),
))  # fmt: skip


@pytest.fixture
def platform(qx: Qx, tmp_path: Path) -> Platform:
    return Platform(qx, tmp_path)


def begun(platform: Platform, *steps: str, run: str = "run-1", within: str = "") -> None:
    """A run of MOVE that nobody executes any more; these steps were announced."""
    plan = replace(MOVE, id=f"plan-of-{run}")
    with SqliteStore(platform.path) as store:
        store.begin(a_run(run, plan, T0), plan)
        store.append(Entry(run=run, seq=1, at=T0, event=Event.STARTED, proof={"within": within} if within else {}))
        store.append(Entry(run=run, seq=2, at=T0, event=Event.LEASED, proof={"trading": 2}))
        for seq, step in enumerate(steps, 3):
            store.append(Entry(run=run, seq=seq, at=T0, event=Event.INTENDED, step=step))


def test_a_run_that_left_nothing_behind_is_closed_and_on_record(platform: Platform) -> None:
    begun(platform)
    assert "orphaned" in platform("runs", "list").out
    closed = platform("runs", "close", "run-1", "--reason", "its server was scrapped", "-o", "json")
    assert (closed.exit, closed.json["outcome"], closed.json["schema"]) == (Exit.DONE, "failed", "qx.closed-run/1")
    deed, run = platform("runs", "list", "-o", "json").json["runs"]
    assert (deed["intent"], deed["outcome"], run["outcome"]) == ("close", "done", "failed")
    written = platform("runs", "show", "run-1", "-o", "json").json["entries"][-1]
    assert (written["event"], written["proof"]["reason"]) == ("closed", "its server was scrapped")
    assert written["proof"]["deed"] == deed["id"]
    assert platform("audit", "verify").exit == Exit.DONE
    with SqliteStore(platform.path) as store:
        assert store.leases() == ()
    again = platform("runs", "close", "run-1", "--reason", "twice")
    assert (again.exit, "QX-RUN-009" in again.err) == (Exit.REFUSED, True)


@pytest.mark.parametrize(("steps", "why"), [
    (("trading.close-route",), "trading.close-route is not undone yet"),
    (("trading.close-route", "trading.promote"), "has passed its point of no return"),
])  # fmt: skip
def test_what_a_resume_has_to_finish_or_undo_is_not_closed(
    platform: Platform, steps: tuple[str, ...], why: str
) -> None:
    begun(platform, *steps)
    refused = platform("runs", "close", "run-1", "--reason", "away with it")
    assert refused.exit == Exit.REFUSED
    assert "QX-RUN-013" in refused.err
    assert why in refused.err
    assert "qx runs resume run-1" in refused.err
    assert platform("runs", "show", "run-1", "-o", "json").json["outcome"] == "open"


def test_nobody_closes_what_another_is_at_work_on(platform: Platform) -> None:
    begun(platform)
    with SqliteStore(platform.path) as store:
        store.acquire(("trading",), "run-1", 600.0)
        assert platform("runs", "close", "run-1", "--reason", "x").exit == Exit.LEASE
    assert platform("runs", "show", "run-1", "-o", "json").json["outcome"] == "open"


def test_a_run_within_it_is_ended_first(platform: Platform) -> None:
    begun(platform)
    begun(platform, "trading.close-route", run="run-2", within="run-1/away")
    refused = platform("runs", "close", "run-1", "--reason", "x")
    assert (refused.exit, "its run run-2 has not ended" in refused.err) == (Exit.REFUSED, True)


@pytest.mark.parametrize("argv", [[], ["run-1"], ["run-1", "--reason", " "]])
def test_it_wants_a_run_and_a_reason(platform: Platform, argv: list[str]) -> None:
    assert platform("runs", "close", *argv).exit == Exit.USAGE


def test_maintenance_is_a_deed(platform: Platform) -> None:
    platform("maintenance", "on", "virginia", "--for", "2h", "--reason", "new disks")
    platform("maintenance", "off", "us-east", "--reason", "they are in")
    assert "there was no maintenance" in platform("maintenance", "off", "us-east").err
    off, on = platform("runs", "list", "-o", "json").json["runs"]
    assert [(each["intent"], each["outcome"], each["clusters"]) for each in (on, off)] == [
        ("maintenance-on", "done", ["trading"]), ("maintenance-off", "done", ["trading"]),
    ]
    proof = platform("runs", "show", on["id"], "-o", "json").json["entries"][0]["proof"]
    assert (proof["scope"], proof["reason"], proof["by"]) == ("us-east", "new disks", on["by"])
    assert platform("audit", "verify").exit == Exit.DONE
