"""What simulated PostgreSQL and Redis nodes have in common: a place, a process, a start lock, a log of writes.

A write is one `Record`, shared by every node that holds it, at the same index of each node's log while histories agree:
so what was lost, or followed without being the same history, is seen by identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError, Refused, Unsure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

    from qx.model.observation import Marker
    from tests.fakes.simulation import Simulation

TICK_S = 0.02
HOP_S = 0.002  # one way, everywhere


@dataclass(eq=False)
class Record:
    index: int
    end: int
    xid: int
    write: int | None = None  # a client's
    marker: Marker | None = None


class Network:
    """Directed links between places; one that is cut keeps what was sent, as TCP does, until it heals."""

    def __init__(self) -> None:
        self._cut: set[tuple[str, str]] = set()
        self._kept: list[tuple[tuple[str, str], Callable[[], None]]] = []

    def passes(self, source: str, target: str) -> bool:
        return (source, target) not in self._cut

    def joins(self, one: str, other: str) -> bool:
        return self.passes(one, other) and self.passes(other, one)

    def cut(self, source: str, target: str) -> None:
        self._cut.add((source, target))

    def isolate(self, place: str, others: tuple[str, ...]) -> None:
        for other in others:
            self.cut(place, other)
            self.cut(other, place)

    def carry(self, source: str, target: str, deliver: Callable[[], None]) -> None:
        if self.passes(source, target):
            deliver()
        else:
            self._kept.append(((source, target), deliver))

    def heal(self) -> None:
        self._cut.clear()
        kept, self._kept = self._kept, []
        for _, deliver in kept:
            deliver()


class Session:
    """A connection as the server knows it: named after the run's epoch, gone with the server or when it is expelled."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.open = True
        self.waiting: list[asyncio.Future[Any]] = []

    def end(self) -> None:
        self.open = False
        for answer in self.waiting:
            if not answer.done():
                answer.set_exception(Unsure("QX-RUN-002", "the server closed the connection"))


class Node:
    """`up`: the server's process lives. `frozen`: it does nothing. Subclasses say when it takes writes."""

    kind = ""

    def __init__(self, simulation: Simulation, network: Network, cluster: str, region: str) -> None:
        self.simulation, self.network, self.cluster, self.region = simulation, network, cluster, region
        self.log: list[Record] = []
        self.up = False
        self.frozen = False
        self.incarnation = 0
        self.broken = False  # cannot start
        self.attested = False  # somebody gave their word: it is stopped
        self.held_epoch, self.held_for = 0, ""
        self.sessions: list[Session] = []
        self._thawed: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"{self.cluster}/{self.region}"

    @property
    def end(self) -> int:
        return self.log[-1].end if self.log else 0

    @property
    def accepts(self) -> bool:
        """Would a client's write be acknowledged now?"""
        raise NotImplementedError

    @property
    def may_write(self) -> bool:
        """Could it come to accept writes by itself: it runs as a writer, or would when started?"""
        raise NotImplementedError

    def append(self, size: int, *, write: int | None = None, marker: Marker | None = None, xids: int = 0) -> Record:
        xid = (self.log[-1].xid if self.log else 1000) + xids
        record = Record(len(self.log), self.end + size, xid, write, marker)
        self.log.append(record)
        return record

    def holds(self, record: Record) -> bool:
        return record.index < len(self.log) and self.log[record.index] is record

    def is_prefix_of(self, other: Node) -> bool:
        return not self.log or other.holds(self.log[-1])

    def beyond(self, other: Node) -> list[Record]:
        """What this node holds and the other does not."""
        return [record for record in self.log if not other.holds(record)]

    # -- the process

    def open_session(self, epoch: int) -> Session:
        session = Session(epoch)
        self.sessions.append(session)
        return session

    def expel(self, below: int) -> int:
        gone = [session for session in self.sessions if session.open and 0 < session.epoch < below]
        for session in gone:
            session.end()
        return len(gone)

    def end_process(self) -> None:
        """However it came about: nothing of it is left."""
        self.up = self.frozen = False
        self.incarnation += 1
        self._thawed.clear()
        for session in self.sessions:
            session.end()
        self.sessions.clear()

    def freeze(self) -> None:
        self.frozen = self.up

    def thaw(self) -> None:
        self.frozen = False
        pending, self._thawed = self._thawed, []
        for work in pending:
            work()

    def when_awake(self, work: Callable[[], None]) -> None:
        """Now, or when it is thawed; never once its process ended."""
        if self.frozen:
            self._thawed.append(work)
        else:
            work()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """In the server's own time: not if this process of it ended before."""
        incarnation = self.incarnation

        def due() -> None:
            if self.incarnation == incarnation:
                self.when_awake(work)

        self.simulation.after(seconds, due)

    # -- the start lock

    def act_under(self, epoch: int) -> None:
        if epoch < self.held_epoch:
            raise Refused("QX-NODE-002", f"{self}: epoch {epoch} is refused, the node has seen {self.held_epoch}")
        self.held_epoch = epoch

    def begin_start(self) -> None:
        raise NotImplementedError

    def supervised_start(self) -> None:
        """As systemd would, through the start path: what is held does not come up as a writer."""
        if not self.up and self.held_for != "stop" and not (self.held_for == "standby" and self.may_write):
            self.begin_start()

    def check_start(self, role: str, *, comes_up_as: str) -> None:
        if self.held_for == "stop" or (self.held_for == "standby" and role == "writer"):
            raise Refused("QX-NODE-002", f"{self}: held for '{self.held_for}'")
        if role != comes_up_as:
            raise Refused("QX-NODE-006", f"{self}: it would come up as a {comes_up_as}")
        if self.broken:
            raise QxError("QX-NODE-004", f"{self}: it did not start")
