"""Units: systemd understands them, they run commands that there are, and their times go with the daemon's."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qx.config.profiles import PROFILES
from tests.docs.tree import objection

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deployment" / "systemd").glob("*.service"))


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parsed.optionxform = str  # type: ignore[method-assign,assignment]  # systemd knows upper from lower case
    parsed.read(ROOT / "deployment" / "systemd" / name)
    return parsed


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_it(path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze to verify units with: apt install systemd")
    ended = subprocess.run([program, "verify", str(path)], capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in (ended.stdout + ended.stderr).splitlines() if path.name in line or not ended.returncode]
    assert (ended.returncode, said) == (0, [])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_runs_a_command_that_there_is(path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=/usr/bin/env (qx .+)$", path.read_text(), re.MULTILINE)
    assert objection(line, whole=True) == ""


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_it_speaks_with_systemd_itself(path: Path) -> None:
    service = unit(path.name)["Service"]
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")


def test_a_guarded_server_is_stopped_by_its_guard_alone_and_restarted_by_nobody() -> None:
    service = unit("qx-guard@.service")["Service"]
    assert (service["KillMode"], service["KillSignal"], service["Restart"]) == ("mixed", "SIGTERM", "no")


def test_a_guard_that_stands_still_is_killed_before_others_may_write() -> None:
    service = unit("qx-guard@.service")["Service"]
    assert float(service["WatchdogSec"]) < PROFILES["default"]["margin"]
    assert service["WatchdogSignal"] == "SIGKILL"
