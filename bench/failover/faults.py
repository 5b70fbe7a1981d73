"""The faults: what is done to the writer's region, and how it is undone. The same signals for every system.

`node` kills everything in the region but etcd's member; `node-and-leader` that too, while it leads etcd.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from bench.failover.net import signalled

if TYPE_CHECKING:
    from bench.failover.net import Process, Region, World

Fault = Literal["planned", "process", "stop-server", "stop-all", "isolate", "node", "node-and-leader"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

WORDS: dict[str, str] = {
    "planned": "planned switchover",
    "process": "kill -9 of the server process",
    "stop-server": "SIGSTOP of the server",
    "stop-all": "SIGSTOP of server and controller",
    "isolate": "region isolated, clients reach it",
    "node": "kill -9 of the whole node",
    "node-and-leader": "the same with etcd's leader",
}


class Broken(Protocol):
    def undo(self) -> None: ...


class Frozen:
    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        for process in processes:
            signalled(process.pid, signal.SIGSTOP)

    def undo(self) -> None:
        for process in self._processes:
            signalled(process.pid, signal.SIGCONT)


class Isolated:
    def __init__(self, world: World, region: Region) -> None:
        self._world = world
        world.isolate(region.name)

    def undo(self) -> None:
        self._world.heal()


def inflict(fault: Fault, world: World, region: Region) -> Broken | None:
    """None: nothing of it can be undone, the dead stay dead until the system's repair. `planned` is no fault."""
    every = region.processes()
    node = [each for each in every if each.name != "etcd"]
    match fault:
        case "process":
            first = region.postmaster()
            if first is None:
                raise RuntimeError(f"no server runs in {region.name}")
            signalled(first.pid, signal.SIGKILL)
        case "node":
            _kill(node)
        case "node-and-leader":
            _kill(every)
        case "stop-server":
            return Frozen([each for each in node if each.name == "postgres"])
        case "stop-all":
            return Frozen(node)
        case "isolate":
            return Isolated(world, region)
        case "planned":
            raise ValueError("a switchover is asked of the system")
    return None


def _kill(processes: list[Process]) -> None:
    for process in processes:
        signalled(process.pid, signal.SIGKILL)
