"""A region of a real lab dies and comes back: one alert, one end, through a real webhook; the metrics say the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qx.app.alerting import Alerting
from qx.app.exposure import Exposure
from qx.app.observe import look
from qx.app.workbench import Workbench
from qx.lab import faults
from qx.lab.lab import Lab, locked
from qx.model.snapshot import Figures, Snapshot
from tests.contract.receivers import Site, http_site
from tests.fixtures_servers import free_port

pytestmark = pytest.mark.integration

US = "us-east"
PATIENCE_S = 60.0


class Watcher:
    """What a daemon does with alerts and metrics, tick by tick."""

    def __init__(self, config: Path, url: str, port: int) -> None:
        notify = f"\nnotify:\n  after: 1s\n  channels: {{pager: {{driver: webhook, url: '{url}'}}}}\n"
        own = config.with_name("alerting.yaml")
        own.write_text(config.read_text() + notify + f"watch: {{metrics: {{listen: '127.0.0.1:{port}'}}}}\n")
        self.port = port
        self.bench = Workbench({"XDG_STATE_HOME": str(config.parent), "NO_PROXY": "*"}, str(own))
        self.alerting, self.exposure = Alerting(self.bench), Exposure(self.bench, "test")
        self.began = time.time()

    async def tick(self) -> None:
        seen = await look(self.bench)
        assert await self.alerting.consider(seen.topology, (), self.bench.clock.now()) == ()
        figures = Figures(started_at=self.began, tick_at=time.time(), tick_s=0.1, every_s=0.3)
        self.exposure.take(Snapshot(topology=seen.topology, figures=figures, told=self.alerting.told))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, what
            await self.tick()
            await asyncio.sleep(0.3)

    async def scraped(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        data = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        return data.decode()

    async def close(self) -> None:
        await self.alerting.close()
        await self.exposure.close()
        await self.bench.close()


def said(site: Site) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in site.requests]


async def test_a_dead_region_is_one_alert_with_one_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with http_site() as site:
        watcher = Watcher(lab.config, site.url, free_port())
        try:
            await watcher.exposure.open()
            await watcher.tick()
            with locked(lab.directory):
                struck = await asyncio.to_thread(faults.kill, lab, US)
            await watcher.until(lambda: len(said(site)) == 1, "an alert")
            for _ in range(8):
                await watcher.tick()
            [fired] = said(site)
            assert (fired["happening"], fired["alert"]["key"]) == ("fired", f"region/{US}")
            assert fired["alert"]["severity"] == "critical"
            assert fired["alert"]["clusters"] == ["sessions", "trading"]
            assert fired["alert"]["next"].startswith("qx failover --to ")
            text = await watcher.scraped()
            assert 'qx_alerts{severity="critical"} 1.0' in text
            assert f'qx_region_verdict{{cause="nothing-answers",region="{US}",verdict="down"}} 1.0' in text
            with locked(lab.directory):
                await asyncio.to_thread(faults.heal, struck)
            await watcher.until(lambda: "resolved" in {each["happening"] for each in said(site)[1:]}, "its end")
            ended = [each for each in said(site) if each["alert"]["key"] == f"region/{US}"]
            assert [each["happening"] for each in ended] == ["fired", "resolved"]
        finally:
            await watcher.close()
