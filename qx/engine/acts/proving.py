"""Proven: the fence that somebody else has given is read again, under this run's lease, before anything is promoted.

Under that lease nobody can grant or start the old writer anew, so what is true now stays true. Nor can a lease be
renewed any more that this process has seen run out: its record is taken away first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.records import read_all
from qx.failover.fences import fences_of
from qx.kernel.errors import Refused
from qx.model.standing import Grant, Release, Renewal

if TYPE_CHECKING:
    from qx.engine.renewals import Renewals
    from qx.engine.world import Doing
    from qx.model import plan
    from qx.ports.store import Store


class Proven:
    async def perform(self, action: plan.Proven, doing: Doing) -> dict[str, Any]:
        store = doing.world.store
        counted = _end(store, doing.world.renewals, action.cluster) if action.how == "expired" else None
        live = [each.key for each in store.records(Renewal.KIND)]
        releases = read_all(store, Release)
        fences = fences_of(store.rules(), releases, read_all(store, Grant), live)
        fenced = fences.get((action.cluster, action.region))
        if fenced is None or (fenced.how, fenced.epoch) != (action.how, action.epoch):
            said = f"{action.cluster} in {action.region}: the proof that was planned with ({action.how}) does not stand"
            raise Refused("QX-RUN-005", said, hint="qx status, then plan again")
        release = releases.get(action.cluster)
        kept = release.proof if release is not None and action.how == "released" else {}
        return {"fence": fenced.how, "under": fenced.epoch, "because": fenced.because, **kept, **(counted or {})}

    async def settled(self, action: plan.Proven, doing: Doing) -> Settled | None:
        return Settled(False, {})


def _end(store: Store, renewals: Renewals, cluster: str) -> dict[str, Any] | None:
    """A renewal that was outlived ends for everybody, at the very revision that was counted: no later one follows it.
    What was counted; None: nothing.
    """
    live = store.record(Renewal.KIND, cluster)
    stood = renewals.outlived(live) if live is not None else None
    if live is None or stood is None:
        return None
    try:
        store.drop(Renewal.KIND, cluster, expect=live.revision)
    except Refused as refused:
        if refused.code != "QX-STORE-008":
            raise
        return None  # it was renewed, or ran out in the store as well: what stands now decides
    return {"renewal": live.revision, "stood_s": round(stood, 3)}
