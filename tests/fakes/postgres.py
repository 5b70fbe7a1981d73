"""PgNode: a simulated PostgreSQL server with its data directory: WAL, timelines, streaming, stop, start, promotion.

As the real one: a promotion is finished whoever asked for it is still there or not; a clean stop waits for every
standby that is connected; slots do not replicate; a standby follows by timeline and position alone, right or wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from qx.failover.links import application_name
from qx.kernel.errors import QxError
from qx.model.control import PgControl
from qx.model.observation import Archiver, PgFacts, Receiver, Sender, Slot
from tests.fakes.nodes import Network, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.clusters import Group
    from tests.fakes.simulation import Simulation

STOP_S, START_S, PROMOTE_S = 0.1, 0.25, 0.1
RETRY_S = 0.2
WAL_TIMEOUT_S = 60.0
CHECKPOINT_BYTES = 0x78
FIRST_PID = 100  # of its walsenders


@dataclass(eq=False)
class Stream:
    """A standby's connection to its upstream."""

    upstream: PgNode
    incarnation: int
    heard: float
    told: int  # where it stood


class PgNode(Node):
    kind = "postgresql"

    def __init__(self, simulation: Simulation, network: Network, cluster: str, region: str, group: Group) -> None:
        super().__init__(simulation, network, cluster, region)
        self.group = group
        self.system_id = "7000"
        self.timeline = 1
        self.history: tuple[tuple[int, int], ...] = ()
        self.signal = False
        self.state = "shut down"
        self.checkpoint, self.checkpoint_timeline = 0, 1
        self.conninfo, self.slot = "", ""
        self.slots: set[str] = set()
        self.retry_interval = "200"
        self.recovery = False
        self.starting = self.stopping = False
        self.replayed = 0  # records
        self.stream: Stream | None = None
        self._retry_at = self._take_at = 0.0
        self._waiting: list[Callable[[int], None]] = []  # for the promotion

    @property
    def serves(self) -> bool:
        return self.up and not (self.starting or self.stopping or self.frozen)

    @property
    def accepts(self) -> bool:
        return self.serves and not self.recovery

    @property
    def may_write(self) -> bool:
        return not self.recovery if self.up and not self.starting else not self.signal

    # -- replication

    def tick(self) -> None:
        if not self.up or self.frozen or self.starting:
            return
        if self.stopping:
            self._drain()
        elif self.recovery:
            if not self.paused:
                self.replayed = len(self.log)
            self._receive()

    def _upstream(self) -> PgNode | None:
        return self.group.postgres_at(_address(self.conninfo))

    def _receive(self) -> None:
        now, upstream = self.simulation.now, self._upstream()
        if self.stream is not None and self.stream.upstream is not upstream:
            self.stream = None
        if self.stream is None:
            if upstream is not None and now >= self._retry_at:
                self._retry_at = now + RETRY_S
                self._connect(upstream)
            return
        source = self.stream.upstream
        joined = self.network.joins(self.region, source.region)
        if joined and source.incarnation != self.stream.incarnation:
            self.stream = None
        elif joined and not source.frozen:
            if now >= self._take_at:
                self.log.extend(source.log[len(self.log):])
                self._take_at = now + self.lag
            self.stream.heard, self.stream.told = now, source.end
        elif now - self.stream.heard > WAL_TIMEOUT_S:
            self.stream = None

    def _connect(self, upstream: PgNode) -> None:
        answers = upstream.serves and self.network.joins(self.region, upstream.region)
        if not answers or (self.slot and self.slot not in upstream.slots) or upstream.system_id != self.system_id:
            return
        fork = upstream.end if upstream.timeline == self.timeline else upstream.fork_from(self.timeline)
        if fork is None or self.end > fork:
            return  # as PostgreSQL: "forked off current database system before current recovery point"
        if not self.is_prefix_of(upstream):
            self.group.violated(f"{self} follows {upstream}, whose history is another one")
        self.timeline, self.history = upstream.timeline, upstream.history
        self.stream = Stream(upstream, upstream.incarnation, self.simulation.now, upstream.end)

    def fork_from(self, timeline: int) -> int | None:
        return next((at for parent, at in self.history if parent == timeline), None)

    @property
    def standbys(self) -> list[PgNode]:
        """Those that it believes to be connected."""
        me = (self, self.incarnation)
        return [n for n in self.group.postgres if n.stream and (n.stream.upstream, n.stream.incarnation) == me]

    # -- stop, start, promote

    def begin_stop(self) -> None:
        """Fast mode: clients are gone at once."""
        if not self.up or self.stopping:
            return
        self.stopping = True
        for session in self.sessions:
            session.end()
        if not self.recovery:
            self.checkpoint, self.checkpoint_timeline = self.end, self.timeline
            self.append(CHECKPOINT_BYTES)

    def _drain(self) -> None:
        if self.recovery or all(node.end >= self.end for node in self.standbys):
            self.later(STOP_S, self._stopped)

    def _stopped(self) -> None:
        if self.stopping:
            self.state = "shut down in recovery" if self.recovery else "shut down"
            self.end_cleanly()

    def end_process(self) -> None:
        super().end_process()
        self.starting = self.stopping = False
        self.stream = None
        self._waiting.clear()

    def begin_start(self) -> None:
        self.up = self.starting = True
        if self.state == "in production":
            self.state = "in crash recovery"
        self.later(START_S, self._started)

    def _started(self) -> None:
        self.starting, self.started = False, self.simulation.now
        self.recovery = self.signal
        self.replayed = len(self.log)
        self._retry_at = 0.0
        if self.recovery:
            self.state = "in archive recovery"
        else:
            self.append(CHECKPOINT_BYTES)
            self.state, self.checkpoint_timeline = "in production", self.timeline
            self.group.started_as_writer(self)

    def begin_promotion(self, epoch: int, done: Callable[[int], None]) -> None:
        if not self.recovery:
            raise QxError("QX-NODE-007", f"{self}: recovery is not in progress")
        self._waiting.append(done)
        self.later(PROMOTE_S, lambda: self._promoted(epoch))

    def _promoted(self, epoch: int) -> None:
        if self.recovery and self.serves:
            self.stream = None
            self.replayed = len(self.log)
            self.history = (*self.history, (self.timeline, self.end))
            self.timeline += 1
            self.recovery = self.signal = False
            self.state = "in production"
            self.append(CHECKPOINT_BYTES)
            self.group.promoted(self, epoch)
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(self.timeline)

    # -- what it and its files say

    def facts(self) -> PgFacts:
        replayed = self.replayed if self.recovery else len(self.log)
        last = self.log[replayed - 1] if replayed else None
        upstream = self._upstream() if self.recovery else None
        return PgFacts(
            in_recovery=self.recovery,
            system_id=self.system_id,
            timeline=self.timeline,
            version=160004,
            position=self.end,
            replayed=last.end if last else 0,
            replay_paused=self.paused and self.recovery,
            replay_age_s=0.0 if self.recovery else None,
            next_xid=last.xid if last else 1000,
            receiver=self._receiver(),
            senders=tuple(self._senders()),
            slots=tuple(Slot(name, "physical", False, 0, "reserved") for name in sorted(self.slots)),
            archiver=Archiver(mode="off", failed=0, last_failed_age_s=None, ready=None),
            settings={"wal_retrieve_retry_interval": self.retry_interval, "max_connections": "100"},
            upstream=":".join(map(str, self.group.host_port(upstream))) if upstream else "",
            started_age_s=self.simulation.now,
            prepared=0,
            longest_xact_s=0.0,
            base_backups=0,
            marker=self.group.marker(self, replayed),
        )

    def _receiver(self) -> Receiver | None:
        if self.stream is None or not self.recovery:
            return None
        host, port = self.group.host_port(self.stream.upstream)
        age = self.simulation.now - self.stream.heard
        return Receiver("streaming", host, port, self.slot, self.stream.upstream.timeline, self.stream.told, age)

    def _senders(self) -> Iterator[Sender]:
        for pid, node in enumerate(self.group.postgres, FIRST_PID):
            if node.stream is not None and node in self.standbys:
                age = self.simulation.now - node.stream.heard
                name = application_name(node.region)
                yield Sender(name, "streaming", "async", node.end, node.end, node.end, age, pid)

    def control(self) -> PgControl:
        pids = (1000 + self.incarnation,) if self.up else ()
        return PgControl(
            running=self.up, pid=pids[0] if pids else None, pids=pids, state=self.state, system_id=self.system_id,
            timeline=self.timeline, checkpoint=self.checkpoint, redo=self.checkpoint, min_recovery_end=self.end,
            standby_signal=self.signal, held_epoch=self.held_epoch, held_for=self.held_for, free_bytes=1 << 40,
            **self.guard_told(),
        )

    def take_over_data_of(self, upstream: PgNode) -> None:
        """A rewind or a clone: what it held beyond the upstream is gone."""
        self.group.erased(self, self.beyond(upstream))
        self.log = list(upstream.log)
        self.timeline, self.history = upstream.timeline, upstream.history
        self.system_id, self.checkpoint = upstream.system_id, upstream.checkpoint
        self.signal, self.state, self.slots = True, "in archive recovery", set()


@cache
def _address(conninfo: str) -> str:
    found = re.search(r"host=(\S+) port=(\d+)", conninfo)
    return f"{found[1]}:{found[2]}" if found else ""
