"""Space: the keys under one prefix of an etcd cluster; one state is read, and changes are committed, all or nothing.

A change is decided from what stands and committed only if none of that was written meanwhile; else it is decided anew.
So it is done once however often it arrives, and what a slow member delivers late changes nothing any more: every value
carries the mark of the commit that wrote it (`by`), by which a commit whose answer was lost is found again.
Invariants: a read is linearizable, a page of a listing is of the same revision as the first. Never: a write
that a late copy of itself could spoil; `blind` is for values of which any order will do.
"""

from __future__ import annotations

import itertools
from math import ceil
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Raw, Struct, json

from qx.adapters.etcd import wire
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from qx.adapters.etcd.gateway import Deadline, Gateway

T = TypeVar("T")
V = TypeVar("V")

PAGE = 500  # keys
OPERATIONS = 100  # in one transaction; etcd's default limit is 128
REMEMBERED = 64


class _Marked(Struct, frozen=True, forbid_unknown_fields=True):
    """A value as it stands in etcd: who wrote it (executor.number), and what."""

    by: str
    body: Raw


class Kept(NamedTuple):
    """What stands at a key."""

    by: str
    body: bytes
    revision: int

    def read(self, kind: type[V], what: str) -> V:
        """Raises QX-STORE-004."""
        try:
            return json.decode(self.body, type=kind)
        except msgspec.DecodeError as error:
            raise QxError("QX-STORE-004", f"{what} cannot be read: {error}") from error


State = dict[str, Kept]


class Put(NamedTuple):
    """A new value; `lease`: goes when that ends."""

    value: Any
    lease: int = 0


class Change(NamedTuple, Generic[T]):
    """What to write and to delete, and what it comes to at the revision where it stands."""

    result: Callable[[int], T]
    puts: Mapping[str, Put] = {}
    drops: Sequence[str] = ()


class Term(NamedTuple):
    """An etcd lease. `until`: Unix seconds, from before it was asked for, so that etcd never ends it sooner."""

    lease: int
    until: float


class Reading(Protocol):
    """What `Space` and `Seen` are for whoever only reads."""

    def now(self) -> float: ...

    def get(self, *keys: str) -> State: ...

    def under(self, prefix: str, *, limit: int = 0) -> State: ...

    def between(self, first: str, end: str) -> State: ...


class Seen:
    """States that were read together at one revision, as `Space` reads them. What was not asked for is absent."""

    def __init__(self, state: State, now: float) -> None:
        self._now = now
        self._groups: dict[str, State] = {}  # by what stands before the first slash
        for key, kept in state.items():
            self._groups.setdefault(key.partition("/")[0], {})[key] = kept

    def now(self) -> float:
        return self._now

    def get(self, *keys: str) -> State:
        return {key: group[key] for key in keys if key in (group := self._group(key))}

    def under(self, prefix: str, *, limit: int = 0) -> State:
        found = sorted(key for key in self._group(prefix) if key.startswith(prefix))
        return {key: self._group(prefix)[key] for key in found[: limit or None]}

    def between(self, first: str, end: str) -> State:
        return {key: kept for key, kept in sorted(self._group(first).items()) if first <= key < end}

    def _group(self, key: str) -> State:
        return self._groups.get(key.partition("/")[0], {})


