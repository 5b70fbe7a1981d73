"""Inside the namespaces: the turns, one system at a time; `python -m bench.failover` starts this.

The first process here only reaps, so that a killed server is gone and not a zombie; its child is the bench.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from bench.failover.cell import FAILURES, Cell, whole
from bench.failover.client import CREATE
from bench.failover.etcd import Etcd
from bench.failover.net import World
from bench.failover.postgres import Servers
from bench.failover.programs import Programs
from bench.failover.results import Result, append
from bench.failover.schedule import Turn
from bench.failover.systems import named
from bench.failover.systems.system import Site, System
from qx.lab.binaries import PgBinaries
from qx.lab.privileges import ground

if TYPE_CHECKING:
    from bench.failover.faults import Fault


class Order(Struct, frozen=True, kw_only=True):
    """What is to be done inside. `place`: an empty directory, removed by whoever made it."""

    turns: list[Turn]
    programs: Programs
    results: str
    place: str
    keep: bool = False  # every turn's logs stay, beside the results


class Bench:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._world = World()
        bin_dir = Path(order.programs.pg_bin)
        binaries = PgBinaries(bin_dir=bin_dir, major=0, base=bin_dir.parent, trees=(bin_dir.parent,))
        self._results = Path(order.results)
        self._ground = ground(binaries, Path(order.place, "data"), Path(order.place, "spare"))

    def run(self) -> None:
        began = time.monotonic()
        for number, turn in enumerate(self._order.turns, start=1):
            spent = (time.monotonic() - began) / 60
            said = f"turn {number} of {len(self._order.turns)}, after {spent:.0f} min: {turn.system}, run {turn.run}"
            print(said, flush=True)
            self._play(turn)

    def _play(self, turn: Turn) -> None:
        left = list(turn.faults)
        number = 0
        while left:  # once, and anew where a fault left it unusable
            site = self._site()
            system = named(turn.system, site)
            try:
                self._start(system, site)
                while left:
                    number += 1
                    if not self._cell(site, system, turn, left.pop(0), number):
                        break
            except FAILURES as error:
                print(f"  {turn.system} cannot be measured: {error}", flush=True)
                if number == 0:
                    return
            finally:
                self._end(site, system, turn)

    def _start(self, system: System, site: Site) -> None:
        began = time.monotonic()
        system.start()
        writer = whole(site, system)
        with site.servers.connect(writer) as link:
            link.execute(CREATE)
        print(f"  up in {time.monotonic() - began:.0f} s", flush=True)

    def _cell(self, site: Site, system: System, turn: Turn, fault: Fault, number: int) -> bool:
        """Whether the system can be used further."""
        try:
            result = Cell(site, system, turn, fault, number).run()
        except FAILURES as error:
            result = Result(system=turn.system, fault=fault, run=turn.run, healed=False, error=str(error))
        append(self._results, result)
        print(f"  {fault:<16}{told(result)}", flush=True)
        return result.healed

    def _site(self) -> Site:
        place = self._ground.directory(self._ground.data_root / "turn")
        servers = Servers(self._world, self._ground, place)
        etcd = Etcd(self._world, self._order.programs.etcd, place / "etcd")
        return Site(self._world, self._ground, self._order.programs, servers, etcd, place)

    def _end(self, site: Site, system: System, turn: Turn) -> None:
        if self._order.keep:
            self._preserve(site, turn)
        self._world.heal()
        system.stop()
        for region in self._world.regions.values():
            region.end()
        shutil.rmtree(site.place, ignore_errors=True)

    def _preserve(self, site: Site, turn: Turn) -> None:
        kept = self._results.with_suffix(".logs") / f"{turn.system}-{turn.run}-{int(time.time())}"
        for pattern in ("*.log", "*.yaml", "*.conf"):
            for found in site.place.glob(f"*/{pattern}"):
                target = kept / found.relative_to(site.place)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, target)
        print(f"  logs: {kept}", flush=True)


def told(result: Result) -> str:
    if result.error:
        return f"failed: {result.error}"
    gaps = ", ".join(
        f"{path} {'never' if gap is None else f'{gap:.2f} s'}" for path, gap in sorted(result.outage_s.items())
    )
    return f"{gaps}; lost {result.lost}; stale {[overlap.stale for overlap in result.overlaps]}; {result.cell_s:.0f} s"


def main() -> int:
    child = os.fork()
    if child:
        while True:
            pid, status = os.wait()
            if pid == child:
                return os.waitstatus_to_exitcode(status)
    Bench(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
