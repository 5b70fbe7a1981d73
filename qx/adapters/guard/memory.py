"""What a guard leaves behind on disk: who it is, and how its server ended.

Invariants: the file names the guard before its server runs, and tells the end before the guard is gone; so a file that
names a dead guard and no end means that the guard was killed, and its server with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.adapters.node import files

if TYPE_CHECKING:
    from pathlib import Path

Exited = Literal["", "clean", "crash", "expired"]


class End(NamedTuple):
    """`code`: the server's exit code, or minus the signal that ended it. `expired`: the guard ended it, at the
    deadline. `at`: Unix seconds.
    """

    at: float
    code: int
    expired: bool


class Memory(NamedTuple):
    """`guard`: 'BOOT ID/PID/START TIME', its identity."""

    guard: str
    end: End | None = None

    @property
    def exited(self) -> Exited:
        if self.end is None:
            return ""
        if self.end.expired:
            return "expired"
        return "clean" if self.end.code == 0 else "crash"


def read(path: Path) -> Memory | None:
    """None when no guard was there. Raises ValueError for a file that no guard wrote."""
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    try:
        end = told["end"]
        return Memory(str(told["guard"]), None if end is None else End(end["at"], end["code"], end["expired"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} was written by no guard") from error


def write(path: Path, memory: Memory) -> None:
    """Durable when it returns."""
    end = None if memory.end is None else memory.end._asdict()
    files.replace(path, json.dumps({"guard": memory.guard, "end": end}).encode(), like=path.parent)
