"""Rigs: one store of each kind under a clock that the test moves; `open` is another process coming to it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from qx.adapters.sqlite.instant import Instant
from qx.adapters.sqlite.store import SqliteStore
from tests.fakes.store import MemoryStore, Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from qx.ports.store import Store


@dataclass
class Clocks:
    """The machine's two clocks."""

    wall: float = 1_700_000_000.0
    since_boot: float = 1_000.0
    boot: str = "boot-1"

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.since_boot += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += seconds

    def reboot(self, boot: str, down: float) -> None:
        self.wall += down
        self.since_boot, self.boot = 0.0, boot

    def instant(self) -> Instant:
        return Instant(self.wall, self.boot, self.since_boot)


class Rig(Protocol):
    clocks: Clocks

    def open(self) -> Store: ...

    def shut(self) -> None: ...


@dataclass
class SqliteRig:
    path: Path
    clocks: Clocks = field(default_factory=Clocks)
    _opened: ExitStack = field(default_factory=ExitStack)

    def open(self) -> SqliteStore:
        return self._opened.enter_context(SqliteStore(self.path, now=self.clocks.instant))

    def shut(self) -> None:
        self._opened.close()


class MemoryRig:
    def __init__(self) -> None:
        self.clocks = Clocks()
        self._shelf = Shelf(wall=lambda: self.clocks.wall, elapsed=lambda: self.clocks.since_boot)

    def open(self) -> MemoryStore:
        return MemoryStore(self._shelf)

    def shut(self) -> None:
        """Nothing is held."""
