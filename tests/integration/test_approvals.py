"""Approvals on a real lab: people who sign a move with their keys, and a daemon that asks them for one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from qx.lab import faults
from qx.lab.up import Wish
from tests.fixtures_lab import TRADING, wait
from tests.integration.test_daemon import acknowledged, sampled, watching

if TYPE_CHECKING:
    from tests.fixtures_lab import Said, Site

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("site", [Wish(regions=3, guards=True)], indirect=True)]


@pytest.fixture
def keys(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two approvers, of whom both must sign a move of trading, which is in mode `confirm`; where their keys are."""
    lines = []
    for name in ("ada", "bob"):
        key = Ed25519PrivateKey.generate()
        (tmp_path / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (tmp_path / name).chmod(0o600)
        lines.append(f"  {name}: {{key: {base64.b64encode(key.public_key().public_bytes_raw()).decode()}}}")
    config = tmp_path / "regions.yaml"
    begin, trading, rest = Path(site.env["QX_CONFIG"]).read_text().partition(f"  {TRADING}:\n")
    rest = rest.replace("mode: auto", "mode: confirm\n    approvals: {required: 2}", 1)
    config.write_text("\n".join([begin + trading + rest + "approvers:", *lines]) + "\n")
    monkeypatch.setitem(site.env, "QX_CONFIG", str(config))
    return tmp_path


def approve(site: Site, keys: Path, plan: str, who: str) -> Said:
    """From an account of their own, as sudo tells it."""
    return site.qx("approve", plan, "--key", str(keys / who), "--reason", "a test", env={"SUDO_USER": who})


def test_two_people_sign_what_a_third_one_moves(site: Site, keys: Path) -> None:
    way = site.way(TRADING)
    said = site.qx("failover", "--to", way.target, "--cluster", TRADING, "--yes")
    assert (said.exit, said.document["error"]["code"]) == (4, "QX-PLAN-009"), said
    [waits] = site.ok("approve")["requests"]
    plan = waits["request"]["plan"]
    assert approve(site, keys, plan, "ada").exit == 0
    said = site.qx("apply", plan, "--yes")
    assert (said.exit, said.document["error"]["code"]) == (4, "QX-PLAN-009"), said
    assert "approved by ada, required are 2 of ada, bob" in said.document["error"]["message"]
    assert site.writer(TRADING) == way.source
    assert approve(site, keys, plan, "bob").exit == 0
    assert site.ok("apply", plan, "--yes")["outcome"] == "done"
    assert site.writer(TRADING) == way.target
    started = site.entries(site.runs()[0].id)[0]
    assert sorted(each["by"] for each in started.proof["approvals"]) == ["ada", "bob"]
    assert site.ok("approve")["requests"] == []
    site.record_is_sound()
    assert site.ok("audit", "verify")["approvals"]["verified"] == 2


def test_two_people_sign_a_drill_and_with_it_the_way_back(site: Site, keys: Path) -> None:
    way = site.way(TRADING)
    said = site.qx("drill", "--cluster", TRADING, "--to", way.target, "--yes")
    assert (said.exit, said.document["error"]["code"]) == (4, "QX-PLAN-009"), said
    [waits] = site.ok("approve")["requests"]
    assert waits["request"]["message"] == f"drill: {TRADING} {way.source} -> {way.target} (planned), and back"
    plan = waits["request"]["plan"]
    for who in ("ada", "bob"):
        assert approve(site, keys, plan, who).exit == 0
    done = site.qx("apply", plan, "--yes")
    assert done.exit in (0, 7), done  # 7: a busy machine misses an objective
    assert (done.document["source"], done.document["target"], done.document["lost"]) == (way.source, way.target, 0)
    assert site.writer(TRADING) == way.source
    for run in done.document["runs"]:
        started = site.entries(run)[0]
        counted = sorted((each["by"], each["plan"]) for each in started.proof["approvals"])
        assert counted == [("ada", plan), ("bob", plan)]
    site.record_is_sound()


def test_the_daemon_asks_and_moves_once_two_have_signed(site: Site, keys: Path) -> None:
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger, watching(site) as daemon:
        wait(lambda: sampled(site, TRADING, way.source, daemon.began), "samples of the writer")
        site.fault(faults.kill, f"{TRADING}/{way.source}")
        wait(lambda: daemon.said("decided", cluster=TRADING, verdict="asks"), "the daemon to ask")
        [waits] = site.ok("status")["waiting"]
        plan = waits["request"]["plan"]
        assert waits["request"]["daemon"]
        assert approve(site, keys, plan, "ada").exit == 0
        assert not daemon.said("decided", verdict="act")
        assert site.writer(TRADING) is None
        assert approve(site, keys, plan, "bob").exit == 0
        wait(lambda: daemon.said("decided", cluster=TRADING, verdict="ended"), "the daemon to act")
        moved = site.writer(TRADING)
        assert moved in (way.target, way.sibling)
        site.serves(ledger, TRADING, moved, lossless=False)
    run = next(run for run in site.runs() if run.plan_id == plan)
    assert run.by.startswith("qx daemon on ")
    assert site.ok("approve")["requests"] == []
    site.record_is_sound()
    acknowledged(site)


def test_a_writer_that_is_back_withdraws_the_request(site: Site, keys: Path) -> None:
    way = site.way(TRADING)
    with watching(site) as daemon:
        wait(lambda: sampled(site, TRADING, way.source, daemon.began), "samples of the writer")
        site.fault(faults.kill, f"{TRADING}/{way.source}")
        wait(lambda: daemon.said("decided", cluster=TRADING, verdict="asks"), "the daemon to ask")
        site.fault(faults.heal)
        wait(lambda: daemon.said("withdrawn", cluster=TRADING), "the request to be withdrawn")
        assert site.ok("approve")["requests"] == []
        assert site.writer(TRADING) == way.source
