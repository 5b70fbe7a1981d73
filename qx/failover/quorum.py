"""Durability `quorum` as a state machine: which one change is next, so that no crash in between loses anything.

Two places hold state. The *server* acknowledges in exactly one way (`synchronous_standby_names`); the store's *record*
lists every way in which anything may have been acknowledged. Invariants, whatever is interrupted:
- the server's way is in the record: what is recorded is widened before the server changes;
- nodes that hit every way of the record hold, together, all that was acknowledged: a way leaves the record only when
  the server no longer acknowledges so, and the way that stays is one whose standbys have caught up with the writer.
Never: lowers the number of acknowledgements because standbys are missing; then writes wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from qx.failover.links import application_name
from qx.failover.quorum_names import way_of
from qx.failover.residency import NO_LAW, may_live
from qx.model.standing import Way

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from qx.model.observation import PgFacts
    from qx.model.platform import Cluster, Platform
    from qx.model.residency import Law

NOT_COVERED = "commits of sessions with synchronous_commit below on, and those whose wait a client cancelled"


class Widen(NamedTuple):
    """The record gets these ways, all that it had among them."""

    ways: tuple[Way, ...]


class Change(NamedTuple):
    """The server acknowledges in this way from now on."""

    way: Way


class Narrow(NamedTuple):
    """The record keeps these ways; none: the cluster acknowledges asynchronously, and nothing is recorded."""

    ways: tuple[Way, ...]


class Wait(NamedTuple):
    """Nothing can be done now, and something is left to be done."""

    because: str


Transition = Widen | Change | Narrow | Wait


class State(Struct, frozen=True, kw_only=True):
    """`server`: the way in force at the writer. `wanted`: the way that it is to have; of count 0 to be asynchronous.
    `streaming`: regions whose standby streams from it; `caught_up`: those of them that have flushed all that the writer
    had, at a moment when `server` was in force everywhere in it.
    """

    record: tuple[Way, ...]
    server: Way
    wanted: Way
    streaming: frozenset[str]
    caught_up: frozenset[str]


def next_step(state: State) -> Transition | None:
    """None: everything is as it should be."""
    record, server, wanted = state.record, state.server, state.wanted
    if not record and server == wanted and not wanted.count:
        return None
    if server not in record:
        return Widen(widened(record, server))
    if server != wanted:
        if wanted.count > server.count and (short := wanted.count - _there(wanted, state.streaming)) > 0:
            return Wait(f"{_standbys(short)} of {_among(wanted)} must stream before commits wait for {wanted.count}")
        return Change(wanted) if wanted in record else Widen(widened(record, wanted))
    if record == (wanted,) and wanted.count:
        return None
    if not wanted.count:
        return Narrow(())
    if (short := wanted.count - _there(wanted, state.caught_up)) > 0:
        return Wait(f"{_standbys(short)} of {_among(wanted)} must catch up")
    return Narrow((wanted,))


def widened(record: Iterable[Way], *ways: Way) -> tuple[Way, ...]:
    """Each once, in an order of their own."""
    return tuple(sorted({*record, *ways}, key=lambda way: (way.writer, way.count, way.of)))


def without(record: Iterable[Way], way: Way) -> tuple[Way, ...]:
    """The record when nothing was ever acknowledged in this way: its writer was to be promoted, and was not. Only ever
    a way that was not on record before: a region that was the writer once may have acknowledged in that very way then.
    """
    return tuple(each for each in record if each != way)


def hits(way: Way, reachable: Collection[str]) -> bool:
    """Whether every set of nodes that may have acknowledged in this way has a member in `reachable`."""
    if way.writer in reachable:
        return True
    return way.count > 0 and _there(way, reachable) > len(way.of) - way.count


def missing(record: Iterable[Way], reachable: Collection[str]) -> tuple[str, ...]:
    """Regions of which some would have to be reachable besides; () when `reachable` hits every way."""
    unhit = [way for way in record if not hits(way, reachable)]
    names = {name for way in unhit for name in (way.of if way.count else (way.writer,))}
    return tuple(sorted(names - set(reachable)))


def eligible(platform: Platform, name: str, writer: str, today: str, law: Law = NO_LAW) -> tuple[str, ...]:
    """Regions whose standby may count: those that could be promoted. `today`: ISO date."""
    cluster = platform.clusters[name]
    return tuple(
        sorted(
            region
            for region, node in cluster.nodes.items()
            if region != writer
            and node.priority > 0
            and all(may_live(platform, each, cluster.home, region, today, law).allowed for each in cluster.data_classes)
        )
    )


def wanted(cluster: Cluster, writer: str, may_count: Collection[str], streaming: Collection[str]) -> Way:
    """Those of `may_count` that stream count, so that one which is gone cannot stand in the way of a failover; all of
    them when fewer stream than must acknowledge: whichever comes back first lets writes go on.
    """
    if cluster.durability != "quorum":
        return Way(writer=writer)
    there = set(may_count) & set(streaming)
    of = there if len(there) >= cluster.quorum else may_count
    return Way(writer=writer, count=cluster.quorum, of=tuple(sorted(of)))


def streaming(cluster: Cluster, facts: PgFacts) -> frozenset[str]:
    """Regions whose standby streams from the writer that said `facts`."""
    return _regions(cluster, facts, 0)


def caught_up(cluster: Cluster, facts: PgFacts) -> frozenset[str]:
    """Those of them that have flushed all that it had flushed itself."""
    return _regions(cluster, facts, facts.position)


def state(
    cluster: Cluster, writer: str, facts: PgFacts, record: tuple[Way, ...], may_count: Collection[str],
    kept: Collection[str] = (),
) -> State:
    """As the writer tells it. `kept`: regions that stopped streaming so shortly ago that they still count."""
    there = streaming(cluster, facts)
    return State(
        record=record,
        server=way_of(cluster, writer, facts.settings),
        wanted=wanted(cluster, writer, may_count, there | set(kept)),
        streaming=there,
        caught_up=caught_up(cluster, facts),
    )


def _regions(cluster: Cluster, facts: PgFacts, at_least: int) -> frozenset[str]:
    names = {each.name.lower() for each in facts.senders if each.state == "streaming" and each.flushed >= at_least}
    return frozenset(region for region in cluster.nodes if application_name(region) in names)


def _there(way: Way, regions: Collection[str]) -> int:
    return len(set(way.of) & set(regions))


def _among(way: Way) -> str:
    return ", ".join(way.of) or "no region that may"


def _standbys(count: int) -> str:
    return f"{count} more standby" if count == 1 else f"{count} more standbys"
