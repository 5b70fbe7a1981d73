"""Topology -> alerts: what is wrong now, one alert for one cause, however many clusters and links it takes down.

A region that does not answer explains every node, endpoint, link and write role that hangs on it; a link explains every
replica that should receive over it. When nothing answers at all there is one alert: qx itself may be cut off.
Pure, and total. Keys depend on the cause alone, never on how much of it has been seen yet.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.failover.quorum_wait import waiting_for
from qx.failover.sight import facts_of, position, silence_words, takes_writes
from qx.kernel.text import plural
from qx.model.alert import Alert, Severity
from qx.model.observation import EndpointFacts, Silence
from qx.model.topology import Cause, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qx.model.platform import Platform
    from qx.model.standing import Decided
    from qx.model.topology import ClusterView, NodeView, RegionView, Topology

BLIND = "blind"
SPLIT = frozenset({Cause.TWO_WRITERS, Cause.STALE_WRITER, Cause.UNRECORDED_WRITER})
_LOST = frozenset({Cause.WRITER_DEAD, Cause.WRITER_SILENT, Cause.NO_WRITER, Cause.NOTHING_ANSWERS})
_OWN = {  # of one server: kind of key
    Cause.REPLICA_SILENT: "silent", Cause.REPLICA_DIVERGED: "diverged", Cause.REPLAY_PAUSED: "paused",
    Cause.ARCHIVE_FAILING: "archive", Cause.SLOT_LOST: "slot",
}  # fmt: skip
_STILL = ("asks", "act", "blocked", "veto", "would-act", "ended")  # verdicts that stand, the weightiest first
OUTCOME_S = 600.0  # for so long it is told what a run came to


class _Part(NamedTuple):
    """What is wrong in one place, before it is known what it is part of. `hangs_on`: regions that would explain it."""

    alert: Alert
    hangs_on: frozenset[str]
    stops_writes: bool = False


def alerts_of(
    platform: Platform, topology: Topology, decided: Iterable[Decided] = (), now: float | None = None
) -> tuple[Alert, ...]:
    """By key. `now` in Unix seconds dates them and ends decisions; the topology's own instant where it is left out."""
    at = topology.at if now is None else now
    standing = {
        each.cluster: each
        for each in sorted(decided, key=lambda each: each.at)
        if each.cluster in topology.clusters
    }
    answers = {
        name: each for name, each in standing.items()
        if each.verdict in _STILL and at < (each.at + OUTCOME_S if each.verdict == "ended" else each.until or math.inf)
    }
    if _blind(topology):
        return (_blindness(topology, at),)
    dead = {
        name: view for name, view in topology.regions.items()
        if view.cause is Cause.NOTHING_ANSWERS and _is_part(topology, name)
    }
    parts = _merged(_parts(platform, topology, at))
    whole = [_region(platform, topology, view, parts, at) for view in dead.values()]
    alone = [part.alert for part in parts if not part.hangs_on & dead.keys()]
    found = [_answered(alert, topology, answers) for alert in (*whole, *alone)]
    told = {name for alert in found if alert.decision for name in alert.clusters if name in answers}
    found += [_decision(each, at) for name, each in answers.items() if name not in told]
    return tuple(sorted(found, key=lambda alert: alert.key))


def _blind(topology: Topology) -> bool:
    regions = [view for name, view in topology.regions.items() if _is_part(topology, name)]
    return bool(regions) and all(view.verdict is Verdict.UNKNOWN for view in regions)


def _is_part(topology: Topology, region: str) -> bool:
    """Whether anything is described there that could answer."""
    return bool(topology.regions[region].endpoints) or any(region in c.nodes for c in topology.clusters.values())


def _blindness(topology: Topology, at: float) -> Alert:
    return Alert(
        key=BLIND, severity=Severity.CRITICAL, title="qx sees nothing: no region answers",
        because=f"nothing answers {topology.observer}: its own network may be cut off", regions=tuple(topology.regions),
        clusters=tuple(topology.clusters), next="qx doctor", since=at,
    )  # fmt: skip


def _region(platform: Platform, topology: Topology, view: RegionView, parts: Iterable[_Part], at: float) -> Alert:
    """One alert for everything that hangs on a region that does not answer."""
    mine = [part for part in parts if view.name in part.hangs_on]
    stopped = sorted({name for part in mine if part.stops_writes for name in part.alert.clusters})
    touched = {name for part in mine for name in part.alert.clusters}
    touched |= {name for name, cluster in topology.clusters.items() if view.name in cluster.nodes}
    word = "is isolated" if view.verdict is Verdict.ISOLATED else "does not answer"
    effect = f"; nobody writes in {', '.join(stopped)}" if stopped else ""
    links = sum(len(part.alert.clusters) for part in mine if part.alert.key.startswith("link/"))
    felt = f" ({plural(len(touched), 'cluster')}: {', '.join(sorted(touched))})" if touched else ""
    because = view.because + (f"; {plural(links, 'replica')} elsewhere no longer receives" if links == 1 else
                              f"; {links} replicas elsewhere no longer receive" if links else "")
    return Alert(
        key=f"region/{view.name}",
        severity=Severity.CRITICAL if stopped else Severity.WARNING,
        title=f"region {view.name} {word}{effect}",
        because=f"{because}{felt}",
        regions=(view.name,),
        clusters=tuple(sorted(touched)),
        next=_way_out(platform, topology, view.name, stopped),
        since=at,
        parts=tuple(sorted(part.alert.key for part in mine)),
    )


