"""A cluster that is dark in every region, and a store that is gone with it: `qx guard start` on a real lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qx.lab import faults
from qx.lab.up import Wish
from tests.fixtures_lab import SESSIONS, TRADING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures_lab import Site

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("site", [Wish(regions=3, guards=True)], indirect=True)]


def moved(site: Site, where: Path, back: Path) -> None:
    """The store and what SQLite keeps beside it."""
    back.mkdir(exist_ok=True)
    for file in where.glob("store.db*"):
        file.rename(back / file.name)


def guard_of(site: Site, cluster: str, region: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [each for each in site.ok("guard", "status", cluster)["guards"] if each["region"] == region]
    return found


@pytest.mark.parametrize("cluster", [TRADING, SESSIONS])
def test_everything_is_dark(site: Site, cluster: str) -> None:
    way = site.way(cluster)
    with site.clients(cluster) as ledger:
        for node in site.nodes:
            if node.cluster == cluster:
                site.fault(faults.kill, node.name)
        assert site.writer(cluster) is None
        assert guard_of(site, cluster, way.source)["running"] is False
        aside = site.directory.parent / "aside"
        moved(site, site.directory, aside)
        cold = ("guard", "start", cluster, "--reason", "a power cut")
        try:
            said = site.qx(*cold, "--region", way.source)
            assert (said.exit, said.document["error"]["code"]) == (4, "QX-NODE-012")
            assert "no store answers" in said.document["error"]["message"]
            said = site.qx(*cold, "--region", way.target, "--attest")
            assert said.exit == 4
            assert f"{way.target} is a replica by its files" in said.document["error"]["message"]
            assert site.writer(cluster) is None
            started = site.ok(*cold, "--region", way.source, "--attest")
            assert (started["journalled"], started["already"]) == (False, False)
            assert not list(site.directory.glob("store.db*"))
        finally:
            moved(site, aside, site.directory)
        site.serves(ledger, cluster, way.source)
    told = guard_of(site, cluster, way.source)
    assert (told["guard"], told["left_s"]) == (started["guard"], None)
    assert [word["run"] for word in site.ok("guard", "status")["attested"]] == [started["run"]]

    site.qx("daemon", "--once")
    (deed,) = [run for run in site.runs() if run.id == started["run"]]
    assert (deed.intent, deed.clusters) == ("guard-start", (cluster,))
    assert site.entries(deed.id)[0].proof["reason"] == "a power cut"
    assert site.ok("guard", "status")["attested"] == []
    site.record_is_sound()
