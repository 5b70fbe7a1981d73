"""Leases and epochs, over one open transaction at one instant.

Invariants: a cluster's epoch only rises and no number is granted twice; a lease in force has one holder and one
executor (an opened store), under the cluster's latest epoch; a lease that has run out is lost, even if nobody took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import Refused
from qx.kernel.spans import format_seconds
from qx.model.lease import Lease, Rule

if TYPE_CHECKING:
    import sqlite3

    from qx.adapters.sqlite.instant import Instant


class _Held(NamedTuple):
    """A row of leases, in force or not."""

    cluster: str
    holder: str
    executor: str
    epoch: int
    until: float
    boot: str
    until_boot: float

    def left(self, now: Instant) -> float:
        """Seconds until it runs out; none or less: it has."""
        return self.until_boot - now.since_boot if self.boot and self.boot == now.boot else self.until - now.wall

    @property
    def lease(self) -> Lease:
        return Lease(self.cluster, self.holder, self.epoch, self.until)


class Leases:
    """Must be used inside a writing transaction, but for `check`, `in_force` and `rules`."""

    def __init__(self, db: sqlite3.Connection, executor: str, now: Instant) -> None:
        self._db = db
        self._executor = executor
        self._now = now

    def grant(self, clusters: tuple[str, ...], holder: str, ttl: float, *, take_over: bool) -> tuple[Lease, ...]:
        """New epochs for all `clusters` or for none. `take_over`: also from another executor of the same holder.

        Raises Refused QX-STORE-001, naming who holds what for how long.
        """
        for cluster in clusters:
            held = self._held(cluster)
            if held is None or held.left(self._now) <= 0:
                continue
            if held.holder != holder:
                hint = f"Wait, or see what it does: `qx runs show {held.holder}`."
                raise self._taken(held, f"run {held.holder}", hint)
            if held.executor != self._executor and not take_over:
                raise self._taken(held, f"another executor of run {holder}", f"`qx runs resume {holder}` takes over.")
        return tuple(self._write(cluster, holder, self._next_epoch(cluster), ttl) for cluster in clusters)

    def renew(self, leases: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
        for lease in leases:
            self.check(lease)
        return tuple(self._write(lease.cluster, lease.holder, lease.epoch, ttl) for lease in leases)

    def check(self, lease: Lease) -> None:
        """Raises Refused QX-STORE-002 unless `lease` is in force under this very epoch."""
        held = self._held(lease.cluster)
        if held is None:
            why = f"nobody holds it, epoch {self.rule(lease.cluster).epoch} was the last"
        elif (held.holder, held.epoch) != (lease.holder, lease.epoch):
            why = f"run {held.holder} holds epoch {held.epoch}"
        elif held.left(self._now) <= 0:
            why = f"it ran out {format_seconds(-held.left(self._now))} ago"
        else:
            return
        lost = f"run {lease.holder} lost its lease on {lease.cluster} (epoch {lease.epoch})"
        hint = f"`qx runs resume {lease.holder}` goes on under a new epoch, when nobody else acts."
        raise Refused("QX-STORE-002", f"{lost}: {why}", hint=hint)

    def release(self, leases: tuple[Lease, ...]) -> None:
        self._db.executemany(
            "DELETE FROM leases WHERE cluster = ? AND holder = ? AND epoch = ?",
            [(lease.cluster, lease.holder, lease.epoch) for lease in leases],
        )

    def in_force(self) -> tuple[Lease, ...]:
        rows = self._db.execute("SELECT * FROM leases ORDER BY cluster")
        return tuple(held.lease for held in map(_Held._make, rows) if held.left(self._now) > 0)

    def rules(self) -> dict[str, Rule]:
        return {rule.cluster: rule for rule in map(_rule, self._db.execute("SELECT * FROM rules ORDER BY cluster"))}

    def rule(self, cluster: str) -> Rule:
        """What is known of `cluster`; epoch 0 when nothing is."""
        row = self._db.execute("SELECT * FROM rules WHERE cluster = ?", (cluster,)).fetchone()
        return _rule(row) if row else Rule(cluster=cluster, epoch=0, writer=None)

    def record_writer(self, lease: Lease, region: str, lineage: str, at: float) -> None:
        self.check(lease)
        self._db.execute(
            "UPDATE rules SET moved_at = CASE WHEN writer IS ?1 THEN moved_at ELSE ?4 END, writer = ?1,"
            " writer_epoch = ?2, lineage = ?3 WHERE cluster = ?5",
            (region, lease.epoch, lineage, at, lease.cluster),
        )

    def adopt(self, cluster: str, seen: int, writer: str | None, lineage: str) -> Rule:
        """The rule under an epoch higher than `seen` and than the store's own. Raises Refused QX-STORE-001."""
        held = self._held(cluster)
        if held is not None and held.left(self._now) > 0:
            raise self._taken(held, f"run {held.holder}", "Adopt when it has ended.")
        self._db.execute("DELETE FROM leases WHERE cluster = ?", (cluster,))
        self._db.execute(
            "INSERT INTO rules VALUES (?1, ?2, ?3, ?2, NULL, ?4)"
            " ON CONFLICT (cluster) DO UPDATE SET epoch = ?2, writer = ?3, writer_epoch = ?2, lineage = ?4",
            (cluster, max(seen, self.rule(cluster).epoch) + 1, writer, lineage),
        )
        return self.rule(cluster)

    def _held(self, cluster: str) -> _Held | None:
        row = self._db.execute("SELECT * FROM leases WHERE cluster = ?", (cluster,)).fetchone()
        return _Held._make(row) if row else None

    def _next_epoch(self, cluster: str) -> int:
        self._db.execute(
            "INSERT INTO rules (cluster, epoch) VALUES (?, 1) ON CONFLICT (cluster) DO UPDATE SET epoch = epoch + 1",
            (cluster,),
        )
        return self.rule(cluster).epoch

    def _write(self, cluster: str, holder: str, epoch: int, ttl: float) -> Lease:
        now = self._now
        held = _Held(cluster, holder, self._executor, epoch, now.wall + ttl, now.boot, now.since_boot + ttl)
        self._db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", held)
        return held.lease

    def _taken(self, held: _Held, by: str, hint: str) -> Refused:
        said = f"{held.cluster} is held by {by} (epoch {held.epoch}) for {format_seconds(held.left(self._now))} more"
        return Refused("QX-STORE-001", said, hint=hint)


def _rule(row: tuple[str, int, str | None, int, float | None, str]) -> Rule:
    cluster, epoch, writer, writer_epoch, moved_at, lineage = row
    return Rule(
        cluster=cluster, epoch=epoch, writer=writer, writer_epoch=writer_epoch, moved_at=moved_at, lineage=lineage
    )
