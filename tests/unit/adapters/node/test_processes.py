"""Processes that end while they are being looked at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from qx.adapters.node import processes


def test_one_that_is_reaped_while_its_path_is_walked_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel then answers ESRCH, not ENOENT: seen here through a directory that was opened before the end."""
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        pid = processes.identify(process.pid)
        assert pid is not None
        walked = os.open(f"/proc/{process.pid}", os.O_RDONLY | os.O_DIRECTORY)
        process.kill()
    opened, looked = os.open, os.stat
    answers = []

    def from_within(ask: Any) -> Any:
        def asked(path: Any, *given: Any, **named: Any) -> Any:
            if not str(path).startswith(f"/proc/{process.pid}/"):
                return ask(path, *given, **named)
            try:
                return ask(Path(path).name, *given, dir_fd=walked, **named)
            except OSError as error:
                answers.append(type(error))
                raise

        return asked

    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", from_within(opened))
            patched.setattr(os, "stat", from_within(looked))
            assert not processes.is_taken(process.pid)
            assert not processes._works_in(tmp_path)(pid)
        assert answers == [ProcessLookupError, ProcessLookupError]
    finally:
        os.close(walked)
