"""Which system meets which fault how often, and in which order. Pure.

A turn is one system, started anew, through its faults; systems take turns, so that the machine's moods meet all alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bench.failover.faults import FAULTS, Fault


class Entry(NamedTuple):
    runs: int
    faults: tuple[Fault, ...] = FAULTS


_BUT_ETCD: tuple[Fault, ...] = tuple(fault for fault in FAULTS if fault != "node-and-leader")

SYSTEMS: dict[str, Entry] = {
    "qx": Entry(10),
    "patroni-tuned": Entry(10),
    "patroni": Entry(3, _BUT_ETCD),
    "repmgr": Entry(3, _BUT_ETCD),
    "qx-default": Entry(3, _BUT_ETCD),
    "qx-quorum": Entry(3, ("isolate",)),
}
"""`patroni` and `qx-default` run on their defaults, `qx` on profile fast, `qx-quorum` on that with quorum commit."""


class Turn(NamedTuple):
    system: str
    run: int
    faults: tuple[Fault, ...]


def turns(
    runs: int | None, only: tuple[str, ...], done: AbstractSet[tuple[str, str, int]], systems: Mapping[str, Entry]
) -> Iterator[Turn]:
    """`runs`: at most so many of each. `only`: SYSTEM, SYSTEM/FAULT or */FAULT; none: everything. Raises ValueError."""
    for word in only:
        if not any(_matches(word, name, fault) for name, entry in systems.items() for fault in entry.faults):
            raise ValueError(f"ONLY={word} names none of {', '.join(systems)}, with / and one of {', '.join(FAULTS)}")
    for run in range(1, max(entry.runs for entry in systems.values()) + 1):
        for name, entry in systems.items():
            if run > min(entry.runs, runs or entry.runs):
                continue
            faults = tuple(
                fault
                for fault in entry.faults
                if (name, fault, run) not in done and (not only or any(_matches(word, name, fault) for word in only))
            )
            if faults:
                yield Turn(name, run, faults)


def _matches(word: str, system: str, fault: str) -> bool:
    name, _, wanted = word.partition("/")
    return name in ("*", system) and wanted in ("", fault)
