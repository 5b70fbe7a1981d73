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
    from random import Random
    from typing import Any

    from qx.model.control import Exited, Term
    from qx.model.observation import Marker
    from tests.fakes.guards import SimGuard
    from tests.fakes.simulation import Simulation

TICK_S = 0.02
HOP_S = 0.002  # one way, everywhere
RESEND_S = 0.2  # before a lost packet is sent again


@dataclass(eq=False)
class Record:
    index: int
    end: int
    xid: int
    write: int | None = None  # a client's
    marker: Marker | None = None


class Network:
    """Directed links between places; one that is cut keeps what was sent, as TCP does, until it heals. One that loses
    packets is a slow one: they are sent again.
    """

    def __init__(self, random: Random) -> None:
        self.delay: dict[tuple[str, str], float] = {}  # seconds beyond HOP_S
        self.loss: dict[tuple[str, str], float] = {}  # share of packets
        self.changes = 0  # of what passes
        self.before_healing: Callable[[], None] = lambda: None
        self._random = random
        self._cut: set[tuple[str, str]] = set()
        self._kept: list[tuple[tuple[str, str], Callable[[], None]]] = []

    def passes(self, source: str, target: str) -> bool:
        return (source, target) not in self._cut

    def joins(self, one: str, other: str) -> bool:
        return self.passes(one, other) and self.passes(other, one)

    def cut(self, source: str, target: str) -> None:
        self._cut.add((source, target))
        self.changes += 1

    def isolate(self, place: str, others: tuple[str, ...]) -> None:
        for other in others:
            self.cut(place, other)
            self.cut(other, place)

    def restore(self, source: str, target: str) -> None:
        """That link passes again, and what it kept arrives."""
        self.before_healing()
        self._cut.discard((source, target))
        self.changes += 1
        kept, self._kept = self._kept, []
        for (one, other), deliver in kept:
            self.carry(one, other, deliver)

    def hop(self, source: str, target: str) -> float:
        """How long a message takes, in seconds."""
        link = (source, target)
        wait, lost = HOP_S + self.delay.get(link, 0.0), self.loss.get(link, 0.0)
        again = RESEND_S
        while lost and self._random.random() < lost:
            wait, again = wait + again, 2 * again
        return wait

    def carry(self, source: str, target: str, deliver: Callable[[], None]) -> None:
        if self.passes(source, target):
            deliver()
        else:
            self._kept.append(((source, target), deliver))

    def heal(self) -> None:
        self.before_healing()
        self._cut.clear()
        self.changes += 1
        kept, self._kept = self._kept, []
        for _, deliver in kept:
            deliver()


