"""plan(situation, intent) -> Plan | Refusal: the whole decision on moving the write role, as data.

Pure: the same situation gives the same plan, byte for byte. `--dry-run` prints what this returns; nothing else decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import structs

from qx.failover import steps
from qx.failover.basis import basis_of
from qx.failover.estimate import estimate_loss, nothing_lost, unknown_loss
from qx.failover.forwarding import ahead
from qx.failover.gates import judge_gates
from qx.failover.move import Move
from qx.failover.quorum_gate import bound_way, compared, covered_loss
from qx.failover.quorum_steps import bind, bound
from qx.failover.residency import crossings, permits
from qx.failover.select import Selection, select_for_failback, select_for_failover
from qx.failover.siblings import siblings_of
from qx.failover.situation import Situation, lineage, position
from qx.model.control import PgControl
from qx.model.observation import PgFacts
from qx.model.plan import Candidate, GateResult, Loss, Plan, Refusal, StagePlan, Step
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.model.platform import Cluster
    from qx.model.standing import Way

STOP_S = 0.2  # measured: a clean stop after a checkpoint, on loopback
_NOT_YET_KNOWN = unknown_loss("it was not estimated", None, 0.0)


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
        steps=tuple(steps_for(at, moves)),
        not_concerned=chosen.not_concerned,
        excepted=excepted,
        consent=at.consent,
        crossings=tuple(each for move in moves for each in crossings(at, move.cluster, move.target)),
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
    move = Move(name, source, target, "unplanned", _NOT_YET_KNOWN)
    move = structs.replace(move, loss=_loss(at, name, source, target, ahead(at, move) or target))
    covered = covered_loss(at, move)
    return move if covered is None else structs.replace(move, loss=covered)


def _loss(at: Situation, name: str, source: str | None, target: str, furthest: str) -> Loss:
    """`furthest`: from where the target fetches what it lacks, or the target itself."""
    facts = at.facts(name, furthest)
    if facts is None or source is None:
        return unknown_loss(
            "the target does not answer" if facts is None else "no writer is known", None, at.now
        )
    pg = facts if isinstance(facts, PgFacts) else None
    rule = at.rules.get(name)
    last = rule.lineage.rpartition("/")[2] if rule else ""
    if pg and last.isdigit() and pg.timeline < int(last):
        return unknown_loss(f"{target} stayed on timeline {pg.timeline}, the cluster went on to {last}", None, at.now)
    stopped = at.control(name, source)
    if pg and isinstance(stopped, PgControl) and _holds_all(pg, stopped):
        return nothing_lost(f"{source} was stopped cleanly, and {target} received its last record")
    return estimate_loss(
        at.samples.get(name, ()),
        source,
        lineage(facts),
        position(facts),
        pg.next_xid if pg else 0,
        min(at.now, at.ended.get((name, source), at.now)),
        at.platform.defaults.sample_age,
        replayed=pg is None or pg.replayed >= pg.position,
    )


def _holds_all(target: PgFacts, stopped: PgControl) -> bool:
    """The last record of a clean stop is the shutdown checkpoint."""
    same = (target.system_id, target.timeline) == (stopped.system_id, stopped.timeline)
    return same and not stopped.running and stopped.state == "shut down" and target.position > stopped.checkpoint


def rank_candidates(at: Situation, name: str, source: str | None) -> tuple[Candidate, ...]:
    """Every other region of the cluster, the best first: eligible, then furthest (where it may get to by fetching from
    another one counts), then priority, then position; each with its reason.
    """
    cluster = at.platform.clusters[name]
    found = [_candidate(at, name, cluster, region) for region in cluster.nodes if region != source]

    def order(each: Candidate) -> tuple[bool, int, int, int, str]:
        further = ahead(at, Move(name, source, each.region, "unplanned", _NOT_YET_KNOWN))
        facts = at.facts(name, further) if further else None
        here = each.position or 0
        reach = position(facts) if facts is not None else here
        return (not each.eligible, -reach, -cluster.nodes[each.region].priority, -here, each.region)

    return tuple(sorted(found, key=order))


def _candidate(at: Situation, name: str, cluster: Cluster, region: str) -> Candidate:
    facts, view = at.facts(name, region), at.node(name, region)
    where = position(facts) if facts is not None else None
    for permit in permits(at, name, region):
        if not permit.allowed:
            why = f"{permit.data_class} may not live there: {permit.because}"
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


def _body(at: Situation, move: Move) -> list[Step]:
    found, way = _plain_body(at, move), _bound_way(at, move)
    return found if way is None else bound(found, move, way, compared(at, move), siblings_of(at, move))


def _bound_way(at: Situation, move: Move) -> Way | None:
    old = (move.source,) if move.mode == "planned" and move.source else ()
    return bound_way(at, move, (*siblings_of(at, move), *old))


def _plain_body(at: Situation, move: Move) -> list[Step]:
    kind, siblings = at.platform.clusters[move.cluster].kind, siblings_of(at, move)
    if move.mode == "planned":
        return (
            steps.postgres_planned(move, siblings, STOP_S)
            if kind == "postgresql"
            else steps.redis_planned(move, siblings)
        )
    node = (move.cluster, move.source or "")
    control, fenced = at.control(*node), at.fences.get(node)
    running = control is not None and control.running
    if control is not None and (running or fenced is None or fenced.how != "released"):
        fenced = None  # what the control proves now is worth more
    attested = "" if control is not None or fenced is not None else at.consent.reason
    return steps.unplanned(
        move, kind, siblings, attested=attested, by=at.consent.by, was_running=running, hung=node in at.hung,
        fenced=fenced,
    )


def steps_for(at: Situation, moves: list[Move]) -> list[Step]:
    """Every cluster's preparation, then one cluster after the other."""
    prepared = [step for move in moves for step in _preparation(at, move)]
    return prepared + [step for move in moves for step in _body(at, move)]


def _preparation(at: Situation, move: Move) -> list[Step]:
    found = steps.preparation(move, at.platform.clusters[move.cluster].kind, siblings_of(at, move))
    way = _bound_way(at, move) if move.mode == "planned" else None
    return found if way is None else [*found, bind(move, way, frozenset())]


def _unplanned_failback(move: Move) -> GateResult:
    return GateResult(
        gate="planned",
        cluster=move.cluster,
        passed=False,
        because=f"the writer in {move.source} does not answer; a failback is planned or it does not happen",
        remedy=f"qx failover --to {move.target} --cluster {move.cluster}",
    )
