"""`qx runs close`: end a run whose steps cannot be resumed, by a person's word, as a deed of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.deeds import record
from qx.engine.closing import closed_as, unclosable
from qx.engine.fold import fold
from qx.engine.rivals import superseded_by
from qx.failover.openruns import UNENDED
from qx.kernel.errors import QxError, Refused
from qx.model.journal import Entry, Event, Run

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.ports.store import Store

HOLD_S = 10.0  # the run's own leases, while it is judged and closed
FAR_BACK = 1000  # runs


def close(bench: Workbench, run: str, reason: str) -> Run:
    """The run as it stands closed. Raises QX-RUN-004, QX-RUN-009 for one that has ended; Refused QX-STORE-001 while
    anybody holds its leases, QX-RUN-013 while a resume would have to finish or undo something.
    """
    store = bench.store
    found = store.run(run)
    if found.outcome not in UNENDED or not found.plan_id:
        raise QxError("QX-RUN-009", f"run {found.id} has ended: {found.outcome.value}")
    leases = store.acquire(found.clusters, found.id, HOLD_S)  # whoever stood still with them has lost them
    try:
        plan, entries = store.plan(found.id), tuple(chained.entry for chained in store.entries(found.id))
        state = fold(entries)
        against = "" if superseded_by(store, found.id, plan, state) else unclosable(plan, state)
        against = against or _within(store, found.id)
        if against:
            words = f"run {found.id} cannot be closed: {against}"
            raise Refused("QX-RUN-013", words, hint=f"qx runs resume {found.id}")
        outcome = closed_as(plan, state)
        deed = record(bench, "close", found.clusters, {"run": found.id, "reason": reason, "outcome": outcome.value})
        proof = {"outcome": outcome.value, "closed_by": bench.operator, "reason": reason, "deed": deed}
        store.append(Entry(run=found.id, seq=state.seq + 1, at=bench.clock.now(), event=Event.CLOSED, proof=proof))
    finally:
        store.release(leases)
    return store.run(found.id)


def _within(store: Store, run: str) -> str:
    """A move that it began, and that has not ended either."""
    for other in store.runs(FAR_BACK):
        if other.outcome in UNENDED and other.plan_id and other.id != run:
            first = next(iter(store.entries(other.id)), None)
            if first is not None and str(first.entry.proof.get("within", "")).partition("/")[0] == run:
                return f"its run {other.id} has not ended: qx runs resume {other.id}"
    return ""
