"""Troubles: every verb of a schedule, as it is done to the simulated world, its daemon and its operators.

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
from tests.fakes.controller import Controller
from tests.fakes.postgres import PgNode
from tests.fakes.process import How
from tests.fakes.redis import RedisNode
from tests.fakes.store import MemoryStore
from tests.machine.operators import LEASE_S, Operators

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.nodes import Node
    from tests.fakes.process import Call, Process
    from tests.fakes.world import SimWorld
    from tests.machine.oracle import Oracle

    AnyNode = PgNode | RedisNode

AGAIN_S = 0.5  # between two looks of the supervisor whether the daemon has ended


class Troubles:
    def __init__(self, world: SimWorld, oracle: Oracle) -> None:
        self.world, self.oracle = world, oracle
        self.store = MemoryStore(world.shelf)
        self.controller = Controller(world, world.shelf, self._prepare)
        self.operators = Operators(world, self.controller.log)
        self._clock_ahead = 0.0
        self._at_entry: list[tuple[str, int, Callable[[], None]]] = []
        self._answers: list[tuple[str, How]] = []

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
                if node.rogue and node is not group.writer:
                    self._contain(node)
                if node.frozen:
                    node.thaw()
        for scope in tuple(self.world.shelf.maintenance):
            self.store.end_maintenance(scope)
        self._answers.clear()
        self._at_entry.clear()
        self.awake()
        self.operators.resume_theirs()

    def _contain(self, node: Node) -> None:
        """As `qx contain` does."""
        node.end_process()
        node.rogue = False
        if isinstance(node, PgNode):
            node.signal = True
        elif isinstance(node, RedisNode):
            node.file_upstream = NOBODY

    def awake(self) -> None:
        if not self.controller.runs:
            self.controller.start()
        elif self.controller.frozen:
            self.controller.thaw()

    # -- the daemon's processes

    def _prepare(self, process: Process) -> None:
        process.clock_ahead = self._clock_ahead
        process.trap = self._trap
        process.before_append = lambda seq: self._entry("before", seq)
        process.after_append = self._wrote
        self.oracle.judges(process)
        self.oracle.distrusts_until = 0.0

    def _wrote(self, seq: int) -> None:
        self.oracle.wrote(self.world.shelf.chain[-1].entry)
        self._entry("after", seq)

    def _entry(self, moment: str, seq: int) -> None:
        for armed in tuple(self._at_entry):
            if armed[:2] == (moment, seq):
                self._at_entry.remove(armed)
                armed[2]()

    def _trap(self, call: Call) -> How | None:
        for each in self._answers if call.step else ():
            if call.verb.startswith(each[0]):
                self._answers.remove(each)
                return each[1]
        return None

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
        self._after(seconds, node.thaw)

    def machine(self, region: str, seconds: float) -> None:
        """The whole machine stands still, its controls too."""
        for node in self._at(region):
            node.dark = True
            self.hang(str(node), seconds)
            self._after(seconds, partial(self._light, node))

    def power(self, region: str, seconds: float) -> None:
        for node in self._at(region):
            node.dark = True
            node.end_process()
            self._after(seconds, partial(self._light, node))
            self._after(seconds + 0.5, node.supervised_start)

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

    # -- of the daemon

    def kill_controller(self, seconds: float) -> None:
        self.controller.kill()
        self._after(seconds, self.awake)

    def stop_controller(self, seconds: float) -> None:
        self.controller.stop()
        self._after(seconds, self._restart)

    def _restart(self) -> None:
        """As systemd does: when the one before has ended."""
        self.controller.check()
        if self.controller.runs:
            self._after(AGAIN_S, self._restart)
        else:
            self.controller.start()

    def freeze_controller(self, seconds: float) -> None:
        process = self.controller.process
        if process is None or self.controller.frozen:
            return
        self.controller.freeze()
        since = self.world.simulation.now

        def wake() -> None:
            if self.controller.process is process and self.controller.frozen:
                self.oracle.stood_still(self.world.simulation.now - since)
                self.controller.thaw()

        self._after(seconds, wake)
        if seconds > LEASE_S:
            self._after(LEASE_S, self.operators.resume_all)

    def kill_at_entry(self, moment: str, entry: float, seconds: float) -> None:
        def strike() -> None:
            self.kill_controller(seconds)

        self._at_entry.append((moment, int(entry), strike))

    def freeze_at_entry(self, moment: str, entry: float, seconds: float) -> None:
        self._at_entry.append((moment, int(entry), lambda: self.freeze_controller(seconds)))

    def clock(self, by: float) -> None:
        self._clock_ahead += by
        if self.controller.process is not None:
            self.controller.process.clock_ahead = self._clock_ahead
            self.oracle.clock_was_set(by)

    def zombie(self, name: str) -> None:
        node, group = self.node(name), self.world.groups[self.node(name).cluster]
        if node.up:
            return
        node.rogue = node is not group.writer or any(lease.cluster == group.name for lease in self.store.leases())
        if isinstance(node, PgNode):
            node.signal = False
        else:
            node.file_upstream = ""
        node.begin_start()

    def answer(self, verb: str, how: str) -> None:
        self._answers.append((verb, How(how)))

    # -- of people

    def maintenance(self, scope: str, seconds: float) -> None:
        now = self.world.simulation.wall
        self.store.set_maintenance(Maintenance(scope=scope, owner="ops", reason="x", since=now, until=now + seconds))

    def foreign(self, cluster: str) -> None:
        writer = self.world.groups[cluster].writer
        self.mark(cluster, Marker("store-b", 99, writer.region))
        self.oracle.foreign.add(cluster)

    def arm(self, cluster: str) -> None:
        write(self.store, Arming(cluster=cluster, by="ops", reason="x", at=self.world.simulation.wall), cluster)

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
