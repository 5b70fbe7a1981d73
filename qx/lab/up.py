"""Starting a lab: network and endpoints, writers, then their standbys through the network, all at once where possible.

Invariants: a lab that crashed is cleaned before the new one starts; a start that fails or is interrupted leaves nothing;
when `up` returns, every standby streams. Nothing that is started is a child to be waited for: all of it outlives us.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from qx.adapters.fabric import SetRoute, Show, ask
from qx.kernel.errors import QxError
from qx.lab import binaries, disks, postgres, redis
from qx.lab.config import regions_yaml
from qx.lab.down import remove
from qx.lab.lab import FABRIC_SPEC, NETWORK, Lab, load, locked, save
from qx.lab.layout import CONTROL, layout, slot_name
from qx.lab.pids import Pid, identify
from qx.lab.privileges import ground
from qx.lab.sockets import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from qx.lab.layout import ClusterLayout, NodeLayout
    from qx.lab.privileges import Means

READY_S = 30.0
POLL_S = 0.03
AT_ONCE = 16  # servers that are prepared at the same time, at most


class Wish(Struct, frozen=True, kw_only=True):
    """What kind of lab. `disk_bytes`: a disk of that size for each node. `means`: how to leave root, in that order."""

    regions: int = 3
    pg: int = 16
    pg_bin: Path | None = None
    redis_bin: Path | None = None
    disk_bytes: int | None = None
    means: tuple[Means, ...] = ("namespace", "account")


def up(directory: Path, wish: Wish, progress: Callable[[str], None]) -> Lab:
    """Starts a lab in `directory` (absolute). Raises QX-LAB-001, -002, -004, -005, -006, -007."""
    pg = binaries.postgresql(wish.pg, wish.pg_bin)
    redis_server = binaries.redis(wish.redis_bin)
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
                layout=layout(wish.regions, below.data_root, free_ports(os.getpid() * 211)),
                processes={},
                disk_bytes=wish.disk_bytes,
            )
            return _start(lab, progress)
        except BaseException:
            clear(directory)
            raise


def _start(lab: Lab, progress: Callable[[str], None]) -> Lab:
    if lab.disk_bytes is not None:
        for node in lab.layout.nodes:
            disks.mount(node.directory, lab.disk_bytes)
    lab = _start_network(lab)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        network = pool.submit(_await_network, lab)
        jobs = [pool.submit(_start_cluster, lab, cluster, network, progress) for cluster in lab.layout.clusters]
        for job in (network, *jobs):
            job.result()
    _open_routes(lab)
    lab.config.write_text(regions_yaml(lab))
    lab = msgspec.structs.replace(lab, ready=True)
    save(lab)
    return lab


def _start_network(lab: Lab) -> Lab:
    """The fabric and the endpoints, recorded; they may not listen yet."""
    (lab.directory / FABRIC_SPEC).write_bytes(msgspec.json.encode(lab.layout.fabric))
    processes = {NETWORK: spawn("qx.lab.fabric", str(lab.directory), log=lab.directory / "fabric.log")}
    for region in lab.layout.regions:
        processes[f"endpoint/{region}"] = start_endpoint(lab, region)
    lab = msgspec.structs.replace(lab, processes=processes)
    save(lab)
    return lab


def _await_network(lab: Lab) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            ask(lab.fabric_socket, Show())
            return
        except QxError as error:
            if not alive(lab.processes[NETWORK]) or time.monotonic() > deadline:
                log = (lab.directory / "fabric.log").read_text(errors="replace")
                raise QxError("QX-LAB-004", f"the lab's network did not start: {log}", hint=error.hint) from error
        time.sleep(POLL_S)


def _start_cluster(
    lab: Lab, cluster: ClusterLayout, network: Future[None], progress: Callable[[str], None]
) -> None:
    writer, *standbys = lab.layout.nodes_of(cluster)
    create, create_standby, start, streams = _POSTGRESQL if cluster.kind == "postgresql" else _REDIS
