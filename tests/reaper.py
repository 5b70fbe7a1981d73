"""Ends what a test session left behind when it was itself ended (Ctrl-C, a kill), and says so.

    python -m tests.reaper DIRECTORY

It waits until its standard input is closed, which happens when the session's process is gone however it ended. What
then has its working directory below DIRECTORY, or names it in its arguments, is killed, but for what has a terminal (a
person may look around there) and for those that the session itself was started by.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS, BETWEEN_S = 100, 0.1  # one that is killed may have started another meanwhile
PROC = Path("/proc")


def left(directory: Path, but: frozenset[int] = frozenset()) -> Iterator[tuple[int, str]]:
    """(pid, its program) of each."""
    for pid in (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()):
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            stands = (PROC / str(pid) / "cwd").readlink().is_relative_to(directory)
            state, _, _, _, terminal = _stat(pid)
        except OSError:  # it has just ended, or is not ours
            continue
        names = any(_names(os.fsdecode(word), directory) for word in words)
        if pid not in but and state not in "ZX" and terminal == "0" and (stands or names):
            yield pid, Path(os.fsdecode(words[0]).partition(" ")[0].rstrip(":")).name


def _stat(pid: int) -> list[str]:
    """State, parent, group, session, terminal."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:5]


def _names(word: str, directory: Path) -> bool:
    begin = word.find(str(directory))
    return begin >= 0 and word[begin + len(str(directory)) :][:1] in ("", "/")


def lineage() -> frozenset[int]:
    """This process and all above it."""
    found = [os.getpid()]
    while found[-1]:
        found.append(int(_stat(found[-1])[1]))
    return frozenset(found)


def main() -> None:
    directory, own = Path(sys.argv[1]), lineage()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    ended: dict[int, str] = {}
    for _ in range(ROUNDS):
        found = dict(left(directory, own))
        if not found:
            break
        ended |= found
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(BETWEEN_S)
    if ended:
        told = ", ".join(f"{count} {name}" for name, count in sorted(Counter(ended.values()).items()))
        print(f"\ntests: ended what the session left behind in {directory}: {told}", file=sys.stderr)


if __name__ == "__main__":
    main()
