"""Arm and disarm a cluster, acknowledge a run: deeds of a person, in the journal, and records that the daemon reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app import etcd
from qx.app.deeds import record
from qx.app.drill import drills
from qx.config.profiles import watch_of
from qx.engine.records import read, write
from qx.kernel.errors import QxError, Refused
from qx.kernel.spans import format_seconds
from qx.model.standing import Acknowledgement, Arming, Grant, Renewal

if TYPE_CHECKING:
    from qx.app.workbench import Workbench

UNBIND_S = 5.0


def arm(bench: Workbench, cluster: str, reason: str) -> Arming:
    """Refused QX-PLAN-007 with all that is missing. Arming again replaces the reason."""
    missing = unready(bench, cluster)
    if missing:
        raise Refused("QX-PLAN-007", f"{cluster} cannot be armed: {'; '.join(missing)}",
                      hint=f"qx drill --cluster {cluster} proves that it can move; qx doctor finds the rest")
    drill = next(iter(drills(bench.store, cluster)), None)
    arming = Arming(
        cluster=cluster, by=bench.operator, reason=reason, at=bench.clock.now(), drill=drill.runs[0] if drill else ""
    )
    record(bench, "arm", (cluster,), {"reason": reason, "drill": arming.drill})
    write(bench.store, arming, cluster)
    return arming


def disarm(bench: Workbench, cluster: str, reason: str) -> bool:
    """Whether it was armed."""
    found = bench.store.record(Arming.KIND, cluster)
    if found is None:
        return False
    record(bench, "disarm", (cluster,), {"reason": reason})
    return bench.store.drop(Arming.KIND, cluster)


async def unbind(bench: Workbench, cluster: str) -> str:
    """The region whose writer had a lease and runs freely from now on; '' none had. A controller does so too, if one
    lives: without, the guard would end a server that nobody is going to replace. First the record, then the guard: no
    deadline, no proof. Raises QX-NODE-*: the guard was not told.
    """
    grant, rule = read(bench.store, Grant, cluster), bench.store.rules().get(cluster)
    if grant is None or rule is None or rule.writer != grant.region:
        return ""
    bench.store.drop(Grant.KIND, cluster)
    bench.store.drop(Renewal.KIND, cluster)
    control = bench.controls.get((cluster, grant.region))
    if control is None:
        raise QxError("QX-NODE-001", f"{cluster} has no control in {grant.region}", hint="configure one there")
    try:
        await control.extend(grant.epoch, None, UNBIND_S)
    except QxError as error:
        if error.code != "QX-NODE-002":  # a run with a higher epoch acts there: it has taken it off its lease
            raise
    return grant.region


def acknowledge(bench: Workbench, run: str, reason: str) -> Acknowledgement:
    """The run was seen by a person: its clusters' cooldown ends. Raises QX-RUN-004."""
    found = bench.store.run(run)
    before = read(bench.store, Acknowledgement, found.id)
    if before is not None:
        return before
    seen = Acknowledgement(run=found.id, by=bench.operator, at=bench.clock.now(), reason=reason)
    record(bench, "acknowledge", found.clusters, {"run": found.id, "reason": reason})
    write(bench.store, seen, found.id)
    return seen


def unready(bench: Workbench, cluster: str) -> tuple[str, ...]:
    """What keeps a cluster from being armed; () when nothing does."""
    described, drill = bench.platform.clusters[cluster], next(iter(drills(bench.store, cluster)), None)
    found = []
    if described.mode != "auto":
        found.append(f"its mode in regions.yaml is {described.mode}, not auto")
    if len(described.nodes) < 2:
        found.append("it has no second node")
    without = [region for region, node in described.nodes.items() if node.control is None]
    if without:
        found.append(f"no control is configured in {', '.join(without)}")
    watch = watch_of(bench.platform.watch)
    oldest, rpo = watch.drill_age, float(described.objectives.rpo)
    if described.durability == "async" and rpo < watch.ttl:
        found.append(
            f"a lease of {format_seconds(watch.ttl)} may cost more than objectives.rpo of {format_seconds(rpo)}: the"
            " loss of a region would never be acted on"
        )
    if bench.platform.store.etcd is not None and (why := etcd.unready(bench)):
        found.append(f"the store is not safe: {why}")
    if drill is None:
        found.append("it was never drilled")
    elif bench.clock.now() - drill.at > oldest:
        found.append(f"its last drill is older than {format_seconds(oldest)}")
    elif not drill.met:
        found.append(f"its last drill missed an objective: run {drill.runs[0]}")
    return tuple(found)
