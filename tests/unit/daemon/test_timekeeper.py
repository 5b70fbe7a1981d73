"""When the daemon begins what the timetable says: once, in time, and never what it may not."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from qx.app.ledger import decisions
from qx.app.scheduled import ORPHANED, listed
from qx.app.workbench import Workbench
from qx.daemon.log import Log
from qx.daemon.timekeeper import FINISH_S, Timekeeper
from qx.engine.records import read
from qx.kernel.errors import Unsure
from qx.model.lease import Maintenance
from qx.model.standing import Scheduled
from tests.fakes.rigs import Clocks, MemoryRig
from tests.fakes.store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from qx.model.lease import Record

MIDNIGHT = 1_699_920_000.0  # 2023-11-14T00:00Z, a Tuesday
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BOOK = """
runbook: ping
title: Wait for nothing
inputs:
  word: {type: string, default: none}
steps:
  - {id: wait, do: wait_until, because: a test, until: "inputs.word == 'go'", timeout: 1s}
"""
REGIONS: dict[str, Any] = {
    "version": 1, "platform": "test",
    "regions": {name: {"title": name, "jurisdictions": ["XX"]} for name in ("us-east", "eu-west")},
    "clusters": {
        "trading": {
            "kind": "postgresql", "home": "us-east", "data_classes": ["trade_record"],
            "nodes": {"us-east": {"url": "postgresql://127.0.0.1:1/x"}, "eu-west": {"url": "postgresql://127.0.0.1:2/x"}},
        }
    },
}  # fmt: skip


class Time:
    """A clock that only the test moves; whoever sleeps sleeps until it did."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks

    def now(self) -> float:
        return self._clocks.wall

    def elapsed(self) -> float:
        return self._clocks.since_boot

    async def sleep(self, seconds: float) -> None:
        until = self._clocks.since_boot + seconds
        while self._clocks.since_boot < until:  # noqa: ASYNC110 - nothing tells that a test has moved it
            await asyncio.sleep(0)

    def noise(self) -> bytes:
        self._clocks.since_boot += 1e-6
        return int(self._clocks.since_boot * 1e6).to_bytes(10, "big")


