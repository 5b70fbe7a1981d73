"""`qx daemon` begins a drill by the clock, on a real lab; maintenance holds it up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qx.lab.up import Wish
from tests.fixtures_lab import HOME, TRADING, wait
from tests.integration.test_daemon import watching

if TYPE_CHECKING:
    from tests.fixtures_lab import Site

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("site", [Wish(regions=3)], indirect=True)]

EVERY_MINUTE = f"""
schedules:
  often: {{do: drill, cluster: {TRADING}, cron: "* * * * *", grace: 30m}}
"""
PATIENCE_S = 150.0  # a minute until it is due, and a busy machine


def test_a_drill_by_the_clock(site: Site) -> None:
    config = Path(site.env["QX_CONFIG"])
    text = config.read_text()
    config.write_text(text + EVERY_MINUTE)
    home = site.writer(TRADING)
    try:
        site.ok("maintenance", "on", HOME, "--for", "1h", "--reason", "a test")
        with watching(site) as daemon:
            wait(lambda: daemon.said("schedule-held", schedule="often"), "maintenance to hold it up", PATIENCE_S)
            assert not daemon.said("schedule-begins")
            site.ok("maintenance", "off", HOME)
            wait(lambda: daemon.said("schedule-ended", schedule="often"), "the drill to end", PATIENCE_S)
        ended = daemon.said("schedule-ended")[0]
        assert ended["outcome"] == "done", ended
        (appointment,) = site.ok("schedules")["schedules"]
        assert appointment["run"]
        assert site.writer(TRADING) == home
        by = {run.by for run in site.runs() if run.plan_id}
        assert any(each.startswith("qx daemon on ") and each.endswith(", schedule often") for each in by)
        drills = site.ok("drill", "--history")
        assert drills["trends"][0]["drills"] >= 1
        assert drills["drills"][-1]["behind_bytes"] is not None
        site.record_is_sound()
    finally:
        config.write_text(text)
