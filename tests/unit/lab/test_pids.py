"""Finding processes by where they work, and ending exactly those."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qx.adapters.node.processes import alive, identify
from qx.lab.pids import freeze, frozen, kill, working_in


@contextmanager
def sleeper(directory: Path, *argv: str) -> Iterator[int]:
    directory.mkdir(exist_ok=True)
    with subprocess.Popen(argv or ["sleep", "60"], cwd=directory, stdout=subprocess.PIPE) as process:
        try:
            if argv:
                assert process.stdout is not None
                process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_only_named_programs_that_work_there_are_found_and_killed(tmp_path: Path) -> None:
    with sleeper(tmp_path / "lab") as mine, sleeper(tmp_path / "laboratory") as other:
        assert [pid.number for pid in working_in(tmp_path / "lab", ("sleep",))] == [mine]
        assert not list(working_in(tmp_path / "lab", ("postgres",)))
        assert {pid.number for pid in working_in(tmp_path, ("sleep",))} == {mine, other}
        assert kill(working_in(tmp_path / "lab", ("sleep",)))
        assert identify(mine) is None, "a zombie is dead"
        assert identify(other) is not None
        assert not list(working_in(tmp_path / "lab", ("sleep",)))


def test_a_python_program_is_known_by_its_module_even_when_its_directory_is_gone(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "doze.py").write_text("import time; print(flush=True); time.sleep(60)")
    with sleeper(tmp_path / "lab", sys.executable, "-m", "doze") as mine:
        (tmp_path / "lab" / "doze.py").unlink()
        for cached in (tmp_path / "lab").rglob("*.pyc"):
            cached.unlink()
        for directory in (tmp_path / "lab" / "__pycache__", tmp_path / "lab"):
            if directory.exists():
                directory.rmdir()
        assert [pid.number for pid in working_in(tmp_path / "lab", ("doze",))] == [mine]


def test_a_stopped_process_is_frozen_and_can_be_killed(tmp_path: Path) -> None:
    with sleeper(tmp_path) as number:
        pid = identify(number)
        assert pid is not None
        assert not frozen(pid)
        assert freeze([pid])
        assert frozen(pid)
        assert alive(pid)
        assert kill([pid])
        assert not alive(pid)
