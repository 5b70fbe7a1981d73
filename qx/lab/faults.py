"""What happens to regions, done to the lab's: servers die or freeze, links break, disks fill, zombies rise; and heal.

What can be named: 'REGION', everything that stands there; 'node/REGION', its servers with their guards and controller;
'CLUSTER/REGION', 'controller/REGION', 'etcd/REGION', one of them.
Invariants: a fault is in force when the call returns; `heal` takes back every one of them. A server that a fault
brought down is started by `heal` the raw way, as when power returns: what qx placed on its disk decides what it then
is. The caller has locked the lab.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import msgspec

from qx.adapters.fabric import Heal, Isolate, SetLink, Show, ask
from qx.adapters.node.processes import alive, send
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean, plural
from qx.lab import disks, servers
from qx.lab.controller import controller_name
from qx.lab.controller import start as start_controller
from qx.lab.etcd import member_name
from qx.lab.etcd import start as start_member
from qx.lab.lab import NETWORK, save
from qx.lab.layout import OPS
from qx.lab.pids import freeze as freeze_pids
from qx.lab.pids import kill as kill_pids
from qx.lab.up import endpoint_name, start_endpoint

if TYPE_CHECKING:
    from qx.adapters.fabric import State
    from qx.adapters.node.processes import Pid
    from qx.lab.lab import Lab
    from qx.lab.layout import NodeLayout
    from qx.lab.way import Mode


NODE = "node/"


def named(lab: Lab, word: str) -> tuple[NodeLayout, ...]:
    """The servers that `word` means, maybe none. Raises QX-OBS-001."""
    region = word.removeprefix(NODE)
    nodes = tuple(node for node in lab.layout.nodes if node.name == word or node.region == region)
    if not nodes and not _parts(lab, word) and word not in lab.layout.regions:
        known = {*lab.layout.regions, *(node.name for node in lab.layout.nodes), *lab.processes} - {NETWORK}
        raise QxError("QX-OBS-001", f"the lab has no region and no node '{word}'", hint=did_you_mean(word, known))
    return nodes


def _parts(lab: Lab, word: str | None) -> tuple[str, ...]:
    """Names of the processes, servers and guards apart, that `word` means; None: all."""
    region = (word or "").removeprefix(NODE)
    if word is not None and word.startswith(NODE):
        wanted = {controller_name(region)}
    elif word in lab.layout.regions:
        wanted = {controller_name(region), member_name(region), endpoint_name(region)}
    else:
        wanted = {word} if word else set(lab.processes)
    return tuple(name for name in lab.processes if name in wanted and name != NETWORK)


def kill(lab: Lab, word: str) -> Lab:
    """SIGKILL to every process of what `word` means, at once; then to what a server had forked since it was listed."""
    nodes = named(lab, word)
    lab = _stricken(lab, nodes)
    if not kill_pids(_processes(lab, word)) or not kill_pids(pid for node in nodes for pid in servers.processes(node)):
        raise QxError("QX-LAB-006", f"{word} does not die", hint="look at its processes with ps")
    return lab


def freeze(lab: Lab, word: str) -> None:
    """SIGSTOP to what `kill` would kill: sockets stay open, nothing answers."""
    if not freeze_pids(_processes(lab, word)):
        raise QxError("QX-LAB-006", f"{word} does not stop", hint="look at its processes with ps")


def link(lab: Lab, source: str, target: str, mode: Mode, delay_s: float = 0.0) -> State:
    """What happens to bytes from place `source` to place `target` (regions, 'ops'). Raises QX-OBS-001."""
    return ask(lab.fabric_socket, SetLink(source=source, target=target, mode=mode, delay_s=float(delay_s)))


def isolate(lab: Lab, region: str) -> State:
    """Nothing travels from or to the region any more; within it everything does. Raises QX-OBS-001."""
    return ask(lab.fabric_socket, Isolate(region=region))


def fill(lab: Lab, word: str) -> Lab:
    """Fills the nodes' own disks to the last byte. Raises QX-LAB-006 where they have none, and says why."""
    for node in named(lab, word):
        disks.fill(node)
    return _stricken(lab, named(lab, word))


def restart(lab: Lab, word: str, *, as_writer: bool = False) -> Lab:
    """Starts the servers raw, past qx, `as_writer`: without what would make them replicas; and what stands beside them.

    Raises QX-LAB-006 for what runs, QX-LAB-004 for a server that does not start.
    """
    for node in named(lab, word):
        if servers.leader(node) is not None:
            raise QxError("QX-LAB-006", f"{node.name} runs", hint=f"qx lab fault kill {node.name}")
        servers.start_raw(lab, node, as_writer=as_writer)
        lab = _recovered(lab, node)
    for name in _parts(lab, word):
        if alive(lab.processes[name]):
            raise QxError("QX-LAB-006", f"{name} runs", hint=f"qx lab fault kill {name}")
        lab = _started(lab, name)
    return lab


def heal(lab: Lab, word: str | None = None) -> tuple[Lab, tuple[str, ...]]:
    """Takes back every fault of the region or node `word`, or of the whole lab; also returns what was mended, in words.

    A link belongs to the regions at its ends, not to their nodes. 'ops' is a place with links only.
    """
    nodes = lab.layout.nodes if word is None else () if word == OPS else named(lab, word)
    regions = [region for region in lab.layout.regions if word in (None, region)]
    mended = []
    if word is None or regions or word == OPS:
        broken = len(ask(lab.fabric_socket, Show()).links)
        if still := broken - len(ask(lab.fabric_socket, Heal(region=word)).links):
            mended.append(plural(still, "link"))
    freed = [node for node in nodes if disks.free(node)]
    mended += [f"disk of {node.name}" for node in freed]
    parts = _parts(lab, word)
    send([pid for node in nodes for pid in servers.with_guard(node)], signal.SIGCONT)
    send([lab.processes[name] for name in parts], signal.SIGCONT)
    for name in parts:
        if not alive(lab.processes[name]):
            lab = _started(lab, name)
            mended.append(name.replace("/", " of "))
    for node in freed:
        servers.settle(lab, node)
    for node in nodes:
        if node.name in lab.stricken:
            if servers.leader(node) is None:
                servers.start_raw(lab, node)
                mended.append(node.name)
            lab = _recovered(lab, node)
    return lab, tuple(mended)


def _processes(lab: Lab, word: str) -> list[Pid]:
    """First who would notice: what stands beside the servers, their guards (of whole nodes), who is in charge."""
    found = servers.processes if "/" in word and not word.startswith(NODE) else servers.with_guard
    pids = [pid for node in named(lab, word) for pid in found(node)]
    return [*(lab.processes[name] for name in _parts(lab, word)), *pids]


def _started(lab: Lab, name: str) -> Lab:
    """A process that is no server, anew."""
    what, _, region = name.partition("/")
    if what == "controller":
        pid = start_controller(lab, region)
    elif what == "etcd":
        pid = start_member(lab, next(each for each in lab.layout.members if each.region == region))
    else:
        pid = start_endpoint(lab, region)
    return _saved(lab, processes=lab.processes | {name: pid})


def _stricken(lab: Lab, nodes: tuple[NodeLayout, ...]) -> Lab:
    return _saved(lab, stricken=tuple(sorted({*lab.stricken, *(node.name for node in nodes)})))


def _recovered(lab: Lab, node: NodeLayout) -> Lab:
    return _saved(lab, stricken=tuple(name for name in lab.stricken if name != node.name))


def _saved(lab: Lab, **changes: object) -> Lab:
    lab = msgspec.structs.replace(lab, **changes)
    save(lab)
    return lab
