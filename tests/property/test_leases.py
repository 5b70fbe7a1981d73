"""Whatever executors, runs and clocks do: epochs rise, one holds, and no older lease is ever in force again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from qx.kernel.errors import Refused
from tests.fakes.rigs import MemoryRig, SqliteRig

if TYPE_CHECKING:
    from hypothesis.stateful import MultipleResults

    from qx.model.lease import Lease
    from qx.ports.store import Store

CLUSTERS = ("book", "sessions", "trading")
clusters = st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=3, unique=True).map(tuple)
runs = st.sampled_from(("run-1", "run-2"))
executors = st.integers(0, 2)
spans = st.sampled_from((0.5, 3.0, 10.0))


class Leasing(RuleBasedStateMachine):
    """Knows of each cluster the latest lease granted, who got it and when it ends; everything else must be lost."""

    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.rig = self.make_rig()
        self.stores: list[Store] = [self.rig.open() for _ in range(3)]
        self.granted: list[Lease] = []
        self.epochs = dict.fromkeys(CLUSTERS, 0)
        self.latest: dict[str, tuple[Lease, int, float]] = {}  # lease, executor, end in seconds since boot

    def make_rig(self) -> MemoryRig | SqliteRig:
        return MemoryRig()

    def teardown(self) -> None:
        self.rig.shut()

    def holder(self, cluster: str) -> tuple[Lease, int] | None:
        found = self.latest.get(cluster)
        return (found[0], found[1]) if found and found[2] > self.rig.clocks.since_boot else None

    @rule(target=leases, executor=executors, run=runs, wanted=clusters, ttl=spans, take_over=st.booleans())
    def ask(
        self, executor: int, run: str, wanted: tuple[str, ...], ttl: float, take_over: bool
    ) -> MultipleResults[Lease]:
        in_the_way = [
            held for cluster in wanted if (held := self.holder(cluster))
            and (held[0].holder != run or (held[1] != executor and not take_over))
        ]
        store = self.stores[executor]
        try:
            got = (store.seize if take_over else store.acquire)(wanted, run, ttl)
        except Refused:
            assert in_the_way
            return multiple()
        assert not in_the_way
        assert tuple(lease.cluster for lease in got) == wanted
        for lease in got:
            assert lease.epoch > self.epochs[lease.cluster], "an epoch was granted twice"
            self.epochs[lease.cluster] = lease.epoch
            self.latest[lease.cluster] = (lease, executor, self.rig.clocks.since_boot + ttl)
        self.granted.extend(got)
        return multiple(*got)

    @rule(lease=leases, executor=executors, ttl=spans)
    def renew(self, lease: Lease, executor: int, ttl: float) -> None:
        mine = self.holds(lease)
        try:
            (renewed,) = self.stores[executor].renew((lease,), ttl)
        except Refused:
            assert not mine
            return
        assert mine
        assert renewed.epoch == lease.epoch
        self.latest[lease.cluster] = (lease, executor, self.rig.clocks.since_boot + ttl)

    @rule(lease=leases, executor=executors)
    def release(self, lease: Lease, executor: int) -> None:
        self.stores[executor].release((lease,))
        if self.latest.get(lease.cluster, (None,))[0] == lease:
            del self.latest[lease.cluster]

    @rule(cluster=st.sampled_from(CLUSTERS), seen=st.integers(0, 40))
    def adopt(self, cluster: str, seen: int) -> None:
        held = self.holder(cluster)
        try:
            risen = self.stores[0].adopt(cluster, seen, "eu-west", "7/1", "alice", "why", 1.0)
        except Refused:
            assert held
            return
        assert not held
        assert risen.epoch > max(seen, self.epochs[cluster])
        self.epochs[cluster] = risen.epoch
        self.latest.pop(cluster, None)

    @rule(seconds=spans)
    def wait(self, seconds: float) -> None:
        self.rig.clocks.advance(seconds)

    @rule(seconds=st.sampled_from((-3600.0, -4.0, 4.0, 3600.0)))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.rig.clocks.step(seconds)

    def holds(self, lease: Lease) -> bool:
        held = self.holder(lease.cluster)
        return held is not None and held[0] == lease

    @invariant()
    def one_holds_and_every_older_lease_is_lost(self) -> None:
        for store in self.stores:
            in_force = [lease for lease in self.granted if _passes(store, lease)]
            assert in_force == [lease for lease in self.granted if self.holds(lease)]
            assert len({lease.cluster for lease in in_force}) == len(in_force)
            told = {(lease.cluster, lease.holder, lease.epoch) for lease in store.leases()}
            assert told == {(lease.cluster, lease.holder, lease.epoch) for lease in in_force}

    @invariant()
    def rules_hold_the_last_epoch(self) -> None:
        known = {cluster: rule.epoch for cluster, rule in self.stores[-1].rules().items()}
        assert known == {cluster: epoch for cluster, epoch in self.epochs.items() if epoch}


def _passes(store: Store, lease: Lease) -> bool:
    try:
        store.check(lease)
    except Refused:
        return False
    return True


class SqliteLeasing(Leasing):
    def make_rig(self) -> SqliteRig:
        self.directory = Path(tempfile.mkdtemp(prefix="qx-leases-"))
        return SqliteRig(self.directory / "test.db")

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.directory)


TestMemoryLeases = Leasing.TestCase
TestMemoryLeases.settings = settings(max_examples=60, stateful_step_count=30)
TestSqliteLeases = SqliteLeasing.TestCase
TestSqliteLeases.settings = settings(max_examples=25, stateful_step_count=30)
