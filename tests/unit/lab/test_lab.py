"""The state directory: never somebody else's, one command at a time, damaged state is no obstacle to cleaning."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from qx.kernel.errors import QxError
from qx.lab import lab as lab_module
from qx.lab.down import down
from qx.lab.lab import default_directory, load, locked, running


def test_a_directory_that_holds_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(QxError, match="QX-LAB-007"):
        down(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_down_without_a_lab_makes_nothing(tmp_path: Path) -> None:
    assert down(tmp_path / "lab") is False
    assert not (tmp_path / "lab").exists()
    with pytest.raises(QxError, match="QX-LAB-003"):
        running(tmp_path / "lab")


def test_a_lab_that_crashed_while_it_wrote_its_first_state_is_cleaned(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    with locked(directory) as was_there:
        assert not was_there
    (directory / "lab.json.new").write_text("{")
    (directory / "lab.json").write_text("{")
    (directory / "regions" / "us-east").mkdir(parents=True)
    with pytest.raises(QxError, match="QX-LAB-007"):
        load(directory)
    assert down(directory) is True
    assert not directory.exists()


def test_one_command_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_module, "LOCK_S", 0.1)
    with locked(tmp_path), pytest.raises(QxError, match="QX-LAB-002"), locked(tmp_path):
        pass


def test_who_waited_for_a_lab_that_was_removed_meanwhile_gets_a_fresh_directory(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    seen: list[tuple[bool, bool]] = []

    def wait() -> None:
        with locked(directory) as was_there:
            seen.append((was_there, directory.exists()))

    with locked(directory):
        other = threading.Thread(target=wait)
        other.start()
        (directory / lab_module.MARK).unlink()
        directory.rmdir()
    other.join(10)
    assert seen == [(False, True)]


def test_where_labs_live_by_default() -> None:
    assert default_directory({"XDG_STATE_HOME": "/state", "HOME": "/home/a"}) == Path("/state/qx/lab")
    assert default_directory({"HOME": "/home/a"}) == Path("/home/a/.local/state/qx/lab")
    assert default_directory({"XDG_STATE_HOME": "not/absolute", "HOME": "/home/a"}).is_relative_to("/home/a")
