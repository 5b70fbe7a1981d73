"""Evidence: what is kept of validations, region by region, and what is said of it afterwards.

A Row is one validation as it was: what it rested on beside its Basis, and what it came to. Rows of one basis make a
Block; the blocks of a region make one hash chain, which holds its notes and its checkpoints too. A row has no wall
clock: the same validation has the same row, whoever computes it. When and by whom it was kept stands in its block.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

from qx.model.rules import Outcome
from qx.model.sanctions import Cleared
from qx.model.validation import PackUsed, Verdict

Kind = Literal["validations", "note", "checkpoint"]
Matter = Literal["basis", "pack", "lists", "list"]


class _Wire(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    pass


class Basis(_Wire, frozen=True, kw_only=True):
    """What many validations share: whose rules, by which packs, lists and engine."""

    region: str  # whose record it belongs to: it never leaves that region's store
    jurisdictions: tuple[str, ...]  # whose law holds there
    packs: tuple[PackUsed, ...]  # in the order in which they were asked
    lists: str  # digest of the lists that names were held against, and of the way; '' none
    engine: str  # whose reckoning it was


class Ruled(NamedTuple):
    """What one rule came to."""

    rule_id: str
    outcome: Outcome


class Owed(NamedTuple):
    """An obligation of one validation."""

    rule_id: str
    action: str
    to: str  # who is told
    due: str  # an instant


class Row(_Wire, frozen=True, kw_only=True):
    """One validation, but for the transaction itself, which its id binds."""

    validation_id: str  # qxv1-..., of all that it rests on
    transaction_id: str = ""  # the transaction's own
    as_of: str  # the instant that it was judged at
    status: Verdict  # what it came to
    compliance_score: int  # 0 to 100
    expires_at: str  # the first instant at which it may change
    expires_because: str = ""  # what may change it then
    findings: tuple[Ruled, ...] = ()  # those that are not simply kept, in the order of the answer
    obligations: tuple[Owed, ...] = ()  # what is to be done because of it
    given: dict[str, Any] = field(default_factory=dict)  # facts laid beside the transaction: facts.copies, ...
    cleared: tuple[Cleared, ...] = ()  # clearances that counted
    lists: str = ""  # digest of the lists and these clearances; '' where none counted: then that of the basis


class Kept(NamedTuple):
    """A validation to be kept. Rows that share a basis should share the very object."""

    basis: Basis
    row: Row
    input: bytes  # the transaction's canonical form, as canonical JSON


class Note(_Wire, frozen=True, kw_only=True):
    """Something that a person said of a validation, a rule or the whole region: an override, a waiver, a review."""

    kind: str  # override, waiver, ...
    about: str = ""  # id of what it is about; '' the region
    who: str  # who says so
    at: str  # an instant: when it was said
    reason: str = ""
    payload: dict[str, Any] = field(default_factory=dict)  # what else belongs to it, JSON


class Found(NamedTuple):
    """A row as it stands in the record. `place`: from 0, in its block."""

    basis: Basis
    row: Row
    input: bytes  # the transaction's canonical form, as canonical JSON
    at: float  # Unix seconds, when it was first kept
    by: str  # who kept it
    block: int
    place: int


class Noted(NamedTuple):
    """A note as it stands in the record."""

    region: str
    note: Note
    at: float  # Unix seconds, when it was kept
    block: int


class Receipt(NamedTuple):
    """What became of rows: all numbers of rows."""

    kept: int  # written into the record now
    known: int = 0  # stood there already
    spooled: int = 0  # wait on this machine until their region's store can be reached
    lost: int = 0  # could be written nowhere

    def and_(self, other: Receipt) -> Receipt:
        return Receipt(*(one + another for one, another in zip(self, other, strict=True)))


class Content(NamedTuple):
    """What a basis speaks of, named by the SHA-256 of its bytes: packs, lists (whose lines name each list), a list."""

    digest: str
    kind: Matter
    body: bytes


class Packed(NamedTuple):
    """Rows ready to be kept; it may be made in another process. `keys`: 20 bytes for each row, its id and the first 4
    of its leaf's hash.
    """

    kind: Kind
    basis: Basis | None  # of validations
    rows: int  # how many
    root: bytes  # of the Merkle tree over the rows
    keys: bytes  # of validations
    body: bytes  # the rows and their transactions, compressed


class Draft(NamedTuple):
    """What is to become a block."""

    packed: Packed
    at: float  # Unix seconds
    by: str


class Head(NamedTuple):
    """Where the chain of a region stands."""

    number: int = 0  # of its last block; 0: there is none
    digest: str = ""  # of that block
    rows: int = 0  # validations and notes in all of it
    covered: int = 0  # number of the last block under a checkpoint
    pending: int = 0  # rows that no checkpoint covers yet


class Link(_Wire, frozen=True, kw_only=True):
    """A block's place in the chain of its region. `digest` binds all the others, `previous` the whole chain before."""

    region: str  # whose chain
    number: int  # 1, 2, 3...
    kind: Kind  # of its rows
    at: float  # Unix seconds: when it was kept
    by: str  # who kept it
    basis: str  # digest of the basis; '' of a note or a checkpoint
    count: int  # how many rows
    root: str  # of the Merkle tree over its rows
    previous: str  # digest of the block before it; '' of the first
    digest: str  # its own


