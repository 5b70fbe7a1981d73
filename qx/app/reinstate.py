"""Start a cluster's writer again where it was one, nobody having been promoted since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.standing import Grant, Release

if TYPE_CHECKING:
    from qx.model.control import Control, Term
    from qx.model.lease import Lease
    from qx.ports.controls import NodeControl
    from qx.ports.store import Store

ACT_S = 5.0


async def reinstate(
    store: Store, lease: Lease, control: NodeControl, found: Control, timeout: float, term: Term | None
) -> Control:
    """`lease`: the cluster's own; `found`: as its control told a moment ago. What proved the server's end is taken back
    before it writes, so that nobody can act on that proof any more, whatever becomes of this start. Raises QX-STORE-002
    when the lease is not in force, and what the control raises.
    """
    store.check(lease)
    for kind in (Release.KIND, Grant.KIND):
        store.drop(kind, lease.cluster)
    if found.running:  # released, and started since: as its pin said, a replica of nobody
        await control.stop(lease.epoch, "clean", ACT_S)
    await control.hold(lease.epoch, "", ACT_S)
    await control.unpin(lease.epoch, ACT_S)
    store.check(lease)
    return await control.start(lease.epoch, "writer", timeout, term)
