"""From a topology to a notice: claimed in the store, told once, gone on with after a restart."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.adapters.notify.wording import lines
from qx.adapters.sqlite.store import SqliteStore
from qx.app.alerting import Alerting, acknowledge, standing, undelivered
from qx.app.workbench import Workbench
from qx.engine.records import write
from qx.failover.judge import judge
from qx.kernel.errors import QxError
from qx.model.alert import Happening, Notice
from qx.model.lease import Rule
from qx.model.risk_limits import RiskStanding
from qx.ports.notifier import NotTaken
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, NOW, US

if TYPE_CHECKING:
    from pathlib import Path

    from qx.model.topology import Topology

PATIENCE_S = 20.0


class Phone:
    """Takes what it is sent, unless it is `broken`."""

    def __init__(self) -> None:
        self.got: list[Notice] = []
        self.broken = False

    async def send(self, notice: Notice, timeout: float) -> str:
        if self.broken:
            raise NotTaken("phone: no line", final=True)
        self.got.append(notice)
        return "taken"

    async def close(self) -> None: ...

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(notice.happening.value, notice.alert.key) for notice in self.got]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    node = {region: {"url": f"postgresql://qx@{v.address('postgresql', region)}/db"} for region in (US, EU)}
    cluster = {"kind": "postgresql", "home": US, "data_classes": ["trade_record"], "nodes": node}
    route = {"channels": ["phone"], "escalate_after": "60s", "then": ["boss"]}
    command = {"driver": "command", "argv": ["true"]}
    document = {
        "version": 1, "platform": "test", "regions": {r: {"title": r, "jurisdictions": ["XX"]} for r in (US, EU)},
        "clusters": {"trading": cluster}, "store": {"path": str(tmp_path / "store.db")},
        "notify": {"after": "10s", "contacts": {"ops": "+44 1"}, "channels": {"phone": command, "boss": command},
                   "routes": [route]},
    }  # fmt: skip
    (tmp_path / "regions.yaml").write_text(json.dumps(document))
    return tmp_path


class Rig:
    """One controller and its phone. `tick(second, well=)` is one look at NOW + second."""

    def __init__(self, directory: Path, me: str = "qx-1") -> None:
        self.bench = Workbench({"XDG_STATE_HOME": str(directory)}, str(directory / "regions.yaml"))
        self.phone, self.boss = Phone(), Phone()
        self.alerting = Alerting(self.bench, me, {"phone": self.phone, "boss": self.boss})

    async def tick(self, second: float, *, well: bool = False) -> tuple[str, ...]:
        troubles = await self.alerting.consider(self.seen(well=well), (), NOW + second)
        await self.quiet()
        return troubles

    async def quiet(self) -> None:
        if tasks := set(self.alerting.outbox._work.values()):
            _, left = await asyncio.wait(tasks, timeout=PATIENCE_S)
            assert not left

    def seen(self, *, well: bool) -> Topology:
        lost: dict[Any, Any] = {
            ("trading", US): v.silent("trading", US),
            ("trading", EU): v.observed("trading", EU, v.pg_replica(message_age_s=900.0)),
        }
        fine: dict[Any, Any] = {
            ("trading", US): v.observed("trading", US, v.pg_writer(EU)),
            ("trading", EU): v.observed("trading", EU, v.pg_replica()),
        }
        rules = {"trading": Rule(cluster="trading", epoch=1, writer=US, writer_epoch=1)}
        return judge(self.bench.platform, fine if well else lost, {}, rules, v.STORE, NOW)

    async def close(self) -> None:
        await self.alerting.close()
        await self.bench.close()


async def test_one_cause_is_told_once_and_its_end_too(directory: Path) -> None:
    rig = Rig(directory)
    for second in range(0, 30, 2):
        assert await rig.tick(second) == ()
    assert rig.phone.said == [("fired", "region/us-east")]
    assert [told.alert.key for told, _ in standing(rig.bench.store)] == ["region/us-east"]
    for second in range(30, 44, 2):
        await rig.tick(second, well=True)
    assert rig.phone.said[1:] == [("resolved", "region/us-east")]
    assert rig.phone.got[1].lasted_s == 40.0
    assert rig.phone.got[0].contacts == {"ops": "+44 1"}
    assert "contacts: ops +44 1" in lines(rig.phone.got[0])
    assert "contacts: ops +44 1" not in lines(rig.phone.got[1]), "it is over"
    assert standing(rig.bench.store) == ()
    assert undelivered(rig.bench.store) == ()
    await rig.close()


async def test_a_restart_tells_nothing_again(directory: Path) -> None:
    first = Rig(directory)
    await first.tick(0)
    await first.tick(10)
    await first.close()
    second = Rig(directory)
    await second.tick(20)
    assert second.phone.said == []
    await second.tick(40, well=True)
    await second.tick(50, well=True)
    assert second.phone.said == [("resolved", "region/us-east")]
    await second.close()


async def test_of_two_controllers_one_tells(directory: Path) -> None:
    one, two = Rig(directory, "qx-1"), Rig(directory, "qx-2")
    for second in range(0, 20, 2):
        await one.tick(second)
        await two.tick(second)
    for second in range(20, 60, 2):
        await one.tick(second, well=True)
        await two.tick(second, well=True)
    assert sorted(one.phone.said + two.phone.said) == [("fired", "region/us-east"), ("resolved", "region/us-east")]
    await one.close()
    await two.close()


async def test_a_controller_that_does_not_see_it_does_not_end_it(directory: Path) -> None:
    one, two = Rig(directory, "qx-1"), Rig(directory, "qx-2")
    for second in range(0, 120, 2):
        await one.tick(second)
        await two.tick(second, well=True)
    assert (one.phone.said, two.phone.said) == ([("fired", "region/us-east")], [])
    assert one.boss.said + two.boss.said == [("escalated", "region/us-east")]
    await one.close()
    await two.close()


async def test_an_acknowledged_alert_does_not_escalate(directory: Path) -> None:
    rig = Rig(directory)
    await rig.tick(0)
    await rig.tick(10)
    with pytest.raises(QxError, match="no alert 'region/us-aest'") as caught:
        acknowledge(rig.bench.store, "region/us-aest", "ann", NOW + 20, "")
    assert caught.value.hint == "did you mean 'region/us-east'?"
    acknowledge(rig.bench.store, "region/us-east", "ann", NOW + 20, "on it")
    await rig.tick(100)
    assert rig.boss.said == []
    [(_, heard)] = standing(rig.bench.store)
    assert heard is not None
    assert heard.by == "ann"
    await rig.tick(110, well=True)
    await rig.tick(120, well=True)
    await rig.tick(130)
    await rig.tick(140)
    await rig.tick(201)
    assert rig.boss.said == [("escalated", "region/us-east")], "a later alert of the same key is a new one"
    await rig.close()


async def test_what_could_not_be_delivered_is_kept_and_said(directory: Path) -> None:
    rig = Rig(directory)
    rig.phone.broken = True
    await rig.tick(0)
    await rig.tick(10)
    [trouble] = await rig.tick(12)
    assert "could not be delivered: phone: no line" in trouble
    [left] = undelivered(rig.bench.store)
    assert (left.channel, left.gave_up, left.notice.happening) == ("phone", True, Happening.FIRED)
    await rig.close()


async def test_what_was_owed_at_the_end_is_sent_by_the_next_start(directory: Path) -> None:
    first = Rig(directory)
    await first.tick(0)
    hung = asyncio.Event()

    async def hang(notice: Notice, timeout: float) -> str:
        await hung.wait()
        raise AssertionError

    first.phone.send = hang  # type: ignore[method-assign]
    await first.alerting.consider(first.seen(well=False), (), NOW + 10)
    await asyncio.sleep(0)
    await first.alerting.outbox.close(0)
    await first.bench.close()
    second = Rig(directory)
    await second.tick(20)
    assert second.phone.said == [("fired", "region/us-east")]
    await second.close()


async def test_a_store_that_does_not_answer_is_no_reason_to_be_silent(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_words: Any, **_more: Any) -> Any:
        raise QxError("QX-STORE-005", "the store cannot be written")

    rig = Rig(directory)
    with monkeypatch.context() as broken:
        for name in ("records", "put", "drop", "maintenance"):
            broken.setattr(SqliteStore, name, fails)
        assert "alerts are told without a record" in (await rig.tick(0))[0]
        await rig.tick(10)
        await rig.tick(12)
        assert rig.phone.said == [("fired", "region/us-east")]
    await rig.tick(14)
    assert rig.phone.said == [("fired", "region/us-east")]
    assert [told.alert.key for told, _ in standing(rig.bench.store)] == ["region/us-east"]
    await rig.tick(20, well=True)
    await rig.tick(30, well=True)
    assert rig.phone.said[1:] == [("resolved", "region/us-east")]
    await rig.close()


async def test_a_portfolio_above_a_limit_is_told_until_it_is_within(directory: Path) -> None:
    rig = Rig(directory)
    kept = RiskStanding(portfolio="energy", state="hard", because="desk oil", as_of="2027-01-14", at=NOW, by="x@y")
    for state, first in (("hard", 0), ("within", 20)):
        write(rig.bench.store, replace(kept, state=state), "energy")
        for second in range(first, first + 20, 2):
            await rig.tick(second, well=True)
    assert rig.phone.said == [("fired", "risk/energy"), ("resolved", "risk/energy")]
    assert "hard limit" in rig.phone.got[0].alert.title
    await rig.close()


async def test_a_store_that_is_silent_ends_no_such_alert(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(directory)
    kept = RiskStanding(portfolio="energy", state="hard", because="desk oil", as_of="2027-01-14", at=NOW, by="x@y")
    write(rig.bench.store, kept, "energy")
    for second in range(0, 20, 2):
        await rig.tick(second, well=True)

    def silent(*_: object) -> None:
        raise QxError("QX-STORE-009", "no answer")

    monkeypatch.setattr(rig.bench, "still", silent)
    for second in range(20, 60, 2):
        await rig.tick(second, well=True)
    assert rig.phone.said == [("fired", "risk/energy")]
    await rig.close()
