"""What stands in a lab now: for operators, and for outsiders who want to look at a node past qx, or to harm it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.adapters.fabric import LinkState, RouteState, Show, ask
from qx.adapters.node.processes import alive
from qx.lab import servers
from qx.lab.config import dsn
from qx.lab.controller import controller_name
from qx.lab.controller import log_of as controller_log
from qx.lab.etcd import log_of as member_log
from qx.lab.etcd import member_name
from qx.lab.pids import frozen
from qx.lab.sockets import LOOPBACK
from qx.lab.up import endpoint_name

if TYPE_CHECKING:
    from qx.adapters.node.processes import Pid
    from qx.lab.lab import Lab
    from qx.lab.layout import MemberLayout, NodeLayout

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


class PartStatus(Struct, frozen=True, kw_only=True):
    """A controller, or a member of etcd. `url`: where a member answers, past the lab's network; `log`: what it says."""

    region: str
    pid: int | None
    state: State
    log: str
    url: str = ""


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
    controllers: tuple[PartStatus, ...]
    etcd: tuple[PartStatus, ...]
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
        nodes=tuple(_node(lab, node) for node in lab.layout.nodes),
        endpoints=tuple(_endpoint(lab, region) for region in lab.layout.regions),
        controllers=tuple(_controller(lab, region) for region in lab.layout.regions if lab.layout.members),
        etcd=tuple(_member(lab, member) for member in lab.layout.members),
        routes=tuple(_route(lab, route) for route in fabric.routes),
        links=fabric.links,
        fabric_pid=fabric.pid,
    )


def _node(lab: Lab, node: NodeLayout) -> NodeStatus:
    leader = servers.leader(node)
    beside = lab.processes.get(controller_name(node.region))
    return NodeStatus(
        cluster=node.cluster,
        region=node.region,
        kind=node.kind,
        dsn=dsn(node, node.port),
        pid=leader.number if leader else None,
        data_dir=str(node.data_dir),
        controller_pid=beside.number if beside is not None and alive(beside) else None,
        state=_state(leader),
    )


def _state(pid: Pid | None) -> State:
    if pid is None or not alive(pid):
        return "down"
    return "frozen" if frozen(pid) else "running"


def _controller(lab: Lab, region: str) -> PartStatus:
    pid = lab.processes[controller_name(region)]
    number = pid.number if alive(pid) else None
    return PartStatus(region=region, pid=number, state=_state(pid), log=str(controller_log(lab, region)))


def _member(lab: Lab, member: MemberLayout) -> PartStatus:
    pid = lab.processes[member_name(member.region)]
    return PartStatus(
        region=member.region, pid=pid.number if alive(pid) else None, state=_state(pid), log=str(member_log(member)),
        url=f"http://{LOOPBACK}:{member.client}",
    )  # fmt: skip


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
