"""Troubles: every verb of a schedule, as it is done to the simulated world, its daemons and its operators.

What a method breaks it mends by itself after its last number of seconds; `heal` mends all that life mends.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qx.engine.acts.fencing import NOBODY
from qx.engine.records import write
from qx.model.lease import Maintenance
from qx.model.observation import Marker
from qx.model.standing import Acknowledgement, Arming
from tests.fakes.controller import Told
from tests.fakes.postgres import PgNode
from tests.fakes.process import How
from tests.fakes.redis import RedisNode
from tests.fakes.store import MemoryStore
from tests.machine.daemons import Daemons
from tests.machine.operators import Operators

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.nodes import Node
    from tests.fakes.world import SimWorld
    from tests.machine.oracle import Oracle

    AnyNode = PgNode | RedisNode


class Troubles:
    """`apart`: each region has a daemon of its own."""

    def __init__(self, world: SimWorld, oracle: Oracle, *, apart: bool) -> None:
        self.world, self.oracle = world, oracle
        self.store = MemoryStore(world.shelf)
        self.operators = Operators(world, Told(world))
        self.daemons = Daemons(world, oracle, self.operators.resume_all, apart=apart)

    def heal(self) -> None:
        """Links, controls, disks, what stood still; the daemon runs, and a person looks after what people began."""
        network = self.world.network
        network.heal()
        network.delay.clear()
        network.loss.clear()
        self.world.unreachable_controls.clear()
        for group in self.world.groups.values():
            for node in group.nodes.values():
                node.dark, node.slow, node.control_delay, node.lag, node.paused = False, 1.0, 0.0, 0.0, False
                if (node.rogue or node.loose) and node is not group.writer:
                    self._contain(node)
                if node.guard is not None:
                    node.guard.thaw()
                if node.frozen:
                    node.thaw()
        for scope in tuple(self.world.shelf.maintenance):
            self.store.end_maintenance(scope)
        if self.world.etcd is not None:
            self.world.etcd.mend(*self.world.etcd.members)
        self.daemons.heal()
        self.operators.resume_theirs()

    def _contain(self, node: Node) -> None:
        """As `qx contain` does."""
        node.end_process()
        node.rogue = False  # as is `loose`
        if isinstance(node, PgNode):
            node.signal = True
        elif isinstance(node, RedisNode):
            node.file_upstream = NOBODY

    # -- of servers, machines, links

    def node(self, name: str) -> AnyNode:
        cluster, _, region = name.partition("/")
        return self.world.node(cluster, region)

    def crash(self, name: str, back: float) -> None:
        node = self.node(name)
        node.end_process()
        if back >= 0:
            self._after(back, node.supervised_start)

    def crash_writer(self, cluster: str) -> None:
        self.world.groups[cluster].writer.end_process()

    def stop(self, name: str, back: float) -> None:
        node = self.node(name)
        node.when_awake(node.begin_stop)
        self._after(back, node.supervised_start)

    def hang(self, name: str, seconds: float) -> None:
        node = self.node(name)
        node.freeze()
        self._after(seconds, partial(self._wake, node))

    def _wake(self, node: AnyNode) -> None:
        """Not before its guard, if that stands still too."""
        if node.guard is None or not node.guard.frozen:
            node.thaw()

    def machine(self, region: str, seconds: float) -> None:
        """The whole machine stands still, its controls too."""
        for node in self._at(region):
            node.dark = True
            self.guard_freezes(str(node), seconds)
            self._after(seconds, partial(self._light, node))
        self.member(region, seconds)
        if region in self.daemons.at:
            self.daemons.freeze(region, seconds)

    def power(self, region: str, seconds: float) -> None:
        for node in self._at(region):
            node.dark = True
            node.end_process()
            node.exited = ""  # nobody was left to tell
            self._after(seconds, partial(self._light, node))
            self._after(seconds + 0.5, node.supervised_start)
        self.member(region, seconds)
        if region in self.daemons.at:
            self.daemons.kill(region, seconds)

    def _light(self, node: AnyNode) -> None:
        node.dark = False

    def _at(self, region: str) -> list[AnyNode]:
        return [self.world.node(name, region) for name in self.world.groups]

    def cut(self, source: str, target: str, seconds: float) -> None:
        self.world.network.cut(source, target)
        self._after(seconds, partial(self.world.network.restore, source, target))

    def delay(self, source: str, target: str, delay: float, seconds: float) -> None:
        self.world.network.delay[source, target] = delay
        self._after(seconds, lambda: self.world.network.delay.pop((source, target), None))

    def loss(self, source: str, target: str, share: float, seconds: float) -> None:
        self.world.network.loss[source, target] = share
        self._after(seconds, lambda: self.world.network.loss.pop((source, target), None))

    def slow_disk(self, name: str, factor: float, seconds: float) -> None:
        self._set(self.node(name), "slow", factor, seconds)

    def control_slow(self, name: str, delay: float, seconds: float) -> None:
        self._set(self.node(name), "control_delay", delay, seconds)

    def lag(self, name: str, lag: float, seconds: float) -> None:
        self._set(self.node(name), "lag", lag, seconds)

    def pause(self, name: str, _: float, seconds: float) -> None:
        self._set(self.node(name), "paused", True, seconds)

    def _set(self, node: AnyNode, what: str, value: Any, seconds: float) -> None:
        before = getattr(node, what)
        setattr(node, what, value)
        self._after(seconds, lambda: setattr(node, what, before))

    def control_away(self, name: str, seconds: float) -> None:
        cluster, _, region = name.partition("/")
        self.world.unreachable_controls.add((cluster, region))
        self._after(seconds, lambda: self.world.unreachable_controls.discard((cluster, region)))

    # -- of the store's members, where it has some

    def member(self, place: str, seconds: float) -> None:
        etcd = self.world.etcd
        if etcd is not None:
            etcd.fail(place)
            self._after(seconds, partial(etcd.mend, place))

    def elect(self) -> None:
        if self.world.etcd is not None:
            self.world.etcd.elect()

    # -- of guards

    def guard_dies(self, name: str) -> None:
        guard = self.node(name).guard
        if guard is not None:
            guard.kill()

    def guard_freezes(self, name: str, seconds: float) -> None:
        """With its server."""
        node = self.node(name)
        guard = node.guard
        node.freeze()
        if guard is not None:
            guard.freeze()
            self._after(seconds, guard.thaw)
        self._after(seconds, node.thaw)

    # -- of daemons

    def kill_controller(self, place: str, seconds: float) -> None:
        self.daemons.kill(place, seconds)

    def stop_controller(self, place: str, seconds: float) -> None:
        self.daemons.stop(place, seconds)

    def freeze_controller(self, place: str, seconds: float) -> None:
        self.daemons.freeze(place, seconds)

    def kill_at_entry(self, moment: str, entry: float, seconds: float) -> None:
        self.daemons.kill_at_entry(moment, int(entry), seconds)

    def kill_at_record(self, kind: str, seconds: float) -> None:
        self.daemons.kill_at_record(kind, seconds)

    def freeze_at_entry(self, moment: str, entry: float, seconds: float) -> None:
        self.daemons.freeze_at_entry(moment, int(entry), seconds)

    def clock(self, place: str, by: float) -> None:
        self.daemons.set_clock(place, by)

    def zombie(self, name: str) -> None:
        node, group = self.node(name), self.world.groups[self.node(name).cluster]
        if node.up:
            return
        node.rogue = node is not group.writer or any(lease.cluster == group.name for lease in self.store.leases())
        node.loose = node.guarded
        if isinstance(node, PgNode):
            node.signal = False
        else:
            node.file_upstream = ""
        node.begin_start()

    def answer(self, verb: str, how: str) -> None:
        self.daemons.answer(verb, How(how))

    # -- of people

    def maintenance(self, scope: str, seconds: float) -> None:
        now = self.world.simulation.wall
        self.store.set_maintenance(Maintenance(scope=scope, owner="ops", reason="x", since=now, until=now + seconds))

    def foreign(self, cluster: str) -> None:
        writer = self.world.groups[cluster].writer
        self.mark(cluster, Marker("store-b", 99, writer.region))
        self.oracle.foreign.add(cluster)

    def rival(self) -> None:
        """A second daemon, armed as the first is, over a store of its own that knows nothing."""
        shelf = self.world.new_shelf("store-b")
        for name in self.world.groups:
            write(MemoryStore(shelf), self._arming(name), name)
        self.daemons.invite(shelf)

    def _arming(self, cluster: str) -> Arming:
        return Arming(cluster=cluster, by="ops", reason="x", at=self.world.simulation.wall)

    def arm(self, cluster: str) -> None:
        write(self.store, self._arming(cluster), cluster)

    def disarm(self, cluster: str) -> None:
        self.store.drop(Arming.KIND, cluster)

    def acknowledge(self, cluster: str) -> None:
        for move in self.oracle.moves:
            if move.cluster == cluster:
                write(self.store, Acknowledgement(run=move.run, by="ops", at=self.world.simulation.wall), move.run)

    def operator(self, cluster: str, to: str, entry: float) -> None:
        self.operators.move(cluster, to, int(entry))

    def mark(self, name: str, marker: Marker) -> None:
        group = self.world.groups[name]
        group.marked(group.writer.append(0x60, marker=marker, xids=1))

    def _after(self, seconds: float, what: Callable[[], object]) -> None:
        def due() -> None:
            what()

        self.world.simulation.after(seconds, due)
