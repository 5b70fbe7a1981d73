"""The shared memory segment by which PostgreSQL locks its data directory: one that was killed leaves it behind, and the
system has room for 4,096. A server that starts on the same directory takes its old one away; this is for the others.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SEGMENTS = Path("/proc/sysvipc/shm")
BITS = 1 << 32  # keys are written signed or not


def release(data_dir: Path) -> None:
    """Removes the segment of a directory on which no server runs: its key is the directory's inode, or one of the next
    where that was taken, which the pid file names. Raises CalledProcessError when it may not be removed.
    """
    keys = {data_dir.stat().st_ino % BITS} | _named(data_dir / "postmaster.pid")
    for row in SEGMENTS.read_text().splitlines()[1:]:
        key, identifier, _, _, _, _, attached, *_ = row.split()
        if attached == "0" and int(key) % BITS in keys:
            subprocess.run(["ipcrm", "-m", identifier], capture_output=True, check=True)


def _named(pid_file: Path) -> set[int]:
    """The key, which stands on its seventh line."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return set()
    return {int(word) % BITS for word in lines[6].split()[:1]} if len(lines) > 6 else set()
