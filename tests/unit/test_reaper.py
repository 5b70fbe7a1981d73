"""What a session leaves behind is ended when the session is gone; nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.reaper import left

ROOT = Path(__file__).parents[2]
WAITS = "import sys; print('up', flush=True); sys.stdin.read()"


def started(*words: str, cwd: Path) -> subprocess.Popen[bytes]:
    """Waits for its standard input, as long as this process holds it open."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, *words], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def test_what_stands_below_the_directory_is_ended_once_the_session_is(tmp_path: Path) -> None:
    mine, other = tmp_path / "gw1", tmp_path / "gw10"
    (mine / "data").mkdir(parents=True)
    other.mkdir()
    below, naming = started(cwd=mine / "data"), started(f"--config={mine}/a.yaml", cwd=ROOT)
    beside, alike = started(cwd=other), started(f"--config={other}/a.yaml", cwd=ROOT)
    everyone = (below, naming, beside, alike)
    try:
        reaper = subprocess.Popen(
            [sys.executable, "-m", "tests.reaper", str(mine)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert {pid for pid, _ in left(mine)} >= {below.pid, naming.pid}
        assert [each.poll() for each in everyone] == [None] * 4
        _, said = reaper.communicate(timeout=60)  # it closes the standard input
        assert (below.wait(60), naming.wait(60), reaper.returncode) == (-9, -9, 0)
        assert f"left behind in {mine}: 2 {Path(sys.executable).name}" in said.decode()
        assert [beside.poll(), alike.poll()] == [None, None]
    finally:
        for each in everyone:
            each.kill()
            each.communicate()


def test_of_a_session_that_left_nothing_nothing_is_said(tmp_path: Path) -> None:
    reaper = [sys.executable, "-m", "tests.reaper", str(tmp_path)]
    done = subprocess.run(reaper, cwd=ROOT, input=b"", capture_output=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")
