"""Starting a lab: network and endpoints, writers, then their standbys through the network, all at once where possible.

Invariants: a lab that crashed is cleaned before the new one starts; a start that fails or is interrupted leaves
nothing; when `up` returns, every standby streams. What is started is no child to be waited for: it outlives us.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from qx.adapters.fabric import SetRoute, Show, ask
from qx.adapters.node.processes import alive
from qx.app.workbench import Workbench
from qx.kernel.errors import QxError
from qx.lab import binaries, controller, disks, etcd, postgres, redis, servers
from qx.lab.config import regions_yaml
from qx.lab.down import clear, remove
from qx.lab.lab import CONTROLLERS, FABRIC_SPEC, NETWORK, Lab, load, locked, save, spare_directory
from qx.lab.layout import OPS, layout
from qx.lab.privileges import ground
from qx.lab.sockets import LOOPBACK, free_ports
from qx.lab.spawn import spawn
from qx.model.standing import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from qx.adapters.node.processes import Pid
    from qx.lab.layout import ClusterLayout, NodeLayout
    from qx.lab.privileges import Means

READY_S = 30.0
POLL_S = 0.03
AT_ONCE = 16  # servers that are prepared at the same time, at most


class Wish(Struct, frozen=True, kw_only=True):
    """What kind of lab. `disk_bytes`: a disk of that size for each node. `guards`: every server runs under one, from
    the beginning; its clusters are in mode auto, watched in profile fast. `controllers`: the same, with etcd and a
    controller in each region. `durability`: of PostgreSQL clusters with two standbys or more. `means`: how to leave
    root, in that order.
    """

    regions: int = 3
    pg: int = 16
    pg_bin: Path | None = None
    redis_bin: Path | None = None
    disk_bytes: int | None = None
    guards: bool = False
    durability: Literal["async", "quorum"] = "async"
    controllers: bool = False
    means: tuple[Means, ...] = ("namespace", "account")


def up(directory: Path, wish: Wish, progress: Callable[[str], None]) -> Lab:
    """Starts a lab in `directory`. Raises QX-LAB-001, -002, -004, -005, -006, -007."""
    directory = directory.resolve()
    pg = binaries.postgresql(wish.pg, wish.pg_bin)
    redis_server = binaries.redis(wish.redis_bin)
    etcd_program = binaries.etcd() if wish.controllers else None
    with locked(directory) as was_there:
        if was_there:
            before = load(directory)
            if before is not None and before.runs:
                raise QxError("QX-LAB-002", f"a lab runs in {directory}", hint="`qx lab down` ends it")
            progress("cleaning up after a lab that crashed")
            clear(directory)
        try:
            below = ground(pg, directory / "regions", spare_directory(directory), wish.means)
            lab = Lab(
                directory=directory,
                ready=False,
                ground=below,
                redis_server=redis_server.path,
                layout=layout(
                    wish.regions, below.data_root, free_ports(os.getpid() * 211), controllers=wish.controllers
                ),
                processes={},
                disk_bytes=wish.disk_bytes,
                guards=wish.guards or wish.controllers,
                durability=wish.durability,
                etcd=etcd_program,
            )
            return _start(lab, progress)
        except BaseException:
            remove(directory)
            raise


def _start(lab: Lab, progress: Callable[[str], None]) -> Lab:
    if lab.disk_bytes is not None:
        for node in lab.layout.nodes:
            disks.mount(node.directory, lab.disk_bytes)
    lab = _start_network(lab)
    given_up = Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        network = pool.submit(_await_network, lab, given_up)
        jobs = {network: "network"}
        if lab.layout.members:
            jobs[pool.submit(_await, lambda: etcd.stands(lab), "the members of etcd to elect", given_up)] = "etcd"
        for cluster in lab.layout.clusters:
            if cluster.kind == "postgresql":
                job = pool.submit(_start_postgresql, lab, cluster, network, pool, given_up)
            else:
                job = pool.submit(_start_redis, lab, cluster, network, given_up)
            jobs[job] = cluster.name
        try:
            for job in as_completed(jobs):
                job.result()
                progress(f"{jobs[job]} is up")
        finally:
            given_up.set()
    _open_routes(lab)
    lab.config.write_text(regions_yaml(lab))
    lab = _start_controllers(lab, progress)
    lab = msgspec.structs.replace(lab, ready=True)
    save(lab)
    return lab


def _start_network(lab: Lab) -> Lab:
    """The fabric, the endpoints and etcd, recorded; they may not listen yet."""
    (lab.directory / FABRIC_SPEC).write_bytes(msgspec.json.encode(lab.layout.fabric))
    processes = {NETWORK: spawn("qx.lab.fabric", str(lab.directory), log=lab.directory / "fabric.log")}
    for region in lab.layout.regions:
        processes[endpoint_name(region)] = start_endpoint(lab, region)
    for member in lab.layout.members:
        processes[etcd.member_name(member.region)] = etcd.start(lab, member)
    lab = msgspec.structs.replace(lab, processes=processes)
    save(lab)
    return lab


def _start_controllers(lab: Lab, progress: Callable[[str], None]) -> Lab:
    """One in each region, where there is etcd; returns when each of them has told what it sees."""
    if not lab.layout.members:
        return lab
    (lab.directory / CONTROLLERS).mkdir()
    started = {}
    for region in lab.layout.regions:
        lab.config_of(region).write_text(regions_yaml(lab, region))
        started[controller.controller_name(region)] = controller.start(lab, region)
    lab = msgspec.structs.replace(lab, processes=lab.processes | started)
    save(lab)
    bench = Workbench(os.environ, str(lab.config))
    try:
        _await(lambda: _all_watch(lab, bench), "the controllers to watch", Event())
    finally:
        bench.store.shut()
    progress("the controllers watch")
    return lab


def _all_watch(lab: Lab, bench: Workbench) -> bool:
    for region in lab.layout.regions:
        if not alive(lab.processes[controller.controller_name(region)]):
            said = controller.log_of(lab, region).read_text(errors="replace")[-2000:]
            raise QxError("QX-LAB-004", f"the controller of {region} ended: {said}", hint="run it by hand to see why")
    return len(bench.store.records(Witness.KIND)) == len(lab.layout.regions)


def endpoint_name(region: str) -> str:
    """Its name among the lab's processes."""
    return f"endpoint/{region}"


