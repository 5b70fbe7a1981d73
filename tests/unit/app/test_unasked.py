"""What the doctor says of armed clusters, their guards and the timetable; and of what a notice needs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.app import doctor, unasked
from qx.app.workbench import Workbench
from qx.engine.records import write
from qx.failover.judge import judge
from qx.kernel.errors import QxError
from qx.model.diagnosis import Examined, Health
from qx.model.lease import Rule
from qx.model.standing import Arming, DrillResult, Scheduled
from tests.unit.daemon.test_beside import RUNS
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, NOW, US

if TYPE_CHECKING:
    from pathlib import Path

    from qx.model.control import PgControl


class Clock:
    def now(self) -> float:
        return NOW

    def elapsed(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def noise(self) -> bytes:
        return bytes(10)


class Control:
    """A node whose server is as `found`; None: it does not answer."""

    def __init__(self, found: PgControl | None) -> None:
        self._found = found

    async def inspect(self, timeout: float) -> PgControl:
        if self._found is None:
            raise QxError("QX-NODE-001", "no route")
        return self._found


def bench_of(directory: Path, controls: dict[str, PgControl | None], **more: Any) -> Workbench:
    local = {"driver": "local", "bin_dir": "/x", "port": 5432}
    nodes = {
        region: {
            "url": f"postgresql://qx@{v.address('postgresql', region)}/db",
            "control": local | {"data_dir": f"/{region}"},
        }
        for region in (US, EU)
    }
    cluster = {"kind": "postgresql", "home": US, "mode": "auto", "data_classes": ["trade_record"], "nodes": nodes,
               "objectives": {"rpo": "60s"}}  # fmt: skip
    document = {
        "version": 1, "platform": "test", "regions": {r: {"title": r, "jurisdictions": ["XX"]} for r in (US, EU)},
        "clusters": {"trading": cluster}, "store": {"path": str(directory / "store.db")}, **more,
    }  # fmt: skip
    (directory / "regions.yaml").write_text(json.dumps(document))
    bench = Workbench({"XDG_STATE_HOME": str(directory), "HOOK": "https://hooks.example.com/T/1", "WORD": "hunter2"},
                      str(directory / "regions.yaml"))  # fmt: skip
    found = {("trading", region): Control(each) for region, each in controls.items()}
    bench.__dict__.update(controls=found, clock=Clock())
    return bench


def armed(bench: Workbench, *, drilled: bool = True) -> None:
    write(bench.store, Arming(cluster="trading", by="ann", reason="r", at=NOW), "trading")
    if drilled:
        drill = DrillResult(cluster="trading", source=US, target=EU, at=NOW - 50, away_outage_s=0.4, back_outage_s=0.5,
                            took_s=9.0, lost=0, met=True, runs=("r1", "r2"))  # fmt: skip
        write(bench.store, drill, "r1")


async def found(bench: Workbench) -> list[tuple[str, str, Health]]:
    seen: dict[Any, Any] = {
        ("trading", US): v.observed("trading", US, v.pg_writer(EU)),
        ("trading", EU): v.observed("trading", EU, v.pg_replica()),
    }
    rules = {"trading": Rule(cluster="trading", epoch=1, writer=US, writer_epoch=1)}
    topology = judge(bench.platform, seen, {}, rules, bench.store.store_id, NOW)
    try:
        return [(each.group, each.name, each.status) for each in await unasked.examined(bench, topology)]
    finally:
        await bench.close()


async def test_an_armed_cluster_with_guards_and_a_fresh_drill_is_well(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, {US: RUNS, EU: RUNS})
    armed(bench)
    assert await found(bench) == [
        ("arming", "trading", Health.OK), ("guards", "trading/us-east", Health.OK),
        ("guards", "trading/eu-west", Health.OK),
    ]  # fmt: skip


async def test_an_armed_writer_without_a_guard_is_a_failure_and_a_replica_a_warning(tmp_path: Path) -> None:
    bare = replace(RUNS, guard="")
    bench = bench_of(tmp_path, {US: bare, EU: bare})
    armed(bench)
    assert (await found(bench))[1:] == [
        ("guards", "trading/us-east", Health.FAILED), ("guards", "trading/eu-west", Health.WARNING),
    ]


async def test_one_whose_control_is_silent_is_told_elsewhere(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, {US: RUNS, EU: None})
    armed(bench)
    assert [each[1] for each in await found(bench)] == ["trading", "trading/us-east"]


async def test_armed_without_a_drill_and_auto_without_arming_are_warnings(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, {})
    armed(bench, drilled=False)
    assert await found(bench) == [("arming", "trading", Health.WARNING)]
    bench = bench_of(tmp_path, {})
    bench.store.drop(Arming.KIND, "trading")
    assert await found(bench) == [("arming", "trading", Health.WARNING)]


async def test_the_timetable(tmp_path: Path) -> None:
    schedules = {
        "monthly": {"do": "drill", "cluster": "trading", "cron": "0 3 1-7 * sun"},
        "weekly": {"do": "drill", "cluster": "trading", "cron": "0 3 * * sun"},
    }
    bench = bench_of(tmp_path, {}, schedules=schedules)
    missed = Scheduled(schedule="weekly", rule="0 3 * * sun UTC", due=NOW - 60, at=NOW, outcome="missed", because="x")
    write(bench.store, missed, "weekly")
    assert (await found(bench))[1:] == [
        ("schedules", "monthly", Health.OK), ("schedules", "weekly", Health.WARNING),
    ]
    schedules["weekly"]["cron"] = "0 3 * * 7"
    bench = bench_of(tmp_path, {}, schedules=schedules)
    assert (await found(bench))[1:] == [("schedules", "file", Health.FAILED)]


CHANNELS = {
    "chat": {"driver": "slack", "url": "env:HOOK"},
    "pager": {"driver": "webhook", "url": "env:WORD", "headers": {"Authorization": "env:ABSENT"},
              "secret": "env:WORD2"},
    "mail": {"driver": "email", "host": "mail.example.com", "user": "qx", "password": "env:WORD3",
             "from": "qx@example.com", "to": ["a@example.com"]},
}  # fmt: skip


def secrets(bench: Workbench) -> list[Examined]:
    return list(doctor._secrets(bench))


@pytest.mark.parametrize(("name", "words"), [
    ("notify/chat", ["env:HOOK resolves"]),
    ("notify/pager", ["ABSENT", "WORD2", "env:WORD resolves, but not to an address of http:// or https://"]),
    ("notify/mail", ["WORD3"]),
])  # fmt: skip
def test_what_a_notice_needs_is_tried(tmp_path: Path, name: str, words: list[str]) -> None:
    bench = bench_of(tmp_path, {}, notify={"channels": CHANNELS})
    said = [each for each in secrets(bench) if each.name == name]
    assert len(said) == len(words)
    for word in words:
        assert any(word in each.evidence for each in said), said
    assert all((each.status is Health.OK) == (name == "notify/chat") for each in said)
    assert "hunter2" not in str(secrets(bench))
    assert "hooks.example.com" not in str(secrets(bench))
