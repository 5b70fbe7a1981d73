"""plan_containment(situation) -> Plan | None: a stale writer, proven by the record, is dropped from the
route and stopped.

This is no new decision: the promotion that made it stale was decided, fenced and recorded earlier. It is
planned only when the recorded
writer is seen writing under a newer epoch; every other pair of writers is a person's to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.basis import basis_of
from qx.model.plan import Contain, OpenRoute, Plan, StagePlan, Step
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.failover.situation import Situation


def plan_containment(at: Situation, unended: frozenset[str] = frozenset()) -> Plan | None:
    """None when no stale writer is seen whose control can be reached and whose cluster nobody else is acting on.

    `unended`: clusters of runs that have not ended. What such a run promoted may not be on record yet.
    """
    steps: list[Step] = []
    stages: list[StagePlan] = []
    for name, view in at.topology.clusters.items():
        held = at.leases.get(name)
        stale = [
            region
            for region, node in view.nodes.items()
            if node.role is Role.STALE_WRITER and at.control(name, region)
        ]
        if not stale or name in unended or view.writer is None or (held is not None and held.until > at.now):
            continue
        route = OpenRoute(cluster=name, region=view.writer)
        steps.append(
            Step(
                id=f"{name}.open-route",
                stage=name,
                action=route,
                because="clients go to the lawful writer only",
                timeout_s=5,
            )
        )
        steps += [
            Step(
                id=f"{name}.contain.{region}",
                stage=name,
                action=Contain(cluster=name, region=region, successor=view.writer),
                because=f"it writes although epoch {view.epoch} was given to {view.writer}",
                timeout_s=10,
            )
            for region in stale
        ]
        stages.append(
            StagePlan(
                cluster=name,
                kind=at.platform.clusters[name].kind,
                source=None,
                target=view.writer,
                mode="contain",
                epoch=view.epoch,
                lineage="",
                budget_s=0.0,
                estimate_outage_s=0.0,
                loss=None,
            )
        )
    if not steps:
        return None
    return Plan(
        id=at.plan_id,
        intent="contain",
        platform=at.platform.platform,
        config_file=at.config_file,
        made_at=at.now,
        by=at.by,
        basis=basis_of(at, tuple(stage.cluster for stage in stages)),
        stages=tuple(stages),
        gates=(),
        steps=tuple(steps),
    )
