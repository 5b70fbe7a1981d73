"""`qx schedules`, `qx drill --history`, `qx config check`: what the daemon does by the clock, as a user reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.engine.records import write
from qx.kernel.exits import Exit
from qx.model.standing import DrillResult, Scheduled
from tests.cli.test_record import REGIONS, Platform
from tests.fakes.record import T0

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx

SCHEDULES = """
schedules:
  nightly: {do: drill, cluster: trading, to: eu-west, cron: "0 3 * * *", timezone: Europe/Dublin}
  resync: {do: runbook, runbook: monthly-drill, cron: "*/10 * * * *", inputs: {cluster: trading, to: eu-west}}
"""


@pytest.fixture
def platform(qx: Qx, tmp_path: Path) -> Platform:
    found = Platform(qx, tmp_path)
    found.config.write_text(REGIONS + SCHEDULES)
    return found


def drilled(platform: Platform) -> None:
    with SqliteStore(platform.path) as store:
        for n, outage in enumerate((0.4, 0.5, 3.0)):
            result = DrillResult(cluster="trading", source="us-east", target="eu-west", at=T0 + n * 86400,
                                 away_outage_s=outage, back_outage_s=0.3, took_s=9.0, lost=0, met=True,
                                 runs=(f"run-{n}", "home"), behind_bytes=2048, behind_s=0.0)  # fmt: skip
            write(store, result, f"run-{n}")


def test_the_timetable_as_text(platform: Platform) -> None:
    lines = platform("schedules").out.splitlines()
    assert lines[0] == f"main ({platform.config})"
    assert lines[2].startswith("nightly   drill trading to eu-west")
    assert " never " in lines[2]
    assert "monthly-drill cluster=trading to=eu-west" in lines[3]


def test_what_came_of_the_last_one(platform: Platform) -> None:
    with SqliteStore(platform.path) as store:
        last = Scheduled(schedule="nightly", rule="0 3 * * * Europe/Dublin", due=T0, at=T0 + 9, outcome="missed",
                         because="no daemon that leads was watching then")  # fmt: skip
        write(store, last, "nightly")
    nightly, resync = platform("schedules", "-o", "json").json["schedules"]
    assert (nightly["outcome"], nightly["due_at"], nightly["do"]) == ("missed", T0, "drill")
    assert (resync["outcome"], resync["due_at"]) == ("", None)
    assert resync["next_at"] > T0
    assert "missed   no daemon that leads was watching then" in platform("schedules").out


def test_no_schedule(qx: Qx, tmp_path: Path) -> None:
    empty = Platform(qx, tmp_path)
    assert "no schedule" in empty("schedules").out
    assert empty("schedules", "-o", "json").json == {"schema": "qx.schedules/1", "schedules": []}


def test_what_cannot_be_meant_is_named_with_its_place(platform: Platform) -> None:
    wrong = SCHEDULES.replace("*/10 * * * *", "*/10 * * * 1").replace("cluster: trading, to: eu-west}}", "to: x}}")
    text = REGIONS + wrong
    platform.config.write_text(text)
    result = platform("config", "check")
    assert result.exit == Exit.USAGE
    assert "error[QX-CFG-004]: schedules.resync.cron: weekdays are written as names" in result.err
    assert "schedules.resync.inputs.cluster: it must be given" in result.err
    assert "schedules.resync.inputs.to: no region 'x'" in result.err
    line = next(n for n, line in enumerate(text.splitlines(), 1) if "resync" in line)
    assert f"{platform.config}:{line}:" in result.err
    assert platform("schedules").exit == Exit.USAGE
    assert platform("status", "--dry-run").exit != Exit.USAGE, "who only looks is not kept from it"
    assert platform("daemon").exit == Exit.USAGE


def test_warnings_keep_nothing_from_being_done(platform: Platform) -> None:
    platform.config.write_text(REGIONS.replace("home: us-east", "home: us-east\n    mode: auto"))
    result = platform("config", "check")
    assert result.exit == Exit.DONE
    assert "warning[QX-CFG-010]: clusters.trading.objectives.rpo: 5 s is shorter than" in result.out
    assert "no errors; 2 regions" in result.out.splitlines()[-1]
    (warned,) = platform("config", "check", "-o", "json").json["warnings"]
    assert (warned["code"], warned["place"]["file"]) == ("QX-CFG-010", str(platform.config))


def test_the_history_of_drills(platform: Platform) -> None:
    assert "no drill yet" in platform("drill", "--history").out
    drilled(platform)
    lines = platform("drill", "--history", "--cluster", "trading").out.splitlines()
    assert lines[1] == (
        "trading: 3 drills, 3 met the objectives, write outage 3 s at last, before that 450 ms, 400 ms at best and 3 s"
        " at worst, 10 s allowed; slower than it was"
    )
    assert lines[4].split()[2:] == ["trading", "eu-west", "3", "s", "300", "ms", "2.0", "KiB", "0", "met", "run-2"]
    document = platform("drill", "--history", "-o", "json").json
    assert (document["schema"], len(document["drills"])) == ("qx.drills/1", 3)
    assert document["trends"][0]["slower"] is True


def test_a_drill_wants_a_cluster(platform: Platform) -> None:
    result = platform("drill", "--yes")
    assert (result.exit, "--cluster CLUSTER" in result.err) == (Exit.USAGE, True)