class Block(NamedTuple):
    """`body`: its rows, packed."""

    link: Link
    body: bytes


class Checkpoint(_Wire, frozen=True, kw_only=True):
    """The only row of a block of its kind: the blocks from `first` to `last` in one root, signed where a key is set."""

    region: str  # whose chain
    first: int  # number of the first block that it covers
    last: int  # number of the last one: the block before its own
    rows: int  # of all of them
    root: str  # of the Merkle tree over their digests
    head: str  # digest of the last one
    key: str = ""  # Ed25519 public key, base64
    signature: str = ""  # base64, over the canonical form of all the others


class PathStep(Struct, frozen=True):
    """One sibling on the way from a leaf to the root."""

    side: Literal["left", "right"]  # where the sibling stands
    digest: str  # its own


class Proof(Struct, frozen=True, kw_only=True):
    """That a row is in the record: row -> leaf -> root of its block -> the block's digest -> the checkpoint over it."""

    validation_id: str  # of the row
    region: str  # whose record
    verified: bool = True  # every digest comes to the next one
    broken: tuple[str, ...] = ()  # those that do not
    row: str  # its very text; the leaf is the SHA-256 of a byte 0 and this
    leaf: str  # digest of the row
    place: int  # of the row in its block, from 0
    path: tuple[PathStep, ...]  # from the leaf to the block's root
    block: Link  # the block that holds it
    checkpoint: Checkpoint | None = None  # the first over that block; null: none is yet
    checkpoint_path: tuple[PathStep, ...] = ()  # from the block's digest to the checkpoint's root
    signer: str = ""  # fingerprint of the key that signed the checkpoint; '' nobody did


class RecordFault(Struct, frozen=True, kw_only=True):
    """One place where the record of a region does not hold."""

    block: int  # its number; 0: none
    place: int = -1  # of the row in it; -1: the block itself
    validation_id: str = ""  # of that row
    what: Literal[
        "changed", "removed", "inserted", "reordered", "unreadable", "header", "previous", "number", "index",
        "checkpoint", "signature", "head", "content",
    ]  # fmt: skip
    expected: str = ""  # what it should be, where that is known
    found: str = ""  # what it is


class RecordAudit(Struct, frozen=True, kw_only=True):
    """One verification of the record of one region."""

    region: str  # whose record
    store: str  # where it is
    verified: bool  # all of it holds
    reached: bool = True  # false: the store did not answer, so nothing is known
    blocks: int = 0  # in its chain
    rows: int = 0  # validations
    notes: int = 0  # what people said of them
    checkpoints: int = 0  # over them
    signers: tuple[str, ...] = ()  # fingerprints of the keys that signed checkpoints
    head: str = ""  # digest of the last block
    waiting: int = 0  # rows that wait on this machine for the store to be reached
    faults: tuple[RecordFault, ...] = ()  # where it does not hold
