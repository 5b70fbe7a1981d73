"""plan_rejoin(situation) -> Plan | Refusal: bring back every node that does not follow the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover import steps
from qx.failover.basis import basis_of
from qx.failover.gates import NO_CONTROL
from qx.failover.residency import crossings, permits
from qx.failover.select import ELECTS
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.plan import Crossing, GateResult, Plan, Refusal, StagePlan, Step
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.failover.situation import Situation
    from qx.model.topology import ClusterView


def plan_rejoin(at: Situation, regions: tuple[str, ...], clusters: tuple[str, ...]) -> Plan | Refusal:
    """`regions`, `clusters` narrow; empty means all. Nothing to rejoin: a plan without steps."""
    for name in clusters:
        if name not in at.platform.clusters:
            raise QxError("QX-OBS-002", f"no cluster '{name}'", hint=did_you_mean(name, at.platform.clusters))
    stages: list[StagePlan] = []
    found: list[Step] = []
    gates: list[GateResult] = []
    left: list[Crossing] = []
    aside: dict[str, str] = {}
    for name, view in at.topology.clusters.items():
        if clusters and name not in clusters:
            aside[name] = "not named by --cluster"
            continue
        if view.elects_itself:
            aside[name] = ELECTS
            continue
        lost = tuple(r for r in strays(view) if not regions or r in regions)
        if not lost:
            aside[name] = "every node follows the writer" if view.writer else "no writer to follow"
            continue
        gates += [gate for region in lost for gate in _gates(at, view, region)]
        left += [each for region in lost for each in crossings(at, name, region)]
        if view.writer is None:
            continue
        upstream = view.writer
        running = frozenset(r for r in lost if (c := at.control(name, r)) is not None and c.running)
        followers = (
            tuple(
                r
                for r, node in view.nodes.items()
                if node.role is Role.REPLICA and node.streaming and r not in lost
            )
            + lost
        )
        found += steps.rejoining(name, lost, upstream, running, followers)
        rule = at.rules.get(name)
        stages.append(
            StagePlan(
                cluster=name,
                kind=at.platform.clusters[name].kind,
                source=None,
                target=upstream,
                mode="rejoin",
                epoch=rule.epoch if rule else 0,
                lineage="",
                budget_s=0.0,
                estimate_outage_s=0.0,
                loss=None,
                redundancy_after=", ".join(followers),
            )
        )
    failing = tuple(gate for gate in gates if not gate.passed)
    if failing:
        return Refusal(
            intent="rejoin", gates=failing + tuple(g for g in gates if g.passed), not_concerned=aside
        )
    return Plan(
        id=at.plan_id,
        intent="rejoin",
        platform=at.platform.platform,
        config_file=at.config_file,
        made_at=at.now,
        by=at.by,
        basis=basis_of(at, tuple(stage.cluster for stage in stages)),
        stages=tuple(stages),
        gates=tuple(gates),
        steps=tuple(found),
        not_concerned=aside,
        consent=at.consent,
        crossings=tuple(left),
    )


def strays(view: ClusterView) -> tuple[str, ...]:
    """Regions whose node does not follow the writer: silent, stale, diverged or not streaming."""
    return tuple(
        region
        for region, node in view.nodes.items()
        if region != view.writer
        and not (node.role is Role.REPLICA and node.streaming and node.upstream is not None)
    )


def _gates(at: Situation, view: ClusterView, region: str) -> list[GateResult]:
    """Writer, control, lease and residency for one node that is to come back."""
    control = at.controls.get((view.name, region), NO_CONTROL)
    held = at.leases.get(view.name)
    holder = held.holder if held is not None and held.until > at.now else ""
    found = [
        ("writer", view.writer is not None, f"writer in {view.writer}" if view.writer else "no writer is seen",
         "qx status; a rejoin needs a writer"),
        ("control", not isinstance(control, str), control if isinstance(control, str) else f"{region} answers",
         f"make the control of {region} reachable"),
        ("lease", not holder, f"run {holder} holds it" if holder else "free", "wait for that run"),
    ]
    for permit in permits(at, view.name, region):
        because = f"{permit.data_class}: {permit.because}"
        found.append(("residency", permit.allowed, because, "record an approval in regions.yaml"))
    return [
        GateResult(gate=gate, cluster=view.name, passed=passed, because=because, remedy="" if passed else remedy)
        for gate, passed, because, remedy in found
    ]
