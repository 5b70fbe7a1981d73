"""SimWorld: regions, a PostgreSQL and a Redis cluster, clients that write, qx processes, under virtual time.

From the seed alone follows everything that happens. `situation` is what the application gathers, judged by the real
judge; `Process` is what the engine acts through.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from qx.engine.execute import Executor
from qx.failover.judge import judge
from qx.failover.links import conninfo, slot_name
from qx.failover.sampling import samples_of
from qx.failover.situation import Situation
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.kernel.spans import Seconds
from qx.model.observation import Sample
from qx.model.plan import Consent
from qx.model.platform import Cluster, Defaults, Node, Objectives, Platform, Region
from tests.fakes.clusters import Group
from tests.fakes.etcd import Etcd, EtcdClient
from tests.fakes.nodes import TICK_S, Network
from tests.fakes.postgres import PgNode
from tests.fakes.process import HOME, Call, How, Process
from tests.fakes.redis import RedisNode
from tests.fakes.simulation import Simulation
from tests.fakes.store import MemoryStore, Shelf

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, Literal, TypeVar

    from qx.model.control import Control
    from qx.model.journal import Entry, RunOutcome
    from qx.model.plan import Plan
    from qx.ports.store import Store

    T = TypeVar("T")

US, EU, AP = REGIONS = ("us-east", "eu-west", "ap-southeast")
ALL_REGIONS = (*REGIONS, "me-central", "ap-northeast", "sa-east")
PG, KV = "trading", "sessions"
HEALS_S = 20.0  # after so long a link that was cut at a call passes again
BUDGET_S = 10.0
SUPERVISOR_S = 0.1


class SimWorld:
    """`tick`: how often replicas receive and clients write, in seconds. `watched`: somebody else keeps the samples.
    `members`: where those of an etcd stand that keeps the store; none: one file does, that every process reaches.
    `guarded`: servers are started under guards.
    """

    def __init__(
        self, seed: int = 1, clusters: tuple[str, ...] = (PG,), platform: Platform | None = None, *,
        tick: float = TICK_S, watched: bool = False, limit_s: float = 2_000.0, members: tuple[str, ...] = (),
        guarded: bool = False,
    ) -> None:
        self.simulation = Simulation(seed, limit_s)
        self.network = Network(self.simulation.random)
        self.platform = platform or a_platform(clusters)
        self.groups = {
            name: Group(self.simulation, self.network, name, cluster, tick)
            for name, cluster in self.platform.clusters.items()
        }
        self.shelf = self.new_shelf("store-a")
        self.etcd = Etcd(self.simulation, self.network, members, self.shelf) if members else None
        self.uncontrolled: set[tuple[str, str]] = set()
        self.unreachable_controls: set[tuple[str, str]] = set()
        for group in self.groups.values():
            _bring_up(group, guarded=guarded)
            self.simulation.every(tick, group.tick)
        if not watched:
            self.simulation.every(1.0, self._sample)
        self.simulation.pass_time(3.0)

    # -- what there is

    def pg(self, cluster: str, region: str) -> PgNode:
        node = self.groups[cluster].nodes[region]
        assert isinstance(node, PgNode)
        return node

    def valkey(self, cluster: str, region: str) -> RedisNode:
        node = self.groups[cluster].nodes[region]
        assert isinstance(node, RedisNode)
        return node

    def node(self, cluster: str, region: str) -> PgNode | RedisNode:
        node = self.groups[cluster].nodes[region]
        assert isinstance(node, PgNode | RedisNode)
        return node

    def check(self) -> None:
        for group in self.groups.values():
            group.check()

    def new_shelf(self, store_id: str) -> Shelf:
        return Shelf(wall=lambda: self.simulation.wall, elapsed=lambda: self.simulation.now, store_id=store_id)

    def process(self, store: Store | None = None, home: str = HOME) -> Process:
        return Process(self, store or self.store(home), home)

    def store(self, home: str) -> Store:
        """Opened there."""
        if self.etcd is None:
            return MemoryStore(self.shelf)
        return cast("Store", EtcdClient(self.etcd, self.shelf, home))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.simulation.run(work)

    def pass_time(self, seconds: float) -> None:
        self.simulation.pass_time(seconds)

    # -- what goes wrong

    def break_at(self, how: How | None, call: Call) -> None:
        region = call.region or self.groups[call.cluster].writer.region
        if how in (How.CUT_TO, How.CUT_BOTH):
            self.network.cut(HOME, region)
        if how in (How.CUT_FROM, How.CUT_BOTH):
            self.network.cut(region, HOME)
        if how in (How.CUT_TO, How.CUT_FROM, How.CUT_BOTH):
            self.simulation.after(HEALS_S, self.network.heal)
        if how is How.CRASH:
            self.node(call.cluster, region).end_process()
        if how is How.FREEZE:
            self.node(call.cluster, region).freeze()
        if how is How.RESTART:
            node = self.node(call.cluster, region)
            node.end_process()
            self.simulation.after(SUPERVISOR_S, node.supervised_start)

    def lose_region(self, region: str) -> None:
        """Power failure: every server there is gone; its controls answer, as those of machines that came back would."""
        for group in self.groups.values():
            if region in group.nodes:
                group.nodes[region].end_process()

    # -- what qx sees

    async def situation(self, process: Process, consent: Consent | None = None) -> Situation:
        keys = [(name, region) for name, cluster in self.platform.clusters.items() for region in cluster.nodes]
        seen = dict(zip(keys, await asyncio.gather(*(self._look(process, key) for key in keys)), strict=True))
        controls = dict(zip(keys, await asyncio.gather(*(_inspect(process, key) for key in keys)), strict=True))
        store, now = process.store, process.clock.now()
        samples = {name: store.samples(name, now - 120.0) for name in self.platform.clusters}
        topology = judge(self.platform, seen, {}, store.rules(), store.store_id, now, samples)
        store.keep_samples(samples_of(topology))
        return Situation(
            platform=self.platform,
            config_file="regions.yaml",
            config_digest="c0ffee",
            topology=topology,
            rules=store.rules(),
            leases={lease.cluster: lease for lease in store.leases()},
            controls=controls,
            samples={name: store.samples(name, now - 120.0) for name in self.platform.clusters},
            maintenance=(),
            consent=consent or Consent(),
            now=now,
            today=datetime.fromtimestamp(now, UTC).date().isoformat(),
            by="ops",
            plan_id=sortable_id(now, process.clock.noise()),
        )

    async def _look(self, process: Process, key: tuple[str, str]) -> Any:
        server = process.postgres(*key) if self.platform.clusters[key[0]].kind == "postgresql" else process.redis(*key)
        return await server.observe(2.0)

    def _sample(self) -> None:
        """As a watching qx does, once a second."""
        for name, group in self.groups.items():
            node = self.node(name, group.writer.region)
            if not node.accepts:
                continue
            lineage, xid = node.replid if isinstance(node, RedisNode) else f"{node.system_id}/{node.timeline}", 0
            if isinstance(node, PgNode) and node.log:
                xid = node.log[-1].xid
            self.shelf.samples.append(Sample(name, node.region, self.simulation.wall, lineage, node.end, xid))

    # -- runs

    def begin(self, process: Process, plan: Plan) -> RunOutcome:
        run = sortable_id(process.clock.now(), process.clock.noise())
        return self.run(Executor(process, plan, run, "ops").begin())

    def resume(self, process: Process, run: str) -> RunOutcome:
        return self.run(Executor(process, process.store.plan(run), run, "ops").resume())

    def last_run(self) -> str:
        return list(self.shelf.plans)[-1]

    def journal(self, run: str) -> list[Entry]:
        return [chained.entry for chained in MemoryStore(self.shelf).entries(run)]


def a_platform(
    clusters: tuple[str, ...] = (PG,),
    regions: tuple[str, ...] = REGIONS,
    mode: Literal["observe", "confirm", "auto"] = "observe",
    objectives: Objectives | None = None,
    **more: Any,
) -> Platform:
    """At home in the first of `regions`; `more`: fields of Platform."""
    made = {}
    for name in clusters:
        kind = "redis" if name == KV else "postgresql"
        scheme, port = ("redis", 6379) if name == KV else ("postgresql", 5432)
        made[name] = Cluster(
            kind="redis" if kind == "redis" else "postgresql",
            home=regions[0],
            mode=mode,
            data_classes=("session",) if name == KV else ("trade_record",),
            nodes={region: Node(url=f"{scheme}://qx@10.0.0.{n}:{port}/db") for n, region in enumerate(regions, 1)},
            objectives=objectives or Objectives(write_outage=Seconds(BUDGET_S)),
        )
    return Platform(
        version=1,
        platform="sim",
        regions={region: Region(title=region, jurisdictions=("XX",)) for region in regions},
        clusters=made,
        **{"defaults": Defaults(cooldown=Seconds(0)), **more},
    )


def _bring_up(group: Group, *, guarded: bool) -> None:
    home = group.writer
    for region, node in group.nodes.items():
        follows, node.guarded = node is not home, guarded
        if isinstance(node, PgNode):
            node.signal = follows
            node.conninfo = conninfo(group.cluster, home.region, region) if follows else ""
            node.slot = slot_name(group.cluster, region) if follows else ""
            if not follows:
                node.slots = {slot_name(group.cluster, r) for r in group.nodes if r != region}
            node.begin_start()
        elif isinstance(node, RedisNode):
            node.file_upstream = group.address(home) if follows else ""
            node.begin_start()
        node.take_guard(0)


async def _inspect(process: Process, key: tuple[str, str]) -> Control | str:
    try:
        return await process.control(*key).inspect(2.0)
    except QxError as error:
        return error.message
