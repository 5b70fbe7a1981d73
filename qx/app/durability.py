"""Durability `quorum` of one cluster: what stands, and making it so, one transition after another.

Every change is made under the cluster's own lease, on a session that names its epoch; whoever was frozen in the middle
of an earlier one finds its session ended. Invariants: as `qx.failover.quorum` has them. Never: acts on a cluster whose
writer is not the lawful one, or while a run acts on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.engine.durable import Ledger
from qx.engine.records import read
from qx.failover import quorum
from qx.failover.quorum import Change, Narrow, State, Transition, Wait, Widen
from qx.failover.quorum_names import COMMIT, FLUSHED, spelled
from qx.failover.sight import facts_of
from qx.kernel.errors import QxError, Refused
from qx.kernel.ids import sortable_id
from qx.model.observation import PgFacts, Silence
from qx.model.standing import Durable, Way
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qx.app.workbench import Workbench
    from qx.model.lease import Lease
    from qx.model.topology import ClusterView, Topology
    from qx.ports.servers import PgServer

HOLDING_S = 30.0
ACT_S = 10.0
STEPS = 12  # more than any two ways are apart
UNLAWFUL = frozenset({Cause.FOREIGN_STORE, Cause.TWO_WRITERS, Cause.STALE_WRITER, Cause.UNRECORDED_WRITER})


class Standing(Struct, frozen=True, kw_only=True):
    """`left`: what is still to be done, '' for nothing. `in_force`: as the server spells it; None without a writer."""

    cluster: str
    durability: str
    writer: str | None
    in_force: str | None
    count: int
    of: tuple[str, ...]
    streaming: tuple[str, ...]
    caught_up: tuple[str, ...]
    ways: tuple[Way, ...]
    left: str
    not_covered: str = quorum.NOT_COVERED


def concerned(bench: Workbench) -> tuple[str, ...]:
    """Clusters whose commits are to wait for standbys, and those that did so under this store."""
    recorded = {each.key for each in bench.store.records(Durable.KIND)}
    clusters = bench.platform.clusters.items()
    return tuple(name for name, cluster in clusters if cluster.durability == "quorum" or name in recorded)


def state_of(bench: Workbench, view: ClusterView, kept: Collection[str] = ()) -> State | None:
    """None where no lawful writer is seen. `kept`: as `quorum.state` has it."""
    facts = facts_of(view.nodes[view.writer].seen) if view.writer is not None else None
    if view.writer is None or not isinstance(facts, PgFacts) or view.cause in UNLAWFUL:
        return None
    found = read(bench.store, Durable, view.name)
    return _state(bench, view.name, view.writer, facts, found.ways if found is not None else (), kept)


def standing(bench: Workbench, view: ClusterView) -> Standing:
    state = state_of(bench, view)
    found = read(bench.store, Durable, view.name)
    step = quorum.next_step(state) if state is not None else Wait("no lawful writer is seen")
    return Standing(
        cluster=view.name,
        durability=bench.platform.clusters[view.name].durability,
        writer=view.writer,
        in_force=spelled(state.server) if state is not None else None,
        count=state.server.count if state is not None else 0,
        of=state.server.of if state is not None else (),
        streaming=tuple(sorted(state.streaming)) if state is not None else (),
        caught_up=tuple(sorted(state.caught_up)) if state is not None else (),
        ways=found.ways if found is not None else (),
        left=words(step) if step is not None else "",
    )


def words(step: Transition) -> str:
    match step:
        case Wait(because):
            return because
        case Change(way):
            return f"set {spelled(way) or 'asynchronous'} at {way.writer}"
        case Widen(ways):
            return f"record {len(ways)} ways in which commits may be acknowledged"
        case Narrow(ways):
            return f"record {len(ways)} of them" if ways else "drop the record"


async def uphold(
    bench: Workbench, topology: Topology, name: str, kept: Collection[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """Transitions until nothing is left to do now; what is left then, '' for nothing. Raises QX-STORE-001 while
    somebody else acts on the cluster.
    """
    writer = topology.clusters[name].writer
    if writer is None or state_of(bench, topology.clusters[name]) is None:
        return "no lawful writer is seen"
    holder = f"durability-{sortable_id(bench.clock.now(), bench.clock.noise())}"
    [lease] = bench.store.acquire((name,), holder, HOLDING_S)
    server = bench.postgres(name, writer, f"{holder}/{lease.epoch}")
    try:
        rule = bench.store.rules()[name]
        if rule.writer not in (None, writer):
            return f"the record names {rule.writer} as the writer"
        await server.expel(lease.epoch, ACT_S)
        return await _go(bench, name, writer, server, lease, kept, tell)
    finally:
        await server.close()
        bench.store.release((lease,))


async def _go(
    bench: Workbench, name: str, writer: str, server: PgServer, lease: Lease, kept: Collection[str],
    tell: Callable[[str], None],
) -> str:
    ledger, changed = Ledger(bench.store, bench.clock, name), None
    for _ in range(STEPS):
        state = _state(bench, name, writer, await _facts(server, name, writer), ledger.read(), kept)
        step = quorum.next_step(state)
        if step is None or isinstance(step, Wait):
            return "" if step is None else words(step)
        if isinstance(step, Change) and step.way == changed:
            raise _above(name, writer, step.way)
        if isinstance(step, Narrow):  # whatever was sent before, and by whom: this is in force before they catch up
            bench.store.check(lease)
            await server.set_synchronous(spelled(state.server), ACT_S)
            again = _state(bench, name, writer, await _facts(server, name, writer), ledger.read(), kept)
            step = quorum.next_step(again)
            if not isinstance(step, Narrow):
                continue
        bench.store.check(lease)
        tell(words(step))
        if isinstance(step, Change):
            await server.set_synchronous(spelled(step.way), ACT_S)
            changed = step.way
        elif isinstance(step, Widen | Narrow):
            ledger.write(step.ways, lease.epoch)
    raise QxError("QX-RUN-007", f"{name}: its durability does not come to rest", hint=f"qx durability {name}")


def _state(
    bench: Workbench, name: str, writer: str, facts: PgFacts, record: tuple[Way, ...], kept: Collection[str]
) -> State:
    now = bench.clock.now()
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    may_count = quorum.eligible(bench.platform, name, writer, today, bench.lawbook.at(now))
    return quorum.state(bench.platform.clusters[name], writer, facts, record, may_count, kept)


async def _facts(server: PgServer, name: str, writer: str) -> PgFacts:
    seen = await server.observe(ACT_S)
    if isinstance(seen, Silence) or not isinstance(seen.facts, PgFacts):
        raise QxError("QX-OBS-003", f"{name} in {writer} does not answer")
    if seen.facts.in_recovery:
        raise Refused("QX-PLAN-002", f"{name} in {writer} takes no writes any more", hint="qx status")
    return seen.facts


def _above(name: str, writer: str, way: Way) -> QxError:
    words = f"{name} in {writer} was set to {spelled(way) or 'asynchronous'}, and tells something else"
    return QxError("QX-NODE-007", words,
                   hint=f"is {COMMIT} of qx's own role or database below {' or '.join(sorted(FLUSHED))}?")
