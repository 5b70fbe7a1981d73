"""The form of the record: rows -> what is kept of them, blocks -> rows, how a block is chained. Pure.

A row's leaf is the hash of its very JSON, as a store keeps it: a row that was written by an older qx still has the hash
that it had. The transaction itself is bound by the validation's id, which stands in the row and is a digest of it.
"""

from __future__ import annotations

import base64
import re
import zlib
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from qx.kernel import merkle
from qx.kernel.canon import canonical, chained
from qx.kernel.errors import QxError
from qx.model.evidence import (
    Basis,
    Block,
    Checkpoint,
    Content,
    Head,
    Kept,
    Kind,
    Link,
    Matter,
    Note,
    Owed,
    Packed,
    Row,
    Ruled,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from qx.compliance.screening import Lists, Screened
    from qx.compliance.transaction import Transaction
    from qx.model.rules import RulePack
    from qx.model.validation import Validation
    from qx.ports.evidence import Signs

T = TypeVar("T")
LARGEST, FULLEST = 8192, 32 << 20  # rows of one block, and their bytes
ID, KEY = 16, 20  # bytes of an id, of an id and the beginning of its row's leaf
PREFIX = "qxv1-"
SEPARATOR = b"\0"  # before each row: no JSON holds it
LEVEL = 1  # of zlib: rows of one batch are alike
LITTLE = 1 << 16  # bytes that are compressed by zlib itself
MOST_BYTES = 1 << 30  # that a body may unpack to
TOLD = frozenset({"pass", "not_applicable", "not_in_force"})  # outcomes that are counted, not kept one by one

_ENCODER = msgspec.json.Encoder(order="deterministic")
_TEXT = msgspec.json.Encoder().encode
_ROW, _NOTE = msgspec.json.Decoder(Row), msgspec.json.Decoder(Note)
_CHECKPOINT = msgspec.json.Decoder(Checkpoint)


_DIGEST = re.compile(r"[0-9a-f]{64}")


class Unreadable(ValueError):
    """A body that is not what was written."""


def kept_of(
    found: Validation, transaction: Transaction, screened: Screened | None = None, lists: str = "", *,
    basis: Basis | None = None, given: Mapping[str, object] | None = None,
) -> Kept:  # fmt: skip
    """The same whether `found` tells every rule or only what is not simply kept. `lists`: the digest of the lists
    alone, wanted where clearances counted (`screened`). `basis`: its own, if it is at hand. `given`: facts that were
    laid beside the transaction, by path, as JSON.
    """
    cleared = tuple(each.cleared for each in screened.matches if each.cleared is not None) if screened else ()
    alone = lists if cleared and lists else found.lists
    return Kept(
        basis or basis_of(found, alone),
        Row(
            validation_id=found.validation_id, transaction_id=found.transaction_id, as_of=found.as_of,
            status=found.status, compliance_score=found.compliance_score, expires_at=found.expires_at,
            expires_because=found.expires_because,
            findings=tuple(Ruled(each.rule_id, each.outcome) for each in found.findings if each.outcome not in TOLD),
            obligations=tuple(Owed(each.rule_id, each.action, each.to, each.due) for each in found.obligations),
            given=dict(given or {}), cleared=cleared, lists="" if alone == found.lists else found.lists,
        ),
        canonical(transaction.canonical),
    )  # fmt: skip


def basis_of(found: Validation, lists: str = "") -> Basis:
    """`lists`: as of `kept_of`."""
    return Basis(region=found.region, jurisdictions=found.jurisdictions, packs=found.packs, lists=lists or found.lists,
                 engine=found.engine)  # fmt: skip


# -- contents


def content_of(basis: Basis) -> Content:
    return _content("basis", canonical(msgspec.to_builtins(basis)))


def contents_of(packs: Iterable[RulePack], lists: Lists | None) -> Iterator[Content]:
    """What the basis of a validation by these speaks of."""
    for each_pack in packs:
        yield _content("pack", canonical(msgspec.to_builtins(each_pack)))
    if lists is not None and lists.lists:
        yield _content("lists", lists.named)
        for each in lists.lists:
            yield _content("list", msgspec.json.encode(each))


def named_by(lists: bytes) -> list[str]:
    """The digests of lists that content of the kind `lists` names, a line each."""
    return [line for line in lists.decode("utf-8", "replace").split("\n") if _DIGEST.fullmatch(line)]


def _content(kind: Matter, body: bytes) -> Content:
    return Content(sha256(body).hexdigest(), kind, body)


# -- rows


def id_bytes(validation_id: str) -> bytes:
    """16 bytes. Raises QX-TXN-004."""
    digits = validation_id.removeprefix(PREFIX)
    try:
        found = bytes.fromhex(digits) if validation_id.startswith(PREFIX) and len(digits) == 2 * ID else b""
    except ValueError:
        found = b""
    if len(found) != ID:
        raise QxError("QX-TXN-004", f"'{validation_id[:60]}' is no id of a validation",
                      hint="qxv1- and 32 hexadecimal digits, as `qx validate` tells it")  # fmt: skip
    return found


def identity_of(basis: Basis, row: Row, data: bytes) -> str:
    """The id that a transaction's canonical JSON comes to: as `qx.compliance.validate.identity`."""
    before, after = _around(basis, row.as_of, row.lists or basis.lists)
    return f"{PREFIX}{sha256(before + data + after).hexdigest()[: 2 * ID]}"


@lru_cache(maxsize=4096)
def _around(basis: Basis, as_of: str, lists: str) -> tuple[bytes, bytes]:
    """What stands before and after the input in that of which the id is a digest."""
    packs = [each.digest for each in basis.packs]
    before = canonical({"asOf": as_of, "engine": basis.engine})
    after = canonical({"lists": lists, "packs": packs, "region": basis.region})
    return before[:-1] + b',"input":', b"," + after[1:]


def line_of(row: Row) -> bytes:
    """As it stands in a body. It begins with the byte that a leaf's hash begins with: its hash is its leaf."""
    return SEPARATOR + _ENCODER.encode(row)


def end_of(row: Row) -> bytes:
    """Of its JSON what follows the ids, which stand first."""
    return _ENCODER.encode(replace(row, validation_id="", transaction_id="")).partition(b'",')[2]


def line(validation_id: str, transaction_id: str, end: bytes) -> bytes:
    """As `line_of`. `end`: of a row that differs in its ids alone."""
    if transaction_id:
        return b'\0{"validationId":"%b","transactionId":%b,%b' % (validation_id.encode(), _TEXT(transaction_id), end)
    return b'\0{"validationId":"%b",%b' % (validation_id.encode(), end)


def pack(results: Iterable[Kept]) -> Iterator[Packed]:
    """In their order, as few as may be. A row that stands twice in one of them stands there once."""
    waiting: list[Kept] = []
    for each in results:
        if waiting and not _same(each.basis, waiting[0].basis):
            yield from _of_one_basis(waiting)
            waiting = []
        waiting.append(each)
    yield from _of_one_basis(waiting)


def _same(one: Basis, other: Basis) -> bool:
    return one is other or one == other


def _of_one_basis(kept: Sequence[Kept]) -> Iterator[Packed]:
    if kept:
        ids, lines = [each.row.validation_id for each in kept], [line_of(each.row) for each in kept]
        yield from pack_lines(kept[0].basis, ids, lines, [each.input for each in kept])


def pack_lines(
    basis: Basis, ids: Sequence[str], lines: Sequence[bytes], inputs: Sequence[bytes]
) -> Iterator[Packed]:
    """As `pack`, of rows that are lines already. `ids`: of the validations."""
    begin = size = 0
    for place, each in enumerate(inputs):
        if place - begin == LARGEST or size > FULLEST:
            yield _packed_rows(basis, ids[begin:place], lines[begin:place], inputs[begin:place])
            begin, size = place, 0
        size += len(each)
    yield _packed_rows(basis, ids[begin:], lines[begin:], inputs[begin:])


def _packed_rows(
    basis: Basis, ids: Sequence[str], lines: Sequence[bytes], inputs: Sequence[bytes]
) -> Packed:
    leaves = [sha256(each).digest() for each in lines]
    keys = [bytes.fromhex(each[len(PREFIX) :]) + leaf[: KEY - ID] for each, leaf in zip(ids, leaves, strict=True)]
    if len(set(keys)) < len(keys):
        first = {key: place for place, key in reversed(tuple(enumerate(keys)))}
        left = sorted(first.values())
        return _packed_rows(
            basis, [ids[place] for place in left], [lines[place] for place in left], [inputs[place] for place in left]
        )
    return _packed("validations", basis, b"".join(lines), leaves, b"".join(keys), inputs)


def packed_note(note: Note) -> Packed:
    return _single("note", note)


def packed_checkpoint(checkpoint: Checkpoint) -> Packed:
    return _single("checkpoint", checkpoint)


def _single(kind: Kind, value: Note | Checkpoint) -> Packed:
    line = SEPARATOR + _ENCODER.encode(value)
    return _packed(kind, None, line, [sha256(line).digest()], b"", [])


def _packed(
    kind: Kind, basis: Basis | None, lines: bytes, leaves: list[bytes], keys: bytes, inputs: Sequence[bytes]
) -> Packed:
    data = SEPARATOR.join([b"", *inputs])
    if lines.count(SEPARATOR) != len(leaves) or data.count(SEPARATOR) != len(inputs):
        raise ValueError("a row with the byte 0 in it")
    rows = _compressed(lines)
    body = len(rows).to_bytes(4, "big") + rows + (_compressed(data) if inputs else b"")
    return Packed(kind, basis, len(leaves), merkle.root(leaves), keys, body)


def _compressed(data: bytes) -> bytes:
    """As zlib does, by what is several times as quick where that is worth its import."""
    if len(data) < LITTLE:
        return zlib.compress(data, LEVEL)
    from isal import isal_zlib

    return isal_zlib.compress(data, LEVEL)


def without(whole: Packed, known: set[bytes]) -> Packed | None:
    """Without the rows whose keys are `known`; None when nothing is left."""
    keys = keys_of(whole.keys)
    left = [place for place, key in enumerate(keys) if key not in known]
    if not left:
        return None
    lines, inputs = lines_of(whole.body), inputs_of(whole.body)
    chosen = [SEPARATOR + lines[place] for place in left]
    leaves = [sha256(line).digest() for line in chosen]
    return _packed(
        whole.kind, whole.basis, b"".join(chosen), leaves, b"".join(keys[place] for place in left),
        [inputs[place] for place in left],
    )  # fmt: skip


def keys_of(keys: bytes) -> list[bytes]:
    return [keys[begin : begin + KEY] for begin in range(0, len(keys), KEY)]


def lines_of(body: bytes) -> list[bytes]:
    """The rows' JSON. Raises Unreadable."""
    return _parts(body[4 : 4 + int.from_bytes(body[:4], "big")])


def inputs_of(body: bytes) -> list[bytes]:
    """The transactions' canonical JSON, one for each row. Raises Unreadable."""
    return _parts(body[4 + int.from_bytes(body[:4], "big") :])


def _parts(data: bytes) -> list[bytes]:
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise Unreadable(str(error)) from error
    if not unpacking.eof or unpacking.unused_data or not found.startswith(SEPARATOR):
        raise Unreadable("it is cut, or goes on after its end")
    return found.split(SEPARATOR)[1:]


def row_of(line: bytes) -> Row:
    """Raises Unreadable."""
    return _decoded(_ROW, line)


def note_of(line: bytes) -> Note:
    """Raises Unreadable."""
    return _decoded(_NOTE, line)


def checkpoint_of(line: bytes) -> Checkpoint:
    """Raises Unreadable."""
    return _decoded(_CHECKPOINT, line)


def _decoded(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error


# -- the chain


def linked(region: str, head: Head, packed: Packed, basis: str, at: float, by: str) -> Block:
    """The next block. `basis`: digest of its content, '' none."""
    bare = Link(
        region=region, number=head.number + 1, kind=packed.kind, at=at, by=by, basis=basis, count=packed.rows,
        root=packed.root.hex(), previous=head.digest, digest="",
    )  # fmt: skip
    return Block(replace(bare, digest=link_digest(bare)), packed.body)


def link_digest(link: Link) -> str:
    """Binds all that the link says, and the whole chain before it."""
    said = {"region": link.region, "number": link.number, "kind": link.kind, "at": link.at, "by": link.by,
            "basis": link.basis, "count": link.count, "root": link.root}  # fmt: skip
    return chained(link.previous, said)


def advanced(head: Head, block: Block) -> Head:
    """After `block`."""
    link = block.link
    if link.kind == "checkpoint":
        return head._replace(number=link.number, digest=link.digest, covered=head.number, pending=0)
    return head._replace(
        number=link.number, digest=link.digest, rows=head.rows + link.count, pending=head.pending + link.count
    )


def checkpoint_over(region: str, head: Head, digests: Sequence[str]) -> Checkpoint:
    """Not signed yet. `digests`: of the blocks that no checkpoint covers."""
    return Checkpoint(
        region=region, first=head.covered + 1, last=head.number, rows=head.rows, root=covering_root(digests),
        head=head.digest,
    )  # fmt: skip


def covering_root(digests: Sequence[str]) -> str:
    return merkle.root(digest_leaves(digests)).hex()


def digest_leaves(digests: Iterable[str]) -> list[bytes]:
    return [merkle.leaf(bytes.fromhex(each)) for each in digests]


def signed_part(checkpoint: Checkpoint) -> bytes:
    """What a checkpoint's signature is of: all but the signature."""
    return canonical(msgspec.to_builtins(replace(checkpoint, signature="")))


def signed(checkpoint: Checkpoint, signer: Signs | None) -> Checkpoint:
    if signer is None:
        return checkpoint
    named = replace(checkpoint, key=base64.b64encode(signer.public).decode())
    return replace(named, signature=signer.sign(signed_part(named)))
