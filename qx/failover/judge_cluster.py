"""What is true of one cluster: every node's role, its one lawful writer, and the most serious thing that is wrong.

Never concludes death from one silence: a writer is dead only when somebody who should hear from it says that it does
not, and when it is not silent in a way that merely qx cannot get past (credentials, a missing secret, a start).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from qx.failover.judge_postgres import postgres_replica, postgres_writer
from qx.failover.judge_redis import redis_replica, redis_writer
from qx.failover.scene import Scene
from qx.failover.sight import ALIVE_BUT_SILENT, facts_of, receives, silence_words, takes_writes
from qx.failover.standing import Standing, standing
from qx.kernel.text import plural
from qx.model.observation import Observation, PgFacts, Silence
from qx.model.topology import Cause, ClusterView, NodeView, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.model.lease import Rule
    from qx.model.observation import Sample
    from qx.model.platform import Cluster, Defaults

SEVERITY = {cause: rank for rank, cause in enumerate(Cause)}


class Judgement(NamedTuple):
    verdict: Verdict
    cause: Cause
    because: str


def judge_cluster(
    name: str,
    cluster: Cluster,
    defaults: Defaults,
    seen: Mapping[str, Observation | Silence],
    rule: Rule | None,
    store_id: str,
    samples: Iterable[Sample],
    reached: frozenset[str],
    heard_within: float | None = None,
) -> ClusterView:
    """`seen` holds one entry per node of the cluster; `reached`: regions from which anything at all answered."""
    law = standing(seen, rule, store_id)
    kept = tuple(sample for sample in samples if sample.region == law.measure)
    scene = Scene(name, cluster, defaults, seen, law.measure, kept, heard_within)
    nodes = {region: _node(scene, law, region) for region in cluster.nodes}
    missing = None if law.writing else _missing_writer(scene, law, nodes)
    write_role = _write_role(scene, law, nodes, missing, reached)
    if missing is not None:
        cause = Cause.WRITER_DEAD if write_role.cause is Cause.WRITER_DEAD else Cause.WRITER_SILENT
        nodes[missing] = msgspec.structs.replace(nodes[missing], cause=cause)
    judged = _most_serious(law, nodes, write_role)
    return ClusterView(
        name=name,
        verdict=judged.verdict,
        cause=judged.cause,
        because=judged.because,
        writer=law.writer,
        recorded_writer=law.recorded,
        epoch=law.epoch,
        nodes=nodes,
    )


def _node(scene: Scene, law: Standing, region: str) -> NodeView:
    seen = scene.seen[region]
    facts = facts_of(seen)
    if isinstance(seen, Silence) or facts is None:
        cause = Cause.WRITER_SILENT if region == law.recorded else Cause.REPLICA_SILENT
        return NodeView(
            cluster=scene.name, region=region, role=Role.SILENT, seen=seen, cause=cause, note=_silence(seen)
        )
    if not takes_writes(facts):
        if isinstance(facts, PgFacts):
            return postgres_replica(scene, region, seen, facts)
        return redis_replica(scene, region, seen, facts)
    cause, note = postgres_writer(facts) if isinstance(facts, PgFacts) else redis_writer(facts)
    role = Role.WRITER
    if region in law.stale:
        cause, role = Cause.STALE_WRITER, Role.STALE_WRITER
        note = f"{note}, although {law.recorded} was made the writer under epoch {law.recorded_epoch}"
    elif region in law.unexplained:
        cause, note = law.cause, f"{note}, which no record explains"
    return NodeView(cluster=scene.name, region=region, role=role, seen=seen, cause=cause, note=note)


def _silence(seen: Observation | Silence) -> str:
    return silence_words(seen) if isinstance(seen, Silence) else "is not what the configuration says"


def _most_serious(law: Standing, nodes: Mapping[str, NodeView], write_role: Judgement) -> Judgement:
    """One finding speaks for the cluster; the others stay visible on its nodes."""
    findings = [write_role]
    findings += [
        Judgement(Verdict.DEGRADED, view.cause, f"{region} {view.note}")
        for region, view in nodes.items()
        if view.cause not in {Cause.NONE, Cause.WRITER_SILENT, law.cause, write_role.cause}
    ]
    if law.cause is not Cause.NONE:
        certain = law.cause is Cause.STALE_WRITER and law.writer is not None
        findings.append(Judgement(Verdict.DEGRADED if certain else Verdict.SUSPECT, law.cause, law.because))
    worst = min(findings, key=lambda finding: SEVERITY[finding.cause])
    if not law.foreign:
        return worst
    also = f"; besides, {worst.because}" if worst.cause is not Cause.NONE else ""
    verdict = Verdict.DEGRADED if worst.verdict is Verdict.HEALTHY else worst.verdict
    return Judgement(verdict, Cause.FOREIGN_STORE, f"another store rules it (id {law.foreign}){also}")


def _write_role(
    scene: Scene, law: Standing, nodes: Mapping[str, NodeView], missing: str | None, reached: frozenset[str]
) -> Judgement:
    """Is there a writer, and if not, what became of it?"""
    answered = [region for region in nodes if facts_of(scene.seen[region]) is not None]
    if law.writing:
        replicas = [view for view in nodes.values() if view.role is Role.REPLICA]
        following = f"{sum(view.streaming for view in replicas)} of {plural(len(replicas), 'replica')}"
        tail = f", {following} in step" if replicas else ""
        return Judgement(Verdict.HEALTHY, Cause.NONE, f"{law.writing[0]} writes{tail}")
    if missing is None:
        who = "every node answers" if len(answered) == len(nodes) else f"{', '.join(answered)} answer"
        return Judgement(Verdict.DOWN, Cause.NO_WRITER, f"{who} and none takes writes")
    silence = scene.seen[missing]
    how = f"{missing} {_silence(silence)}"
    reason = silence.reason if isinstance(silence, Silence) else "protocol"
    if not answered:
        if reason == "refused" and missing in reached:
            return Judgement(Verdict.DOWN, Cause.WRITER_DEAD, f"{how}, while its region answers otherwise")
        whole = (
            f"none of its {len(nodes)} nodes answers" if len(nodes) > 1 else "its only node does not answer"
        )
        return Judgement(Verdict.UNKNOWN, Cause.NOTHING_ANSWERS, f"{whole}: {how}")
    hearing = [region for region in answered if _hears(scene, nodes, region, missing)]
    if hearing:
        verb = "receive" if len(hearing) > 1 else "receives"
        still = f"{' and '.join(hearing)} still {verb} from it"
        return Judgement(Verdict.SUSPECT, Cause.WRITER_SILENT, f"{how}, but {still}")
    if reason in ALIVE_BUT_SILENT:
        return Judgement(Verdict.SUSPECT, Cause.WRITER_SILENT, f"{how}; that is no sign of death")
    none = (
        f"none of {len(answered)} replicas receives"
        if len(answered) > 1
        else f"{answered[0]} does not receive"
    )
    return Judgement(Verdict.DOWN, Cause.WRITER_DEAD, f"{how}, and {none} from it")


def _hears(scene: Scene, nodes: Mapping[str, NodeView], region: str, upstream: str) -> bool:
    facts = facts_of(scene.seen[region])
    return facts is not None and nodes[region].upstream == upstream and receives(facts, scene.heard_within)


def _missing_writer(scene: Scene, law: Standing, nodes: Mapping[str, NodeView]) -> str | None:
    """The silent node that was the writer as far as anybody knows: by record, by most followers, by home.

    None: the one that should write answers, and does not write.
    """
    silent = [region for region, view in nodes.items() if view.role is Role.SILENT]
    if law.recorded in silent:
        return law.recorded
    followed = [view.upstream for view in nodes.values() if view.upstream in silent]
    if followed and (law.recorded is None or any(_hears(scene, nodes, r, u) for r in nodes for u in silent)):
        return max(silent, key=followed.count)
    if law.recorded is None and scene.cluster.home in silent:
        return scene.cluster.home
    return silent[0] if len(silent) == len(nodes) else None
