"""Durability `quorum`: whatever is interrupted, nodes that hit every recorded way hold all that was acknowledged.

A small world: a writer whose walsenders may each follow the old or the new setting until the change is confirmed,
standbys that flush at their own pace, a record, and steps of the machine that end at any point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qx.failover.quorum import Change, Narrow, State, Widen, hits, missing, next_step, widened, without
from qx.model.standing import Way

REGIONS = ("a", "b", "c", "d")


def subsets(of: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(each) for size in range(len(of) + 1) for each in combinations(of, size)]


@dataclass
class World:
    """`ways`: in which the writer's processes acknowledge at this moment: one, or two while a change is on its way."""

    regions: tuple[str, ...]
    writer: str
    ways: tuple[Way, ...]
    record: tuple[Way, ...] = ()
    held: dict[str, int] = field(default_factory=dict)  # WAL on each node's disk
    streams: set[str] = field(default_factory=set)
    acknowledged: int = 0

    @property
    def standbys(self) -> tuple[str, ...]:
        return tuple(region for region in self.regions if region != self.writer)

    def acknowledge(self) -> None:
        """Whatever any of its processes may: by any way in force."""
        for way in self.ways:
            flushed = sorted((self.held[r] for r in way.of if r in self.streams), reverse=True)
            reached = self.held[self.writer] if not way.count else 0
            if way.count and len(flushed) >= way.count:
                reached = min(flushed[way.count - 1], self.held[self.writer])
            self.acknowledged = max(self.acknowledged, reached)

    def flush(self, region: str) -> None:
        self.held[region] = self.held[self.writer]
        self.acknowledge()

    def seen(self, wanted: Way) -> State:
        now = self.held[self.writer]
        return State(
            record=self.record, server=self.ways[-1], wanted=wanted, streaming=frozenset(self.streams),
            caught_up=frozenset(region for region in self.streams if self.held[region] >= now),
        )

    def step(self, wanted: Way, *, sent_only: bool = False) -> bool:
        """One transition; `sent_only`: whoever made it died before it was confirmed."""
        if len(self.ways) > 1:
            self.ways = self.ways[-1:]  # the successor sets it anew, and sees it in force
        match next_step(self.seen(wanted)):
            case Widen(ways) | Narrow(ways):
                self.record = ways
            case Change(way):
                self.ways = (*self.ways, way) if sent_only else (way,)
                self.acknowledge()
            case _:
                return False
        return True

    def check(self) -> None:
        for way in self.ways:
            assert not self.record or way in self.record, f"{way} is not in {self.record}"
        for reachable in subsets(self.regions):
            if self.record and all(hits(way, reachable) for way in self.record):
                best = max((self.held[region] for region in reachable), default=0)
                assert best >= self.acknowledged, f"{set(reachable)} do not hold what {self.record} acknowledged"
                assert not missing(self.record, reachable)


def ways_of(writer: str, standbys: tuple[str, ...]) -> list[Way]:
    found = [Way(writer=writer)]
    for some in subsets(standbys):
        found += [Way(writer=writer, count=k, of=tuple(sorted(some))) for k in range(1, len(some) + 1)]
    return found


def test_every_pair_of_ways_and_every_lag_with_up_to_three_standbys() -> None:
    """From any way to any other, for every state of the standbys' disks, cut after every step."""
    tried = 0
    for regions in (REGIONS[:2], REGIONS[:3], REGIONS):
        standbys = regions[1:]
        for start in ways_of("a", standbys):
            for wanted in ways_of("a", standbys):
                for behind in subsets(standbys) if len(standbys) < 3 else (frozenset[str](), frozenset(standbys)):
                    world = World(regions, "a", (start,), (start,))
                    world.held = {region: 1 if region in behind else 2 for region in regions}
                    world.streams = set(standbys)
                    world.acknowledge()
                    for late in (*standbys, *standbys):
                        while world.step(wanted):
                            world.check()
                            tried += 1
                        world.held["a"] += 1
                        world.flush(late)
                        world.check()
                    for region in standbys:
                        world.flush(region)
                    while world.step(wanted):
                        world.check()
                    assert world.ways == (wanted,)
                    assert world.record == ((wanted,) if wanted.count else ())
    assert tried > 500


def test_what_hits_a_way_meets_every_set_that_may_acknowledge_in_it() -> None:
    for way in ways_of("a", REGIONS[1:]):
        sets = [frozenset({"a", *some}) for some in combinations(way.of, way.count)]
        for reachable in subsets(REGIONS):
            assert hits(way, reachable) == all(each & reachable for each in sets)
            assert bool(missing((way,), reachable)) != hits(way, reachable)


class Machine(RuleBasedStateMachine):
    """Everything that may happen, in any order: writes, slow disks, broken links, crashes, new wishes, failovers."""

    @initialize(size=st.integers(2, 4))
    def begin(self, size: int) -> None:
        regions = REGIONS[:size]
        self.world = World(regions, "a", (Way(writer="a"),))
        self.world.held = dict.fromkeys(regions, 0)
        self.world.streams = set(regions[1:])
        self.wish = Way(writer="a", count=1, of=regions[1:])
        self.world.record = (Way(writer="a"),)

    @rule()
    def write(self) -> None:
        self.world.held[self.world.writer] += 1
        self.world.acknowledge()

    @rule(data=st.data())
    def flush(self, data: st.DataObject) -> None:
        if streams := sorted(self.world.streams):
            self.world.flush(data.draw(st.sampled_from(streams)))

    @rule(data=st.data())
    def link(self, data: st.DataObject) -> None:
        self.world.streams ^= {data.draw(st.sampled_from(self.world.standbys))}

    @rule(data=st.data())
    def wish_anew(self, data: st.DataObject) -> None:
        self.wish = data.draw(st.sampled_from(ways_of(self.world.writer, self.world.standbys)))

    @rule(sent_only=st.booleans())
    def step(self, sent_only: bool) -> None:
        self.world.step(self.wish, sent_only=sent_only)

    @rule(data=st.data())
    def half_made(self, data: st.DataObject) -> None:
        """A setting that was sent by somebody who died may come into force for a part of the processes only."""
        if len(self.world.ways) > 1:
            self.world.ways = data.draw(st.sampled_from([self.world.ways, self.world.ways[::-1]]))
            self.world.acknowledge()

    @precondition(lambda self: self.world.record)
    @rule(data=st.data(), promoted=st.booleans(), count=st.integers(1, 2))
    def fail_over(self, data: st.DataObject, promoted: bool, count: int) -> None:
        """The writer dies; of those reachable the furthest is bound and promoted, if the record lets it."""
        world = self.world
        reachable = frozenset(data.draw(st.sets(st.sampled_from(world.standbys), min_size=1)))
        if missing(world.record, reachable):
            return
        target = max(sorted(reachable), key=lambda region: world.held[region])
        others = tuple(region for region in world.regions if region != target)
        way = Way(writer=target, count=min(count, len(others)), of=others)
        before, world.record = world.record, widened(world.record, way)
        world.check()
        if not promoted:  # the run was undone: the old writer goes on
            world.record = world.record if way in before else without(world.record, way)
            assert set(world.record) == set(before)
            return
        assert world.held[target] >= world.acknowledged
        for region in others:  # whoever follows it loses what only he has
            world.held[region] = min(world.held[region], world.held[target])
        world.writer, world.ways, self.wish = target, (way,), way
        world.streams = set(others) & reachable

    @invariant()
    def nothing_acknowledged_can_be_lost(self) -> None:
        if hasattr(self, "world"):
            self.world.check()


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestMachine = Machine.TestCase
