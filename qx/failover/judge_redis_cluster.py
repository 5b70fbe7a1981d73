"""What is true of one Redis Cluster: are all slots served, has each shard its master and a replica in step, and do the
members agree with each other?

It has no one writer, and qx never moves it: `writer` is always None, and `shards` says who writes what. What a member
says of another is a suspicion until the cluster itself has decided on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from qx.failover.shards import disagreements, shards_of, table_of, uncovered
from qx.failover.sight import silence_words
from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.model.observation import Observation, RedisFacts, Silence
from qx.model.redis_cluster import SLOTS, RedisClusterFacts, counted, slot_words
from qx.model.topology import Cause, ClusterView, NodeView, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.failover.shards import Table
    from qx.model.platform import Cluster, Defaults
    from qx.model.redis_cluster import Replica, Shard

_RANK = {cause: rank for rank, cause in enumerate(Cause)}


class _Finding(NamedTuple):
    """`region`: whose fault it is, '' when it is nobody's in particular."""

    verdict: Verdict
    cause: Cause
    because: str
    region: str = ""


def judge_redis_cluster(
    name: str, cluster: Cluster, defaults: Defaults, seen: Mapping[str, Observation | Silence]
) -> ClusterView:
    """`seen` holds one entry per region of the cluster: all of its members there."""
    members = [member for facts in map(_facts, seen.values()) if facts is not None for member in facts.members]
    if not members:
        region = next(iter(seen))
        why = f"no member answers: {region} {_silence(seen[region])}"
        found = [_Finding(Verdict.UNKNOWN, Cause.NOTHING_ANSWERS, why)]
        return _view(name, seen, found, ())
    table = table_of(members, _regions(cluster))
    shards = shards_of(table)
    found = [
        *_slots(table, shards), *_differences(table), *_silences(seen), *_failed(table),
        *_replicas(cluster, defaults, shards),
    ]  # fmt: skip
    if not found:
        owning = [shard for shard in shards if shard.slots]
        replicas = sum(len(shard.replicas) for shard in owning)
        served = f"{plural(len(owning), 'shard')} serve all {SLOTS} slots, {plural(replicas, 'replica')} in step"
        found = [_Finding(Verdict.HEALTHY, Cause.NONE, served)]
    return _view(name, seen, found, shards)


def recognised(view: ClusterView) -> ClusterView:
    """`view` of a cluster that the configuration takes for plain Redis; one that is a Redis Cluster has no writer."""
    seen = {region: node.seen for region, node in view.nodes.items()}
    odd = [
        region for region, each in seen.items()
        if isinstance(each, Observation) and isinstance(each.facts, RedisFacts) and each.facts.mode == "cluster"
    ]  # fmt: skip
    if not odd:
        return view
    because = f"{' and '.join(odd)} say that they are members of a Redis Cluster: write `kind: redis-cluster`"
    if len(odd) == 1:
        because = f"{odd[0]} says that it is a member of a Redis Cluster: write `kind: redis-cluster`"
    return replace(
        view, verdict=Verdict.SUSPECT, cause=Cause.WRONG_KIND, because=because, writer=None, elects_itself=True
    )


def _regions(cluster: Cluster) -> dict[str, str]:
    """Every address that the configuration names."""
    found: dict[str, str] = {}
    for region, node in cluster.nodes.items():
        parts = urlsplit(node.url)
        found |= dict.fromkeys((f"{parts.hostname}:{parts.port or 6379}", *node.members), region)
    return found


def _view(
    name: str, seen: Mapping[str, Observation | Silence], found: list[_Finding], shards: tuple[Shard, ...]
) -> ClusterView:
    worst = min(found, key=lambda each: _RANK[each.cause])
    also = [each.because for each in found if each is not worst]
    return ClusterView(
        name=name,
        verdict=worst.verdict,
        cause=worst.cause,
        because="; ".join([worst.because, *also[:2], *([f"and {len(also) - 2} more"] if len(also) > 2 else [])]),
        writer=None,
        recorded_writer=None,
        epoch=0,
        nodes={region: _node(name, region, each, found) for region, each in seen.items()},
        elects_itself=True,
        shards=shards,
    )


def _node(name: str, region: str, seen: Observation | Silence, found: list[_Finding]) -> NodeView:
    facts = _facts(seen)
    if facts is None:
        return NodeView(
            cluster=name, region=region, role=Role.SILENT, seen=seen, cause=Cause.MEMBER_SILENT, note=_silence(seen)
        )
    own = min((each for each in found if each.region == region), key=lambda each: _RANK[each.cause], default=None)
    return NodeView(
        cluster=name, region=region, role=Role.MEMBER, seen=seen, cause=own.cause if own else Cause.NONE,
        note=own.because if own else f"has {plural(len(facts.members), 'member')} that answer as expected",
    )  # fmt: skip


