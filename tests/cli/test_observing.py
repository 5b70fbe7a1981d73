"""`qx status`, `lag`, `check`, `doctor` where nothing answers, or the question is wrong: what a user reads and gets."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.model.journal import Event
from tests.cli.conftest import Qx
from tests.unit.failover.test_openruns import PLAN, RUN, journal


@pytest.fixture(scope="module")
def refused() -> Iterator[tuple[int, int]]:
    """Ports of 127.0.0.1 that nobody listens on, and that nobody else gets."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        yield one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def config(tmp_path: Path, refused: tuple[int, int]) -> str:
    urls = [f"postgresql://qx@127.0.0.1:{port}/db" for port in refused]
    document = {
        "version": 1,
        "platform": "test",
        "defaults": {"probe_timeout": "1s"},
        "regions": {
            "us-east": {"title": "US", "jurisdictions": ["US"], "aliases": ["use1"]},
            "eu-west": {"title": "EU", "jurisdictions": ["EU"]},
        },
        "clusters": {
            "trading": {
                "kind": "postgresql",
                "home": "us-east",
                "data_classes": ["trade_record"],
                "nodes": {region: {"url": url} for region, url in zip(("us-east", "eu-west"), urls, strict=True)},
            }
        },
        "store": {"path": str(tmp_path / "store.db")},
    }
    path = tmp_path / "regions.yaml"
    path.write_text(json.dumps(document))
    return str(path)


def test_status_where_nothing_answers(qx: Qx, config: str) -> None:
    result = qx("status", "--config", config)
    assert result.exit == 1
    assert result.out.startswith(f"{config} (--config), ")
    assert "trading  unknown" in result.out
    assert "qx itself may be cut off" in result.out
    assert "error[QX-OBS-003]: nothing answered" in result.err


def test_status_as_json_is_one_document_with_the_silences(qx: Qx, config: str) -> None:
    result = qx("status", "-o", "json", "--config", config)
    assert (result.exit, result.json["schema"]) == (1, "qx.status/1")
    node = result.json["clusters"]["trading"]["nodes"]["us-east"]
    assert (node["role"], node["seen"]["type"], node["seen"]["reason"]) == ("silent", "silence", "refused")
    assert result.json["config_file"] == config


def test_a_region_tells_where_it_is_and_what_time_it_is_there(qx: Qx, config: str) -> None:
    described = json.loads(Path(config).read_text())
    described["regions"]["us-east"] |= {"location": "Ashburn, Virginia", "timezone": "Asia/Kathmandu"}
    Path(config).write_text(json.dumps(described))
    out = qx("status", "us-east", "--config", config).out
    assert re.search(r"^US, Ashburn, Virginia; \w{3} \d\d:\d\d in Asia/Kathmandu; law of US$", out, re.MULTILINE)
    assert "Kathmandu" not in qx("status", "--config", config).out


def test_a_region_by_its_alias_and_one_that_does_not_exist(qx: Qx, config: str) -> None:
    assert list(qx("status", "use1", "-o", "json", "--config", config).json["regions"]) == ["us-east"]
    result = qx("status", "us-esat", "--config", config)
    assert (result.exit, result.out) == (2, "")
    assert "error[QX-OBS-001]: no region 'us-esat'" in result.err
    assert "did you mean 'us-east'?" in result.err


def test_a_store_that_cannot_be_opened_is_a_warning(qx: Qx, config: str, tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    result = qx("status", "--config", config)
    assert "warning: " in result.out
    assert "judged without a record of who should write (QX-STORE-005)" in result.out
    assert "error[QX-OBS-003]" in result.err  # the observation went on


def test_an_orphaned_run_is_named_first_with_the_command_that_resumes_it(qx: Qx, config: str, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.begin(RUN, PLAN)
        for entry in journal((RUN.started_at + 20, Event.INTENDED, "close")):
            store.append(entry)
    result = qx("status", "--config", config)
    first = result.out.splitlines()
    assert first[0] == "orphaned run run1: failover of trading by ada"
    assert first[2].startswith("  trading: clients have not been able to write for ")
    assert first[3] == "  go on: qx runs resume run1"
    document = qx("status", "-o", "json", "--config", config).json
    assert (document["open_runs"][0]["run"], document["open_runs"][0]["orphaned"]) == ("run1", True)
    assert qx("check", "runs", "--config", config).exit == 2


def test_lag(qx: Qx, config: str) -> None:
    result = qx("lag", "trading", "-o", "json", "--config", config)
    assert (result.exit, result.json["schema"]) == (1, "qx.lag/1")
    found = {(each["region"], each["seconds"]) for each in result.json["replicas"]}
    assert found == {("eu-west", None)}  # us-east is home: as far as anybody knows, the writer
    result = qx("lag", "tradng", "--config", config)
    assert result.exit == 2
    assert "did you mean 'trading'?" in result.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("lag",), "QX_LAG UNKNOWN - trading in eu-west refuses connections"),
        (("health",), "QX_HEALTH UNKNOWN - "),
        (("writer",), "QX_WRITER UNKNOWN - trading unknown"),
        (("lagg",), "QX_CHECK UNKNOWN - "),
        (("lag", "--no-such-flag"), "QX_CHECK UNKNOWN - "),
        (("lag", "-w", "soon"), "QX_CHECK UNKNOWN - "),
        (("lag", "--cluster", "nowhere"), "QX_CHECK UNKNOWN - QX-OBS-002: no cluster 'nowhere'"),
        (("lag", "--config", "/nowhere.yaml"), "QX_CHECK UNKNOWN - QX-CFG-001: "),
    ],
)  # fmt: skip
def test_check_is_one_line_and_unknown_is_3(qx: Qx, config: str, argv: tuple[str, ...], words: str) -> None:
    result = qx("check", *argv, env={"QX_CONFIG": config})
    assert result.exit == 3
    assert result.out.startswith(words)
    assert result.out.count("\n") == 1


