"""Runs, plans and the one chain of entries.

    runs/<run>            the run, with its outcome
    plans/<plan>          the plan, and the run that it began
    entries/<run>/<seq>   the entry in canonical form, its place in the chain, the digests before it and of it
    head                  place and digest of the last entry

Invariants: an entry is committed together with the head, and only onto the head that it names: of two who append, one
comes second, and no chain forks. An entry stands once and is never written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from qx.adapters.etcd import leases
from qx.adapters.etcd.space import Change, Kept, Put, Reading, Space, State, Term
from qx.kernel.canon import canonical
from qx.kernel.errors import QxError, Refused
from qx.model.deed import adoption
from qx.model.journal import Chained, Entry, Run, RunOutcome
from qx.model.lease import Rule
from qx.model.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS, PLANS, ENTRIES, HEAD = "runs/", "plans/", "entries/", "head"


class Head(Struct, frozen=True):
    """The end of the chain; `position` counts from 1."""

    position: int = 0
    digest: str = ""


class Applied(Struct, frozen=True):
    run: str
    plan: Raw


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    position: int
    previous: str
    digest: str
    entry: Raw


def begin(space: Space, run: Run, plan: Plan | None) -> None:
    keys = [RUNS + run.id] + ([PLANS + plan.id] if plan else [])

    def decide(state: State, _: Callable[[float], Term]) -> Change[None]:
        puts = {RUNS + run.id: Put(run)}
        if plan is not None:
            if (kept := state.get(PLANS + plan.id)) is not None:
                earlier = kept.read(Applied, f"plan {plan.id}").run
                hint = f"`qx runs show {earlier}`; to move again, plan again."
                raise Refused("QX-PLAN-003", f"plan {plan.id} was applied already, by run {earlier}", hint=hint)
            puts[PLANS + plan.id] = Put(Applied(run.id, Raw(msgspec.json.encode(plan))))
        if RUNS + run.id in state:
            raise Refused("QX-STORE-008", f"run {run.id} began already", hint="A run has an id of its own.")
        return Change(lambda _: None, puts)

    space.change(keys, decide)


def append(space: Space, entries: tuple[Entry, ...], *, repeated: bool) -> tuple[Chained, ...]:
    """`repeated`: this space was not told whether it wrote these very entries; if they stand as its own, it did."""
    first = entries[0]
    in_order = all(entry.run == first.run and entry.seq == first.seq + after for after, entry in enumerate(entries))
    names = [_entry(entry.run, entry.seq) for entry in entries]
    before = [_entry(first.run, first.seq - 1)] if first.seq > 1 else []

    def decide(state: State, _: Callable[[float], Term]) -> Change[tuple[Chained, ...]]:
        run, stand = _run_in(state, first.run), [state[name] for name in names if name in state]
        if repeated and len(stand) == len(entries):
            links = tuple(_link(each)[1] for each in stand)
            own = all(each.by.startswith(f"{space.executor}.") for each in stand)
            if own and links == _links_of(entries, links[0].previous):
                return Change(lambda _: links)
        if first.seq < 1 or stand or not in_order or not all(name in state for name in before):
            why = f"run {first.run} stands elsewhere, entry {first.seq} cannot follow"
            hint = f"Another executor goes on with it: `qx runs watch {first.run}`."
            raise Refused("QX-STORE-002", why, hint=hint)
        puts, chained = _chain(state, entries)
        for entry in entries:
            if entry.sets_outcome is not None:
                puts[RUNS + first.run] = Put(_closed(run, entry.sets_outcome, entry.at))
        return Change(lambda _: chained, puts)

    return space.change([HEAD, RUNS + first.run, *before, *names], decide, guess=True)


def close(space: Space, run: str, outcome: RunOutcome, at: float) -> None:
    def decide(state: State, _: Callable[[float], Term]) -> Change[None]:
        return Change(lambda _: None, {RUNS + run: Put(_closed(_run_in(state, run), outcome, at))})

    space.change([RUNS + run], decide)


def adopt(
    space: Space, run: str, cluster: str, seen: int, writer: str | None, lineage: str, by: str, reason: str, at: float
) -> Rule:
    """The rule under an epoch higher than `seen` and than the store's own, and the deed `run` that tells of it."""
    keys = [HEAD, RUNS + run, _entry(run, 1), _entry(run, 2), leases.LEASES + cluster, leases.RULES + cluster]

    def decide(state: State, _: Callable[[float], Term]) -> Change[Rule]:
        held = leases.held_in(state, cluster)
        if held is not None:
            raise leases.taken(space, cluster, held, f"run {held.holder}", "Adopt when it has ended.")
        before = leases.rule_in(state, cluster)
        epoch = max(seen, before.epoch) + 1
        after = replace(before, epoch=epoch, writer=writer, writer_epoch=epoch, lineage=lineage)
        began, entries = adoption(run, before, after, seen, by, reason, at)
        puts, _links = _chain(state, entries)
        puts |= {RUNS + run: Put(began), leases.RULES + cluster: Put(after)}
        return Change(lambda _: after, puts)

    return space.change(keys, decide)


