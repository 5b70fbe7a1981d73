"""Playing: a schedule played against the real daemon in the simulated world, under the eyes of the oracle.

Afterwards everything that mends is mended, and what policy allows must have happened: every cluster has a writer.
`python -m tests.machine.playing SEED` plays one again and tells what happened.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from qx.engine.records import read, read_all
from qx.failover.vetoes import AUTOMATIC
from qx.kernel.spans import Bytes, Seconds
from qx.model.observation import Marker
from qx.model.platform import Objectives
from qx.model.standing import Acknowledgement, Arming
from qx.model.watching import Watching
from tests.fakes.redis import RedisNode
from tests.fakes.world import SimWorld, a_platform
from tests.machine.operators import LEASE_S
from tests.machine.oracle import Oracle
from tests.machine.schedule import schedule
from tests.machine.troubles import Troubles

if TYPE_CHECKING:
    from qx.model.journal import Run
    from tests.machine.schedule import Schedule

TICK_S = 0.05
WRITE_BYTES = 200
LOOK_S = 0.5
PROOF_S = 0.1
MEMBERS = 3  # of an etcd, in the first regions
RUN_S = 900.0  # a run whose new writer dies before its replicas follow waits for each of them in vain, three times
BEGAN_S = 3.0  # when a world is ready, by its clock


class Failed(AssertionError):
    """A schedule that did not go as it must."""


class Playing:
    """`tick`: how often replicas receive and clients write, in seconds."""

    def __init__(self, plan: Schedule, *, tick: float = TICK_S, limit_s: float = 2_000.0) -> None:
        self.plan = plan
        self.world = world = SimWorld(
            plan.seed, tuple(plan.modes), _platform(plan), tick=tick, watched=True, limit_s=limit_s,
            members=plan.regions[:MEMBERS] if plan.apart else (), guarded=plan.guarded,
        )
        self.oracle = Oracle(world)
        self.troubles = Troubles(world, self.oracle, apart=plan.apart)
        self.store, self.daemons = self.troubles.store, self.troubles.daemons
        if plan.guarded:
            world.simulation.every(PROOF_S, self.oracle.proofs_hold)
        for name, group in world.groups.items():
            group.write_bytes = (WRITE_BYTES, WRITE_BYTES)
            if plan.recorded:
                self._record(name)
            if name in plan.armed:
                self.troubles.arm(name)

    def play(self) -> None:
        """Raises AssertionError at the first thing that is wrong."""
        with self:
            began = self.world.simulation.now
            for event in self.plan.events:
                method = getattr(self.troubles, event.verb.replace("-", "_"))
                self.world.simulation.after(event.at, partial(method, *event.args))
            self._pass(began + self.plan.length)
            self.troubles.heal()
            self._settle()

    def __enter__(self) -> Self:
        """The daemons run."""
        self.daemons.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Every process is ended, where it stands."""
        self.daemons.end()
        self.troubles.operators.end()
        self.world.simulation.finish()

    def check(self) -> None:
        self.oracle.check()
        self.daemons.check()
        self.troubles.operators.check()

    def _pass(self, until: float) -> None:
        while (left := until - self.world.simulation.now) > 0:
            self.world.pass_time(min(LOOK_S, left))
            self.check()

    # -- how it ends

    def _settle(self) -> None:
        """Until everything is as it must be; never longer than `patience`, once nobody acts any more."""
        now = self.world.simulation.now
        until, last = now + self.patience(), now + self.patience() + RUN_S
        while missing := self._missing():
            now = self.world.simulation.now
            if now >= (last if self.store.leases() else until):
                raise AssertionError(f"{self.patience():.0f} s after all was mended: {'; '.join(missing)}")
            self.daemons.awake()
            self._pass(self.world.simulation.now + LOOK_S)

    def patience(self) -> float:
        """The longest way to a writer: distrust, a dead executor's lease, a grace that flaps have made longer, runs."""
        watch = self.oracle.watch
        grace = 8 * max(watch.restart_grace, watch.hang_after)
        return watch.distrust + 2 * LEASE_S + 2 * watch.ttl + grace + 20 * watch.probe + 60.0

    def _missing(self) -> list[str]:
        unended = [run for run in self.troubles.operators.open_runs() if self._ends(run)]
        found = [f"run {run.id} by {run.by} has not ended: {run.outcome}" for run in unended]
        for name, group in self.world.groups.items():
            if not (group.writer.accepts and group.route == group.writer.region) and self.may(name):
                said = list(self._decided(name).values())
                found.append(f"{name} has no writer behind its route ({group.route}, {group.writer}): {said}")
        return found

    def _ends(self, run: Run) -> bool:
        """One that the daemon must see to its end."""
        return run.by.startswith(AUTOMATIC) and all(self.may(name) for name in run.clusters)

    def may(self, name: str) -> bool:
        """Does policy let the daemon give this cluster a writer, and do half of its nodes live?"""
        nodes = self.world.groups[name].nodes.values()
        if 2 * sum(node.serves for node in nodes) < len(nodes):
            return False
        if self.world.platform.clusters[name].mode != "auto" or name in self.oracle.foreign:
            return False
        theirs = [run for run in self.troubles.operators.open_runs() if not run.by.startswith(AUTOMATIC)]
        if theirs or read(self.store, Arming, name) is None:
            return False
        seen = read_all(self.store, Acknowledgement)
        if any(move.cluster == name and move.run not in seen for move in self.oracle.moves):
            return False
        if len(self.oracle.moves) >= self.oracle.watch.moves_per_day:
            return False
        said = self._decided(name).values()  # only who leads comes so far as to weigh a loss
        return not any(each["verdict"] == "blocked" and "rpo" in str(each["vetoes"]) for each in said)

    def _decided(self, name: str) -> dict[str, dict[str, Any]]:
        """The last word of each controller, by its place."""
        told = self.daemons.told
        return {place: each for _, place, event, each in told if event == "decided" and each["cluster"] == name}

    # -- how it began

    def _record(self, name: str) -> None:
        writer = self.world.node(name, self.world.groups[name].writer.region)
        lineage = writer.replid if isinstance(writer, RedisNode) else f"{writer.system_id}/{writer.timeline}"
        rule = self.store.adopt(name, 0, writer.region, lineage, "ops", "first use", self.world.simulation.wall)
        self.troubles.mark(name, Marker(self.store.store_id, rule.epoch, writer.region))


