"""What a killed PostgreSQL leaves behind is taken away, what a running one needs is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.lab import interlock

HEAD = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid\n"


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The identifiers that ipcrm was told."""
    told: list[str] = []
    monkeypatch.setattr("qx.lab.interlock.subprocess.run", lambda argv, **_: told.append(argv[-1]))
    return told


def table(tmp_path: Path, *rows: tuple[int, int, int]) -> Path:
    """As the system writes it; rows of key, identifier, processes attached."""
    lines = (f"{key:>10} {identifier:>10}   600   56 11 12 {attached:>6} 0 0\n" for key, identifier, attached in rows)
    path = tmp_path / "shm"
    path.write_text(HEAD + "".join(lines))
    return path


def test_of_the_directory_and_unattached_only(
    tmp_path: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inode = tmp_path.stat().st_ino
    monkeypatch.setattr(interlock, "SEGMENTS", table(tmp_path, (inode, 1, 0), (inode, 2, 1), (inode + 5, 3, 0)))
    interlock.release(tmp_path)
    assert removed == ["1"]


def test_the_pid_file_names_another_key(tmp_path: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL takes the next when one is in use. The system writes keys signed, the pid file not."""
    (tmp_path / "postmaster.pid").write_text("17\ndata\n0\n5432\n\n\n4294967289  8\nready")
    monkeypatch.setattr(interlock, "SEGMENTS", table(tmp_path, (-7, 8, 0), (7, 9, 0)))
    interlock.release(tmp_path)
    assert removed == ["8"]
