"""MemoryStore: `qx.ports.store.Store` without a disk, for tests of what stands above it. Same contract suite.

Stores opened on one `Shelf` share everything, as processes share a file; each is an executor of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import json

from qx.adapters.feed import Feed
from qx.kernel.errors import QxError, Refused
from qx.kernel.ids import sortable_id
from qx.model.deed import adoption
from qx.model.journal import Chained, Entry, Run, RunOutcome
from qx.model.lease import Lease, Maintenance, Record, Rule
from qx.model.observation import Sample
from qx.model.plan import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

SAMPLES_KEPT = 1_000
_executors = itertools.count(1)


class Held(NamedTuple):
    """`end` by `Shelf.elapsed`."""

    lease: Lease
    executor: int
    end: float
    ttl: float = 0.0


class Kept(NamedTuple):
    """`end` by `Shelf.elapsed`."""

    record: Record
    end: float = inf
    ttl: float = inf


NOBODY = Held(Lease("", "", 0, 0.0), 0, -inf)


@dataclass
class Shelf:
    """What the stores opened on it have in common. `elapsed`: seconds of a clock that nobody can set; `lasts`: how long
    it is until something with so many seconds of life is gone.
    """

    wall: Callable[[], float]
    elapsed: Callable[[], float]
    store_id: str = "memory"
    lasts: Callable[[float], float] = lambda ttl: ttl
    rules: dict[str, Rule] = field(default_factory=dict)
    leases: dict[str, Held] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)  # run -> plan
    chain: list[Chained] = field(default_factory=list)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_KEPT))
    maintenance: dict[str, Maintenance] = field(default_factory=dict)
    records: dict[tuple[str, str], Kept] = field(default_factory=dict)
    revisions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    told: Callable[[Record], None] = lambda _: None  # of each that is put
    waiting: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)  # for a record of a kind to change

    def changed(self, kind: str) -> None:
        for each in self.waiting.pop(kind, ()):
            if not each.done():
                each.set_result(None)

    def extend(self) -> None:
        """All that runs out gets its whole time anew."""
        now = self.elapsed()
        for cluster, held in self.leases.items():
            if held.end > now:
                self.leases[cluster] = held._replace(end=now + self.lasts(held.ttl))
        for name, kept in self.records.items():
            if now < kept.end < inf:
                self.records[name] = kept._replace(end=now + self.lasts(kept.ttl))


class MemoryStore:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._executor = next(_executors)

    @property
    def store_id(self) -> str:
        return self._shelf.store_id

    # -- leases and epochs
    def acquire(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        return self._grant(clusters, run, ttl, take_over=False)

    def seize(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        return self._grant(clusters, run, ttl, take_over=True)

    def _grant(self, clusters: tuple[str, ...], run: str, ttl: float, *, take_over: bool) -> tuple[Lease, ...]:
        for cluster in clusters:
            lease, executor, end, _ = self._held(cluster)
            if end > self._shelf.elapsed() and (lease.holder != run or not (take_over or executor == self._executor)):
                raise Refused("QX-STORE-001", f"{cluster} is held by run {lease.holder} (epoch {lease.epoch})")
        return tuple(self._write(cluster, run, self._rise(cluster, 0).epoch, ttl) for cluster in clusters)

    def renew(self, leases: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
        for lease in leases:
            self.check(lease)
        return tuple(self._write(lease.cluster, lease.holder, lease.epoch, ttl) for lease in leases)

    def check(self, lease: Lease) -> None:
        held, _, end, _ = self._held(lease.cluster)
        if (held.holder, held.epoch) != (lease.holder, lease.epoch) or end <= self._shelf.elapsed():
            raise Refused("QX-STORE-002", f"run {lease.holder} lost its lease on {lease.cluster} (epoch {lease.epoch})")

    def release(self, leases: tuple[Lease, ...]) -> None:
        for lease in leases:
            held = self._held(lease.cluster).lease
            if (held.holder, held.epoch) == (lease.holder, lease.epoch):
                del self._shelf.leases[lease.cluster]

    def leases(self) -> tuple[Lease, ...]:
        now = self._shelf.elapsed()
        return tuple(held.lease for _, held in sorted(self._shelf.leases.items()) if held.end > now)

    def rules(self) -> dict[str, Rule]:
        return dict(sorted(self._shelf.rules.items()))

    def record_writer(self, lease: Lease, region: str, lineage: str, at: float) -> None:
        self.check(lease)
        rule = self._shelf.rules[lease.cluster]
        self._shelf.rules[lease.cluster] = msgspec.structs.replace(
            rule, writer=region, writer_epoch=lease.epoch, lineage=lineage,
            moved_at=rule.moved_at if rule.writer == region else at,
        )

    def adopt(
        self, cluster: str, epoch: int, writer: str | None, lineage: str, by: str, reason: str, at: float
    ) -> Rule:
        lease, _, end, _ = self._held(cluster)
        if end > self._shelf.elapsed():
            raise Refused("QX-STORE-001", f"{cluster} is held by run {lease.holder} (epoch {lease.epoch})")
        self._shelf.leases.pop(cluster, None)
        before = self._shelf.rules.get(cluster, Rule(cluster=cluster, epoch=0, writer=None))
        raised = self._rise(cluster, epoch)
        after = msgspec.structs.replace(raised, writer=writer, writer_epoch=raised.epoch, lineage=lineage)
        self._shelf.rules[cluster] = after
        noise = len(self._shelf.runs).to_bytes(10, "big")
        run, entries = adoption(sortable_id(at, noise), before, after, epoch, by, reason, at)
        self._shelf.runs[run.id] = run
        for entry in entries:
            self.append(entry)
        return after

    def _held(self, cluster: str) -> Held:
        return self._shelf.leases.get(cluster, NOBODY)

    def _rise(self, cluster: str, above: int) -> Rule:
        known = self._shelf.rules.get(cluster, Rule(cluster=cluster, epoch=0, writer=None))
        self._shelf.rules[cluster] = risen = msgspec.structs.replace(known, epoch=max(known.epoch, above) + 1)
        return risen

    def _write(self, cluster: str, run: str, epoch: int, ttl: float) -> Lease:
        lease = Lease(cluster, run, epoch, self._shelf.wall() + ttl)
        end = self._shelf.elapsed() + self._shelf.lasts(ttl)
        self._shelf.leases[cluster] = Held(lease, self._executor, end, ttl)
        return lease

    # -- journal
    def begin(self, run: Run, plan: Plan | None) -> None:
        for earlier, known in self._shelf.plans.items():
            if plan is not None and known.id == plan.id:
                raise Refused("QX-PLAN-003", f"plan {plan.id} was applied already, by run {earlier}")
        assert run.id not in self._shelf.runs
        self._shelf.runs[run.id] = run
        if plan is not None:
            self._shelf.plans[run.id] = plan

    def append(self, *entries: Entry) -> tuple[Chained, ...]:
        stood = self._shelf.chain[:]
        try:
            return tuple(map(self._append, entries))
        except QxError:
            self._shelf.chain[:] = stood
            raise

    def _append(self, entry: Entry) -> Chained:
        if entry.run not in self._shelf.runs:
            raise QxError("QX-RUN-004", f"no run '{entry.run}' in this store")
        last = max((known.entry.seq for known in self._shelf.chain if known.entry.run == entry.run), default=0)
        if entry.seq != last + 1:
            raise Refused("QX-STORE-002", f"run {entry.run} stands at entry {last}, not {entry.seq - 1}")
        chained = entry.chained_to(self._shelf.chain[-1].digest if self._shelf.chain else "")
        self._shelf.chain.append(chained)
        if entry.sets_outcome is not None:
            self.close(entry.run, entry.sets_outcome, entry.at)
        return chained

    def close(self, run: str, outcome: RunOutcome, at: float) -> None:
        if run not in self._shelf.runs:
            raise QxError("QX-RUN-004", f"no run '{run}' in this store")
        ended = None if outcome is RunOutcome.OPEN else at
        self._shelf.runs[run] = msgspec.structs.replace(self._shelf.runs[run], outcome=outcome, ended_at=ended)

    def runs(self, limit: int = 50) -> tuple[Run, ...]:
        return tuple(sorted(self._shelf.runs.values(), key=lambda run: (run.started_at, run.id), reverse=True)[:limit])

    def run(self, run: str) -> Run:
        if run in self._shelf.runs:
            return self._shelf.runs[run]
        found = [known for known in self._shelf.runs.values() if run and known.id.startswith(run)]
        if len(found) != 1:
            raise QxError("QX-RUN-004", f"{len(found)} runs begin with '{run}'")
        return found[0]

    def plan(self, run: str) -> Plan:
        found = self.run(run)
        if found.id not in self._shelf.plans:
            raise QxError("QX-RUN-004", f"run {found.id} has no plan: its intent was '{found.intent}'")
        return self._shelf.plans[found.id]

    def entries(self, run: str) -> tuple[Chained, ...]:
        wanted = self.run(run).id
        return tuple(known for known in self._shelf.chain if known.entry.run == wanted)

    def chain(self) -> tuple[Chained, ...]:
        return tuple(self._shelf.chain)

    # -- records
    def put(
        self, kind: str, key: str, value: dict[str, Any], *, expect: int | None = None, ttl: float | None = None
    ) -> Record:
        self._expect(kind, key, expect)
        until = None if ttl is None else self._shelf.wall() + ttl
        written = json.decode(json.encode(value))
        record = Record(kind=kind, key=key, value=written, revision=next(self._shelf.revisions), until=until)
        ends = () if ttl is None else (self._shelf.elapsed() + self._shelf.lasts(ttl), ttl)
        self._shelf.records[kind, key] = Kept(record, *ends)
        self._shelf.told(record)
        self._shelf.changed(kind)
        return record

    def drop(self, kind: str, key: str, *, expect: int | None = None) -> bool:
        self._expect(kind, key, expect)
        stood = self.record(kind, key) is not None
        self._shelf.records.pop((kind, key), None)
        self._shelf.changed(kind)
        return stood

    def record(self, kind: str, key: str) -> Record | None:
        kept = self._shelf.records.get((kind, key))
        return kept.record if kept is not None and kept.end > self._shelf.elapsed() else None

    def records(self, kind: str) -> tuple[Record, ...]:
        found = (self.record(kind, key) for of, key in sorted(self._shelf.records) if of == kind)
        return tuple(record for record in found if record is not None)

    def changes(self, kinds: tuple[str, ...]) -> Changes:
        return Changes(self._shelf, self.records, kinds)

    def _expect(self, kind: str, key: str, expect: int | None) -> None:
        found = self.record(kind, key)
        if expect is not None and expect != (found.revision if found else 0):
            raise Refused("QX-STORE-008", f"the {kind} record of {key} stands elsewhere")

    # -- samples
    def keep_samples(self, samples: tuple[Sample, ...]) -> None:
        self._shelf.samples.extend(samples)

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]:
        found = [sample for sample in self._shelf.samples if sample.cluster == cluster and sample.at >= since]
        return tuple(sorted(found, key=lambda sample: sample.at))

    # -- maintenance
    def set_maintenance(self, maintenance: Maintenance) -> None:
        self._shelf.maintenance[maintenance.scope] = maintenance

    def end_maintenance(self, scope: str) -> bool:
        return self._shelf.maintenance.pop(scope, None) is not None

    def maintenance(self, at: float) -> tuple[Maintenance, ...]:
        return tuple(m for _, m in sorted(self._shelf.maintenance.items()) if m.since <= at < m.until)


class Changes(Feed):
    """Told at once; that a record has run out, a moment later."""

    def __init__(
        self, shelf: Shelf, standing: Callable[[str], tuple[Record, ...]], kinds: tuple[str, ...]
    ) -> None:
        super().__init__(kinds)
        self._shelf, self._standing, self._kinds = shelf, standing, kinds

    async def follow(self) -> AsyncGenerator[Record, None]:
        while True:
            for record in self.known.news([each for kind in self._kinds for each in self._standing(kind)]):
                yield record
            change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            for kind in self._kinds:
                self._shelf.waiting.setdefault(kind, []).append(change)
            await asyncio.wait([change], timeout=self._patience())

    def _patience(self) -> float | None:
        """Until the next of them has run out, and a moment."""
        now = self._shelf.elapsed()
        ends = [kept.end for (kind, _), kept in self._shelf.records.items() if kind in self._kinds and kept.end > now]
        left = min(ends, default=inf) - now
        return None if left == inf else left + 0.01
