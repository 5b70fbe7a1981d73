"""What a lab consists of: regions, clusters, nodes, ports, paths, relays, routes. Pure: ports come in as an iterator.

Invariants: a cluster stands only where all of its regions stand; each place reaches each service of every other region
through its own relay, and nothing else connects two regions. `ops` is the place where qx and the clients stand.
Members of etcd all know a peer by one and the same address, where nobody listens: each asks its own proxy for it, and
is led to the relay of its region.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.kernel.ids import slug

if TYPE_CHECKING:
    from collections.abc import Iterator

OPS = "ops"
HTTP = "http"
CONTROL = "control"  # the region's management network: answered by the fabric itself
ETCD = "etcd"
PEER = "etcd-peer"  # what the members say to each other

REGIONS = ("us-east", "eu-west", "ap-southeast", "me-central", "guyana", "bahrain")
FEWEST = 3
MEMBERS = 3  # of etcd, in the first regions

Kind = Literal["postgresql", "redis"]


class RelaySpec(Struct, frozen=True, kw_only=True):
    """`listen` is where place `source` reaches a service of `target`. `port` None: the fabric answers itself."""

    source: str
    target: str
    service: str
    listen: int
    port: int | None


class FabricSpec(Struct, frozen=True, kw_only=True):
    relays: tuple[RelaySpec, ...]
    routes: dict[str, int]  # cluster -> the port that its clients connect to
    proxies: dict[str, int] = {}  # region -> the port where its member of etcd asks for its peers
    peers: dict[str, str] = {}  # the address by which a member is asked for -> its region


class ClusterLayout(Struct, frozen=True, kw_only=True):
    """`regions`: the home, which has the first writer, then the standbys'."""

    name: str
    kind: Kind
    regions: tuple[str, ...]

    @property
    def home(self) -> str:
        return self.regions[0]


CLUSTERS = (
    ClusterLayout(name="trading", kind="postgresql", regions=("us-east", "eu-west", "ap-southeast")),
    ClusterLayout(name="sessions", kind="redis", regions=("us-east", "eu-west", "ap-southeast")),
    ClusterLayout(name="bahrain-book", kind="postgresql", regions=("bahrain", "me-central")),
    ClusterLayout(name="guyana-book", kind="postgresql", regions=("guyana",)),
)


class NodeLayout(Struct, frozen=True, kw_only=True):
    """One server. Everything of it stands below `directory`."""

    cluster: str
    region: str
    kind: Kind
    port: int
    directory: Path

    @property
    def name(self) -> str:
        return f"{self.cluster}/{self.region}"

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def config_file(self) -> Path:
        """What is this node's own and must survive a rewind or a new clone: not in the data directory."""
        return self.directory / ("postgres.conf" if self.kind == "postgresql" else "valkey.conf")

    @property
    def log_file(self) -> Path:
        return self.directory / "log" / "server.log"


class MemberLayout(Struct, frozen=True, kw_only=True):
    """The member of etcd in `region`, which it is named after. `known_as`: by what address its peers ask for it."""

    region: str
    client: int
    peer: int
    known_as: str
    directory: Path


class Layout(Struct, frozen=True, kw_only=True):
    regions: tuple[str, ...]
    clusters: tuple[ClusterLayout, ...]
    nodes: tuple[NodeLayout, ...]
    endpoints: dict[str, int]  # region -> port
    fabric: FabricSpec
    members: tuple[MemberLayout, ...] = ()  # of etcd; none: one controller, and no etcd

    def node(self, cluster: str, region: str) -> NodeLayout:
        return next(node for node in self.nodes if (node.cluster, node.region) == (cluster, region))

    def nodes_of(self, cluster: ClusterLayout) -> tuple[NodeLayout, ...]:
        """The home's first."""
        return tuple(self.node(cluster.name, region) for region in cluster.regions)

    def relay(self, source: str, target: str, service: str) -> int:
        """The port of 127.0.0.1 at which place `source` reaches `service` (a cluster, http, control) of `target`."""
        return next(
            relay.listen
            for relay in self.fabric.relays
            if (relay.source, relay.target, relay.service) == (source, target, service)
        )


def slot_name(region: str) -> str:
    """Of the region's physical slot on its upstream, and its application_name there."""
    return f"qx_{slug(region)}"


def layout(count: int, data_root: Path, ports: Iterator[int], *, controllers: bool = False) -> Layout:
    """The lab of the first `count` regions (3 to 6), `controllers`: with etcd. Raises ValueError outside of that."""
    if not FEWEST <= count <= len(REGIONS):
        raise ValueError(f"a lab has {FEWEST} to {len(REGIONS)} regions, not {count}")
    regions = REGIONS[:count]
    clusters = tuple(cluster for cluster in CLUSTERS if set(cluster.regions) <= set(regions))
    nodes = tuple(
        NodeLayout(
            cluster=cluster.name,
            region=region,
            kind=cluster.kind,
            port=next(ports),
            directory=data_root / region / cluster.name,
        )
        for cluster in clusters
        for region in cluster.regions
    )
    endpoints = {region: next(ports) for region in regions}
    members = tuple(_members(regions, data_root, ports)) if controllers else ()
    return Layout(
        regions=regions,
        clusters=clusters,
        nodes=nodes,
        endpoints=endpoints,
        fabric=FabricSpec(
            relays=tuple(_relays(regions, nodes, endpoints, members, ports)),
            routes={cluster.name: next(ports) for cluster in clusters},
            proxies={member.region: next(ports) for member in members},
            peers={member.known_as: member.region for member in members},
        ),
        members=members,
    )


def _members(regions: tuple[str, ...], data_root: Path, ports: Iterator[int]) -> Iterator[MemberLayout]:
    for number, region in enumerate(regions[:MEMBERS], 1):
        yield MemberLayout(
            region=region, client=next(ports), peer=next(ports),
            known_as=f"192.0.2.{number}:2380",  # of a network that exists in documentation only
            directory=data_root / region / ETCD,
        )  # fmt: skip


def _relays(
    regions: tuple[str, ...],
    nodes: tuple[NodeLayout, ...],
    endpoints: dict[str, int],
    members: tuple[MemberLayout, ...],
    ports: Iterator[int],
) -> Iterator[RelaySpec]:
    for target in regions:
        services: dict[str, int | None] = {node.cluster: node.port for node in nodes if node.region == target}
        services |= {HTTP: endpoints[target], CONTROL: None}
        for member in members:
            services |= {ETCD: member.client, PEER: member.peer} if member.region == target else {}
        for source in (OPS, *regions):
            if source != target:
                for service, port in services.items():
                    yield RelaySpec(
                        source=source, target=target, service=service, listen=next(ports), port=port
                    )
