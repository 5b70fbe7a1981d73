"""EtcdStore: `qx.ports.store.Store` in an etcd cluster, for the controllers of all regions.

Everything of a platform stands under one prefix, PREFIX/PLATFORM/:

    store                               the store's id, made once by whoever comes first
    leases/CLUSTER  rules/CLUSTER       `leases`
    runs/RUN  plans/PLAN  head
    entries/RUN/SEQ                     `journal`
    records/KIND/KEY                    `records`; maintenance windows are those of kind `maintenance`
    samples/CLUSTER/PLACE/REGION        `samples`

Each opened store is an executor of its own. Every call ends within the gateway's timeout (a long listing within one per
part). Where a write was sent and not confirmed, the error is Unsure: it may be done. An `append` may then be repeated
with the same entry; it is written once.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import Struct

from qx.adapters.etcd import journal, leases, records, samples
from qx.adapters.etcd.gateway import Gateway
from qx.adapters.etcd.space import Change, Put, Space, State, Term
from qx.kernel.errors import Unsure
from qx.kernel.ids import sortable_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.adapters.etcd.gateway import At
    from qx.adapters.etcd.still import Still
    from qx.adapters.etcd.watch import Changes
    from qx.model.journal import Chained, Entry, Run, RunOutcome
    from qx.model.lease import Lease, Maintenance, Record, Rule
    from qx.model.observation import Sample
    from qx.model.plan import Plan



class Identity(Struct, frozen=True):
    id: str


class EtcdStore:
    """Opens the store of `platform`, made on first use. Raises QX-STORE-005 with the endpoints."""

    def __init__(
        self, at: At, platform: str, *, prefix: str = "/qx", now: Callable[[], float] = time.time
    ) -> None:
        self.gateway = Gateway(at)
        self._space = Space(self.gateway, f"{prefix.rstrip('/')}/{platform}/", os.urandom(8).hex(), now)
        self._unanswered: tuple[Entry, ...] = ()
        try:
            self._store_id = self._space.change(["store"], self._identify)
        except BaseException:
            self.shut()
            raise

    def _identify(self, state: State, _: Callable[[float], Term]) -> Change[str]:
        if "store" in state:
            known = state["store"].read(Identity, "the store's id").id
            return Change(lambda _: known)
        new = sortable_id(self._space.now(), os.urandom(10))
        return Change(lambda _: new, {"store": Put(Identity(new))})

    @property
    def store_id(self) -> str:
        return self._store_id

    def shut(self) -> None:
        self.gateway.shut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    # -- leases and epochs
    def acquire(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        return leases.grant(self._space, clusters, run, ttl, take_over=False)

    def seize(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        return leases.grant(self._space, clusters, run, ttl, take_over=True)

    def renew(self, held: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
        return leases.renew(self._space, held, ttl)

    def check(self, lease: Lease) -> None:
        leases.check(self._space, lease)

    def release(self, held: tuple[Lease, ...]) -> None:
        leases.release(self._space, held)

    def leases(self) -> tuple[Lease, ...]:
        return leases.listed(self._space)

    def rules(self) -> dict[str, Rule]:
        return leases.rules(self._space)

    def record_writer(self, lease: Lease, region: str, lineage: str, at: float) -> None:
        leases.record_writer(self._space, lease, region, lineage, at)

    def adopt(
        self, cluster: str, epoch: int, writer: str | None, lineage: str, by: str, reason: str, at: float
    ) -> Rule:
        run = sortable_id(at, os.urandom(10))
        return journal.adopt(self._space, run, cluster, epoch, writer, lineage, by, reason, at)

    # -- journal
    def begin(self, run: Run, plan: Plan | None) -> None:
        journal.begin(self._space, run, plan)

    def append(self, *entries: Entry) -> tuple[Chained, ...]:
        repeated, self._unanswered = entries == self._unanswered, ()
        try:
            return journal.append(self._space, entries, repeated=repeated)
        except Unsure:
            self._unanswered = entries
            raise

    def close(self, run: str, outcome: RunOutcome, at: float) -> None:
        journal.close(self._space, run, outcome, at)

    def runs(self, limit: int = 50) -> tuple[Run, ...]:
        return journal.runs(self._space, limit)

    def run(self, run: str) -> Run:
        return journal.run(self._space, run)

    def plan(self, run: str) -> Plan:
        return journal.plan(self._space, run)

    def entries(self, run: str) -> tuple[Chained, ...]:
        return journal.entries(self._space, run)

    def chain(self) -> tuple[Chained, ...]:
        return journal.chain(self._space)

    # -- records
    def put(
        self, kind: str, key: str, value: dict[str, Any], *, expect: int | None = None, ttl: float | None = None
    ) -> Record:
        return records.put(self._space, kind, key, value, expect, ttl)

    def drop(self, kind: str, key: str, *, expect: int | None = None) -> bool:
        return records.drop(self._space, kind, key, expect)

    def record(self, kind: str, key: str) -> Record | None:
        return records.one(self._space, kind, key)

    def records(self, kind: str) -> tuple[Record, ...]:
        return records.all_of(self._space, kind)

    def still(self, kinds: tuple[str, ...], clusters: tuple[str, ...], since: float | None, runs: int) -> Still:
        """The store at one moment, by one question: records of `kinds`, samples of `clusters` (`since` None: none), the
        last `runs`.
        """
        from qx.adapters.etcd.still import Still

        return Still(self._space, self._store_id, kinds, clusters, since, runs)

    def changes(self, kinds: tuple[str, ...]) -> Changes:
        from qx.adapters.etcd.watch import Changes

        return Changes(self._space, kinds)

    # -- samples
    def keep_samples(self, taken: tuple[Sample, ...]) -> None:
        samples.keep(self._space, taken)

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]:
        return samples.since(self._space, cluster, since)

    # -- maintenance
    def set_maintenance(self, maintenance: Maintenance) -> None:
        records.put(self._space, records.MAINTENANCE, maintenance.scope, msgspec.to_builtins(maintenance), None, None)

    def end_maintenance(self, scope: str) -> bool:
        return records.drop(self._space, records.MAINTENANCE, scope, None)

    def maintenance(self, at: float) -> tuple[Maintenance, ...]:
        return records.maintenance(self._space, at)
