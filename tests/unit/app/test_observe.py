"""Looking at everything at once, with probers made of values: one that hangs must not hold up the others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.app.observe import GRACE_S, look
from qx.app.workbench import Workbench
from qx.model.observation import Observation, Silence
from qx.model.topology import Cause, Verdict
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, US


class Answers:
    """A prober with one answer."""

    def __init__(self, answer: Observation | Silence) -> None:
        self._answer = answer

    async def observe(self, timeout: float) -> Observation | Silence:
        return self._answer

    async def heartbeat(self, timeout: float) -> None: ...

    async def close(self) -> None: ...


class Hangs(Answers):
    """A prober that has forgotten its deadline."""

    async def observe(self, timeout: float) -> Observation | Silence:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    document = {
        "version": 1,
        "platform": "test",
        "defaults": {"probe_timeout": "100ms"},
        "regions": {region: {"title": region, "jurisdictions": ["XX"]} for region in (US, EU)},
        "clusters": {
            "trading": {
                "kind": "postgresql",
                "home": US,
                "data_classes": ["trade_record"],
                "nodes": {
                    region: {"url": f"postgresql://qx@{v.address('postgresql', region)}/db"} for region in (US, EU)
                },
            }
        },
        "store": {"path": "store.db"},
    }
    (tmp_path / "regions.yaml").write_text(json.dumps(document))
    made = Workbench({}, None, tmp_path)
    made.__dict__["probers"] = {
        ("trading", US): Answers(v.observed("trading", US, v.pg_writer(EU), made.clock.now())),
        ("trading", EU): Answers(v.observed("trading", EU, v.pg_replica(), made.clock.now())),
    }
    return made


async def test_what_was_seen_is_judged_and_the_writers_position_is_kept(bench: Workbench, tmp_path: Path) -> None:
    seen = await look(bench)
    assert seen.topology.clusters["trading"].verdict is Verdict.HEALTHY
    assert seen.warnings == ()
    with SqliteStore(tmp_path / "store.db") as store:
        (sample,) = store.samples("trading", 0)
    assert (sample.region, sample.position) == (US, 0x5000000)
    await bench.close()


async def test_a_prober_that_hangs_becomes_a_silence_at_the_deadline(bench: Workbench) -> None:
    bench.probers["trading", EU] = Hangs(v.silent("trading", EU))
    began = bench.clock.elapsed()
    async with asyncio.timeout(5):
        seen = await look(bench)
    assert bench.clock.elapsed() - began >= 0.1 + GRACE_S
    view = seen.topology.clusters["trading"]
    assert (view.cause, view.writer) == (Cause.REPLICA_SILENT, US)
    silence = view.nodes[EU].seen
    assert isinstance(silence, Silence)
    assert silence.reason == "timeout"
    await bench.close()


async def test_without_a_store_it_looks_all_the_same(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    seen = await look(bench)
    assert seen.topology.clusters["trading"].verdict is Verdict.HEALTHY
    (warning,) = seen.warnings
    assert "QX-STORE-005" in warning
    await bench.close()


async def test_a_record_in_the_store_decides_who_is_lawful(bench: Workbench) -> None:
    bench.store.adopt("trading", 4, EU, "7000/1", "ada", "test", bench.clock.now())
    view = (await look(bench)).topology.clusters["trading"]
    assert (view.recorded_writer, view.epoch) == (EU, 5)
    assert view.cause is Cause.STALE_WRITER  # us-east writes, and carries no marker of the recorded epoch
    await bench.close()


def test_paths_of_the_file_are_meant_from_its_directory(bench: Workbench, tmp_path: Path) -> None:
    assert bench.store_path == tmp_path / "store.db"
    assert bench.beside("/elsewhere/x") == Path("/elsewhere/x")


def test_state_stands_where_xdg_says() -> None:
    assert Workbench({"XDG_STATE_HOME": "/s"}).state_directory == Path("/s/qx")
    assert Workbench({"HOME": "/h"}).state_directory == Path("/h/.local/state/qx")
    assert Workbench({"HOME": "/h", "XDG_STATE_HOME": "relative"}).state_directory == Path("/h/.local/state/qx")
