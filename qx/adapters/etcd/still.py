"""Still: the store as it stands at one moment, read by one question: `qx.ports.store.Still`.

For whoever looks often and at much: what is decided from it was true at one and the same revision. What was not asked
for is asked when it is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.etcd import journal, leases, records, samples, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.adapters.etcd.space import Reading, Space
    from qx.model.journal import Run
    from qx.model.lease import Lease, Maintenance, Record, Rule
    from qx.model.observation import Sample


class Still:
    """Asks when it is made. Raises QX-STORE-005, QX-STORE-004."""

    def __init__(
        self, space: Space, store_id: str, kinds: tuple[str, ...], clusters: tuple[str, ...], since: float | None,
        runs: int,
    ) -> None:
        self.store_id = store_id
        self._space, self._kinds, self._since, self._runs = space, {*kinds, records.MAINTENANCE}, since, runs
        self._clusters = clusters
        self._seen = space.together(list(_queries(space, kinds, clusters, since, runs)))

    def leases(self) -> tuple[Lease, ...]:
        return leases.listed(self._seen)

    def rules(self) -> dict[str, Rule]:
        return leases.rules(self._seen)

    def runs(self, limit: int = 50) -> tuple[Run, ...]:
        return journal.runs(self._seen if limit <= self._runs else self._space, limit)

    def record(self, kind: str, key: str) -> Record | None:
        return records.one(self._of(kind), kind, key)

    def records(self, kind: str) -> tuple[Record, ...]:
        return records.all_of(self._of(kind), kind)

    def samples(self, cluster: str, since: float) -> tuple[Sample, ...]:
        asked = cluster in self._clusters and self._since is not None and self._since <= since
        return samples.since(self._seen if asked else self._space, cluster, since)

    def maintenance(self, at: float) -> tuple[Maintenance, ...]:
        return records.maintenance(self._seen, at)

    def _of(self, kind: str) -> Reading:
        return self._seen if kind in self._kinds else self._space


def _queries(
    space: Space, kinds: tuple[str, ...], clusters: tuple[str, ...], since: float | None, runs: int
) -> Iterator[wire.Message]:
    names = [leases.LEASES, leases.RULES, *(records.name_of(kind, "") for kind in (*kinds, records.MAINTENANCE))]
    yield from (wire.many(*space.prefix_of(name)) for name in names)
    if runs:
        yield wire.last(*space.prefix_of(journal.RUNS), runs)
    for cluster in clusters if since is not None else ():
        for first, end in samples.places(cluster, since or 0.0, space.now()):
            yield wire.many(space.key(first), space.key(end))