def _slots(table: Table, shards: tuple[Shard, ...]) -> Iterator[_Finding]:
    """Is every slot served?"""
    failing = sum(member.state == "fail" for member in table.heard.values())
    refused = 2 * failing > len(table.heard)
    if free := uncovered(table):
        some = f"members that serve nobody: {failing} of {len(table.heard)}" if failing else "the others are served"
        effect = "and the cluster serves nobody" if refused else some
        because = f"slots {slot_words(free)} ({counted(free)} of {SLOTS}) belong to nobody, {effect}"
        yield _Finding(Verdict.DOWN if refused else Verdict.DEGRADED, Cause.SLOTS_UNCOVERED, because)
    down = [shard for shard in shards if shard.slots and shard.state == "failed"]
    for shard in down:
        effect = "and the cluster serves nobody" if refused else "the other slots are served"
        because = f"the master of slots {slot_words(shard.slots)}, {shard.master}, failed; {effect}"
        yield _Finding(Verdict.DOWN if refused else Verdict.DEGRADED, Cause.MASTERS_DOWN, because, shard.region)
    for shard in shards:
        if shard.slots and shard.state in {"suspected", "unknown"}:
            because = f"the master of slots {slot_words(shard.slots)}, {shard.master}, is {shard.state}"
            yield _Finding(Verdict.SUSPECT, Cause.MASTERS_DOWN, because, shard.region)
    if refused and not free and not down:
        said = f"{table.view.address} says that the cluster fails: it hears no majority of its masters"
        yield _Finding(Verdict.SUSPECT, Cause.MASTERS_DOWN, said)


def _differences(table: Table) -> Iterator[_Finding]:
    for member, words in disagreements(table):
        region = table.region(member.address)
        yield _Finding(Verdict.SUSPECT, Cause.VIEWS_DIFFER, f"{member.address} {words}", region)


def _silences(seen: Mapping[str, Observation | Silence]) -> Iterator[_Finding]:
    """Members that do not answer qx, each once."""
    for region, each in seen.items():
        facts = _facts(each)
        if facts is None:
            yield _Finding(Verdict.DEGRADED, Cause.MEMBER_SILENT, f"{region} {_silence(each)}", region)
        for address, why in facts.silent.items() if facts else ():
            yield _Finding(Verdict.DEGRADED, Cause.MEMBER_SILENT, f"{address} does not answer: {why}", region)


def _failed(table: Table) -> Iterator[_Finding]:
    """Members without slots that the others found failed: a master that was failed over."""
    for peer in table.view.peers:
        if peer.role == "master" and not peer.slots and peer.state == "failed":
            because = f"{peer.address} failed, and owns no slots any more"
            yield _Finding(Verdict.DEGRADED, Cause.MEMBER_SILENT, because, table.region(peer.address))


def _replicas(cluster: Cluster, defaults: Defaults, shards: tuple[Shard, ...]) -> Iterator[_Finding]:
    for shard in shards:
        if not shard.slots:
            continue
        if not any(replica.state == "ok" for replica in shard.replicas):
            because = f"slots {slot_words(shard.slots)} have no replica beside {shard.master}"
            yield _Finding(Verdict.DEGRADED, Cause.REPLICA_MISSING, because, shard.region)
        for replica in shard.replicas:
            if not replica.streaming:
                because = f"{replica.address} does not follow {shard.master}: {replica.because}"
                yield _Finding(Verdict.DEGRADED, Cause.REPLICA_NOT_STREAMING, because, replica.region)
            elif words := _lagging(cluster, defaults, replica):
                because = f"{replica.address} is {words} behind {shard.master}"
                yield _Finding(Verdict.DEGRADED, Cause.LAGGING, because, replica.region)


def _lagging(cluster: Cluster, defaults: Defaults, replica: Replica) -> str:
    if replica.seconds is not None and replica.seconds >= defaults.lag_warning:
        return format_seconds(replica.seconds)
    size = replica.bytes
    return format_bytes(size) if size is not None and size > cluster.objectives.rpo_bytes else ""


def _silence(seen: Observation | Silence) -> str:
    return silence_words(seen) if isinstance(seen, Silence) else "is not what the configuration says"


def _facts(seen: Observation | Silence) -> RedisClusterFacts | None:
    facts = seen.facts if isinstance(seen, Observation) else None
    return facts if isinstance(facts, RedisClusterFacts) else None
