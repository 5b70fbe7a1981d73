"""Plans, runs and entries to write into stores."""

from __future__ import annotations

from typing import Any

from qx.model.journal import Entry, Event, Run, RunOutcome
from qx.model.plan import CloseRoute, OpenRoute, Plan, StagePlan, Step


def a_plan(identity: str = "plan-1", clusters: tuple[str, ...] = ("trading",)) -> Plan:
    return Plan(
        id=identity, intent="failover", platform="test", config_file="regions.yaml", made_at=1.5, by="ops",
        basis=dict.fromkeys(clusters, "as it was"), gates=(), not_concerned={"book": "no node in eu-west"},
        stages=tuple(
            StagePlan(cluster=c, kind="postgresql", source="us-east", target="eu-west", mode="planned", epoch=1,
                      lineage="7/1", budget_s=10.0, estimate_outage_s=0.4, loss=None)
            for c in clusters
        ),
        steps=tuple(
            Step(id=f"{c}.close-route", stage=c, action=CloseRoute(cluster=c, region="us-east"), because="clients wait",
                 timeout_s=2.0, undo=OpenRoute(cluster=c, region="us-east"), outage=True)
            for c in clusters
        ),
    )


def a_run(identity: str = "run-1", plan: Plan | None = None, started_at: float = 10.0) -> Run:
    plan = plan or a_plan()
    return Run(
        id=identity, plan_id=plan.id, plan_digest=plan.digest, intent=plan.intent, started_at=started_at, by="ops",
        outcome=RunOutcome.OPEN, clusters=tuple(stage.cluster for stage in plan.stages),
    )


def an_entry(seq: int, run: str = "run-1", event: Event = Event.NOTE, **more: Any) -> Entry:
    return Entry(run=run, seq=seq, at=10.0 + seq, event=event, **more)
