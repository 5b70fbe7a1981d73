"""Leases and epochs: what each grant, renewal and check comes to, decided from the keys of its clusters.

    leases/<cluster>   holder, executor, epoch; goes with its etcd lease, and stands exactly as long as it is in force
    rules/<cluster>    the last epoch and the recorded writer

Invariants: as of the port. A renewal is a new etcd lease under the same epoch, committed like every write: a keep-alive
may be answered by a member that leads no more. etcd counts from later than we do and only ever extends (a new leader
begins anew), so a lease may stand a little longer than `until` tells, never shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from qx.adapters.etcd.space import Change, Kept, Put, Reading, Space, State, Term
from qx.kernel.errors import Refused
from qx.kernel.spans import format_seconds
from qx.model.lease import Lease, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LEASES, RULES = "leases/", "rules/"


class Held(Struct, frozen=True):
    """A lease in force."""

    holder: str
    executor: str
    epoch: int
    until: float


def grant(
    space: Space, clusters: tuple[str, ...], holder: str, ttl: float, *, take_over: bool
) -> tuple[Lease, ...]:
    def decide(state: State, term: Callable[[float], Term]) -> Change[tuple[Lease, ...]]:
        for cluster in clusters:
            held = held_in(state, cluster)
            if held is None:
                continue
            if held.holder != holder:
                hint = f"Wait, or see what it does: `qx runs show {held.holder}`."
                raise taken(space, cluster, held, f"run {held.holder}", hint)
            if held.executor != space.executor and not take_over:
                hint = f"`qx runs resume {holder}` takes over."
                raise taken(space, cluster, held, f"another executor of run {holder}", hint)
        rules = [rule_in(state, cluster) for cluster in clusters]
        risen = [replace(rule, epoch=rule.epoch + 1) for rule in rules]
        granted = term(ttl)
        puts = {RULES + rule.cluster: Put(rule) for rule in risen}
        for rule in risen:
            held = Held(holder, space.executor, rule.epoch, granted.until)
            puts[LEASES + rule.cluster] = Put(held, granted.lease)
        leases = tuple(Lease(rule.cluster, holder, rule.epoch, granted.until) for rule in risen)
        return Change(lambda _: leases, puts)

    return space.change(_keys(clusters), decide)


def renew(space: Space, leases: tuple[Lease, ...], ttl: float) -> tuple[Lease, ...]:
    def decide(state: State, term: Callable[[float], Term]) -> Change[tuple[Lease, ...]]:
        for lease in leases:
            in_force(state, lease)
        granted = term(ttl)
        puts = {
            LEASES + lease.cluster: Put(
                Held(lease.holder, space.executor, lease.epoch, granted.until), granted.lease
            )
            for lease in leases
        }
        renewed = tuple(Lease(lease.cluster, lease.holder, lease.epoch, granted.until) for lease in leases)
        return Change(lambda _: renewed, puts)

    return space.change([LEASES + lease.cluster for lease in leases], decide, guess=True) if leases else ()


def check(space: Space, lease: Lease) -> None:
    in_force(space.get(LEASES + lease.cluster), lease)


def release(space: Space, leases: tuple[Lease, ...]) -> None:
    def decide(state: State, _: Callable[[float], Term]) -> Change[None]:
        drops = [LEASES + lease.cluster for lease in leases if _is(held_in(state, lease.cluster), lease)]
        return Change(lambda _: None, drops=drops)

    if leases:
        space.change([LEASES + lease.cluster for lease in leases], decide)


def listed(space: Reading) -> tuple[Lease, ...]:
    found = ((name.removeprefix(LEASES), _held(kept)) for name, kept in space.under(LEASES).items())
    return tuple(Lease(cluster, held.holder, held.epoch, held.until) for cluster, held in found)


def rules(space: Reading) -> dict[str, Rule]:
    found = (kept.read(Rule, name) for name, kept in space.under(RULES).items())
    return {rule.cluster: rule for rule in found}


def record_writer(space: Space, lease: Lease, region: str, lineage: str, at: float) -> None:
    def decide(state: State, _: Callable[[float], Term]) -> Change[None]:
        in_force(state, lease)
        rule = rule_in(state, lease.cluster)
        moved_at = rule.moved_at if rule.writer == region else at
        after = replace(rule, writer=region, writer_epoch=lease.epoch, lineage=lineage, moved_at=moved_at)
        return Change(lambda _: None, {RULES + lease.cluster: Put(after)})

    space.change(_keys((lease.cluster,)), decide)


def in_force(state: State, lease: Lease) -> None:
    """Raises Refused QX-STORE-002 unless `lease` is, under this very epoch."""
    held = held_in(state, lease.cluster)
    if _is(held, lease):
        return
    if held is None:
        why = "it ran out or was released, and nobody holds it"
    else:
        why = f"run {held.holder} holds epoch {held.epoch}"
    lost = f"run {lease.holder} lost its lease on {lease.cluster} (epoch {lease.epoch})"
    hint = f"`qx runs resume {lease.holder}` goes on under a new epoch, when nobody else acts."
    raise Refused("QX-STORE-002", f"{lost}: {why}", hint=hint)


def held_in(state: State, cluster: str) -> Held | None:
    kept = state.get(LEASES + cluster)
    return _held(kept) if kept else None


def rule_in(state: State, cluster: str) -> Rule:
    """Epoch 0 when nothing is known of the cluster."""
    kept = state.get(RULES + cluster)
    return kept.read(Rule, RULES + cluster) if kept else Rule(cluster=cluster, epoch=0, writer=None)


def taken(space: Space, cluster: str, held: Held, by: str, hint: str) -> Refused:
    left = max(0.0, held.until - space.now())
    said = f"{cluster} is held by {by} (epoch {held.epoch}) for {format_seconds(left)} more"
    return Refused("QX-STORE-001", said, hint=hint)


def _is(held: Held | None, lease: Lease) -> bool:
    return held is not None and (held.holder, held.epoch) == (lease.holder, lease.epoch)


def _held(kept: Kept) -> Held:
    return kept.read(Held, "a lease")


def _keys(clusters: Iterable[str]) -> list[str]:
    return [key for cluster in clusters for key in (LEASES + cluster, RULES + cluster)]
