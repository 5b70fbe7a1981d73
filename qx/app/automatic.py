"""Act on a writer that is gone: the same planner and engine as `qx failover`, with the consent that policy gives.

Policy consents to no loss above the budget and attests no fence: what a person would have to say, nobody says here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.app.run import check_ownership, execute
from qx.app.situate import inspect, situate, situation
from qx.failover.planner import plan_failback, plan_failover, rank_candidates
from qx.failover.vetoes import AUTOMATIC
from qx.failover.vigil import End
from qx.model.plan import Consent, Plan, Refusal
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.topology import Topology
    from qx.ports.report import Reporter

INSPECT_S = 1.0


class Lost(NamedTuple):
    """A writer that is gone. `topology`: as it was just judged. `acknowledged_by`: who acknowledged the cluster's last
    run, and so ended its cooldown. `end`: what the control beside the writer says of it; `since` when (Unix seconds) it
    says that no process is left.
    """

    cluster: str
    source: str
    topology: Topology
    acknowledged_by: str = ""
    end: End = End.UNKNOWN
    since: float | None = None
    known: Mapping[tuple[str, str], Control | str] = {}  # what need not be asked of the controls

    @property
    def hung(self) -> frozenset[tuple[str, str]]:
        return frozenset({(self.cluster, self.source)} if self.end is End.HANGS else ())

    @property
    def ended(self) -> dict[tuple[str, str], float]:
        return {} if self.since is None else {(self.cluster, self.source): self.since}


async def plan_unasked(bench: Workbench, lost: Lost) -> Plan | Refusal | None:
    """The first plan that stands, of the candidates in their order; else the refusal of the best; None: no candidate,
    or the writer is back: a living one is nobody's to move unasked.
    """
    cluster, source, topology = lost.cluster, lost.source, lost.topology
    if topology.clusters[cluster].cause is not Cause.WRITER_DEAD:
        return None
    by = f"{AUTOMATIC} on {bench.observer}, {source} is gone"
    said = f"its last run was acknowledged by {lost.acknowledged_by}"
    consent = Consent(override=("cooldown",), reason=said, by=by) if lost.acknowledged_by else Consent(by=by)
    controls = await inspect(bench, INSPECT_S, cluster, lost.known)
    at = situation(bench, consent, topology, controls, by, lost.hung, lost.ended)
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


async def carry_out(bench: Workbench, plan: Plan, reporter: Reporter, approvals: int = 0) -> Ended:
    """`approvals`: so many at least, although its clusters ask for fewer."""
    return await execute(bench, plan, reporter, attended=False, approvals=approvals)
