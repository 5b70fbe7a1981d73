"""Proofs of the record: that all of a region's record is what was written, and that one row is in it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.compliance import evidence as form
from qx.compliance.evidence import SEPARATOR
from qx.compliance.examined import Examination, proven
from qx.kernel import merkle
from qx.kernel.errors import QxError
from qx.model.evidence import PathStep, Proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.evidence import Block, Found, RecordAudit
    from qx.ports.evidence import Chain


def examined(chain: Chain, region: str, waiting: int = 0) -> RecordAudit:
    """Every block, every row. Raises QX-STORE-005, QX-STORE-009."""

    def body_of(digest: str) -> bytes | None:
        content = chain.content(digest)
        return None if content is None else content.body

    examination = Examination(region, body_of, _signed_by)
    for block in chain.blocks():
        examination.look(block, chain.index(block.link.number))
    for number in examination.lost(chain.indexed()):
        examination.missing(number, chain.index(number))
    for content in chain.contents():
        examination.content(content)
    return examination.finish(chain.head(), chain.name, waiting)


def proof_of(chain: Chain, found: Found) -> Proof:
    """The audit paths of a row. Raises QX-STORE-*, QX-TXN-005 where it is not in a block yet."""
    block = chain.block(found.block) if found.block else None
    if block is None:
        hint = "it is written when the store can be reached, after the next validation of that region"
        raise QxError("QX-TXN-005", f"{found.row.validation_id} still waits on this machine", hint=hint)
    lines = _lines(block)
    leaves = [sha256(SEPARATOR + line).digest() for line in lines]
    proof = Proof(
        validation_id=found.row.validation_id, region=found.basis.region, row=lines[found.place].decode(),
        leaf=leaves[found.place].hex(), place=found.place, path=_steps(merkle.path(leaves, found.place)),
        block=block.link,
    )  # fmt: skip
    above = chain.covering(found.block)
    if above is not None:
        proof = _covered(chain, proof, above)
    broken, signer = proven(proof, _signed_by)
    return replace(proof, verified=not broken, broken=broken, signer=signer)


def _covered(chain: Chain, proof: Proof, above: Block) -> Proof:
    try:
        checkpoint = form.checkpoint_of(_lines(above)[0])
    except form.Unreadable as error:
        raise QxError("QX-STORE-004", f"block {above.link.number} cannot be read: {error}") from error
    digests = form.digest_leaves(chain.digests(checkpoint.first, checkpoint.last))
    at = proof.block.number - checkpoint.first
    if not 0 <= at < len(digests):
        raise QxError("QX-STORE-004", f"checkpoint {above.link.number} does not cover block {proof.block.number}")
    return replace(proof, checkpoint=checkpoint, checkpoint_path=_steps(merkle.path(digests, at)))


def _lines(block: Block) -> list[bytes]:
    try:
        return form.lines_of(block.body)
    except form.Unreadable as error:
        raise QxError("QX-STORE-004", f"block {block.link.number} cannot be read: {error}") from error


def _steps(siblings: Sequence[merkle.Sibling]) -> tuple[PathStep, ...]:
    return tuple(PathStep("left" if each.left else "right", each.digest.hex()) for each in siblings)


def _signed_by(key: bytes, message: bytes, signature: str) -> bool:
    from qx.adapters.ed25519 import signed_by

    return signed_by(key, message, signature)
