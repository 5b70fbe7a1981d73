"""Record: what the store knows at one moment of all that a decision may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.daemon.witness import witnesses
from qx.engine.records import read_all
from qx.failover.fences import Fenced, fences_of
from qx.failover.openruns import UNENDED
from qx.failover.vetoes import AUTOMATIC, DAY_S, SCHEDULED, Standing
from qx.model.standing import Acknowledgement, Arming, Grant, Release, Renewal, Witness

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.journal import Run
    from qx.model.lease import Lease, Maintenance, Rule
    from qx.model.observation import Sample

RUNS = 200
KINDS = (Arming.KIND, Acknowledgement.KIND, Witness.KIND, Release.KIND, Grant.KIND, Renewal.KIND)


class Record(Struct, frozen=True, kw_only=True):
    now: float
    store_id: str
    rules: dict[str, Rule]
    leases: tuple[Lease, ...]
    runs: tuple[Run, ...]  # the latest first
    samples: dict[str, tuple[Sample, ...]]
    maintenance: tuple[Maintenance, ...]
    armings: dict[str, Arming]
    acknowledged: dict[str, Acknowledgement]  # by run
    witnesses: dict[str, Witness]  # by region; none where one controller watches alone
    fences: dict[tuple[str, str], Fenced]

    def standing(self, cluster: str, now: float, distrust_s: float, unsafe_store: str = "") -> Standing:
        """Of one that was RELEASED no witness is asked: who stood beside it saw no process left."""
        seen = tuple(self.witnesses.values())
        observers, released = len(seen) or 1, self._released(cluster)
        return Standing(
            now=now,
            distrust_s=distrust_s,
            arming=self.armings.get(cluster),
            leases=self.leases,
            unended=tuple(run for run in self.runs if _unended(run) and cluster in run.clusters),
            moves=tuple(run for run in self.runs if _unasked(run) and now - run.started_at < DAY_S),
            acknowledged=frozenset(self.acknowledged),
            maintenance=self.maintenance,
            unsafe_store=unsafe_store,
            witnesses=observers if released else sum(cluster in each.gone for each in seen) or 1,
            observers=observers,
            heard_by=() if released else tuple(sorted(each.region for each in seen if cluster in each.heard)),
        )

    def _released(self, cluster: str) -> bool:
        rule = self.rules.get(cluster)
        fenced = self.fences.get((cluster, str(rule.writer))) if rule is not None else None
        return fenced is not None and fenced.how == "released"

    def known_of(self, cluster: str, source: str) -> dict[tuple[str, str], Control | str]:
        """What need not be asked of the controls: what their own controllers told of standbys, and of a writer that was
        released.
        """
        told = {
            (cluster, each.region): each.controls[cluster]
            for each in self.witnesses.values()
            if each.region != source and cluster in each.controls
        }
        fenced = self.fences.get((cluster, source))
        if fenced is not None and fenced.how == "released":
            return told | {(cluster, source): fenced.because}
        return {**told}

    def acknowledged_by(self, cluster: str) -> str:
        """Who acknowledged the last run that moved `cluster`; '' nobody."""
        for run in self.runs:
            if cluster in run.clusters and run.plan_id:
                found = self.acknowledged.get(run.id)
                return found.by if found else ""
        return ""

    def orphans(self) -> tuple[Run, ...]:
        """Automatic runs that have not ended and that nobody executes."""
        held = {lease.holder for lease in self.leases}
        return tuple(
            run for run in self.runs if _unended(run) and run.by.startswith(AUTOMATIC) and run.id not in held
        )


def recall(bench: Workbench) -> Record:
    """Raises QX-STORE-*."""
    now = bench.clock.now()
    oldest = now - bench.platform.defaults.sample_age
    store = bench.still(KINDS, oldest, RUNS)
    rules = store.rules()
    return Record(
        now=now,
        store_id=store.store_id,
        rules=rules,
        leases=store.leases(),
        runs=store.runs(RUNS),
        samples={name: store.samples(name, oldest) for name in bench.platform.clusters},
        maintenance=store.maintenance(now),
        armings=read_all(store, Arming),
        acknowledged=read_all(store, Acknowledgement),
        witnesses=witnesses(store, bench.renewals),
        fences=fences_of(
            rules, read_all(store, Release), read_all(store, Grant),
            bench.renewals.in_force(store.records(Renewal.KIND)),
        ),
    )


def _unended(run: Run) -> bool:
    return run.outcome in UNENDED and bool(run.plan_id)


def _unasked(run: Run) -> bool:
    """What a schedule says somebody has asked for."""
    return run.by.startswith(AUTOMATIC) and SCHEDULED not in run.by