def _parts(platform: Platform, topology: Topology, at: float) -> Iterator[_Part]:
    for view in topology.clusters.values():
        if view.elects_itself:
            yield from _shards(view, at)
            continue
        yield from _write_role(platform, topology, view, at)
        for node in view.nodes.values():
            yield from _node(view, node, at)
    for region in topology.regions.values():
        yield from _endpoints(region, at)


def _write_role(platform: Platform, topology: Topology, view: ClusterView, at: float) -> Iterator[_Part]:
    missing = sorted(r for r, n in view.nodes.items() if n.cause in {Cause.WRITER_DEAD, Cause.WRITER_SILENT})
    causes = {view.cause} | {node.cause for node in view.nodes.values()}
    make = _Maker(at, view)
    if view.cause is Cause.FOREIGN_STORE:
        yield _Part(make("store", Severity.WARNING, "another store rules {}", next="qx control show"), frozenset())
    if causes & SPLIT:
        writing = sorted(r for r, n in view.nodes.items() if n.role in {Role.WRITER, Role.STALE_WRITER})
        split = make("split", Severity.CRITICAL, f"{{}}: writes are taken where they must not be: {', '.join(writing)}",
                     regions=writing, next="qx control show")  # fmt: skip
        yield _Part(split, frozenset())
    if view.writer is None and causes & _LOST and not causes & {Cause.TWO_WRITERS, Cause.UNRECORDED_WRITER}:
        heard = view.cause is Cause.WRITER_SILENT
        title = f"{{}}: the writer in {missing[0]} is silent" if heard else "{}: nobody takes writes"
        severity = Severity.WARNING if heard else Severity.CRITICAL
        way = "qx doctor" if heard else _way_out(platform, topology, "", [view.name])
        lost = make("writer", severity, title, regions=missing, next=way)
        yield _Part(lost, frozenset(missing), stops_writes=not heard)
    yield from _waiting(view, make)


def _shards(view: ClusterView, at: float) -> Iterator[_Part]:
    """A Redis Cluster: one alert, whatever is wrong with it, for its cause is one as a rule."""
    if view.cause is Cause.NONE:
        return
    silent = frozenset(region for region, node in view.nodes.items() if node.role is Role.SILENT)
    concerned = sorted(region for region, node in view.nodes.items() if node.cause is not Cause.NONE)
    grave = view.verdict in {Verdict.DOWN, Verdict.UNKNOWN}
    severity = Severity.CRITICAL if grave else Severity.WARNING
    title = f"{{}}: {view.cause.value.replace('-', ' ')}"
    alert = _Maker(at, view)("shards", severity, title, regions=concerned, next="qx status")
    yield _Part(alert, silent, stops_writes=grave)


def _waiting(view: ClusterView, make: _Maker) -> Iterator[_Part]:
    """Durability `quorum`: commits wait when too few standbys that count are there. It never degrades by itself."""
    for region, node in view.nodes.items():
        facts = facts_of(node.seen)
        if node.role is Role.WRITER and facts is not None and (short := waiting_for(facts)):
            why = f"commits on {region} wait for {plural(short, 'more standby')}"
            away = frozenset(r for r, n in view.nodes.items() if n.role is Role.SILENT)
            alert = make("quorum", Severity.CRITICAL, f"{{}}: {why}", because=why, regions=[region], next="qx lag")
            yield _Part(alert, away, stops_writes=True)


def _node(view: ClusterView, node: NodeView, at: float) -> Iterator[_Part]:
    make = _Maker(at, view)
    why = f"{view.name} in {node.region}: {node.note}"
    if node.cause in {Cause.REPLICA_NOT_STREAMING, Cause.LAGGING}:
        up = node.upstream or view.writer or node.region
        word, title = ("lag", "is behind") if node.cause is Cause.LAGGING else ("link", "receives nothing")
        alert = replace(
            make(word, Severity.WARNING, f"{node.region} {title} from {up}: {{}}", because=why,
                 regions=sorted({up, node.region}), next="qx lag"),
            key=f"{word}/{up}/{node.region}",
        )  # fmt: skip
        yield _Part(alert, frozenset({up, node.region}))
    elif node.cause in _OWN:
        rejoin = f"qx rejoin {node.region} --cluster {view.name} --dry-run"
        way = rejoin if node.cause in {Cause.REPLICA_DIVERGED, Cause.SLOT_LOST} else f"qx status {node.region}"
        kind = _OWN[node.cause]
        alert = make(kind, Severity.WARNING, f"{{}} in {node.region} {node.note}", because=why,
                     regions=[node.region], next=way)  # fmt: skip
        yield _Part(replace(alert, key=f"{kind}/{view.name}/{node.region}"), frozenset({node.region}))