def test_check_runs_is_ok_without_runs_and_unknown_without_a_store(qx: Qx, config: str, tmp_path: Path) -> None:
    ok = qx("check", "runs", "--config", config)
    assert (ok.exit, ok.out) == (0, "QX_RUNS OK - no run is open | 'orphaned'=0;;;0 'under_way'=0;;;0\n")
    (tmp_path / "store.db").unlink()
    (tmp_path / "store.db").mkdir()
    assert qx("check", "runs", "--config", config).exit == 3


def test_check_has_a_document_too_and_its_help_is_no_error(qx: Qx, config: str) -> None:
    result = qx("check", "lag", "-o", "json", "--config", config)
    assert (result.exit, result.json["schema"], result.json["level"]) == (3, "qx.check/1", 3)
    assert qx("check", "--help").exit == 0


def test_doctor_names_evidence_and_fix(qx: Qx, config: str) -> None:
    result = qx("doctor", "--config", config)
    assert result.exit == 1
    assert "connectivity  trading/us-east" in result.out
    assert "fix: is it running?" in result.out
    assert "none is configured: qx cannot stop, start or fence this node" in result.out
    document = qx("doctor", "-o", "json", "--config", config).json
    assert document["schema"] == "qx.doctor/1"
    assert {each["group"] for each in document["examined"]} >= {"install", "config", "secrets", "connectivity", "store"}


def test_doctor_warns_where_a_server_would_live_in_the_unit_that_qx_runs_in(
    qx: Qx, config: str, tmp_path: Path
) -> None:
    document = json.loads(Path(config).read_text())
    control = {"driver": "local", "data_dir": str(tmp_path / "data"), "bin_dir": "/usr/bin", "port": 1}
    nodes = document["clusters"]["trading"]["nodes"]
    nodes["us-east"]["control"] = control
    supervised = {"start": ["systemctl", "start", "qx-guard@trading"], "data_dir": str(tmp_path / "other"), "port": 2}
    nodes["eu-west"]["control"] = control | supervised
    Path(config).write_text(json.dumps(document))

    def warned(**env: str) -> list[str]:
        found = qx("doctor", "-o", "json", "--config", config, env=env).json["examined"]
        return [each["name"] for each in found if "a unit of systemd" in each["evidence"]]

    assert warned() == []
    assert warned(INVOCATION_ID="f00") == ["trading/us-east"]


def test_doctor_ends_with_a_broken_configuration(qx: Qx, tmp_path: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text("version: 1\nplatfrom: x\n")
    result = qx("doctor", "--config", str(path))
    assert result.exit == 1
    assert "fix: qx config check" in result.out


def test_doctor_names_a_missing_secret_and_never_shows_one(qx: Qx, config: str, tmp_path: Path) -> None:
    described = json.loads(Path(config).read_text())
    nodes = described["clusters"]["trading"]["nodes"]
    nodes["us-east"]["password"], nodes["eu-west"]["password"] = "env:QX_TEST_ABSENT", "env:QX_TEST_PRESENT"
    Path(config).write_text(json.dumps(described))
    for form in ("table", "json"):
        result = qx("doctor", "-o", form, "--config", config, env={"QX_TEST_PRESENT": "hunter2-hunter2"})
        assert "hunter2" not in result.out + result.err
        assert "export QX_TEST_ABSENT=" in result.out


@pytest.mark.parametrize(
    "argv", [("--bad", "check"), ("--bad", "check", "lag"), ("--timeout", "soon", "check"), ("-o", "xml", "check")]
)
def test_a_mistake_in_front_of_check_is_unknown_too(qx: Qx, config: str, argv: tuple[str, ...]) -> None:
    result = qx(*argv, env={"QX_CONFIG": config})
    assert result.exit == 3
    assert result.out.startswith("QX_CHECK UNKNOWN - ")
    assert result.err == ""


@pytest.mark.parametrize("argv", [("--bad", "status"), ("--bad", "status", "check"), ("--config", "check", "--bad")])
def test_it_is_usage_where_check_is_not_the_command(qx: Qx, argv: tuple[str, ...]) -> None:
    assert qx(*argv).exit == 2