class Session:
    """A connection as the server knows it: named after the run's epoch, gone with the server or when it is expelled."""

    def __init__(self, epoch: int, tell: Callable[[Callable[[], None]], None]) -> None:
        self.epoch = epoch
        self.open = True
        self.waiting: list[asyncio.Future[Any]] = []
        self.heard: Callable[[], None] = lambda: None  # the server hung up, and nothing was asked
        self._tell = tell

    def end(self, *, quiet: bool = False) -> None:
        """`quiet`: the machine is gone, nobody is left to say goodbye."""
        self.open = False
        if not quiet:
            self._tell(self._ended)

    def _ended(self) -> None:
        if not self.waiting:
            self.heard()
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
        self.dark = False  # its machine has no power, or stands still: nothing there answers, not even that nobody does
        self.incarnation = 0
        self.ended = self.started = self.frozen_since = self.woken = 0.0  # when it last was
        self.accepted_at = 0.0  # a client's write, last
        self.stopped = False  # it ended cleanly
        self.slow = 1.0  # how much longer its disk takes
        self.lag = 0.0  # seconds between two times that it takes in what its upstream has
        self.paused = False  # it receives and does not replay
        self.control_delay = 0.0  # seconds that the control beside it takes for an answer
        self.broken = False  # cannot start
        self.rogue = False  # somebody made it write, past qx and its locks
        self.attested = False  # somebody gave their word: it is stopped
        self.held_epoch, self.held_for = 0, ""
        self.sessions: list[Session] = []
        self.guarded = False  # its control starts it under a guard
        self.guard: SimGuard | None = None
        self.exited: Exited = ""
        self.on_expiry: Callable[[], None] = lambda: None  # its guard ended it
        self.loose = False  # a supervisor started it as a writer, and nobody has bound it since
        self._thawed: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"{self.cluster}/{self.region}"

    @property
    def end(self) -> int:
        return self.log[-1].end if self.log else 0

    @property
    def serves(self) -> bool:
        """Does it take connections and answer?"""
        raise NotImplementedError

    @property
    def reachable(self) -> bool:
        """Does whoever connects get any answer at all?"""
        return not (self.frozen or self.dark)

    @property
    def accepts(self) -> bool:
        """Would a client's write be acknowledged now?"""
        raise NotImplementedError

    @property
    def may_write(self) -> bool:
        """Could it come to accept writes by itself: it runs as a writer, or would when started?"""
        raise NotImplementedError

    @property
    def bound(self) -> bool:
        """Its time is over: its guard ends it, if it has not."""
        return self.guard is not None and self.guard.is_due

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

    def open_session(self, epoch: int, home: str) -> Session:
        """`home`: where the client is."""

        def tell(ended: Callable[[], None]) -> None:
            wait = self.network.hop(self.region, home)
            self.network.carry(self.region, home, lambda: self.simulation.after(wait, ended))

        session = Session(epoch, tell)
        self.sessions = [known for known in self.sessions if known.open]
        self.sessions.append(session)
        return session

    def expel(self, below: int) -> int:
        gone = [session for session in self.sessions if session.open and 0 < session.epoch < below]
        for session in gone:
            session.end()
        return len(gone)

    def end_process(self) -> None:
        """However it came about: nothing of it is left."""
        self.up = self.frozen = self.stopped = self.loose = False
        self.exited, self.guard = "crash" if self.guard else "", None
        self.ended = self.simulation.now
        self.incarnation += 1
        self._thawed.clear()
        for session in self.sessions:
            session.end(quiet=self.dark)
        self.sessions.clear()

    def end_cleanly(self) -> None:
        guarded = self.guard is not None
        self.end_process()
        self.stopped = True
        self.exited = "clean" if guarded else ""

    def take_guard(self, epoch: int, term: Term | None = None) -> None:
        """The server that has just begun to start runs under a guard, if it is to."""
        from tests.fakes.guards import SimGuard

        self.exited = ""
        if self.guarded:
            self.guard = SimGuard(self, epoch, term)
            self.guard.look()

    def guard_told(self) -> dict[str, Any]:
        """The guard's fields of a Control."""
        guard = self.guard
        if guard is None or guard.frozen:
            return {"exited": "" if self.up else self.exited}
        return {"guard": guard.id, "guard_epoch": guard.duty.epoch, "guard_left_s": guard.left}

    def freeze(self) -> None:
        if self.up and not self.frozen:
            self.frozen, self.frozen_since = True, self.simulation.now

    def thaw(self) -> None:
        self.frozen, self.woken = False, self.simulation.now
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

        self.simulation.after(seconds * self.slow, due)

    # -- the start lock

    def act_under(self, epoch: int) -> None:
        if epoch < self.held_epoch:
            raise Refused("QX-NODE-002", f"{self}: epoch {epoch} is refused, the node has seen {self.held_epoch}")
        self.held_epoch = epoch

    def begin_start(self) -> None:
        raise NotImplementedError

    def supervised_start(self) -> None:
        """As systemd would, through the start path: what is held does not come up as a writer."""
        held = self.held_for == "stop" or (self.held_for == "standby" and self.may_write)
        if not (self.up or self.dark or held):
            self.loose = self.guarded and self.may_write
            self.begin_start()
            self.take_guard(self.held_epoch)

    def check_start(self, role: str, *, comes_up_as: str) -> None:
        if self.held_for == "stop" or (self.held_for == "standby" and role == "writer"):
            raise Refused("QX-NODE-002", f"{self}: held for '{self.held_for}'")
        if role != comes_up_as:
            raise Refused("QX-NODE-006", f"{self}: it would come up as a {comes_up_as}")
        if self.broken:
            raise QxError("QX-NODE-004", f"{self}: it did not start")
