"""A Redis Cluster of six real servers: three masters with a replica each, in three regions, on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from qx.app.observe import look
from qx.app.workbench import Workbench
from qx.model.topology import ClusterView, Topology, Verdict
from tests.fixtures_servers import RedisNode, Servers, free_port, freeze, wait_until

REGIONS = ("us-east", "eu-west", "ap-southeast")
SPLIT = ((0, 5460), (5461, 10922), (10923, 16383))
NODE_TIMEOUT_MS = 1500


@dataclass
class Six:
    """`masters[i]` owns SPLIT[i] in REGIONS[i]; `replicas[i]` follows it from the next region."""

    masters: list[RedisNode]
    replicas: list[RedisNode]
    config: Path

    def of(self, region: str) -> list[RedisNode]:
        place = REGIONS.index(region)
        return [self.masters[place], self.replicas[place - 1]]

    @property
    def nodes(self) -> list[RedisNode]:
        return [*self.masters, *self.replicas]

    def seen(self) -> Topology:
        async def once(bench: Workbench) -> Topology:
            try:
                return (await look(bench)).topology
            finally:
                await bench.close()

        bench = Workbench({**os.environ, "XDG_STATE_HOME": str(self.config.parent)}, str(self.config))
        return asyncio.run(once(bench))

    def view(self) -> ClusterView:
        return self.seen().clusters["quotes"]

    def becomes(self, what: str, wanted: Callable[[ClusterView], bool]) -> ClusterView:
        last: list[ClusterView] = []

        def asked() -> bool:
            last[:] = [self.view()]
            return wanted(last[0])

        try:
            wait_until(asked, what, 40)
        except AssertionError:
            raise AssertionError(f"{what}: {last[0].cause}: {last[0].because}") from None
        return last[0]


def described(masters: list[RedisNode], replicas: list[RedisNode], kind: str = "redis-cluster") -> dict[str, object]:
    nodes = {
        region: {"url": f"redis://{masters[place].address}", "members": [replicas[place - 1].address]}
        for place, region in enumerate(REGIONS)
    }
    return {
        "version": 1,
        "platform": "quoting",
        "regions": {region: {"title": region, "jurisdictions": ["XX"]} for region in REGIONS},
        "clusters": {"quotes": {"kind": kind, "home": "us-east", "data_classes": ["market_data"], "nodes": nodes}},
        "defaults": {"probe_timeout": "3s"},
    }


def form(servers: Servers, program: str, home: Path, **settings: str) -> Six:
    """Six servers that know each other, all slots served, every link up."""
    nodes = []
    for _ in range(6):
        node = servers.redis(
            program, cluster_enabled="yes", cluster_config_file="nodes.conf", cluster_port=str(free_port()),
            cluster_node_timeout=str(NODE_TIMEOUT_MS), cluster_replica_validity_factor="0", **settings,
        )  # fmt: skip
        node.start()
        nodes.append(node)
    masters, replicas = nodes[:3], nodes[3:]
    first = masters[0]
    for number, node in enumerate(nodes, 1):
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number))
    for node in nodes[1:]:
        first.ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(node.settings["cluster-port"]))
    for master, (low, high) in zip(masters, SPLIT, strict=True):
        master.ask("CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
    ids = {node.port: str(node.ask("CLUSTER", "MYID")) for node in nodes}
    for replica, master in zip(replicas, masters, strict=True):
        known = partial(_knows, replica, ids[master.port])
        wait_until(known, "the replica knows its master")
        replica.ask("CLUSTER", "REPLICATE", ids[master.port])
    config = home / "regions.yaml"
    config.write_text(yaml.safe_dump(described(masters, replicas)))
    six = Six(masters, replicas, config)
    six.becomes("the cluster is well", lambda view: view.verdict is Verdict.HEALTHY)
    return six


def _knows(node: RedisNode, name: str) -> bool:
    return name in table(node)


def table(node: RedisNode) -> str:
    return str(node.ask("CLUSTER", "NODES"))


@contextmanager
def deaf(node: RedisNode) -> Iterator[None]:
    assert node.process is not None
    pid = node.process.popen.pid
    freeze([pid])
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
