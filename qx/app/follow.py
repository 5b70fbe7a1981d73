"""Follow a run that another process executes: each entry as it is written, until the run ends or nobody executes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.kernel.spans import format_seconds
from qx.model.journal import RunOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.journal import Chained, Run
    from qx.ports.clock import Clock
    from qx.ports.store import Store

LOOK_S = 0.2
LEASELESS_S = 1.0  # a run that is open and holds no lease for this long has no executor


async def follow(
    store: Store, clock: Clock, run: str, wrote: Callable[[Chained], None], timeout: float | None = None
) -> Run:
    """The run once it has ended. Raises QX-RUN-010 after `timeout` s, QX-RUN-002 when its executor is gone."""
    told, began = 0, clock.elapsed()
    leased = began
    while True:
        found = store.run(run)
        entries = store.entries(found.id)
        for chained in entries[told:]:
            wrote(chained)
        told = len(entries)
        if found.outcome is not RunOutcome.OPEN:
            return found
        now = clock.elapsed()
        if any(lease.holder == found.id for lease in store.leases()):
            leased = now
        if now - leased >= LEASELESS_S:
            raise QxError("QX-RUN-002", f"run {found.id} is open and nobody executes it",
                          hint=f"`qx runs resume {found.id}` looks where it stands and goes on.")
        if timeout is not None and now - began >= timeout:
            raise QxError("QX-RUN-010", f"run {found.id} goes on after {format_seconds(timeout)}",
                          hint=f"`qx runs watch {found.id}` follows it again.")
        await clock.sleep(LOOK_S)
