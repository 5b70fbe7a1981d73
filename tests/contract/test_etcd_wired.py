"""regions.yaml names etcd: commands keep their record there, and `qx doctor` looks at its members."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures_servers import free_port

if TYPE_CHECKING:
    from tests.fixtures_etcd import Etcd

REGIONS = """\
version: 1
platform: {platform}
regions:
  us-east: {{title: US East, jurisdictions: [US]}}
  eu-west: {{title: EU West, jurisdictions: [EU]}}
clusters:
  trading:
    kind: postgresql
    home: us-east
    data_classes: [trade_record]
    nodes:
      us-east: {{url: "postgresql://qx@127.0.0.1:{port}/trading"}}
store: {{etcd: {{endpoints: ["{endpoint}"], prefix: /qx-test}}}}
"""
LOADED = """
import sys
from qx.app.workbench import Workbench
Workbench({}, sys.argv[1]).store
print("httpx" in sys.modules)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def written(home: Path, endpoint: str) -> Path:
    file = home / "regions.yaml"
    file.write_text(REGIONS.format(platform=f"wired-{os.getpid()}", port=free_port(), endpoint=endpoint))
    return file


def qx(file: Path, *argv: str) -> tuple[int, Any]:
    env = {**os.environ, "XDG_STATE_HOME": str(file.parent)}
    command = [sys.executable, "-m", "qx", *argv, "--config", str(file), "-o", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
    return ended.returncode, json.loads(ended.stdout)


def test_what_one_command_writes_another_reads(etcd_server: Etcd, home: Path) -> None:
    file = written(home, etcd_server.members[0].client)
    code, _ = qx(file, "maintenance", "on", "trading", "--reason", "kernel", "--for", "1h")
    assert code == 0
    code, shown = qx(file, "control", "show")
    assert (code, shown["store"]) == (0, f"{etcd_server.members[0].client} /qx-test")
    code, audit = qx(file, "audit", "verify")
    assert (code, audit["verified"]) == (0, True)
    assert not list(home.rglob("*.db"))


def test_doctor_tells_of_the_member(etcd_server: Etcd, home: Path) -> None:
    _, found = qx(written(home, etcd_server.members[0].client), "doctor")
    store = {each["name"]: each for each in found["examined"] if each["group"] == "store"}
    assert store["etcd"]["status"] == "ok"
    assert "leads" in store["m1"]["evidence"]
    assert store["members"]["status"] == "warning"


def test_without_etcd_there_is_an_error_with_the_endpoint(home: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    code, told = qx(written(home, endpoint), "control", "show")
    assert (code, told["error"]["code"]) == (1, "QX-STORE-005")
    assert endpoint in told["error"]["message"]
    assert told["error"]["hint"]


def test_only_who_keeps_the_store_in_etcd_pays_for_it(home: Path) -> None:
    file = written(home, "http://127.0.0.1:1")
    text = file.read_text()
    file.write_text(text[: text.index("store:")] + f"store: {{path: {home}/qx.db}}\n")
    loaded = subprocess.run([sys.executable, "-c", LOADED, str(file)], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"
