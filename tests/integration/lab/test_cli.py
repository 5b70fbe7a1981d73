"""`qx lab` as a new user types it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def qx(state: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    return subprocess.run(
        [sys.executable, "-m", "qx", *argv], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_whole_life_on_the_command_line(tmp_path: Path) -> None:
    assert qx(tmp_path, "lab", "status").returncode == 2
    try:
        started = qx(tmp_path, "lab", "up")
        assert started.returncode == 0, started.stderr
        name, _, value = started.stdout.removeprefix("export ").strip().partition("=")
        (config,) = shlex.split(value)
        assert (name, Path(config).is_file()) == ("QX_CONFIG", True), "stdout is for eval"
        assert qx(tmp_path, "config", "check", config).returncode == 0

        again = qx(tmp_path, "lab", "up", "-o", "json")
        assert (again.returncode, json.loads(again.stdout)["error"]["code"]) == (1, "QX-LAB-002")

        seen = document(qx(tmp_path, "lab", "status", "-o", "json"))
        assert seen["schema"] == "qx.lab/1"
        assert {"cluster", "region", "kind", "dsn", "pid", "data_dir", "controller_pid"} <= seen["nodes"][0].keys()
        assert len(seen["nodes"]) == 6

        hurt = document(qx(tmp_path, "lab", "fault", "cut", "us-east", "eu-west", "--both", "-o", "json"))
        assert len(hurt["links"]) == 2
        hurt = document(qx(tmp_path, "lab", "fault", "delay", "us-east", "ap-southeast", "80ms", "-o", "json"))
        assert {"source": "us-east", "target": "ap-southeast", "mode": "pass", "delay_s": 0.08} in hurt["links"]
        hurt = document(qx(tmp_path, "lab", "fault", "kill", "sessions/us-east", "-o", "json"))
        assert [node["region"] for node in hurt["nodes"] if node["state"] == "down"] == ["us-east"]
        assert qx(tmp_path, "lab", "fault", "kill", "nowhere").returncode == 2
        healed = qx(tmp_path, "lab", "fault", "heal")
        assert healed.stdout == "healed: 3 links, sessions/us-east\n"
        assert qx(tmp_path, "lab", "fault", "heal").stdout == "healed: nothing was broken\n"
        assert "every link passes" in qx(tmp_path, "lab", "status").stdout
    finally:
        ended = qx(tmp_path, "lab", "down")
    assert ended.returncode == 0
    assert list((tmp_path / "qx").iterdir()) == []
    assert qx(tmp_path, "lab", "down").returncode == 0
