"""`uphold` on real servers and a real store: step by step, interrupted anywhere, and what it leaves in between."""

from __future__ import annotations

import asyncio
import contextlib
import io
import textwrap
from typing import TYPE_CHECKING

import pytest

from qx.app.doctor_durability import durability as doctored
from qx.app.durability import standing, uphold
from qx.app.observe import observe
from qx.app.workbench import Workbench
from qx.config.profiles import watch_of
from qx.daemon.durability import Durability
from qx.daemon.log import Log
from qx.daemon.trust import Trust
from qx.engine.records import read
from qx.failover.quorum_names import way_of
from qx.kernel.errors import QxError
from qx.model.standing import Durable, Way
from qx.model.topology import Topology
from tests.contract.test_postgres import facts_of
from tests.fixtures_servers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures_servers import PgNode, Servers

pytestmark = pytest.mark.integration

US, EU, AP = "us-east", "eu-west", "ap-southeast"
YAML = """\
version: 1
platform: test
regions:
  us-east: {{title: US, jurisdictions: [XX]}}
  eu-west: {{title: EU, jurisdictions: [XX]}}
  ap-southeast: {{title: AP, jurisdictions: [XX]}}
clusters:
  trading:
    kind: postgresql
    home: us-east
    data_classes: [trade_record]
    durability: {durability}
    mode: {mode}
    nodes:
      us-east: {{url: "{us}"}}
      eu-west: {{url: "{eu}"}}
      ap-southeast: {{url: "{ap}"}}
residency:
  - {{data_class: trade_record, source: XX, to: XX, verdict: allowed, because: a test}}
store: {{path: {store}}}
"""


class Place:
    def __init__(self, home: Path, writer: PgNode, eu: PgNode, ap: PgNode) -> None:
        self.home, self.writer, self.eu, self.ap = home, writer, eu, ap

    def bench(self, durability: str = "quorum", mode: str = "confirm") -> Workbench:
        path = self.home / "regions.yaml"
        told = YAML.format(durability=durability, mode=mode, us=self.writer.url, eu=self.eu.url, ap=self.ap.url,
                           store=self.home / "store.db")  # fmt: skip
        path.write_text(textwrap.dedent(told))
        return Workbench({"QX_CONFIG": str(path), "HOME": str(self.home)})


@pytest.fixture
def place(servers: Servers, pg_major: int, tmp_path: Path) -> Place:
    writer, eu, ap = (servers.postgres(pg_major) for _ in range(3))
    writer.start()
    for node, name in ((eu, "qx_eu_west"), (ap, "qx_ap_southeast")):
        writer.sql("SELECT pg_create_physical_replication_slot(%s, true)", name)
        node.follow(writer, slot=name)
        node.start()
    streaming(writer, 2)
    return Place(tmp_path, writer, eu, ap)


def streaming(writer: PgNode, count: int) -> None:
    sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    wait_until(lambda: writer.sql(sql) == [(count,)], f"{count} standbys stream")


async def upheld(bench: Workbench, *, dies_at: int = 100, looks: int = 100) -> list[str]:
    """What it said; interrupted just before its act of that number. Standbys may catch up between its `looks`."""
    said: list[str] = []

    def tell(words: str) -> None:
        said.append(words)
        if len(said) > dies_at:
            raise KeyError

    with contextlib.suppress(KeyError):
        for _ in range(looks):
            left = await uphold(bench, await observe(bench), "trading", (), tell)
            if "catch up" not in left:
                break
            await asyncio.sleep(0.05)
    return said


async def covered(place: Place, bench: Workbench) -> tuple[Way, ...]:
    """The record, which must have the way in force."""
    facts = await facts_of(place.writer)
    way = way_of(bench.platform.clusters["trading"], US, facts.settings)
    found = read(bench.store, Durable, "trading")
    if found is None:
        assert not way.count
        return ()
    assert way in found.ways
    return found.ways


