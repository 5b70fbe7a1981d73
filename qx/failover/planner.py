"""plan(situation, intent) -> Plan | Refusal: the whole decision on moving the write role, as data.

Pure: the same situation gives the same plan, byte for byte. `--dry-run` prints what this returns; nothing else decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qx.failover import steps
from qx.failover.basis import basis_of
from qx.failover.estimate import estimate_loss, nothing_lost, unknown_loss
from qx.failover.gates import judge_gates
from qx.failover.move import Move
from qx.failover.residency import may_live
from qx.failover.select import Selection, select_for_failback, select_for_failover
from qx.failover.situation import Situation, lineage, position
from qx.model.observation import PgFacts
from qx.model.plan import Candidate, GateResult, Loss, Plan, Refusal, StagePlan, Step
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.model.platform import Cluster

STOP_S = 0.2  # measured: a clean stop after a checkpoint, on loopback


def plan_failover(
    at: Situation, to: str, source: str | None, clusters: tuple[str, ...], excepted: tuple[str, ...]
) -> Plan | Refusal:
    """Move every concerned cluster's writer to region `to`. No concerned cluster: a plan without steps."""
    chosen = select_for_failover(at.platform, at.topology, to, source, clusters, excepted)
    return _plan(at, "failover", chosen, dict.fromkeys(chosen.concerned, to), excepted)


def plan_failback(at: Situation, clusters: tuple[str, ...]) -> Plan | Refusal:
    """Every cluster whose writer stands away from home goes back; planned or not at all."""
    chosen = select_for_failback(at.platform, at.topology, clusters)
    return _plan(
        at, "failback", chosen, {name: at.platform.clusters[name].home for name in chosen.concerned}, ()
    )


def _plan(
    at: Situation,
    intent: Literal["failover", "failback"],
    chosen: Selection,
    targets: dict[str, str],
    excepted: tuple[str, ...],
) -> Plan | Refusal:
    moves = [consider(at, name, source, targets[name]) for name, source in chosen.concerned.items()]
    gates = tuple(result for move in moves for result in judge_gates(at, move))
    ranked = {move.cluster: rank_candidates(at, move.cluster, move.source) for move in moves}
    failing = tuple(result for result in gates if not result.passed)
    if intent == "failback":
        failing += tuple(_unplanned_failback(move) for move in moves if move.mode == "unplanned")
    if failing:
        passing = tuple(result for result in gates if result.passed)
        return Refusal(
            intent=intent, gates=failing + passing, candidates=ranked, not_concerned=chosen.not_concerned
        )
    return Plan(
        id=at.plan_id,
        intent=intent,
        platform=at.platform.platform,
        config_file=at.config_file,
        made_at=at.now,
        by=at.by,
        basis=basis_of(at, tuple(move.cluster for move in moves)),
        stages=tuple(_stage(at, move, ranked[move.cluster]) for move in moves),
        gates=gates,
        steps=tuple(_steps(at, moves)),
        not_concerned=chosen.not_concerned,
        excepted=excepted,
        consent=at.consent,
    )


def consider(at: Situation, name: str, source: str | None, target: str) -> Move:
    """Is it a planned move (the writer is seen, so nothing need be lost) or an unplanned one; and what would
    it lose?
    """
    if (
        source is not None
        and at.topology.clusters[name].writer == source
        and at.facts(name, source) is not None
    ):
        return Move(
            name, source, target, "planned", nothing_lost("the writer is stopped cleanly and drained first")
        )
    return Move(name, source, target, "unplanned", _loss(at, name, source, target))


def _loss(at: Situation, name: str, source: str | None, target: str) -> Loss:
    facts = at.facts(name, target)
    if facts is None or source is None:
        return unknown_loss(
            "the target does not answer" if facts is None else "no writer is known", None, at.now
        )
    pg = facts if isinstance(facts, PgFacts) else None
    rule = at.rules.get(name)
    last = rule.lineage.rpartition("/")[2] if rule else ""
    if pg and last.isdigit() and pg.timeline < int(last):
        return unknown_loss(f"{target} stayed on timeline {pg.timeline}, the cluster went on to {last}", None, at.now)
    return estimate_loss(
        at.samples.get(name, ()),
        source,
        lineage(facts),
        position(facts),
        pg.next_xid if pg else 0,
        at.now,
        at.platform.defaults.sample_age,
        replayed=pg is None or pg.replayed >= pg.position,
    )