class Space:
    """`executor`: names who writes; `now`: Unix seconds."""

    def __init__(self, gateway: Gateway, prefix: str, executor: str, now: Callable[[], float]) -> None:
        self.gateway, self.prefix, self.executor, self.now = gateway, prefix, executor, now
        self._numbers = itertools.count(1)
        self._last: dict[str, Kept | None] = {}  # a guess at what stands: never trusted, only tried

    def get(self, *keys: str) -> State:
        """One state; keys where nothing stands are left out. Raises QX-STORE-005, QX-STORE-004."""
        return self._read(keys, self.gateway.deadline())[0]

    def under(self, prefix: str, *, limit: int = 0) -> State:
        """All that stand under `prefix`, in order."""
        return self.listed(self.key(prefix), wire.end_of(self.key(prefix)), limit=limit)[0]

    def between(self, first: str, end: str) -> State:
        return self.listed(self.key(first), self.key(end))[0]

    def listing(self, prefix: str) -> tuple[State, int]:
        """As `under`, with the revision of which it is."""
        return self.listed(self.key(prefix), wire.end_of(self.key(prefix)))

    def listed(self, first: bytes, end: bytes, *, limit: int = 0) -> tuple[State, int]:
        """`limit` 0: all, page by page."""
        deadline, found, revision = self.gateway.deadline(), State(), 0
        while True:
            query = wire.many(first, end, limit=limit or PAGE, revision=revision)
            page = self.gateway.ask("/v3/kv/range", query, wire.Ranged, deadline)
            found |= self._state(page.kvs)
            revision = revision or page.header.revision
            if limit or not page.more:
                return found, revision
            first = page.kvs[-1].key + b"\0"

    def together(self, queries: Sequence[wire.Message]) -> Seen:
        """All that `queries` find, by one question, at one revision."""
        message = {"success": [wire.get(query) for query in queries]}
        answer = self.gateway.ask("/v3/kv/txn", message, wire.Committed, self.gateway.deadline())
        return Seen(self._state(_kvs(answer)), self.now())

    def prefix_of(self, name: str) -> tuple[bytes, bytes]:
        """From the first key under `name` to the first after them."""
        return self.key(name), wire.end_of(self.key(name))

    def term(self, ttl: float, deadline: Deadline | None = None) -> Term:
        """`ttl` in seconds: rounded up, and never below what the election timeout of the members allows."""
        asked = self.now()
        deadline = deadline or self.gateway.deadline()
        message = {"TTL": max(1, ceil(ttl)), "ID": 0}
        granted = self.gateway.ask("/v3/lease/grant", message, wire.Granted, deadline)
        return Term(granted.id, asked + granted.ttl)

    def blind(self, puts: Mapping[str, Put]) -> None:
        """Values that each say all there is to say, in any order, twice or late. All, or Unsure."""
        for chunk in _chunks(list(puts.items())):
            message = {"success": [self._put(key, self._mark(put.value), put.lease) for key, put in chunk]}
            self.gateway.ask("/v3/kv/txn", message, wire.Committed, self.gateway.deadline(), writes=True)

    def change(
        self, keys: Sequence[str], decide: Callable[[State, Callable[[float], Term]], Change[T]], *, guess: bool = False
    ) -> T:
        """Decide from what stands at `keys`, commit, and answer with the result.

        `decide` gets that state and a way to a term, which is granted once; it may be asked several times, and only
        keys among `keys` may be written. `guess`: begin with the state that this space left there, which saves a
        question where nobody else writes; what a guess refuses is asked again. Raises what `decide` raises,
        QX-STORE-005, and that as Unsure when it may be done.
        """
        deadline = self.gateway.deadline()
        terms: list[Term] = []

        def term(ttl: float) -> Term:
            if not terms:
                terms.append(self.term(ttl, deadline))
            return terms[0]

        state = {key: kept for key in keys if (kept := self._last.get(key))} if guess else State()
        fresh = not guess or not state
        if fresh:
            state, revision = self._read(keys, deadline)
        else:
            revision = 0
        while True:
            try:
                change = decide(state, term)
            except QxError:
                if fresh:
                    raise
                change = None
            if change is None or not (fresh or change.puts or change.drops):
                (state, revision), fresh = self._read(keys, deadline), True
                continue
            if not (change.puts or change.drops):
                return change.result(revision)
            mark = self._next_mark()
            answer = self._commit(keys, state, change, mark, deadline)
            if answer.succeeded:
                self._remember(change, mark, answer.header.revision)
                return change.result(answer.header.revision)
            state, revision, fresh = self._state(_kvs(answer)), answer.header.revision, True
            if (stood := _found(change, mark, state, revision)) is not None:
                return change.result(stood)
            if deadline.over:
                hint = "Somebody writes all the time: `qx runs list` shows who is at work. Repeat it."
                raise QxError("QX-STORE-005", "others changed it again and again meanwhile", hint=hint)

    def _commit(
        self, keys: Sequence[str], state: State, change: Change[T], mark: str, deadline: Deadline
    ) -> wire.Committed:
        writes = [self._put(key, _marked(mark, put.value), put.lease) for key, put in change.puts.items()]
        message = {
            "compare": [wire.stands_at(self.key(key), state[key].revision if key in state else 0) for key in keys],
            "success": [*writes, *(wire.delete(self.key(key)) for key in change.drops)],
            "failure": [wire.get(wire.one(self.key(key))) for key in keys],
        }
        return self.gateway.ask("/v3/kv/txn", message, wire.Committed, deadline, writes=True)

    def _read(self, keys: Sequence[str], deadline: Deadline) -> tuple[State, int]:
        if not keys:
            return State(), 0
        message = {"success": [wire.get(wire.one(self.key(key))) for key in keys]}
        answer = self.gateway.ask("/v3/kv/txn", message, wire.Committed, deadline)
        return self._state(_kvs(answer)), answer.header.revision

    def _state(self, kvs: Sequence[wire.KeyValue]) -> State:
        return {self.name(kv.key): self.kept(kv) for kv in kvs}

    def _remember(self, change: Change[T], mark: str, revision: int) -> None:
        if len(self._last) > REMEMBERED:
            self._last.clear()
        for key, put in change.puts.items():
            self._last[key] = Kept(mark, json.encode(put.value), revision)
        for key in change.drops:
            self._last.pop(key, None)

    def key(self, name: str) -> bytes:
        return (self.prefix + name).encode()

    def name(self, key: bytes) -> str:
        return key.decode().removeprefix(self.prefix)

    def kept(self, kv: wire.KeyValue) -> Kept:
        """Raises QX-STORE-004."""
        try:
            marked = json.decode(kv.value, type=_Marked)
        except msgspec.DecodeError as error:
            said = f"what stands at {kv.key.decode()} is not qx's: {error}"
            raise QxError("QX-STORE-004", said, hint="Is store.etcd.prefix somebody else's?") from error
        return Kept(marked.by, bytes(marked.body), kv.mod_revision)

    def _put(self, name: str, value: bytes, lease: int) -> wire.Message:
        return wire.put(self.key(name), value, lease)

    def _mark(self, value: Any) -> bytes:
        return _marked(self._next_mark(), value)

    def _next_mark(self) -> str:
        return f"{self.executor}.{next(self._numbers)}"


def _marked(mark: str, value: Any) -> bytes:
    return json.encode(_Marked(mark, Raw(json.encode(value))))


def _kvs(answer: wire.Committed) -> list[wire.KeyValue]:
    return [kv for each in answer.responses if each.response_range for kv in each.response_range.kvs]


def _found(change: Change[T], mark: str, state: State, revision: int) -> int | None:
    """The revision at which this very commit stands, although another answer said that it cannot be made (again)."""
    if not change.puts:
        return revision if not any(key in state for key in change.drops) else None
    return next((state[key].revision for key in change.puts if key in state and state[key].by == mark), None)


def _chunks(items: list[tuple[str, Put]]) -> Iterator[list[tuple[str, Put]]]:
    return (items[first : first + OPERATIONS] for first in range(0, len(items), OPERATIONS))
