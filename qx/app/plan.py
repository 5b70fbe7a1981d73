"""Observe, then plan: what `--dry-run` prints is what these return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.run import check_ownership
from qx.app.situate import situate
from qx.config.links import region_named
from qx.failover.planner import plan_failback, plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.kernel.errors import QxError
from qx.model.observation import Observation

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.failover.situation import Situation
    from qx.model.plan import Consent, Plan, Refusal


async def failover(
    bench: Workbench,
    to: str,
    source: str | None,
    clusters: tuple[str, ...],
    excepted: tuple[str, ...],
    consent: Consent,
) -> Plan | Refusal:
    target = region_named(bench.platform, to)
    leaving = region_named(bench.platform, source) if source else None
    at = await _looked(bench, consent)
    plan = plan_failover(at, target, leaving, clusters, excepted)
    check_ownership(at, _concerned(plan))
    return plan


async def failback(bench: Workbench, clusters: tuple[str, ...], consent: Consent) -> Plan | Refusal:
    at = await _looked(bench, consent)
    plan = plan_failback(at, clusters)
    check_ownership(at, _concerned(plan))
    return plan


async def rejoin(
    bench: Workbench, regions: tuple[str, ...], clusters: tuple[str, ...], consent: Consent
) -> Plan | Refusal:
    named = tuple(region_named(bench.platform, region) for region in regions)
    at = await _looked(bench, consent)
    plan = plan_rejoin(at, named, clusters)
    check_ownership(at, _concerned(plan))
    return plan


async def _looked(bench: Workbench, consent: Consent) -> Situation:
    """Raises QX-OBS-003 when no node answers: then it may be qx that is cut off, and it only watches."""
    at = await situate(bench, consent, consent.by)
    nodes = (node for view in at.topology.clusters.values() for node in view.nodes.values())
    if not any(isinstance(node.seen, Observation) for node in nodes):
        raise QxError("QX-OBS-003", "nothing answered", hint="is this machine cut off? `qx doctor` looks closer")
    return at


def _concerned(plan: Plan | Refusal) -> tuple[str, ...]:
    """Also of a refusal: gates judge a cluster that another store moved by a record that no longer holds."""
    from qx.model.plan import Plan

    parts = plan.stages if isinstance(plan, Plan) else plan.gates
    return tuple(dict.fromkeys(part.cluster for part in parts))
