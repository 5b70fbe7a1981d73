"""The file of results: one JSON line per run, appended when the run has ended, so that a bench can be gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from bench.failover.measure import Overlap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Result(Struct, frozen=True, kw_only=True):
    """One fault, once. Seconds; by path: 'multi-host', 'pinned', and what routes the system has.

    `outage_s`: None where it did not recover. `promoted_s`: until somebody else acknowledged. `error`: why nothing was
    measured; `healed`: whether it was whole again without being started anew.
    """

    system: str
    fault: str
    run: int
    at: str = ""
    outage_s: dict[str, float | None] = field(default_factory=dict)
    promoted_s: float | None = None
    acked: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    command_s: float | None = None  # a switchover's command
    noise_s: float = 0.0
    load: float = 0.0
    cell_s: float = 0.0
    healed: bool = True
    error: str = ""
    errors: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def stale(self, path: str) -> int:
        """Acknowledgements by a writer of the past."""
        return sum(overlap.stale.get(path, 0) for overlap in self.overlaps)


def read(path: Path) -> list[Result]:
    """A last line that was cut off is none."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return [msgspec.json.decode(line, type=Result) for line in lines if line.endswith(b"\n")]


def append(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.read_bytes() if path.exists() else b""
    with path.open("ab") as file:
        if whole and not whole.endswith(b"\n"):
            file.truncate(whole.rfind(b"\n") + 1)
        file.write(msgspec.json.encode(result) + b"\n")


def done(results: Iterable[Result]) -> set[tuple[str, str, int]]:
    """What need not be run again: what failed must."""
    return {(each.system, each.fault, each.run) for each in results if not each.error}
