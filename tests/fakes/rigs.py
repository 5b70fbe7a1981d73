"""Rigs: one store of each kind and the time that passes for it; `open` is another process coming to it.

Time is a clock that the test moves, but for etcd: its leases run on its own, so there a test really waits.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from qx.adapters.etcd.store import EtcdStore
from qx.adapters.sqlite.instant import Instant
from qx.adapters.sqlite.store import SqliteStore
from tests.fakes.store import MemoryStore, Shelf
from tests.fixtures_servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qx.adapters.etcd.gateway import At
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
    """`ttl`: for how many seconds a test asks for a lease or a record that is to run out."""

    ttl: float

    def open(self) -> Store: ...

    def shut(self) -> None: ...

    def wall(self) -> float:
        """Unix seconds, as the stores see them."""

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""

    def advance(self, share: float) -> None:
        """This share of `ttl` passes; below 0 it comes back, where a test can make it."""

    def run_out(self, gone: Callable[[], bool], share: float = 1.0) -> None:
        """The last `share` of `ttl` passes: until shortly before its end it is not `gone`, and then it is."""


class _Clocked:
    """A rig under clocks that the test moves: a lease ends on the millisecond."""

    ttl = 15.0
    clocks: Clocks

    def wall(self) -> float:
        return self.clocks.wall

    def step(self, seconds: float) -> None:
        self.clocks.step(seconds)

    def advance(self, share: float) -> None:
        self.clocks.advance(share * self.ttl)

    def run_out(self, gone: Callable[[], bool], share: float = 1.0) -> None:
        self.clocks.advance(share * self.ttl - 0.001)
        assert not gone()
        self.clocks.advance(0.001)
        assert gone()


@dataclass
class SqliteRig(_Clocked):
    path: Path
    clocks: Clocks = field(default_factory=Clocks)
    _opened: ExitStack = field(default_factory=ExitStack)

    def open(self) -> SqliteStore:
        return self._opened.enter_context(SqliteStore(self.path, now=self.clocks.instant))

    def shut(self) -> None:
        self._opened.close()


class MemoryRig(_Clocked):
    def __init__(self) -> None:
        self.clocks = Clocks()
        self._shelf = Shelf(wall=lambda: self.clocks.wall, elapsed=lambda: self.clocks.since_boot)

    def open(self) -> MemoryStore:
        return MemoryStore(self._shelf)

    def shut(self) -> None:
        """Nothing is held."""


@dataclass
class EtcdRig:
    """A platform of its own in an etcd that runs. etcd ends a lease at its time or up to some seconds later."""

    at: At
    platform: str
    ttl: float = 2.0
    _stepped: float = 0.0
    _opened: ExitStack = field(default_factory=ExitStack)

    def open(self) -> EtcdStore:
        return self._opened.enter_context(EtcdStore(self.at, self.platform, prefix="/qx-test", now=self.wall))

    def shut(self) -> None:
        self._opened.close()

    def wall(self) -> float:
        return time.time() + self._stepped

    def step(self, seconds: float) -> None:
        self._stepped += seconds

    def advance(self, share: float) -> None:
        time.sleep(max(0.0, share * self.ttl))  # back it does not go

    def run_out(self, gone: Callable[[], bool], share: float = 1.0) -> None:
        wait_until(gone, "the end of a lease", patience_s=30.0)
