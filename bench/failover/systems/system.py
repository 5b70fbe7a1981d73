"""The port of what is measured, and what all implementations share: the ground that they stand on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from bench.failover.etcd import Etcd
    from bench.failover.net import Process, Region, World
    from bench.failover.postgres import Servers
    from bench.failover.programs import Programs
    from qx.lab.privileges import Ground


class Site(NamedTuple):
    """`place`: the system's own directory, empty."""

    world: World
    ground: Ground
    programs: Programs
    servers: Servers
    etcd: Etcd
    place: Path


class System(Protocol):
    def start(self) -> None:
        """From nothing to one writer with two followers, watched."""

    def is_ready(self, writer: str) -> bool:
        """Whether it watches this writer, and would act if it were lost now; asked where three servers stream."""

    def routes(self) -> dict[str, str]:
        """Ways to the writer besides a multi-host DSN: path -> DSN."""

    def planned(self, source: str, target: str) -> None:
        """A switchover, as its operator does it; returns when its command does."""

    def repair(self) -> None:
        """After the fault, whose cause is gone: supervisors start what died, and an operator does what the system wants
        of one. That it is whole again is awaited afterwards.
        """

    def stop(self) -> None:
        """Ends what does not stand in a region; those are emptied by whoever calls."""

    def controllers(self, region: Region) -> list[Process]:
        """What watches the servers there."""
