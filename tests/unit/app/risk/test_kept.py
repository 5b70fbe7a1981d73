"""What is kept of risk: that planning sees it, that the timetable keeps it, and how much of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from qx.app.risk import history
from qx.app.scheduled import listed
from qx.app.situate import situation
from qx.engine.records import read, read_all, write
from qx.failover.judge import judge
from qx.model.plan import Consent
from qx.model.risk_limits import RiskKept, RiskStanding
from tests.cli.risky import limits, two_books
from tests.unit.daemon.test_timekeeper import DAY, HOUR, Site

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NIGHTLY: dict[str, Any] = {"do": "risk", "portfolio": "portfolio.csv", "name": "energy", "cron": "0 3 * * *"}
KEPT = RiskStanding(portfolio="energy", state="hard", because="desk oil", as_of="2026-11-20", at=1.0, by="x@y")


def test_planning_sees_the_last_verdicts(tmp_path: Path) -> None:
    bench = Site(tmp_path, {}).bench()
    write(bench.store, KEPT, "energy")
    topology = judge(bench.platform, {}, {}, {}, bench.store.store_id, bench.clock.now())
    assert situation(bench, Consent(), topology, {}, by="ann").risk == {"energy": KEPT}


async def test_the_timetable_measures_judges_and_keeps(tmp_path: Path) -> None:
    two_books(tmp_path)
    limits(tmp_path, "total,,var,,,1,2,USD")
    site = Site(tmp_path, {"nightly": NIGHTLY})
    await site.at(0.0, site.daemon())
    await site.at(3 * HOUR, site.daemon())
    last = site.last()
    assert (last.outcome, last.run) == ("done", "")
    assert last.because.endswith("limits: hard")
    kept = read_all(site.store, RiskKept)
    assert {each.region for each in kept.values()} == {"", "us-east", "eu-west"}
    found = read(site.store, RiskStanding, "energy")
    assert found is not None
    assert found.state == "hard"
    (appointment,) = listed(site.bench())
    assert (appointment.do, appointment.what) == ("risk", "portfolio.csv historical 99% 1d")


async def test_what_cannot_be_measured_is_kept_as_unknown(tmp_path: Path) -> None:
    two_books(tmp_path)
    limits(tmp_path, "total,,var,,,1,2,USD")
    site = Site(tmp_path, {"nightly": NIGHTLY})
    await site.at(0.0, site.daemon())
    (tmp_path / "prices.csv").write_text("date,factor,value\n")
    await site.at(3 * HOUR, site.daemon())
    assert site.last().outcome == "failed"
    found = read(site.store, RiskStanding, "energy")
    assert found is not None
    assert found.state == "unknown"


async def test_prices_too_old_leave_the_limits_unknown(tmp_path: Path) -> None:
    two_books(tmp_path)
    limits(tmp_path, "total,,var,,,1,2,USD")
    site = Site(tmp_path, {"nightly": NIGHTLY | {"max_price_age": 4}})
    site.clocks.advance(1200 * DAY)  # from 2023 on: some days after the prices
    await site.at(1200 * DAY, site.daemon())
    await site.at(1200 * DAY + 3 * HOUR, site.daemon())
    assert site.last().outcome == "done"
    found = read(site.store, RiskStanding, "energy")
    assert found is not None
    assert (found.state, "QX-RISK-011" in found.because) == ("unknown", True)


def test_the_earliest_days_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    store = Site(tmp_path, {}).store
    figures = RiskKept(
        portfolio="p", region="", as_of="", method="historical", alpha="99%", horizon_days=1, currency="USD", var=1.0,
        es=2.0, var_low=None, var_high=None, value=0.0, digests={}, at=0.0,
    )  # fmt: skip
    for day in range(1, 6):
        kept = replace(figures, as_of=f"2026-11-{day:02}")
        history.keep(store, [kept])
    assert {each.as_of for each in read_all(store, RiskKept).values()} == {"2026-11-03", "2026-11-04", "2026-11-05"}