class Site:
    """One platform; `daemon` is one controller of it."""

    def __init__(self, directory: Path, schedules: dict[str, Any], **more: Any) -> None:
        (directory / "regions.yaml").write_text(json.dumps(REGIONS | {"schedules": schedules} | more))
        (directory / "runbooks").mkdir(exist_ok=True)
        (directory / "runbooks" / "ping.yaml").write_text(BOOK)
        self.rig = MemoryRig()
        self.clocks = self.rig.clocks
        self.clocks.wall = MIDNIGHT
        self.store = self.rig.open()
        self.said = io.StringIO()
        self.leading = True
        self._env, self._file = {"XDG_STATE_HOME": str(directory)}, str(directory / "regions.yaml")

    def bench(self) -> Workbench:
        bench = Workbench(self._env, self._file)
        bench.__dict__.update(store=self.rig.open(), clock=Time(self.clocks))
        return bench

    def daemon(self) -> Timekeeper:
        bench = self.bench()
        return Timekeeper(bench, lambda: self.leading, Log(self.said, bench.clock, as_json=True))

    def told(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.said.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def last(self, name: str = "nightly") -> Scheduled:
        found = read(self.store, Scheduled, name)
        assert found is not None
        return found

    async def at(self, seconds: float, *daemons: Timekeeper) -> None:
        """It is so long after midnight; every daemon has its turn, and ends what it began."""
        self.clocks.advance(MIDNIGHT + seconds - self.clocks.wall)
        for daemon in daemons:
            daemon.turn()
        await asyncio.gather(*(daemon.settle() for daemon in daemons), self._ticking(daemons))

    async def _ticking(self, daemons: tuple[Timekeeper, ...]) -> None:
        """For whoever waits."""
        while any(daemon.busy for daemon in daemons):
            self.clocks.advance(0.05)
            await asyncio.sleep(0.001)


RUNBOOK = {"do": "runbook", "runbook": "ping", "inputs": {"word": "go"}, "cron": "0 3 * * *"}
DRILL = {"do": "drill", "cluster": "trading", "cron": "0 3 * * *", "grace": "2h"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, {"nightly": RUNBOOK})


async def test_it_begins_when_its_instant_has_come_and_once(site: Site) -> None:
    daemon = site.daemon()
    for seconds in (0.0, HOUR, 3 * HOUR - 1):
        await site.at(seconds, daemon)
    assert site.store.runs() == ()
    await site.at(3 * HOUR, daemon)
    await site.at(3 * HOUR + 5, daemon)
    (run,) = site.store.runs()
    assert (run.intent, run.outcome.value) == ("runbook", "done")
    assert run.by.startswith("qx daemon on ")
    assert run.by.endswith(", schedule nightly")
    last = site.last()
    assert (last.outcome, last.run, last.due) == ("done", run.id, MIDNIGHT + 3 * HOUR)
    assert [(each.verdict, each.cluster) for each in reversed(decisions(site.store))] == [
        ("act", "runbook:ping"), ("ended", "runbook:ping"),
    ]
    await site.at(DAY + 3 * HOUR, daemon)
    assert len(site.store.runs()) == 2


async def test_one_that_is_new_or_was_changed_counts_from_then_on(site: Site, tmp_path: Path) -> None:
    await site.at(4 * HOUR, site.daemon())  # after three o'clock of its first day
    assert site.store.runs() == ()
    changed = Site(tmp_path, {"nightly": RUNBOOK | {"cron": "0 2 * * *"}})
    changed.rig = site.rig
    await site.at(12 * HOUR, changed.daemon())
    assert site.last().rule == "0 2 * * * UTC"
    assert site.store.runs() == ()
    assert changed.told("schedule-missed") == []


async def test_of_two_daemons_one_begins_it(site: Site) -> None:
    one, other = site.daemon(), site.daemon()
    await site.at(0.0, one, other)
    await site.at(3 * HOUR, one, other)
    assert len(site.store.runs()) == 1


async def test_who_does_not_lead_begins_nothing_and_who_leads_next_goes_on(site: Site) -> None:
    one = site.daemon()
    await site.at(0.0, one)
    site.leading = False
    await site.at(3 * HOUR, one)
    assert site.store.runs() == ()
    site.leading = True
    other = site.daemon()
    await site.at(3 * HOUR + 30, other)
    await site.at(3 * HOUR + 60, one)
    assert len(site.store.runs()) == 1


async def test_a_late_one_begins_within_its_grace(site: Site) -> None:
    await site.at(0.0, site.daemon())
    await site.at(3 * HOUR + 9 * MINUTE, site.daemon())  # restarted meanwhile
    assert len(site.store.runs()) == 1


class Deaf(MemoryStore):
    """Its answers are lost after it has written."""

    def put(self, kind: str, key: str, value: dict[str, Any], **how: Any) -> Record:
        written = super().put(kind, key, value, **how)
        if kind == Scheduled.KIND and value["outcome"] == "running" and not value["run"]:
            raise Unsure("QX-STORE-005", "no answer")
        return written


async def test_a_claim_whose_answer_was_lost_is_looked_for(site: Site) -> None:
    daemon = site.daemon()
    await site.at(0.0, daemon)
    daemon._bench.__dict__["store"] = Deaf(site.rig._shelf)
    await site.at(3 * HOUR, daemon)
    assert len(site.store.runs()) == 1
    assert site.last().outcome == "done"


async def test_people_are_told_of_what_did_not_go_well(tmp_path: Path) -> None:
    told = tmp_path / "told"
    pager = {"driver": "command", "argv": ["/bin/sh", "-c", f"cat > {told}"]}
    site = Site(tmp_path, {"nightly": RUNBOOK}, notify={"channels": {"pager": pager}})
    await site.at(0.0, site.daemon())
    await site.at(DAY, site.daemon())
    notice = json.loads(told.read_text())
    assert notice["alert"]["key"] == "schedule/nightly"
    assert "due 2023-11-14 03:00:00Z: missed" in notice["alert"]["title"]
    assert notice["alert"]["because"] == "no daemon that leads was watching then"


async def test_what_was_missed_is_told_and_not_made_up_for(site: Site) -> None:
    await site.at(0.0, site.daemon())
    daemon = site.daemon()
    await site.at(3 * DAY + 4 * HOUR, daemon)  # three nights
    assert site.store.runs() == ()
    assert [line["because"] for line in site.told("schedule-missed")] == ["no daemon that leads was watching then"]
    assert (site.last().outcome, site.last().due) == ("missed", MIDNIGHT + 3 * DAY + 3 * HOUR)
    await site.at(4 * DAY + 3 * HOUR, daemon)
    assert len(site.store.runs()) == 1


async def test_several_that_have_passed_are_one(tmp_path: Path) -> None:
    site = Site(tmp_path, {"nightly": RUNBOOK | {"cron": "*/10 * * * *", "grace": "1h"}})
    await site.at(0.0, site.daemon())
    await site.at(HOUR + 5 * MINUTE, site.daemon())
    assert len(site.store.runs()) == 1
    assert site.last().due == MIDNIGHT + HOUR


async def test_a_run_that_has_not_ended_holds_it_up(site: Site) -> None:
    daemon = site.daemon()
    await site.at(0.0, daemon)
    (lease,) = site.store.acquire(("runbook:ping",), "somebody", DAY)
    await site.at(3 * HOUR, daemon)
    await site.at(3 * HOUR + 1, daemon)
    assert site.store.runs() == ()
    assert [line["because"] for line in site.told("schedule-held")] == ["run somebody is at work on it"]
    site.store.release((lease,))
    await site.at(3 * HOUR + MINUTE, daemon)
    assert len(site.store.runs()) == 1


async def test_what_goes_on_is_not_begun_again(tmp_path: Path) -> None:
    site = Site(tmp_path, {"nightly": RUNBOOK | {"inputs": {"word": "never"}, "cron": "* * * * *"}})
    daemon = site.daemon()
    await site.at(0.0, daemon)
    site.clocks.advance(MINUTE)
    daemon.turn()
    await asyncio.sleep(0)
    assert daemon.busy
    site.clocks.advance(MINUTE)
    daemon.turn()
    await site.at(2 * MINUTE + 1, daemon)
    assert len(site.store.runs()) == 1
    assert site.last().outcome == "failed"
    assert "QX-BOOK-005" in site.last().because


@pytest.mark.parametrize(
    "window", [{}, {"windows": [{"name": "market", "start": "02:00", "end": "04:00"}]}], ids=["maintenance", "window"]
)
async def test_maintenance_and_windows_hold_up_a_drill(tmp_path: Path, window: dict[str, Any]) -> None:
    site = Site(tmp_path, {"nightly": DRILL}, watch=window)
    if not window:
        until = MIDNIGHT + 4 * HOUR
        site.store.set_maintenance(Maintenance(scope="eu-west", owner="ann", reason="disks", since=0.0, until=until))
    daemon = site.daemon()
    await site.at(0.0, daemon)
    await site.at(3 * HOUR, daemon)
    held = site.told("schedule-held")[0]["because"]
    assert held in ("maintenance of eu-west by ann: disks", "market: 02:00 to 04:00 UTC")
    assert site.told("schedule-begins") == []
    await site.at(4 * HOUR, daemon)
    assert len(site.told("schedule-begins")) == 1
    assert site.last().outcome == "failed"  # there is no server behind it
    assert "QX-" in site.last().because


async def test_what_was_held_up_for_too_long_is_missed_and_says_by_what(tmp_path: Path) -> None:
    site = Site(tmp_path, {"nightly": DRILL | {"grace": "30m"}})
    until = MIDNIGHT + DAY
    site.store.set_maintenance(Maintenance(scope="*", owner="ann", reason="disks", since=0.0, until=until))
    daemon = site.daemon()
    for seconds in (0.0, 3 * HOUR, 3 * HOUR + 31 * MINUTE):
        await site.at(seconds, daemon)
    assert (site.last().outcome, site.last().because) == ("missed", "maintenance of * by ann: disks")


async def test_one_that_the_end_of_the_daemon_cut_off_is_left_to_be_resumed(tmp_path: Path) -> None:
    slow = RUNBOOK | {"inputs": {"word": "never"}}
    site = Site(tmp_path, {"nightly": slow})
    (tmp_path / "runbooks" / "ping.yaml").write_text(BOOK.replace("timeout: 1s", "timeout: 1h"))
    daemon = site.daemon()
    await site.at(0.0, daemon)
    site.clocks.advance(3 * HOUR)
    daemon.turn()
    while not site.store.runs():  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    (task,) = daemon._doing.values()
    task.cancel()
    await daemon.settle()
    assert site.last().outcome == "left"
    assert site.last().run == site.store.runs()[0].id
    assert FINISH_S > 0


async def test_the_list_tells_next_and_last_and_what_a_dead_daemon_left(site: Site) -> None:
    (before,) = listed(site.bench())
    assert (before.next_at, before.due_at, before.outcome) == (MIDNIGHT + 3 * HOUR, None, "")
    daemon = site.daemon()
    await site.at(0.0, daemon)
    await site.at(3 * HOUR, daemon)
    (after,) = listed(site.bench())
    assert (after.next_at, after.due_at, after.outcome) == (MIDNIGHT + DAY + 3 * HOUR, MIDNIGHT + 3 * HOUR, "done")
    claimed = {**site.store.records(Scheduled.KIND)[0].value, "outcome": "running", "run": ""}
    site.store.put(Scheduled.KIND, "nightly", claimed)
    assert listed(site.bench())[0].outcome == "running"
    site.clocks.advance(HOUR)
    assert listed(site.bench())[0].outcome == ORPHANED
    left = {**site.store.records(Scheduled.KIND)[0].value, "outcome": "running", "run": "nobody's"}
    site.store.put(Scheduled.KIND, "nightly", left)
    assert listed(site.bench())[0].outcome == ORPHANED


async def test_a_decision_of_the_timetable_is_no_false_positive(site: Site) -> None:
    daemon = site.daemon()
    await site.at(0.0, daemon)
    await site.at(3 * HOUR, daemon)
    assert [each.false_positive for each in decisions(site.store)] == [None, None]