def start_endpoint(lab: Lab, region: str) -> Pid:
    options = ("--region", region, "--port", str(lab.layout.endpoints[region]), "--directory", str(lab.directory))
    return spawn("qx.lab.endpoint", *options, log=lab.directory / "endpoints.log")


def _await_network(lab: Lab, given_up: Event) -> None:
    def answers() -> bool:
        try:
            ask(lab.fabric_socket, Show())
        except QxError as error:
            if alive(lab.processes[NETWORK]):
                return False
            log = (lab.directory / "fabric.log").read_text(errors="replace")
            raise QxError("QX-LAB-004", f"the lab's network did not start: {log}", hint=error.hint) from error
        return True

    _await(answers, "the lab's network", given_up)


def _start_postgresql(
    lab: Lab, cluster: ClusterLayout, network: Future[None], pool: Executor, given_up: Event
) -> None:
    writer, *standbys = lab.layout.nodes_of(cluster)
    postgres.create_writer(writer, lab.ground)
    servers.start(lab, writer)
    network.result()

    def start_standby(node: NodeLayout) -> None:
        upstream = lab.layout.relay(node.region, writer.region, cluster.name)
        postgres.create_standby(node, lab.ground, upstream)
        servers.start(lab, node)

    for job in [pool.submit(start_standby, node) for node in standbys]:
        job.result()
    _await(
        lambda: postgres.streams(writer, lab.ground, len(standbys)),
        f"the standbys of {cluster.name} to stream",
        given_up,
    )


def _start_redis(lab: Lab, cluster: ClusterLayout, network: Future[None], given_up: Event) -> None:
    master, *replicas = lab.layout.nodes_of(cluster)
    redis.create(master)
    servers.start(lab, master)
    network.result()
    for node in replicas:
        upstream = lab.layout.relay(node.region, master.region, cluster.name)
        announced = lab.layout.relay(master.region, node.region, cluster.name)
        redis.create_replica(node, upstream, announced)
        servers.start(lab, node)
    _await(
        lambda: all(redis.follows(node) for node in replicas),
        f"the replicas of {cluster.name} to follow",
        given_up,
    )


def _await(condition: Callable[[], bool], what: str, given_up: Event) -> None:
    deadline = time.monotonic() + READY_S
    while not condition():
        if given_up.wait(POLL_S) or time.monotonic() > deadline:
            raise QxError("QX-LAB-004", f"waited in vain for {what}", hint="a busy machine? try again")


def _open_routes(lab: Lab) -> None:
    """Clients reach the first writers, under epoch 0: whoever acts next acts under a higher one."""
    for cluster in lab.layout.clusters:
        target = f"{LOOPBACK}:{lab.layout.relay(OPS, cluster.home, cluster.name)}"
        ask(lab.fabric_socket, SetRoute(cluster=cluster.name, epoch=0, target=target))
