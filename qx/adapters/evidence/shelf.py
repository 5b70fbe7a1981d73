"""Appending to a region's chain, whatever its tables stand in: the one algorithm, over the few questions of a Shelf.

Invariants: all within one transaction that no other writer shares, so the chain never forks; a row stands in it once;
a block's basis, packs and lists stand there before it does.

The index. A block of fewer than SMALL rows has a line for each key. A larger one has a slice for each value of a key's
first byte, which holds its keys of that byte in order: a few hundred lines, appended at the end, instead of thousands
in random places. Whether a key is known is asked of the blocks of its own basis only: an id is a digest of its basis.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

from qx.compliance import evidence as form
from qx.compliance.evidence import KEY
from qx.kernel.errors import QxError
from qx.model.evidence import Block, Content, Head, Link, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qx.adapters.evidence.seen import Seen
    from qx.model.evidence import Basis, Draft, Packed
    from qx.ports.evidence import Signs

SMALL = 1024  # rows
ENTRY = KEY + 4  # bytes of a slice's entry: a key and its place
EVERY = 1024  # rows under one checkpoint
ASKED = 32_768  # keys times large blocks: above it a filter is made first
SLICES = 256


class Shelf(Protocol):
    """The tables of one region, within one transaction."""

    def head(self) -> Head: ...

    def set_head(self, head: Head) -> None: ...

    def has_root(self, root: str, basis: str) -> bool:
        """Whether a block of these very rows stands there."""

    def large(self, basis: str) -> int:
        """How many blocks of that basis have slices."""

    def lines(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of `keys` that have lines."""

    def slices(self, basis: str, first_byte: int) -> Iterator[bytes]:
        """Of all large blocks of that basis."""

    def keys_after(self, number: int, basis: str) -> Iterator[tuple[bytes, int]]:
        """The keys of blocks of that basis after block `number`, some in one piece, and the bytes of each entry."""

    def put(self, block: Block, entries: bytes) -> None:
        """`entries`: keys with their places (4 bytes each), in order."""

    def digests(self, first: int, last: int) -> tuple[str, ...]: ...

    def missing(self, digests: Iterable[str]) -> set[str]: ...

    def put_content(self, content: Content) -> None: ...


class Appender:
    """`region`: whose chain. Holds what one process knows of the index, which is never more than the index knows."""

    def __init__(self, region: str, signer: Callable[[], Signs | None]) -> None:
        self._region, self._signer = region, signer
        self._held: dict[Basis, str] = {}  # basis -> its digest: all that it speaks of stands in the store
        self._seen: tuple[str, Seen] | None = None  # of one basis

    def forget(self) -> None:
        """After a transaction that came to nothing, or may have."""
        self._held.clear()
        self._seen = None

    def append(
        self, shelf: Shelf, drafts: Sequence[Draft], contents: Callable[[Basis], Iterable[Content]]
    ) -> Receipt:
        head, kept, known = shelf.head(), 0, 0
        for packed, at, by in drafts:
            basis = "" if packed.basis is None else self._basis(shelf, packed.basis, contents)
            fresh = self._fresh(shelf, packed, basis, head)
            known += packed.rows - (fresh.rows if fresh is not None else 0)
            if fresh is None:
                continue
            block = form.linked(self._region, head, fresh, basis, at, by)
            shelf.put(block, _entries(fresh.keys))
            head, kept = form.advanced(head, block), kept + fresh.rows
            if self._seen is not None and self._seen[0] == basis:
                self._seen[1].upto = head.number
        if kept:
            if head.pending >= EVERY:
                head = self._checkpointed(shelf, head, drafts[-1].at, drafts[-1].by)
            shelf.set_head(head)
        return Receipt(kept, known)

    def seal(self, shelf: Shelf, at: float, by: str) -> None:
        head = shelf.head()
        if head.pending:
            shelf.set_head(self._checkpointed(shelf, head, at, by))

    def _checkpointed(self, shelf: Shelf, head: Head, at: float, by: str) -> Head:
        over = form.checkpoint_over(self._region, head, shelf.digests(head.covered + 1, head.number))
        packed = form.packed_checkpoint(form.signed(over, self._signer()))
        block = form.linked(self._region, head, packed, "", at, by)
        shelf.put(block, b"")
        return form.advanced(head, block)

    def _basis(self, shelf: Shelf, basis: Basis, contents: Callable[[Basis], Iterable[Content]]) -> str:
        if basis not in self._held:
            own = form.content_of(basis)
            if shelf.missing((own.digest,)):
                named = {each.digest for each in basis.packs} | ({basis.lists} if basis.lists else set())
                offered = {each.digest: each for each in contents(basis)} if shelf.missing(named) else {}
                for digest in shelf.missing(offered):
                    shelf.put_content(offered[digest])
                shelf.put_content(own)
            self._held[basis] = own.digest
        return self._held[basis]

    def _fresh(self, shelf: Shelf, packed: Packed, basis: str, head: Head) -> Packed | None:
        """What of it is new."""
        if shelf.has_root(packed.root.hex(), basis):
            return None
        if not packed.keys:
            return packed
        large = shelf.large(basis)
        if large * packed.rows > ASKED or (self._seen is not None and self._seen[0] == basis):  # then it is told of all
            seen = self._filter(shelf, basis, head)
            keys = [packed.keys[place * KEY : (place + 1) * KEY] for place in seen.tell(packed.keys)]
        else:
            keys = form.keys_of(packed.keys)
        known = _known(shelf, basis, keys, large)
        return form.without(packed, known) if known else packed

    def _filter(self, shelf: Shelf, basis: str, head: Head) -> Seen:
        """One that was told of every key of that basis."""
        if self._seen is None or self._seen[0] != basis:
            from qx.adapters.evidence.seen import Seen  # with numpy, which one transaction does without

            self._seen = (basis, Seen())
        seen = self._seen[1]
        if seen.upto < head.number:
            for keys, width in shelf.keys_after(seen.upto, basis):
                seen.tell(keys if width == KEY else b"".join(_cut(keys, width)))
            seen.upto = head.number
        return seen


