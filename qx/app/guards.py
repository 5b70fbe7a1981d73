"""Guards of a platform: every node's at once, and a writer started under one by a person, where no daemon would.

With a store, its lease and its record decide. Without one, a person attests that no other server of the cluster writes
or can; what the nodes that answer say is never overruled by that, and the word is kept until a store hears it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from qx.app.attested import attestations, deliver
from qx.app.deeds import record
from qx.app.reinstate import ACT_S, reinstate
from qx.app.situate import inspect
from qx.config.profiles import watch_of
from qx.engine.records import read, read_all
from qx.engine.rivals import FAR_BACK, unended
from qx.failover.coldstart import Told, doubts, is_replica, words, writers
from qx.failover.fences import is_released
from qx.kernel.errors import QxError, Refused
from qx.kernel.ids import sortable_id
from qx.kernel.spans import format_seconds
from qx.model.guarding import INTENT, Attested, GuardStart, NodeGuard
from qx.model.platform import LocalControl
from qx.model.standing import Arming, Release

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.lease import Rule
    from qx.ports.controls import NodeControl
    from qx.ports.store import Store

LOOK_S = 2.0
START_S = 60.0
SILENT = "QX-STORE-005"


class Wish(NamedTuple):
    """Start the writer of `cluster` in `region`. `attested`: no other server of it writes or can."""

    cluster: str
    region: str
    reason: str
    attested: bool
    timeout: float = START_S


async def look(bench: Workbench, cluster: str | None) -> tuple[NodeGuard, ...]:
    """Of `cluster` (None: of all): each node that has a control."""
    found = await inspect(bench, LOOK_S, cluster)
    return tuple(_seen(name, region, told) for (name, region), told in found.items())


def _seen(cluster: str, region: str, told: Control | str) -> NodeGuard:
    if isinstance(told, str):
        return NodeGuard(cluster=cluster, region=region, why=told)
    return NodeGuard(
        cluster=cluster, region=region, running=told.running, guard=told.guard, epoch=told.guard_epoch,
        left_s=told.guard_left_s, exited=told.exited, held_for=told.held_for,
    )  # fmt: skip


async def start(bench: Workbench, wish: Wish) -> GuardStart:
    """Raises Refused QX-NODE-012 with all that stands against it, QX-RUN-011, QX-STORE-001; QX-NODE-* of the start."""
    try:
        store = _store(bench)
        rule = store.rules().get(wish.cluster)
    except QxError as silence:
        if silence.code != SILENT:
            raise
        if not wish.attested:
            raise _refused(
                wish, f"no store answers: {silence.message}",
                hint="bring it back; or, if no other server of the cluster writes or can: --attest",
            ) from silence
        return await _attested(bench, wish, silence)
    await bench.apart(deliver, bench)
    _check_record(store, wish, rule)
    nodes, control, found = await _survey(bench, wish)
    if found.running and not is_replica(found):
        return _already(bench, wish, found, nodes)
    stands = [*writers(nodes, wish.region), *(() if rule and rule.writer else doubts(nodes, wish.region))]
    if is_replica(found) and not _was_released(store, rule):
        stands.append(f"{wish.region} is a replica by its files, and was not released: `qx runs list`")
    if stands:
        raise _refused(wish, "; ".join(stands), hint="qx status; qx failover moves a write role")
    ttl = wish.timeout + 4 * ACT_S
    (lease,) = store.acquire((wish.cluster,), f"{INTENT}-{_id(bench)}", ttl)
    try:
        _check_record(store, wish, store.rules()[wish.cluster])
        proof = {
            "region": wish.region, "reason": wish.reason, "epoch": lease.epoch, "attested": wish.attested,
            "seen": _words(nodes),
        }  # fmt: skip
        run = record(bench, INTENT, (wish.cluster,), proof)
        started = await reinstate(store, lease, control, found, wish.timeout, None)
    finally:
        store.release((lease,))
    return GuardStart(
        cluster=wish.cluster, region=wish.region, epoch=lease.epoch, guard=started.guard, already=False,
        attested=wish.attested, run=run, journalled=True, seen=_words(nodes), follows=_follows(bench, wish, started),
    )  # fmt: skip


async def _attested(bench: Workbench, wish: Wish, silence: QxError) -> GuardStart:
    """Under the epoch that the node itself remembers, and as what its own files say."""
    bench.region = wish.region  # of a control on this machine: nobody posts anything without a store
    nodes, control, found = await _survey(bench, wish, posted=False)
    if found.running and not is_replica(found):
        return _already(bench, wish, found, nodes)
    if stands := (*writers(nodes, wish.region), *doubts(nodes, wish.region)):
        raise _refused(wish, "; ".join(stands), hint="start the last writer; only the store knows more")
    word = Attested(
        run=_id(bench), cluster=wish.cluster, region=wish.region, epoch=found.held_epoch, by=bench.operator,
        reason=wish.reason, at=bench.clock.now(), because=silence.message, seen=_words(nodes),
    )  # fmt: skip
    attestations(bench).keep(word)
    started = await control.start(found.held_epoch, "writer", wish.timeout)
    follows = (
        "nothing binds it until a store answers and this word stands in its journal (qx daemon, or qx guard start):"
        " until then no controller elsewhere may act on the cluster"
    )
    return GuardStart(
        cluster=wish.cluster, region=wish.region, epoch=found.held_epoch, guard=started.guard, already=False,
        attested=True, run=word.run, journalled=False, seen=word.seen, follows=follows,
    )  # fmt: skip


# -- what stands against it

def _check_record(store: Store, wish: Wish, rule: Rule | None) -> None:
    """Raises Refused: QX-NODE-012 when another is the writer on record, QX-RUN-011 while a run may have made one."""
    writer = rule.writer if rule is not None else None
    if writer not in (None, wish.region):
        hint = f"qx failover --to {wish.region} moves it; qx rejoin brings {wish.region} back as a replica"
        raise _refused(wish, f"the writer on record is {writer}", hint=hint)
    if writer is None and not wish.attested:
        hint = "if no other server of the cluster writes or can: --attest"
        raise _refused(wish, "no writer of it is on record yet", hint=hint)
    for run in unended(store.runs(FAR_BACK), (wish.cluster,)):
        raise Refused("QX-RUN-011", f"run {run.id} on {wish.cluster} has not ended", hint=f"qx runs resume {run.id}")


def _was_released(store: Store, rule: Rule | None) -> bool:
    if rule is None:
        return False
    found = read(store, Release, rule.cluster)
    return found is not None and is_released(found, rule)


async def _survey(
    bench: Workbench, wish: Wish, *, posted: bool = True
) -> tuple[dict[str, Told], NodeControl, Control]:
    """All nodes of the cluster, asked at once; the region's control, and what it said. Raises QX-NODE-001."""
    controls = {region: _control(bench, wish, region, posted=posted) for region in _nodes(bench, wish)}
    told = await asyncio.gather(*(_told(bench, wish.cluster, region, each) for region, each in controls.items()))
    nodes = dict(zip(controls, told, strict=True))
    control, found = controls[wish.region], nodes[wish.region].control
    if isinstance(control, str) or isinstance(found, str):
        hint = f"where {wish.region} is reached from: clusters.{wish.cluster}.nodes.{wish.region}.control"
        raise QxError("QX-NODE-001", f"{wish.cluster} in {wish.region}: {found}", hint=hint)
    return nodes, control, found