def _endpoints(region: RegionView, at: float) -> Iterator[_Part]:
    for name, seen in region.endpoints.items():
        facts = None if isinstance(seen, Silence) else seen.facts
        if isinstance(facts, EndpointFacts) and facts.ok:
            continue
        words = silence_words(seen) if isinstance(seen, Silence) else f"answers {getattr(facts, 'detail', 'oddly')}"
        alert = Alert(
            key=f"endpoint/{region.name}/{name}", severity=Severity.WARNING, title=f"{name} in {region.name} {words}",
            because=words, regions=(region.name,), clusters=(), next=f"qx status {region.name}", since=at,
        )  # fmt: skip
        yield _Part(alert, frozenset({region.name}))


class _Maker(NamedTuple):
    """Makes the alerts of one cluster; `{}` in a title is where its clusters will be named."""

    at: float
    view: ClusterView

    def __call__(
        self, kind: str, severity: Severity, title: str, *, next: str, because: str = "", regions: Iterable[str] = ()  # noqa: A002 - the field's name
    ) -> Alert:
        name = self.view.name
        return Alert(
            key=f"{kind}/{name}", severity=severity, title=title.replace("{}", name),
            because=because or self.view.because, regions=tuple(regions), clusters=(name,), next=next, since=self.at,
        )  # fmt: skip


def _merged(parts: Iterable[_Part]) -> list[_Part]:
    """Parts of one key are one: a link that several clusters replicate over."""
    found: dict[str, _Part] = {}
    for part in parts:
        first = found.get(part.alert.key)
        if first is None:
            found[part.alert.key] = part
            continue
        clusters = tuple(sorted({*first.alert.clusters, *part.alert.clusters}))
        head = first.alert.title.rpartition(": ")[0]
        because = f"{first.alert.because}; {part.alert.because}"
        alert = replace(first.alert, clusters=clusters, title=f"{head}: {', '.join(clusters)}", because=because)
        found[alert.key] = first._replace(alert=alert)
    return list(found.values())


def _way_out(platform: Platform, topology: Topology, region: str, stopped: Iterable[str]) -> str:
    """The command that shows the plan, towards the replica that most of the stopped clusters prefer."""
    wanted = list(stopped)
    best: dict[str, tuple[int, int, int]] = {}
    for name in wanted:
        for place, node in topology.clusters[name].nodes.items():
            facts = facts_of(node.seen)
            priority = platform.clusters[name].nodes[place].priority
            if place != region and facts is not None and not takes_writes(facts) and priority > 0:
                count, rank, held = best.get(place, (0, 0, 0))
                best[place] = (count + 1, rank + priority, held + position(facts))
    if not best:
        return f"qx status {region}" if region else "qx doctor"
    target = max(best, key=lambda place: best[place])
    narrowed = f" --from {region}" if region else f" --cluster {wanted[0]}"
    return f"qx failover --to {target}{narrowed} --dry-run"


def _answered(alert: Alert, topology: Topology, answers: Mapping[str, Decided]) -> Alert:
    """The alert with what the daemon decided about a write role that it stops."""
    lost = [name for name in alert.clusters if topology.clusters[name].writer is None and name in answers]
    if not lost or not alert.key.startswith(("region/", "writer/")):
        return alert
    words = "; ".join(f"{name}: {_words(answers[name])}" for name in lost)
    ranked = sorted((answers[name] for name in lost), key=lambda each: _STILL.index(each.verdict))
    run = next((each.run for each in ranked if each.run), "")
    first = ranked[0]
    way = f"qx runs watch {run}" if run else "qx runs list" if first.verdict == "act" else alert.next
    if first.verdict == "asks":
        way = _approve(first)
    return replace(alert, because=f"{alert.because}; {words}", decision=first.verdict, run=run, next=way,
                   decided_at=first.at)  # fmt: skip


def _words(decided: Decided) -> str:
    match decided.verdict:
        case "act":
            return f"qx acts by itself (run {decided.run})" if decided.run else "qx acts by itself"
        case "asks":
            return f"it waits for a person: {_approve(decided)}"
        case "would-act":
            return "qx would have acted, its mode is observe"
        case "veto":
            return f"qx does not act: {'; '.join(decided.vetoes) or decided.because}"
        case "ended":
            return f"qx acted, {decided.because}"
    return f"qx may not act: {'; '.join(decided.vetoes) or decided.because}"


def _approve(decided: Decided) -> str:
    return f"qx approve {decided.plan} --reason TEXT"


def _decision(decided: Decided, at: float) -> Alert:
    """What the daemon decided where no write role is lost: a failback, or what a move came to."""
    way = f"qx runs show {decided.run}" if decided.run else "qx runs list"
    return Alert(
        key=f"decided/{decided.cluster}",
        severity=Severity.WARNING if decided.verdict in {"act", "asks", "ended"} else Severity.INFO,
        title=f"{decided.cluster}: {_words(decided)}", because=decided.because, regions=(),
        clusters=(decided.cluster,), next=way, since=at, decision=decided.verdict, run=decided.run,
        decided_at=decided.at,
    )  # fmt: skip
