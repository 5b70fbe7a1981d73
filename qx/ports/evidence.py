"""Evidence: the record of validations. What callers use (`Evidence`), and the store of one region below it (`Chain`).

Everything here blocks, and serves one thread at a time; an event loop calls it through a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from qx.model.evidence import (
    Basis,
    Block,
    Content,
    Draft,
    Found,
    Head,
    Kept,
    Kind,
    Note,
    Noted,
    Packed,
    Receipt,
)


class Evidence(Protocol):
    """Of all regions. A row goes to the store of its own region, or waits on this machine until that can be reached.

    `keep` and `note` raise nothing that a store does: an answer never depends on its record. They warn instead.
    """

    def keep(self, results: Sequence[Kept]) -> Receipt:
        """In the order given, on a disk before it returns. The same row twice is one row."""

    def keep_packed(self, packed: Sequence[Packed]) -> Receipt:
        """As `keep`, of rows that were packed elsewhere (`qx.compliance.evidence.pack`)."""

    def note(self, region: str, note: Note) -> Receipt: ...

    def find(self, validation_id: str, region: str | None = None) -> Found | None:
        """The latest row of that id; block 0: it waits yet. Raises QX-TXN-004, QX-STORE-004 of a broken record, 005 and
        009 where one cannot be read.
        """

    def range(self, region: str, since: float, until: float) -> Iterator[Found]:
        """Rows first kept from `since` (included) to `until` (not), Unix seconds, block by block. Raises as `find`."""

    def notes(self, region: str, kind: str, since: float, until: float) -> Iterator[Noted]:
        """Likewise; `kind` '' all kinds."""

    def close(self) -> None: ...


class Signs(Protocol):
    """Who signs checkpoints."""

    public: bytes  # Ed25519, 32 bytes

    def sign(self, message: bytes) -> str:
        """In base64."""


class Chain(Protocol):
    """The store of one region. Raises QxError where it cannot be reached or does not do as it is told."""

    @property
    def name(self) -> str:
        """Where it is, for people; never a password."""

    def append(self, drafts: Sequence[Draft], contents: Callable[[Basis], Iterable[Content]]) -> Receipt:
        """All of them or none, in their order, after what any other process appended; on the disk before it returns.
        Rows that stand in it already are passed over. `contents` is asked for what a new basis speaks of.
        """

    def seal(self, at: float, by: str) -> None:
        """A checkpoint over what no checkpoint covers yet, if there is any."""

    # -- reading; nothing here makes a store that is not there
    def head(self) -> Head: ...

    def holding(self, key: bytes) -> tuple[int, ...]:
        """Numbers of the blocks that hold a row whose id (16 bytes) is `key`, in order."""

    def block(self, number: int) -> Block | None: ...

    def blocks(self, first: int = 1) -> Iterator[Block]:
        """All from that number on, in order."""

    def between(self, kind: Kind, since: float, until: float) -> Iterator[Block]:
        """Of one kind, by when they were kept: from `since` (included) to `until` (not)."""

    def covering(self, number: int) -> Block | None:
        """The checkpoint that covers this block."""

    def digests(self, first: int, last: int) -> tuple[str, ...]:
        """Of the blocks from `first` to `last`, in order."""

    def index(self, number: int) -> dict[bytes, int]:
        """What the index says of a block: key (20 bytes) -> place."""

    def indexed(self) -> frozenset[int]:
        """Numbers of all blocks that the index speaks of."""

    def content(self, digest: str) -> Content | None: ...

    def contents(self) -> Iterator[Content]: ...

    def shut(self) -> None: ...
