"""Act on a writer that is gone: the same planner and engine as `qx failover`, with the consent that policy gives.

Policy consents to no loss above the budget and attests no fence: what a person would have to say, nobody says here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.run import check_ownership, execute
from qx.app.situate import inspect, situate, situation
from qx.failover.planner import plan_failback, plan_failover, rank_candidates
from qx.failover.vetoes import AUTOMATIC
from qx.model.plan import Consent, Plan, Refusal
from qx.model.topology import Cause

if TYPE_CHECKING:
    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.model.topology import Topology
    from qx.ports.report import Reporter

INSPECT_S = 1.0


async def plan_unasked(
    bench: Workbench, cluster: str, source: str, topology: Topology, acknowledged_by: str = ""
) -> Plan | Refusal | None:
    """The first plan that stands, of the candidates in their order; else the refusal of the best; None: no candidate,
    or the writer is back: a living one is nobody's to move unasked.

    `topology`: as it was just judged. `acknowledged_by`: who acknowledged the cluster's last run, and so ended its
    cooldown.
    """
    if topology.clusters[cluster].cause is not Cause.WRITER_DEAD:
        return None
    by = f"{AUTOMATIC} on {bench.observer}, {source} is gone"
    said = f"its last run was acknowledged by {acknowledged_by}"
    consent = Consent(override=("cooldown",), reason=said, by=by) if acknowledged_by else Consent(by=by)
    at = situation(bench, consent, topology, await inspect(bench, INSPECT_S, cluster), by)
    refused: Refusal | None = None
    for candidate in rank_candidates(at, cluster, source):
        if not candidate.eligible:
            continue
        plan = plan_failover(at, candidate.region, None, (cluster,), ())
        if isinstance(plan, Plan):
            check_ownership(at, (cluster,))
            return plan
        refused = refused or plan
    return refused


async def plan_homing(bench: Workbench, cluster: str, source: str) -> Plan | Refusal:
    """The planned way home from `source`."""
    by = f"{AUTOMATIC} on {bench.observer}, {source} is left for home"
    at = await situate(bench, Consent(by=by), by)
    check_ownership(at, (cluster,))
    return plan_failback(at, (cluster,))


async def carry_out(bench: Workbench, plan: Plan, reporter: Reporter) -> Ended:
    return await execute(bench, plan, reporter, attended=False)
