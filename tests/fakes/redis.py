"""RedisNode: a simulated Redis with its configuration file: replication ids, partial and full syncs, FAILOVER.

As the real one: a full sync drops what the replica held; FAILOVER pauses writes, rolls back by itself while the target
does not catch up, and once it has changed its own role waits for the target however long that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.model.control import RedisControl
from qx.model.observation import RedisFacts, RedisReplica
from tests.fakes.nodes import Network, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.clusters import Group
    from tests.fakes.simulation import Simulation

START_S, STOP_S, SYNC_S = 0.15, 0.05, 0.3
LINK_TIMEOUT_S = 60.0


class RedisNode(Node):
    kind = "redis"

    def __init__(self, simulation: Simulation, network: Network, cluster: str, region: str, group: Group) -> None:
        super().__init__(simulation, network, cluster, region)
        self.group = group
        self.replid, self.replid2, self.second_offset = "a" * 40, "0" * 40, -1
        self.file_upstream = ""  # `replicaof` in the configuration file
        self.announce = ""
        self.min_replicas = 0
        self.role = "master"
        self.upstream = ""
        self.loading = False
        self.attached: RedisNode | None = None
        self._attached_to = 0  # its incarnation
        self._heard = self._take_at = 0.0
        self._syncing = False
        self.failover = "no-failover"
        self._target: RedisNode | None = None
        self._give_up_at = 0.0
        self._answer: Callable[[bool], None] = lambda _: None

    @property
    def serves(self) -> bool:
        return self.up and not self.frozen and not self.loading

    @property
    def accepts(self) -> bool:
        return self.serves and self.role == "master" and self.failover == "no-failover" and self._enough_replicas

    @property
    def _enough_replicas(self) -> bool:
        return not self.min_replicas or len(self.replicas) >= self.min_replicas

    @property
    def may_write(self) -> bool:
        return self.role == "master" if self.up else not self.file_upstream

    @property
    def replicas(self) -> list[RedisNode]:
        return [n for n in self.group.redis if n.attached is self and n._attached_to == self.incarnation]

    # -- replication

    def tick(self) -> None:
        if not self.serves:
            return
        if self.failover != "no-failover":
            self._hand_over()
        elif self.role == "replica":
            self._receive()

    def _receive(self) -> None:
        above = self.group.redis_at(self.upstream)
        if self.attached is not None and self.attached is not above:
            self.attached = None
        if above is None or above is self:
            return
        joined = self.network.joins(self.region, above.region)
        if self.attached is None:
            if joined and above.serves and not self._syncing:
                self._synchronise(above)
        elif joined and above.incarnation != self._attached_to:
            self.attached = None
        elif joined and not above.frozen:
            if not self.is_prefix_of(above):  # it was told to follow another, and its data changed
                self.attached = None
                return
            if self.simulation.now >= self._take_at:
                self.log.extend(above.log[len(self.log):])
                self._take_at = self.simulation.now + self.lag
            self.replid, self.replid2, self.second_offset = above.replid, above.replid2, above.second_offset
            self._heard = self.simulation.now
        elif self.simulation.now - self._heard > LINK_TIMEOUT_S:
            self.attached = None

    def _synchronise(self, above: RedisNode) -> None:
        shared = self.replid == above.replid and self.end <= above.end
        inherited = self.replid == above.replid2 and self.end < above.second_offset
        if (shared or inherited) and self.is_prefix_of(above):
            self._attach(above)
        elif shared or inherited:
            self.group.violated(f"{self} continues {above} by its replid, but its data are others")
        else:
            self._syncing = True
            self.later(SYNC_S, lambda: self._copied(above))

    def _copied(self, above: RedisNode) -> None:
        self._syncing = False
        if self.role == "replica" and self.group.redis_at(self.upstream) is above and above.serves:
            self.group.erased(self, self.beyond(above))
            self.log = list(above.log)
            self._attach(above)

    def _attach(self, above: RedisNode) -> None:
        self.attached, self._attached_to, self._heard = above, above.incarnation, self.simulation.now

    # -- commands

    def replicate(self, upstream: str | None, epoch: int) -> None:
        if self.failover != "no-failover":
            raise QxError("QX-NODE-007", "REPLICAOF not allowed while failing over.")
        if upstream is None:
            if self.role == "replica":
                self.become_master(epoch)
        else:
            self.role, self.upstream, self.attached = "replica", upstream, None

    def become_master(self, epoch: int) -> None:
        self.role, self.upstream, self.attached = "master", "", None
        self._new_history()
        self.group.promoted(self, epoch)

    def _new_history(self) -> None:
        self.replid2, self.second_offset = self.replid, self.end + 1
        self.replid = f"{self.simulation.random.getrandbits(160):040x}"

    def begin_failover(self, address: str, timeout: float, epoch: int, done: Callable[[bool], None]) -> None:
        target = self.group.redis_at(address)
        if self.failover != "no-failover":
            raise QxError("QX-NODE-007", "FAILOVER already in progress.")
        if self.role != "master" or target not in self.replicas or target.address != address:
            raise QxError("QX-NODE-007", "FAILOVER target HOST and PORT is not a replica.")
        self.failover, self._target, self._answer = "waiting-for-sync", target, done
        self._give_up_at, self._epoch = self.simulation.now + timeout, epoch

    def _hand_over(self) -> None:
        target = self._target
        if target is None:
            return
        joined = self.network.joins(self.region, target.region) and target.serves
        if self.failover == "waiting-for-sync":
            if joined and target in self.replicas and target.end == self.end:
                self.failover = "failover-in-progress"
                self.role, self.upstream, self.attached = "replica", target.address, None
            elif self.simulation.now >= self._give_up_at:
                self._end_failover(happened=False)
        elif joined:
            if target.role == "replica":
                target.become_master(self._epoch)
            self._end_failover(happened=True)

    def _end_failover(self, *, happened: bool) -> None:
        self.failover, self._target = "no-failover", None
        self._answer(happened)

    # -- stop and start

    def end_process(self) -> None:
        super().end_process()
        self.failover, self._target, self.attached, self._syncing = "no-failover", None, None, False
        self.loading = False

    def begin_stop(self) -> None:
        if self.up:
            self.later(STOP_S, self.end_cleanly)

    def begin_start(self) -> None:
        self.up = self.loading = True
        self.role, self.upstream = ("replica", self.file_upstream) if self.file_upstream else ("master", "")
        if self.role == "master":
            self._new_history()
        self.later(START_S, self._started)

    def _started(self) -> None:
        self.loading, self.started = False, self.simulation.now
        if self.role == "master":
            self.group.started_as_writer(self)

    # -- what it and its files say

    @property
    def address(self) -> str:
        return self.announce or self.group.address(self)

    def facts(self) -> RedisFacts:
        now = self.simulation.now
        replicas = tuple(RedisReplica(n.address, "online", n.end, int(now - n._heard)) for n in self.replicas)
        linked = self.attached is not None
        return RedisFacts(
            role="master" if self.role == "master" else "replica",
            flavour="redis",
            version="7.2.0",
            mode="standalone",
            run_id=f"{self.incarnation:040x}",
            replid=self.replid,
            replid2=self.replid2,
            offset=self.end,
            second_offset=self.second_offset,
            link_up=linked,
            link_down_s=0 if linked else int(now - self._heard),
            sync_in_progress=self._syncing,
            upstream=self.upstream,
            replicas=replicas,
            failover_state=self.failover,
            memory_used=1 << 20,
            memory_max=0,
            backlog_size=1 << 20,
            persistence=("aof",),
            config_file="/etc/redis.conf",
            min_replicas=self.min_replicas,
            loading=self.loading,
            priority=100,
            announce=self.announce,
            uptime_s=int(now),
            marker=self.group.marker(self, len(self.log)),
            io_age_s=int(now - self._heard) if linked else 0,
        )

    def control(self) -> RedisControl:
        pids = (1000 + self.incarnation,) if self.up else ()
        return RedisControl(
            running=self.up, pid=pids[0] if pids else None, pids=pids, replicaof=self.file_upstream,
            held_epoch=self.held_epoch, held_for=self.held_for, free_bytes=1 << 40,
            **self.guard_told(),
        )
