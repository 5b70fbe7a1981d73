"""Validations to be kept: made up, but with the ids that their transactions come to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.compliance.evidence import identity_of, pack
from qx.kernel.canon import canonical
from qx.model.evidence import Basis, Content, Draft, Kept, Note, Owed, Row, Ruled
from qx.model.validation import PackUsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PACK = b'{"pack":"global"}'
LISTS = b"qx-names/1\n0.8200"


def a_basis(region: str = "bahrain", engine: str = "qx-rules/1") -> Basis:
    used = PackUsed(pack="global", version="1", digest=hashlib.sha256(PACK).hexdigest())
    return Basis(region=region, jurisdictions=("BH",), packs=(used,), lists=hashlib.sha256(LISTS).hexdigest(),
                 engine=engine)  # fmt: skip


def contents(basis: Basis) -> list[Content]:
    return [Content(basis.packs[0].digest, "pack", PACK), Content(basis.lists, "lists", LISTS)]


def some(count: int, first: int = 0, basis: Basis | None = None) -> list[Kept]:
    """Transactions `first`, `first` + 1 and so on."""
    basis = basis or a_basis()
    return [one(number, basis) for number in range(first, first + count)]


def one(number: int, basis: Basis | None = None, **said: object) -> Kept:
    basis = basis or a_basis()
    data = canonical({"amount": str(number), "counterparty.name": "Gulf Энергия ☃", "transactionId": f"TXN-{number}"})
    bare = Row(
        validation_id="", transaction_id=f"TXN-{number}", as_of="2026-11-22T00:00:00Z", status="conditional",
        compliance_score=80, expires_at="2026-11-29T00:00:00Z", expires_because="its time to live",
        findings=(Ruled("GL-SAN-003", "fail"),),
        obligations=(Owed("US-CFTC-453", "report", "SDR", "2026-11-24T00:00:00Z"),) if number % 2 else (),
    )  # fmt: skip
    row = replace(bare, **said)
    return Kept(basis, replace(row, validation_id=identity_of(basis, row, data)), data)


def drafts(kept: Iterable[Kept], at: float = 1000.0, by: str = "ada@desk") -> list[Draft]:
    return [Draft(each, at, by) for each in pack(kept)]


def a_note(number: int = 1, kind: str = "override") -> Note:
    return Note(kind=kind, about=f"wv-{number}", who="ada", at="2026-11-22T09:00:00Z", reason="seen",
                payload={"n": number})  # fmt: skip


def ids(kept: Sequence[Kept]) -> list[str]:
    return [each.row.validation_id for each in kept]