async def test_on_narrower_wider_and_off_interrupted_at_every_step(place: Place) -> None:
    both = Way(writer=US, count=1, of=(AP, EU))
    for dies_at in range(4):
        bench = place.bench()
        await upheld(bench, dies_at=dies_at)
        await covered(place, bench)
        await upheld(bench)
        assert await covered(place, bench) == (both,)
        [(names,)] = place.writer.sql("SHOW synchronous_standby_names")
        assert names == "ANY 1 (qx_ap_southeast, qx_eu_west)"
        assert await upheld(bench) == [], "nothing is left to do"
        await bench.close()
        off = place.bench("async")
        await upheld(off, dies_at=dies_at)
        await covered(place, off)
        await upheld(off)
        assert await covered(place, off) == ()
        assert place.writer.sql("SHOW synchronous_standby_names") == [("",)]
        await off.close()
    bench = place.bench()
    await upheld(bench)
    place.ap.stop()
    streaming(place.writer, 1)
    await upheld(bench)
    assert await covered(place, bench) == (Way(writer=US, count=1, of=(EU,)),)
    place.eu.stop()
    streaming(place.writer, 0)
    await upheld(bench, looks=1)
    assert both in await covered(place, bench), "whichever comes back first lets writes go on"
    assert place.writer.sql("SHOW synchronous_standby_names") == [("ANY 1 (qx_ap_southeast, qx_eu_west)",)]
    place.ap.start()
    streaming(place.writer, 1)
    await upheld(bench)
    assert await covered(place, bench) == (Way(writer=US, count=1, of=(AP,)),)
    assert standing(bench, (await seen(bench)).clusters["trading"]).left == ""
    await bench.close()


async def seen(bench: Workbench) -> Topology:
    return await observe(bench)


async def test_a_run_that_acts_on_the_cluster_goes_first(place: Place) -> None:
    bench = place.bench()
    leases = bench.store.acquire(("trading",), "somebody", 60)
    with pytest.raises(QxError) as caught:
        await upheld(bench)
    assert caught.value.code == "QX-STORE-001"
    bench.store.release(leases)
    await upheld(bench)
    assert await covered(place, bench)
    await bench.close()


async def test_the_daemon_keeps_it_so_beside_the_writer_and_not_in_observe(place: Place) -> None:
    for mode, region in (("observe", None), ("auto", EU), ("auto", US)):
        bench = place.bench(mode=mode)
        watch = watch_of(bench.platform.watch)
        trust = Trust(bench.clock, 60.0, 60.0)
        told = io.StringIO()
        task = Durability(bench, watch, region, trust, Log(told, bench.clock, as_json=True), lambda: None)
        for _ in range(100):
            await task.round(await observe(bench))
            if region != US or len(await covered(place, bench)) == 1:
                break
            await asyncio.sleep(0.05)
        [(names,)] = place.writer.sql("SHOW synchronous_standby_names")
        assert bool(names) is (region == US), told.getvalue()
        assert "bug" not in told.getvalue()
        await bench.close()


async def test_doctor_names_who_commits_below_on(place: Place) -> None:
    bench = place.bench()
    await upheld(bench)
    topology = await seen(bench)
    [fine] = await doctored(bench, topology)
    assert fine.status.value == "ok"
    assert "not covered" in fine.evidence
    place.writer.sql("CREATE ROLE feed")
    place.writer.sql("ALTER ROLE feed SET synchronous_commit = off")
    place.writer.sql("ALTER DATABASE postgres SET synchronous_commit = remote_write")
    place.writer.sql("ALTER ROLE feed IN DATABASE postgres SET synchronous_commit = remote_apply")
    found = await doctored(bench, topology)
    assert [each.fix for each in found] == [
        "ALTER DATABASE postgres RESET synchronous_commit", "ALTER ROLE feed RESET synchronous_commit",
    ]  # fmt: skip
    assert not any(each.status.value == "ok" for each in found)
    await bench.close()