def _platform(plan: Schedule) -> Any:
    size, seconds = (16 << 10, 5.0) if plan.tight else (1 << 20, 600.0)
    objectives = Objectives(write_outage=Seconds(10.0), rpo_bytes=Bytes(size), rpo=Seconds(seconds))
    watch = Watching(profile=plan.profile, restart_grace=Seconds(plan.grace), moves_per_day=plan.moves_per_day)
    made = a_platform(tuple(plan.modes), plan.regions, objectives=objectives, watch=watch)
    return replace(
        made, clusters={name: replace(made.clusters[name], mode=mode) for name, mode in plan.modes.items()}
    )


def play(seed: int) -> Playing:
    """Raises Failed, with the schedule and how to play it again."""
    plan = schedule(seed)
    playing = Playing(plan)
    try:
        playing.play()
    except AssertionError as error:
        raise Failed(f"{error}\n{plan}\nagain: python -m tests.machine.playing {seed}") from error
    return playing


def main() -> None:
    plan = schedule(int(sys.argv[1]))
    print(plan)
    playing = Playing(plan)
    try:
        playing.play()
    except AssertionError as error:
        print("WRONG", error)
    for at, place, event, fields in playing.daemons.told:
        words = " ".join(f"{name}={value}" for name, value in fields.items() if name not in ("run", "plan"))
        print(f"{at - BEGAN_S:8.3f} {place} {event} {words}")
    for group in playing.world.groups.values():
        print(group.name, group.writer, "route", group.route, group.promotions, len(group.lost), "writes lost")


if __name__ == "__main__":
    main()