def rank_candidates(at: Situation, name: str, source: str | None) -> tuple[Candidate, ...]:
    """Every other region of the cluster, the best first: eligible, then furthest, then priority; each with
    its reason.
    """
    cluster = at.platform.clusters[name]
    found = [_candidate(at, name, cluster, region) for region in cluster.nodes if region != source]
    order = {region: -node.priority for region, node in cluster.nodes.items()}
    return tuple(sorted(found, key=lambda c: (not c.eligible, -(c.position or 0), order[c.region], c.region)))


def _candidate(at: Situation, name: str, cluster: Cluster, region: str) -> Candidate:
    facts, view = at.facts(name, region), at.node(name, region)
    where = position(facts) if facts is not None else None
    for data_class in cluster.data_classes:
        permit = may_live(at.platform, data_class, cluster.home, region, at.today)
        if not permit.allowed:
            why = f"{data_class} may not live there: {permit.because}"
            return Candidate(region=region, eligible=False, because=why, position=where, lag=view.lag)
    if cluster.nodes[region].priority == 0:
        return Candidate(
            region=region, eligible=False, because="priority 0: never a target", position=where, lag=view.lag
        )
    if facts is None:
        return Candidate(
            region=region, eligible=False, because=f"does not answer: {getattr(view.seen, 'detail', '')}"
        )
    if view.role is not Role.REPLICA:
        return Candidate(region=region, eligible=False, because=f"is {view.role.value}", position=where)
    return Candidate(
        region=region, eligible=True, because=view.note or "follows", position=where, lag=view.lag
    )


def _stage(at: Situation, move: Move, candidates: tuple[Candidate, ...]) -> StagePlan:
    cluster, rule = at.platform.clusters[move.cluster], at.rules.get(move.cluster)
    facts = at.facts(move.cluster, move.target)
    left = siblings_of(at, move)
    old = (move.source,) if move.mode == "planned" and move.source else ()
    return StagePlan(
        cluster=move.cluster,
        kind=cluster.kind,
        source=move.source,
        target=move.target,
        mode=move.mode,
        epoch=rule.epoch if rule else 0,
        lineage=lineage(facts) if facts else "",
        budget_s=float(cluster.objectives.write_outage),
        estimate_outage_s=sum(step.estimate_s for step in _body(at, move) if step.outage),
        loss=move.loss,
        candidates=candidates,
        redundancy_after=", ".join((*left, *old)) or "none: the writer stands alone until qx rejoin",
    )


def siblings_of(at: Situation, move: Move) -> tuple[str, ...]:
    """Replicas other than source and target that answer and can be re-parented."""
    nodes = at.topology.clusters[move.cluster].nodes
    return tuple(
        region
        for region, view in nodes.items()
        if region not in (move.source, move.target)
        and view.role is Role.REPLICA
        and at.facts(move.cluster, region)
        and not _waits_for_rejoin(at, move.cluster, region)
    )


def _waits_for_rejoin(at: Situation, name: str, region: str) -> bool:
    """A writer of before that was held, and came up as its pin said: following anybody would erase what only it has.
    One that came back since is held too, and follows.
    """
    if at.node(name, region).upstream is not None:
        return False
    control = at.control(name, region)
    return at.platform.clusters[name].kind == "redis" or (control is not None and bool(control.held_for))


def _body(at: Situation, move: Move) -> list[Step]:
    kind, siblings = at.platform.clusters[move.cluster].kind, siblings_of(at, move)
    if move.mode == "planned":
        return (
            steps.postgres_planned(move, siblings, STOP_S)
            if kind == "postgresql"
            else steps.redis_planned(move, siblings)
        )
    control = at.control(move.cluster, move.source) if move.source else None
    fenced = at.fences.get((move.cluster, move.source or "")) if control is None else None
    attested = "" if control is not None or fenced is not None else at.consent.reason
    running = control is not None and control.running
    return steps.unplanned(
        move, kind, siblings, attested=attested, by=at.consent.by, was_running=running, fenced=fenced
    )


def _steps(at: Situation, moves: list[Move]) -> list[Step]:
    """Every cluster's preparation, then one cluster after the other."""
    prepared = [
        step
        for move in moves
        for step in steps.preparation(move, at.platform.clusters[move.cluster].kind, siblings_of(at, move))
    ]
    return prepared + [step for move in moves for step in _body(at, move)]


def _unplanned_failback(move: Move) -> GateResult:
    return GateResult(
        gate="planned",
        cluster=move.cluster,
        passed=False,
        because=f"the writer in {move.source} does not answer; a failback is planned or it does not happen",
        remedy=f"qx failover --to {move.target} --cluster {move.cluster}",
    )