def _known(shelf: Shelf, basis: str, keys: Sequence[bytes], large: int) -> set[bytes]:
    if not keys:
        return set()
    known = shelf.lines(keys)
    by_byte: dict[int, list[bytes]] = defaultdict(list)
    for key in keys if large else ():
        by_byte[key[0]].append(key)
    for byte, asked in by_byte.items():
        for entries in shelf.slices(basis, byte):
            known |= {key for key in asked if place_in(entries, key) is not None} if len(asked) < 4 else (
                set(asked) & set(_cut(entries, ENTRY))
            )  # fmt: skip
    return known


def place_in(entries: bytes, key: bytes) -> int | None:
    """The place that an entry of a slice tells of a key; `key` may be the beginning of one: then the first such."""
    at = entries.find(key)
    while at >= 0:
        if at % ENTRY == 0:
            return int.from_bytes(entries[at + KEY : at + ENTRY], "big")
        at = entries.find(key, at + 1)
    return None


def split(entries: bytes) -> Iterator[tuple[int, bytes]]:
    """(first byte, slice), of entries in order; bytes that none begins with are left out."""
    first = entries[::ENTRY]
    begin = 0
    for byte in range(SLICES):
        end = bisect_right(first, byte, begin)
        if end > begin:
            yield byte, entries[begin * ENTRY : end * ENTRY]
        begin = end


def index_of(entries: bytes) -> dict[bytes, int]:
    return {
        entries[at : at + KEY]: int.from_bytes(entries[at + KEY : at + ENTRY], "big")
        for at in range(0, len(entries), ENTRY)
    }


def _entries(keys: bytes) -> bytes:
    if len(keys) < SMALL * KEY:
        return b"".join(sorted(key + place.to_bytes(4, "big") for place, key in enumerate(form.keys_of(keys))))
    from qx.adapters.evidence.ordered import entries  # as above

    return entries(keys)


def _cut(entries: bytes, width: int) -> list[bytes]:
    return [entries[at : at + KEY] for at in range(0, len(entries), width)]


def block_of(row: tuple[Any, ...]) -> Block:
    region, number, kind, at, by, basis, count, root, previous, digest, body = row
    link = Link(region=region, number=number, kind=kind, at=at, by=by, basis=basis, count=count, root=root,
                previous=previous, digest=digest)  # fmt: skip
    return Block(link, body)


def content_of(row: tuple[Any, ...]) -> Content:
    """Raises QX-STORE-004."""
    digest, kind, body = row
    try:
        return Content(digest, kind, zlib.decompress(body))
    except zlib.error as error:
        raise QxError("QX-STORE-004", f"the record's {kind} {digest} cannot be read: {error}") from error
