"""Act on what the record already decided: a stale writer is stopped by the first command that sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.run import Ended, execute
from qx.app.situate import situate
from qx.failover.containment import plan_containment
from qx.failover.openruns import UNENDED
from qx.model.plan import Consent

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.plan import Plan
    from qx.ports.report import Reporter


async def contain(bench: Workbench, reporter: Reporter) -> Ended | None:
    """Drop every stale writer from its route, stop and hold it. None when nothing can or need be done."""
    plan = await containment(bench)
    return None if plan is None else await execute(bench, plan, reporter)


async def containment(bench: Workbench) -> Plan | None:
    """The plan of that. Clusters of runs that have not ended are left to them."""
    unended = {cluster for run in bench.store.runs() if run.outcome in UNENDED for cluster in run.clusters}
    return plan_containment(await situate(bench, Consent()), frozenset(unended))
