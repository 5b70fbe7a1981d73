"""Confirming: mode `confirm`. What the daemon would do is asked of people, and done once they approved that very plan.

The store is the only meeting place: the request, its plan and the approvals stand there, so that any controller that
leads goes on with them. Invariants: one request of a cluster stands at a time; a plan is carried out only while it
holds (`qx.failover.waited`) and has its approvals, which the executor verifies again; one that does not hold is
withdrawn, and another is asked for, with another digest. Never: acts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.app.automatic import INSPECT_S, plan_unasked
from qx.app.situate import inspect, situation
from qx.engine import approvals
from qx.failover.waited import changed, unfit
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.approval import ApprovalRequest
from qx.model.plan import Plan, Refusal

if TYPE_CHECKING:
    from qx.app.automatic import Lost
    from qx.app.workbench import Workbench
    from qx.daemon.log import Log
    from qx.failover.situation import Situation
    from qx.model.control import Control


class Confirming:
    def __init__(self, bench: Workbench, log: Log) -> None:
        self._bench, self._log = bench, log

    async def approved(self, lost: Lost) -> Plan | ApprovalRequest | Refusal | None:
        """The plan to carry out now; or the request that waits, made just now if none did; or why there is none."""
        standing = self._standing(lost.cluster)
        plan = self._kept(standing) if standing is not None else None
        if standing is not None and plan is not None:
            enough, late = self._has_enough(plan), self._bench.clock.now() >= standing.expires
            waits = not enough and not late
            against = changed(self._at(lost, plan, {}), plan) if waits else await self._unfit(lost, plan)
            if not against:
                return plan if enough else self._ask(self._anew(plan), standing) if late else standing
            self._log.tell("stale", cluster=lost.cluster, plan=plan.id, because="; ".join(against))
        made = await plan_unasked(self._bench, lost)
        if isinstance(made, Plan):
            return self._ask(made, standing)
        if standing is not None:
            self.withdraw(lost.cluster, "it does not hold any more")
        return made

    def withdraw(self, cluster: str, because: str) -> None:
        """Whatever was asked of the cluster: nobody can approve it any more."""
        for request in self._requests(cluster):
            approvals.withdraw(self._bench.store, request)
            self._log.tell("withdrawn", cluster=cluster, plan=request.plan, because=because)

    def _ask(self, plan: Plan, before: ApprovalRequest | None) -> ApprovalRequest:
        if before is not None:
            self.withdraw(before.clusters[0], f"plan {plan.id} takes its place")
        return approvals.ask_for(self._bench, plan, plan.by, daemon=True)

    def _anew(self, plan: Plan) -> Plan:
        """The same plan under another id, for another request: nobody answered the one before in time."""
        now = self._bench.clock.now()
        return replace(plan, id=sortable_id(now, self._bench.clock.noise()), made_at=now)

    def _has_enough(self, plan: Plan) -> bool:
        found = approvals.consents(self._bench, plan, (), at_least=1)
        return all(tally.enough for tally in found.values())

    async def _unfit(self, lost: Lost, plan: Plan) -> list[str]:
        return unfit(self._at(lost, plan, await inspect(self._bench, INSPECT_S, lost.cluster)), plan)

    def _at(self, lost: Lost, plan: Plan, controls: dict[tuple[str, str], Control | str]) -> Situation:
        return situation(self._bench, plan.consent, lost.topology, controls, plan.by, lost.hung, lost.ended)

    def _standing(self, cluster: str) -> ApprovalRequest | None:
        """The latest, of those that this cluster's controllers have asked for."""
        return max(self._requests(cluster), key=lambda each: each.asked_at, default=None)

    def _requests(self, cluster: str) -> list[ApprovalRequest]:
        found = approvals.requests(self._bench.store)
        return [each for each in found if each.daemon and each.clusters == (cluster,)]

    def _kept(self, request: ApprovalRequest) -> Plan | None:
        try:
            return approvals.pending(self._bench.store, request)
        except QxError as error:
            self._log.tell("error", cluster=request.clusters[0], code=error.code, message=error.message)
            return None
