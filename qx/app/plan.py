"""Observe, then plan: what `--dry-run` prints is what these return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.run import check_ownership
from qx.app.situate import situate
from qx.config.links import region_named
from qx.failover.planner import plan_failback, plan_failover
from qx.failover.rejoin import plan_rejoin

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
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
    at = await situate(bench, consent)
    plan = plan_failover(at, target, leaving, clusters, excepted)
    check_ownership(at, _concerned(plan))
    return plan


async def failback(bench: Workbench, clusters: tuple[str, ...], consent: Consent) -> Plan | Refusal:
    at = await situate(bench, consent)
    plan = plan_failback(at, clusters)
    check_ownership(at, _concerned(plan))
    return plan


async def rejoin(
    bench: Workbench, regions: tuple[str, ...], clusters: tuple[str, ...], consent: Consent
) -> Plan | Refusal:
    named = tuple(region_named(bench.platform, region) for region in regions)
    at = await situate(bench, consent)
    plan = plan_rejoin(at, named, clusters)
    check_ownership(at, _concerned(plan))
    return plan


def _concerned(plan: Plan | Refusal) -> tuple[str, ...]:
    """Also of a refusal: gates judge a cluster that another store moved by a record that no longer holds."""
    from qx.model.plan import Plan

    parts = plan.stages if isinstance(plan, Plan) else plan.gates
    return tuple(dict.fromkeys(part.cluster for part in parts))
