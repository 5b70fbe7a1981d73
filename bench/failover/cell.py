"""One fault on one running system, under load: before, the fault, until it has recovered, healing, and what it cost."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

from bench.failover import measure
from bench.failover.client import Load
from bench.failover.faults import inflict
from bench.failover.net import wait
from bench.failover.postgres import dsn, pinned
from bench.failover.results import Result
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from bench.failover.faults import Broken, Fault
    from bench.failover.schedule import Turn
    from bench.failover.systems.system import Site, System

MULTI_HOST = "multi-host"
QUIET_S = 2.0
SOONEST_S = 1.5  # nothing has recovered earlier: what is acknowledged before may be from before
CAP_S = {"isolate": 40.0}
LONGEST_S = 60.0
HEAL_AFTER_S = 2.0
WAKE_S = 3.0  # after which a thing that was frozen or cut off has shown what it does
TAIL_S = 1.0
WHOLE_S = 90.0
FAILURES = (TimeoutError, RuntimeError, QxError, psycopg.Error, subprocess.SubprocessError)
"""What a system that is measured may do; anything else is a fault of the bench."""


class Cell:
    def __init__(self, site: Site, system: System, turn: Turn, fault: Fault, number: int) -> None:
        """`number`: no other cell of this turn has it."""
        self._site, self._system, self._turn, self._fault = site, system, turn, fault
        self._first = 1000 * number
        self._writer = ""  # the region that is struck

    def run(self) -> Result:
        """Raises TimeoutError when the system is not whole before. After it, it may not be: `healed`."""
        began = time.monotonic()
        with self._prepared() as load:
            wait(lambda: load.write(began), 30, "every client to write")
            quiet = time.monotonic()
            phase = random.Random(f"{self._turn.run} {self._fault}").random()  # against the controllers' own loops
            time.sleep(QUIET_S + phase)
            before = load.identities()
            fault = time.monotonic()
            broken = self._break()
            broke = time.monotonic()
            with suppress(TimeoutError):
                wait(lambda: self._recovered(load, broke, before), CAP_S.get(self._fault, LONGEST_S), "recovery")
            if broken is not None:
                time.sleep(HEAL_AFTER_S)
                broken.undo()
            time.sleep(TAIL_S if broken is None else WAKE_S)
        acks = load.acks()
        healed, region = self._heal()
        stored = self._site.servers.stored(region, load.numbers)
        return Result(
            system=self._turn.system,
            fault=self._fault,
            run=self._turn.run,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            outage_s={p: measure.outage(each, fault, load.ended) for p, each in acks.items() if p != "pinned"},
            promoted_s=measure.promoted(list(acks.values()), fault),
            acked={path: len(each) for path, each in acks.items()},
            lost={path: measure.lost(each, stored) for path, each in acks.items()},
            overlaps=measure.overlaps(acks, fault),
            command_s=broke - fault if self._fault == "planned" else None,
            noise_s=measure.quiet_gap(acks[MULTI_HOST], quiet, fault),
            load=os.getloadavg()[0],
            cell_s=time.monotonic() - began,
            healed=healed,
            errors=load.errors(),
            versions=self._site.programs.versions,
        )

    def _prepared(self) -> Load:
        """The writer's host stands first in the clients' list, and etcd is led from where the fault wants it."""
        self._writer = whole(self._site, self._system)
        regions = self._site.world.regions
        others = [name for name in regions if name != self._writer]
        hosts = [regions[name].address for name in (self._writer, *others)]
        paths = {MULTI_HOST: dsn(hosts), **self._system.routes()}
        if self._turn.system != "repmgr" and self._fault != "node-and-leader":
            self._site.etcd.lead_from(others)
        return Load(self._first, paths, {host: pinned(host) for host in hosts})

    def _break(self) -> Broken | None:
        world = self._site.world
        if self._fault == "planned":
            target = next(name for name in world.regions if name != self._writer)
            self._system.planned(self._writer, target)
            return None
        if self._fault == "node-and-leader":
            self._site.etcd.lead_from([self._writer])
        return inflict(self._fault, world, world.regions[self._writer])

    def _recovered(self, load: Load, since: float, before: set[tuple[str, int]]) -> bool:
        """Clients write again; those of an isolated region may never have stopped, so somebody new must write."""
        if time.monotonic() - since < SOONEST_S or not load.write(since):
            return False
        return self._fault != "isolate" or bool(load.identities() - before)

    def _heal(self) -> tuple[bool, str]:
        """Whether it became whole, and where the writer is now."""
        try:
            self._system.repair()
            return True, whole(self._site, self._system)
        except FAILURES as error:
            print(f"    not whole again: {error}", flush=True)
            writers = [each for each in self._site.servers.look() if each.writes]
            if not writers:
                raise
            return False, max(writers, key=lambda each: each.timeline).region


def whole(site: Site, system: System) -> str:
    """The region of the writer, once all others follow it and the system watches it. Raises TimeoutError."""
    found: list[str] = []

    def is_whole() -> bool:
        writer = site.servers.writer()
        found.extend([writer] if writer is not None and system.is_ready(writer) else [])
        return bool(found)

    wait(is_whole, WHOLE_S, "one writer, two followers, and somebody who watches", every=0.3)
    return found[-1]
