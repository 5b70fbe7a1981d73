"""Examining the record of a region: is every block what was written, in its place, and does all that speaks of it
agree? Pure; whoever has the blocks gives them here, in order.

Found are rows and blocks that were changed, removed, inserted or put in another order. What was rewritten whole, with
every digest after it, only a signed checkpoint or a digest kept elsewhere can tell.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

from qx.compliance import evidence as form
from qx.compliance.evidence import KEY, PREFIX, SEPARATOR, Unreadable
from qx.kernel import merkle
from qx.kernel.publickey import fingerprint
from qx.model.evidence import Basis, Block, Content, Head, Link, RecordAudit, RecordFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qx.model.evidence import Checkpoint, PathStep, Proof

    SignedBy = Callable[[bytes, bytes, str], bool]  # key, message, signature in base64

MOST_FAULTS = 1000
ID_ONLY = 16


class Examination:
    """`contents`: digest -> bytes, None where there are none."""

    def __init__(self, region: str, contents: Callable[[str], bytes | None], signed_by: SignedBy) -> None:
        self._region, self._contents, self._signed_by = region, contents, signed_by
        self._head = Head()
        self._since: list[str] = []  # digests of blocks that no checkpoint covers
        self._seen: set[int] = set()  # numbers of blocks with rows in the index
        self._bases: dict[str, Basis | None] = {}
        self._signers: dict[str, None] = {}
        self._blocks = self._rows = self._notes = self._checkpoints = 0
        self.faults: list[RecordFault] = []

    def look(self, block: Block, index: Mapping[bytes, int]) -> None:
        """The next one. `index`: what the index says of it."""
        link = block.link
        self._blocks += 1
        self._linked(link)
        try:
            lines = form.lines_of(block.body)
            inputs = form.inputs_of(block.body) if link.kind == "validations" else []
        except Unreadable as error:
            self._add(RecordFault(block=link.number, what="unreadable", found=str(error)))
            lines = inputs = []
        else:
            self._rooted(link, lines, inputs, index)
        if link.kind == "validations":
            self._seen.add(link.number)
            self._rows += link.count
            self._indexed(link, lines, inputs, index)
        elif link.kind == "note":
            self._notes += 1
        elif lines:
            self._checkpoint(link, lines[0])
        self._head = form.advanced(self._head._replace(number=link.number - 1, digest=link.previous), block)
        if link.kind == "checkpoint":
            self._since = []
        self._since.append(link.digest)

    def finish(self, head: Head, store: str, waiting: int = 0) -> RecordAudit:
        """`head`: as the store tells it."""
        if (head.number, head.digest, head.rows) != (self._head.number, self._head.digest, self._head.rows):
            self._add(RecordFault(block=self._head.number, what="head", expected=f"{head.number} {head.digest}",
                            found=f"{self._head.number} {self._head.digest}"))  # fmt: skip
        return RecordAudit(
            region=self._region, store=store, verified=not self.faults, blocks=self._blocks, rows=self._rows,
            notes=self._notes, checkpoints=self._checkpoints, signers=tuple(self._signers), head=self._head.digest,
            waiting=waiting, faults=tuple(self.faults),
        )  # fmt: skip

    def lost(self, indexed: Iterable[int]) -> list[int]:
        """Blocks that the index speaks of and that do not stand there."""
        return sorted(set(indexed) - self._seen)

    def missing(self, number: int, index: Mapping[bytes, int]) -> None:
        """A block that is gone, and what the index still says of it."""
        for key, place in sorted(index.items(), key=lambda each: each[1]):
            self._add(RecordFault(block=number, place=place, validation_id=_named(key), what="removed"))

    def _linked(self, link: Link) -> None:
        if link.number != (next_one := self._head.number + 1):
            self._add(RecordFault(block=link.number, what="number", expected=str(next_one), found=str(link.number)))
        if link.previous != self._head.digest:
            self._add(RecordFault(block=link.number, what="previous", expected=self._head.digest, found=link.previous))
        if (digest := form.link_digest(link)) != link.digest:
            self._add(RecordFault(block=link.number, what="header", expected=link.digest, found=digest))
        if link.region != self._region:
            self._add(RecordFault(block=link.number, what="header", expected=self._region, found=link.region))

    def _rooted(self, link: Link, lines: list[bytes], inputs: list[bytes], index: Mapping[bytes, int]) -> None:
        """Whether the rows are those of the root. Which ones are not, the index tells."""
        leaves = [sha256(SEPARATOR + line).digest() for line in lines]
        root = merkle.root(leaves).hex()
        if root == link.root and len(lines) == link.count and (not inputs or len(inputs) == link.count):
            return
        before = len(self.faults)
        if link.kind == "validations":
            self._compared(link, lines, leaves, index)
        if len(self.faults) == before:
            self._add(RecordFault(block=link.number, what="changed", expected=link.root, found=root))

    def _compared(self, link: Link, lines: list[bytes], leaves: list[bytes], index: Mapping[bytes, int]) -> None:
        by_id = {key[:ID_ONLY]: key for key in index}
        met: set[bytes] = set()
        standing: list[tuple[int, int, str]] = []  # place by the index, place, id
        for place, (line, leaf) in enumerate(zip(lines, leaves, strict=True)):
            name = _id_in(line)
            key = _key_of(name, leaf)
            met.add(key[:ID_ONLY])
            if key in index:
                standing.append((index[key], place, name))
            else:
                what: Literal["changed", "inserted"] = "changed" if key[:ID_ONLY] in by_id else "inserted"
                self._add(RecordFault(block=link.number, place=place, validation_id=name, what=what))
        for (was, place, name), (wanted, _, _) in zip(standing, sorted(standing), strict=True):
            if was != wanted:  # what only moved up or down with others is in its order still
                self._add(RecordFault(block=link.number, place=place, validation_id=name, what="reordered",
                                expected=str(was), found=str(place)))  # fmt: skip
        for name_bytes, key in by_id.items():
            if name_bytes not in met:
                self._add(RecordFault(block=link.number, place=index[key], validation_id=_named(key), what="removed"))

    def _indexed(self, link: Link, lines: list[bytes], inputs: list[bytes], index: Mapping[bytes, int]) -> None:
        """Whether index, basis and ids agree with the rows."""
        if len(index) != link.count:
            told = (f"{link.count} rows", f"{len(index)} rows")
            self._add(RecordFault(block=link.number, what="index", expected=told[0], found=told[1]))
        basis = self._basis(link)
        if basis is None or len(inputs) != len(lines):
            return
        for place, (line, data) in enumerate(zip(lines, inputs, strict=True)):
            try:
                row = form.row_of(line)
            except Unreadable as error:
                self._add(RecordFault(block=link.number, place=place, what="unreadable", found=str(error)))
                continue
            name = form.identity_of(basis, row, data)
            if name != row.validation_id:
                self._add(RecordFault(block=link.number, place=place, validation_id=row.validation_id, what="changed",
                                expected=row.validation_id, found=name))  # fmt: skip

    def _basis(self, link: Link) -> Basis | None:
        if link.basis not in self._bases:
            body = self._contents(link.basis)
            try:
                self._bases[link.basis] = msgspec.json.decode(body or b"", type=Basis)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._bases[link.basis] = None
                self._add(RecordFault(block=link.number, what="content", expected=link.basis, found="no basis"))
        return self._bases[link.basis]

    def content(self, found: Content) -> None:
        """Whether it is what its name says."""
        digest = sha256(found.body).hexdigest()
        if digest != found.digest:
            self._add(RecordFault(block=0, what="content", expected=found.digest, found=digest))

    def _checkpoint(self, link: Link, line: bytes) -> None:
        self._checkpoints += 1
        try:
            said = form.checkpoint_of(line)
        except Unreadable as error:
            self._add(RecordFault(block=link.number, what="checkpoint", found=str(error)))
            return
        over = form.checkpoint_over(self._region, self._head, self._since)
        bare = msgspec.structs.replace(said, key="", signature="")
        if bare != over:
            self._add(RecordFault(block=link.number, what="checkpoint", expected=over.root, found=bare.root))
        signer = _signer(said, self._signed_by)
        if said.key and not signer:
            self._add(RecordFault(block=link.number, what="signature", found=said.signature))
        elif signer:
            self._signers[signer] = None

    def _add(self, fault: RecordFault) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def proven(proof: Proof, signed_by: SignedBy) -> tuple[tuple[str, ...], str]:
    """(what does not hold of it, fingerprint of who signed the checkpoint). From nothing but the proof itself."""
    broken = []
    leaf = merkle.leaf(proof.row.encode())
    if leaf.hex() != proof.leaf or proof.validation_id not in proof.row:
        broken.append("the leaf is not the row's")
    if _climbed(leaf, proof.path) != proof.block.root:
        broken.append("the path does not lead from the row to the root of its block")
    if form.link_digest(proof.block) != proof.block.digest:
        broken.append("the block's digest is not that of what it says")
    checkpoint = proof.checkpoint
    if checkpoint is None:
        return tuple(broken), ""
    if _climbed(merkle.leaf(bytes.fromhex(proof.block.digest)), proof.checkpoint_path) != checkpoint.root:
        broken.append("the path does not lead from the block to the root of its checkpoint")
    signer = _signer(checkpoint, signed_by)
    if checkpoint.key and not signer:
        broken.append("the checkpoint's signature is not that of its key")
    return tuple(broken), signer


def _climbed(start: bytes, steps: Iterable[PathStep]) -> str:
    siblings = (merkle.Sibling(each.side == "left", bytes.fromhex(each.digest)) for each in steps)
    return merkle.climbed(start, siblings).hex()


def _signer(checkpoint: Checkpoint, signed_by: SignedBy) -> str:
    """Fingerprint of the key that signed it; '' nobody did, or not this."""
    if not checkpoint.key:
        return ""
    try:
        key = base64.b64decode(checkpoint.key, validate=True)
    except binascii.Error:
        return ""
    return fingerprint(key) if signed_by(key, form.signed_part(checkpoint), checkpoint.signature) else ""


def _id_in(line: bytes) -> str:
    try:
        return form.row_of(line).validation_id
    except Unreadable:
        return ""


def _key_of(name: str, leaf: bytes) -> bytes:
    try:
        return bytes.fromhex(name.removeprefix(PREFIX)) + leaf[: KEY - ID_ONLY]
    except ValueError:
        return leaf[:KEY]


def _named(key: bytes) -> str:
    return PREFIX + key[:ID_ONLY].hex()