def runs(space: Reading, limit: int) -> tuple[Run, ...]:
    """The latest first."""
    found = [kept.read(Run, name) for name, kept in space.under(RUNS).items()]
    return tuple(sorted(found, key=lambda run: (run.started_at, run.id), reverse=True)[:limit])


def run(space: Space, prefix: str) -> Run:
    """By id or unique prefix of one. Raises QX-RUN-004, naming the choices when there are several."""
    if not prefix:
        raise _unknown(prefix)
    found = space.under(RUNS + prefix, limit=4)
    if RUNS + prefix in found:
        return found[RUNS + prefix].read(Run, prefix)
    if not found:
        raise _unknown(prefix)
    if len(found) > 1:
        names = [name.removeprefix(RUNS) for name in found]
        several = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise QxError("QX-RUN-004", f"several runs begin with '{prefix}': {several}", hint="Write more of its id.")
    return next(kept.read(Run, name) for name, kept in found.items())


def plan(space: Space, prefix: str) -> Plan:
    wanted = run(space, prefix)
    if not wanted.plan_id:
        raise QxError("QX-RUN-004", f"run {wanted.id} has no plan: its intent was '{wanted.intent}'")
    what = f"plan {wanted.plan_id} of run {wanted.id}"
    kept = space.get(PLANS + wanted.plan_id).get(PLANS + wanted.plan_id)
    if kept is None:
        raise QxError("QX-STORE-004", f"{what} is not there any more")
    body = Kept(kept.by, bytes(kept.read(Applied, what).plan), kept.revision)
    return body.read(Plan, what)


def entries(space: Space, prefix: str) -> tuple[Chained, ...]:
    found = space.under(_entries(run(space, prefix).id))
    return tuple(_link(kept)[1] for kept in found.values())


def chain(space: Space) -> tuple[Chained, ...]:
    """In order. Raises QX-STORE-004 also where the chain ends sooner than its head tells."""
    kept = space.get(HEAD).get(HEAD)
    head = kept.read(Head, HEAD) if kept else Head()
    links = sorted(map(_link, space.under(ENTRIES).values()), key=lambda link: link[0])
    standing = {link.digest for _, link in links}
    if head.position and head.digest not in standing:
        raise QxError("QX-STORE-004", f"entry {head.position} of the journal, the last by its head, is not there")
    return tuple(link for _, link in links)


def _chain(state: State, new: tuple[Entry, ...]) -> tuple[dict[str, Put], tuple[Chained, ...]]:
    """`new` bound to the end of the chain: what to put, and the links."""
    kept = state.get(HEAD)
    head = kept.read(Head, HEAD) if kept else Head()
    links = _links_of(new, head.digest)
    puts: dict[str, Put] = {}
    for link in links:
        head = Head(head.position + 1, link.digest)
        written = Written(head.position, link.previous, link.digest, _text(link.entry))
        puts[_entry(link.entry.run, link.entry.seq)] = Put(written)
    return puts | {HEAD: Put(head)}, links


def _links_of(entries: tuple[Entry, ...], previous: str) -> tuple[Chained, ...]:
    links = []
    for entry in entries:
        links.append(entry.chained_to(previous))
        previous = links[-1].digest
    return tuple(links)


def _link(kept: Kept) -> tuple[int, Chained]:
    written = kept.read(Written, "an entry of the journal")
    try:
        entry = msgspec.json.decode(written.entry, type=Entry)
    except msgspec.DecodeError as error:
        raise QxError("QX-STORE-004", f"entry {written.position} of the journal cannot be read: {error}") from error
    if bytes(_text(entry)) != bytes(written.entry):
        raise QxError("QX-STORE-004", f"entry {written.position} of the journal says more than qx would have written")
    return written.position, Chained(entry, written.previous, written.digest)


def _text(entry: Entry) -> Raw:
    return Raw(canonical(msgspec.to_builtins(entry)))


def _closed(of: Run, outcome: RunOutcome, at: float) -> Run:
    return replace(of, outcome=outcome, ended_at=None if outcome is RunOutcome.OPEN else at)


def _run_in(state: State, identity: str) -> Run:
    kept = state.get(RUNS + identity)
    if kept is None:
        raise _unknown(identity)
    return kept.read(Run, identity)


def _entries(identity: str) -> str:
    return f"{ENTRIES}{quote(identity, safe='')}/"


def _entry(identity: str, seq: int) -> str:
    return f"{_entries(identity)}{seq:08d}"


def _unknown(identity: str) -> QxError:
    return QxError("QX-RUN-004", f"no run '{identity}' in this store", hint="`qx runs list` shows them.")
