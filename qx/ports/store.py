"""Lease, epochs, journal, samples: what must survive qx. One port; the embedded store is its first implementation.

All methods are short, durable before they return, and safe against other processes. Errors: QX-STORE-*.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

from qx.model.journal import Chained, Entry, Run, RunOutcome
from qx.model.lease import Lease, Maintenance, Record, Rule
from qx.model.observation import Sample
from qx.model.plan import Plan


class Still(Protocol):
    """What a store tells when it is read, at one moment. Each as in `Store`."""

    @property
    def store_id(self) -> str: ...

    def leases(self) -> tuple[Lease, ...]: ...

    def rules(self) -> dict[str, Rule]: ...

    def runs(self, limit: int = 50) -> tuple[Run, ...]: ...

    def record(self, kind: str, key: str) -> Record | None: ...

    def records(self, kind: str) -> tuple[Record, ...]: ...

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]: ...

    def maintenance(self, at: float) -> tuple[Maintenance, ...]: ...


class Store(Protocol):
    @property
    def store_id(self) -> str: ...

    # -- leases and epochs
    def acquire(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        """All or nothing; each epoch rises by one. A run that holds its leases already gets new epochs (resume).

        Refused (QX-STORE-001) while another run's lease has not run out, or another executor (another opened store) of
        the same run holds one: see `seize`.
        """

    def seize(self, clusters: tuple[str, ...], run: str, ttl: float) -> tuple[Lease, ...]:
        """As `acquire`, but takes over the lease of the same run from another executor: resume elsewhere."""

    def renew(self, leases: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
        """Raises QX-STORE-002 when one was lost."""

    def check(self, lease: Lease) -> None:
        """Just before each act: raises QX-STORE-002 unless this very lease, under this very epoch, is in force."""

    def release(self, leases: tuple[Lease, ...]) -> None:
        """Those that were lost meanwhile are left to whoever holds them now."""

    def leases(self) -> tuple[Lease, ...]:
        """Those in force, by cluster."""

    def rules(self) -> dict[str, Rule]: ...

    def record_writer(self, lease: Lease, region: str, lineage: str, at: float) -> None:
        """`moved_at` becomes `at` when the region is not the one recorded. Raises QX-STORE-002 as `check`."""

    def adopt(
        self, cluster: str, epoch: int, writer: str | None, lineage: str, by: str, reason: str, at: float
    ) -> Rule:
        """Take a cluster over, knowingly; written into the journal as a run of its own.

        `epoch` is the highest seen in the cluster; the rule's becomes higher than that and than this store's own.
        Refused (QX-STORE-001) while a lease is in force.
        """

    # -- journal
    def begin(self, run: Run, plan: Plan | None) -> None:
        """Raises QX-PLAN-003 when this plan was applied already. Without a plan: a deed, all of it in the journal."""

    def append(self, *entries: Entry) -> tuple[Chained, ...]:
        """All or none of these, of one run and in order, durable before it returns. The run's first entry has seq 1,
        each next one more; its outcome follows them.

        Raises QX-STORE-002 when the run's sequence has moved on (another executor), QX-RUN-004 when no such run began.
        """

    def close(self, run: str, outcome: RunOutcome, at: float) -> None:
        """Without an entry; `append` of an entry that `sets_outcome` does the same in one go."""

    def runs(self, limit: int = 50) -> tuple[Run, ...]: ...

    def run(self, run: str) -> Run:
        """By id or unique prefix; QX-RUN-004."""

    def plan(self, run: str) -> Plan:
        """Raises QX-RUN-004 for a run without one (an adoption)."""

    def entries(self, run: str) -> tuple[Chained, ...]: ...

    def chain(self) -> tuple[Chained, ...]:
        """Every entry of the store, in order. Raises QX-STORE-004 where one cannot even be read."""

    # -- records: small named values, of kinds that `qx.model` defines
    def put(
        self, kind: str, key: str, value: dict[str, Any], *, expect: int | None = None, ttl: float | None = None
    ) -> Record:
        """Durable before it returns. `expect`: the revision that it must stand at, 0: it must not be there; raises
        Refused QX-STORE-008 when it does not. `ttl` seconds later it is gone, unless it was put again.
        """

    def drop(self, kind: str, key: str, *, expect: int | None = None) -> bool:
        """Whether it was there. `expect` as in `put`."""

    def record(self, kind: str, key: str) -> Record | None: ...

    def records(self, kind: str) -> tuple[Record, ...]:
        """Those that have not run out, by key."""

    # -- samples
    def keep_samples(self, samples: tuple[Sample, ...]) -> None: ...

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]: ...

    # -- maintenance
    def set_maintenance(self, maintenance: Maintenance) -> None: ...

    def end_maintenance(self, scope: str) -> bool: ...

    def maintenance(self, at: float) -> tuple[Maintenance, ...]: ...


class Changes(Protocol):
    """An async iterator. After it raised or was closed it may be asked again: what changed meanwhile is told then."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Record: ...

    async def aclose(self) -> None: ...


class Watched(Store, Protocol):
    """A store that tells of changed records by itself."""

    def changes(self, kinds: tuple[str, ...]) -> Changes:
        """First every record of `kinds` that stands, then each as it changes, also by this store's own hand. One that
        was dropped or has run out comes once more, empty and with `until` 0. Raises QX-STORE-005 where the store does.
        """
