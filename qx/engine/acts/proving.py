"""Proven: the fence that somebody else has given is read again, under this run's lease, before anything is promoted.

Under that lease nobody can grant or start the old writer anew, so what is true now stays true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.records import read_all
from qx.failover.fences import fences_of
from qx.kernel.errors import Refused
from qx.model.standing import Grant, Release

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan


class Proven:
    async def perform(self, action: plan.Proven, doing: Doing) -> dict[str, Any]:
        store = doing.world.store
        live = [action.cluster] if store.record(Grant.LIVE, action.cluster) is not None else []
        releases = read_all(store, Release)
        fences = fences_of(store.rules(), releases, read_all(store, Grant), live)
        fenced = fences.get((action.cluster, action.region))
        if fenced is None or (fenced.how, fenced.epoch) != (action.how, action.epoch):
            said = f"{action.cluster} in {action.region}: the proof that was planned with ({action.how}) does not stand"
            raise Refused("QX-RUN-005", said, hint="qx status, then plan again")
        release = releases.get(action.cluster)
        kept = release.proof if release is not None and action.how == "released" else {}
        return {"fence": fenced.how, "under": fenced.epoch, "because": fenced.because, **kept}

    async def settled(self, action: plan.Proven, doing: Doing) -> Settled | None:
        return Settled(False, {})
