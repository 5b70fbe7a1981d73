"""What stands in a lab now: for operators, and for outsiders who want to look at a node past qx, or to harm it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.adapters.fabric import LinkState, RouteState, Show, ask
from qx.adapters.node.processes import alive
from qx.lab import servers
from qx.lab.config import dsn
from qx.lab.pids import frozen
from qx.lab.sockets import LOOPBACK
from qx.lab.up import endpoint_name

if TYPE_CHECKING:
    from qx.lab.lab import Lab
    from qx.lab.layout import NodeLayout

State = Literal["running", "frozen", "down"]


class NodeStatus(Struct, frozen=True, kw_only=True):
    """`dsn` reaches the server itself, past the lab's network and its faults."""

    cluster: str
    region: str
    kind: str
    dsn: str
    pid: int | None
    data_dir: str
    controller_pid: int | None
    state: State


class EndpointStatus(Struct, frozen=True, kw_only=True):
    region: str
    url: str
    pid: int | None


class RouteStatus(Struct, frozen=True, kw_only=True):
    """`dsn` is where clients connect, `target` where that leads."""

    cluster: str
    dsn: str
    epoch: int
    target: str | None
    hold: bool


class LabStatus(Struct, frozen=True, kw_only=True):
    directory: str
    config: str
    regions: tuple[str, ...]
    nodes: tuple[NodeStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    routes: tuple[RouteStatus, ...]
    links: tuple[LinkState, ...]  # those that do not simply pass
    fabric_pid: int


def status(lab: Lab) -> LabStatus:
    """Raises QX-ROUTE-001 or Unsure when the network does not answer."""
    fabric = ask(lab.fabric_socket, Show())
    return LabStatus(
        directory=str(lab.directory),
        config=str(lab.config),
        regions=lab.layout.regions,
        nodes=tuple(_node(node) for node in lab.layout.nodes),
        endpoints=tuple(_endpoint(lab, region) for region in lab.layout.regions),
        routes=tuple(_route(lab, route) for route in fabric.routes),
        links=fabric.links,
        fabric_pid=fabric.pid,
    )


def _node(node: NodeLayout) -> NodeStatus:
    leader = servers.leader(node)
    return NodeStatus(
        cluster=node.cluster,
        region=node.region,
        kind=node.kind,
        dsn=dsn(node, node.port),
        pid=leader.number if leader else None,
        data_dir=str(node.data_dir),
        controller_pid=None,  # the lab itself starts none beside its servers
        state="down" if leader is None else "frozen" if frozen(leader) else "running",
    )


def _endpoint(lab: Lab, region: str) -> EndpointStatus:
    pid = lab.processes[endpoint_name(region)]
    return EndpointStatus(
        region=region,
        url=f"http://{LOOPBACK}:{lab.layout.endpoints[region]}/health",
        pid=pid.number if alive(pid) else None,
    )


def _route(lab: Lab, route: RouteState) -> RouteStatus:
    """Every cluster has a node, and all nodes of a cluster are of one kind."""
    node = next(node for node in lab.layout.nodes if node.cluster == route.cluster)
    return RouteStatus(
        cluster=route.cluster,
        dsn=dsn(node, lab.layout.fabric.routes[route.cluster]),
        epoch=route.epoch,
        target=route.target,
        hold=route.hold,
    )