def _nodes(bench: Workbench, wish: Wish) -> tuple[str, ...]:
    nodes = bench.platform.clusters[wish.cluster].nodes
    if wish.region not in nodes:
        raise QxError("QX-PLAN-006", f"{wish.cluster} has no node in {wish.region}", hint=f"it has: {', '.join(nodes)}")
    return tuple(nodes)


def _control(bench: Workbench, wish: Wish, region: str, *, posted: bool) -> NodeControl | str:
    settings = bench.platform.clusters[wish.cluster].nodes[region].control
    local = isinstance(settings, LocalControl) and region != wish.region
    if local and bench.is_shared and not posted:
        return "its control is reached through the store only"
    return bench.control(wish.cluster, region) or "no control is configured"


async def _told(bench: Workbench, cluster: str, region: str, control: NodeControl | str) -> Told:
    async def inspected() -> Control | str:
        if isinstance(control, str):
            return control
        try:
            return await control.inspect(LOOK_S)
        except QxError as error:
            return error.message

    return Told(*await asyncio.gather(inspected(), bench.probers[cluster, region].observe(LOOK_S)))


# -- what is told of it

def _already(bench: Workbench, wish: Wish, found: Control, nodes: dict[str, Told]) -> GuardStart:
    return GuardStart(
        cluster=wish.cluster, region=wish.region, epoch=found.held_epoch, guard=found.guard, already=True,
        attested=False, run="", journalled=False, seen=_words(nodes), follows=_follows(bench, wish, found),
    )  # fmt: skip


def _follows(bench: Workbench, wish: Wish, found: Control) -> str:
    if not found.guard:
        return "no guard binds it: set `guard: true` in its control, and start it again"
    if found.guard_left_s is not None:
        return f"its guard ends it in {format_seconds(found.guard_left_s)}, unless its controller extends that"
    try:
        armed = wish.cluster in read_all(_store(bench), Arming)
    except QxError as silence:
        return f"it runs freely; no store answers ({silence.code})"
    if not armed or bench.platform.clusters[wish.cluster].mode != "auto":
        return "it runs freely: the cluster is not armed"
    every = format_seconds(watch_of(bench.platform.watch).renew)
    return f"its controller gives it a lease within {every}, if a standby could take its place: qx guard status"


def _words(nodes: dict[str, Told]) -> dict[str, str]:
    return {region: words(told) for region, told in nodes.items()}


def _refused(wish: Wish, why: str, hint: str) -> Refused:
    return Refused("QX-NODE-012", f"{wish.cluster} is not started in {wish.region}: {why}", hint=hint)


def _id(bench: Workbench) -> str:
    return sortable_id(bench.clock.now(), bench.clock.noise())


def _store(bench: Workbench) -> Store:
    """Never made here: a new one knows nothing. Raises QX-STORE-005."""
    if bench.platform.store.etcd is None and not bench.store_path.exists():
        raise QxError(SILENT, f"{bench.store_path} is not there", hint="bring it back from a backup")
    return bench.store
