"""Group: one simulated cluster: its nodes, its route, its clients, and what must never be seen of them.

`violations` holds what went wrong at the instant it did; `check` is asked at every tick and after every act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.links import url_address
from qx.kernel.errors import Refused
from tests.fakes.nodes import TICK_S
from tests.fakes.postgres import PgNode
from tests.fakes.redis import RedisNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Marker
    from qx.model.platform import Cluster
    from tests.fakes.nodes import Network, Node, Record
    from tests.fakes.simulation import Simulation

PINNED_EVERY = 3  # ticks
STALE_S = 0.5  # for so long after it woke a server may acknowledge that was frozen together with its guard


class Group:
    def __init__(
        self, simulation: Simulation, network: Network, name: str, cluster: Cluster, tick: float = TICK_S
    ) -> None:
        make = PgNode if cluster.kind == "postgresql" else RedisNode
        self.simulation, self.network, self.name, self.cluster = simulation, network, name, cluster
        self.nodes: dict[str, Node] = {
            region: make(simulation, network, name, region, self) for region in cluster.nodes
        }
        self.postgres = [node for node in self.nodes.values() if isinstance(node, PgNode)]
        self.redis = [node for node in self.nodes.values() if isinstance(node, RedisNode)]
        self._address = {region: url_address(node.url, cluster.kind) for region, node in cluster.nodes.items()}
        self._postgres_at = {self._address[node.region]: node for node in self.postgres}
        self._redis_at = {self._address[node.region]: node for node in self.redis}
        self.writer: Node = self.nodes[cluster.home]  # the lawful one
        self.promotions: list[tuple[float, str, int]] = []
        self.write_bytes = (100, 300)  # of a client's write: from, to
        self._tick = tick
        self.route_epoch, self.route = 0, str(cluster.home) or None
        self.acked: list[Record] = []
        self.stale = 0  # acknowledgements of a server that woke before its guard
        self.salvaged: set[int] = set()
        self.violations: list[str] = []
        self.outages: list[float] = []  # of the clients of the route, past ones, in seconds
        self.last_ack = 0.0
        self.on_start_as_writer: Callable[[Node], None] = lambda _: None
        self.on_promotion: Callable[[Node], None] = lambda _: None
        self._markers: list[Record] = []
        self._acted: dict[str, int] = {}  # part -> the highest epoch under which it was acted on
        self._ticks = 0

    def postgres_at(self, address: str) -> PgNode | None:
        return self._postgres_at.get(address)

    def redis_at(self, address: str) -> RedisNode | None:
        return self._redis_at.get(address)

    def address(self, node: Node) -> str:
        return self._address[node.region]

    def host_port(self, node: Node) -> tuple[str, int]:
        host, _, port = self.address(node).rpartition(":")
        return host, int(port)

    # -- time

    def tick(self) -> None:
        for node in self.nodes.values():
            node.tick()  # type: ignore[attr-defined]  # both kinds have one
        self._ticks += 1
        accepting = self._accepting()
        self._write(accepting)
        self._check(accepting)

    def _accepting(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.accepts]

    def _write(self, accepting: list[Node]) -> None:
        """One client through the route, one pinned to each node, all writing as fast as they are acknowledged."""
        node = self.nodes.get(self.route or "")
        if node is not None and node in accepting:
            self._acknowledge(node)
            gap = self.simulation.now - self.last_ack
            if gap > 3 * self._tick:
                self.outages.append(gap)
            self.last_ack = self.simulation.now
        for each in accepting:
            each.accepted_at = self.simulation.now
        for each in accepting if self._ticks % PINNED_EVERY == 0 else ():
            if self._woke_late(each):
                each.append(self.write_bytes[0], xids=1)
                self.stale += 1
            elif not (each.rogue or each.loose):
                self._acknowledge(each)

    def _acknowledge(self, node: Node) -> None:
        if node is not self.writer:
            self.violated(f"{node} acknowledged a write, the writer is {self.writer}")
        low, high = self.write_bytes
        size = low + int(self.simulation.random.random() * (high - low))
        self.acked.append(node.append(size, write=len(self.acked), xids=1))

    def check(self) -> None:
        self._check(self._accepting())

    def _check(self, accepting: list[Node]) -> None:
        for each in accepting:
            if each is not self.writer and not (each.rogue or each.loose or self._woke_late(each)):
                self.violated(f"{each} accepts writes, the writer is {self.writer}")

    def _woke_late(self, node: Node) -> bool:
        """Frozen with its guard, and another writes since: the guard ends it first thing after waking."""
        return node is not self.writer and node.bound and self.simulation.now - node.woken <= STALE_S

    def violated(self, what: str) -> None:
        text = f"{self.simulation.now:.3f} {what}"
        self.violations.append(text)
        raise AssertionError(text)

    # -- what nodes report

    def promoted(self, node: Node, epoch: int) -> None:
        others = [other for other in self.nodes.values() if other is not node]
        unfenced = [other for other in others if other.may_write and not _excused(other)]
        if unfenced:
            self.violated(f"{node} was promoted, {unfenced} not fenced")
        if self.promotions and node is not self.writer and epoch <= self.promotions[-1][2]:
            self.violated(f"{node} was promoted under epoch {epoch}, after {self.promotions[-1]}")
        if not epoch:
            self.violated(f"{node} was promoted under no epoch")
        self.writer = node
        self.promotions.append((self.simulation.now, node.region, epoch))
        self.on_promotion(node)

    def started_as_writer(self, node: Node) -> None:
        if (node.rogue or node.loose) and node is not self.writer:
            return
        if node is not self.writer:
            self.promoted(node, node.held_epoch)
        self.on_start_as_writer(node)

    def erased(self, node: Node, records: list[Record]) -> None:
        others = [other for other in self.nodes.values() if other is not node]
        gone = [
            record.write
            for record in records
            if record.write is not None
            and id(record) not in self.salvaged
            and not any(other.holds(record) for other in others)
        ]
        if gone:
            self.violated(f"{len(gone)} acknowledged writes of {node} were erased and not salvaged")

    def acted(self, part: str, epoch: int) -> None:
        """Whatever let it pass: an executor of an epoch that is over has changed something."""
        highest = self._acted.setdefault(part, epoch)
        if epoch < highest:
            self.violated(f"{part} was acted on under epoch {epoch}, after epoch {highest}")
        self._acted[part] = epoch

    def marked(self, record: Record) -> None:
        self._markers.append(record)

    def marker(self, node: Node, count: int) -> Marker | None:
        """As written last into what `node` holds of its first `count` records."""
        for record in reversed(self._markers):
            if record.index < count and node.holds(record):
                return record.marker
        return None

    # -- the route

    def set_route(self, epoch: int, region: str | None) -> None:
        if epoch < self.route_epoch:
            words = f"the route of {self.name} follows epoch {self.route_epoch} and refuses {epoch}"
            raise Refused("QX-NODE-002", words)
        self.route_epoch, self.route = epoch, region

    # -- afterwards

    @property
    def lost(self) -> list[Record]:
        """Acknowledged, and not held by the writer."""
        return [record for record in self.acked if not self.writer.holds(record)]

    @property
    def outage(self) -> float:
        """The longest that clients of the route had to wait, the present wait included."""
        return max([*self.outages, self.simulation.now - self.last_ack])


def _excused(node: Node) -> bool:
    """It could write: somebody gave their word, or went past qx; its guard ends it, or has, and only qx starts it."""
    return node.attested or node.rogue or node.loose or node.bound or (node.guarded and not node.up)
