"""`qx verify`: a validation computed once more from what it rested on, and held against what it was.

What is not in force here any more is taken from the record's own copies, which are named by their digests. A validation
that rests on another engine cannot be recomputed: then it says which.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from qx.app.compliance import read_document
from qx.compliance import evidence as form
from qx.compliance.dated import instant
from qx.compliance.facts import FACTS
from qx.compliance.screening import Lists, screen
from qx.compliance.screening.lists import ALGORITHM
from qx.compliance.transaction import read
from qx.compliance.validate import ENGINE, TOLD, Rulebook, validate
from qx.kernel.canon import digest
from qx.kernel.errors import QxError
from qx.model.evidence import Basis, Row
from qx.model.rules import RulePack
from qx.model.sanctions import SanctionsList
from qx.model.validation import Validation
from qx.model.verification import Deviation, Verification

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from qx.app.compliance import Desk
    from qx.app.evidence import Records
    from qx.compliance.screening import Screened
    from qx.compliance.transaction import Transaction
    from qx.model.evidence import Found
    from qx.model.sanctions import Cleared

T = TypeVar("T")
RECORD = "record"
OF_ITS_FILE = ("schema", "transaction")  # what stands beside the validation in a document


class Again(NamedTuple):
    """A validation, recomputed."""

    found: Validation
    transaction: Transaction
    screened: Screened
    lists: Lists
    from_copies: tuple[str, ...]


class _Absent(Exception):
    """What is not at hand."""

    def __init__(self, *what: str) -> None:
        super().__init__(*what)
        self.what = what


class Verifier:
    def __init__(self, desk: Desk, records: Records) -> None:
        self._desk, self._records = desk, records

    def of_record(self, validation_id: str, region: str | None = None) -> Verification:
        """Raises QX-TXN-004, QX-TXN-005, QX-STORE-*."""
        found = self._found(validation_id, region)
        if found is None:
            where = f"the record of {region}" if region else "the record of any region here"
            raise QxError("QX-TXN-005", f"{validation_id} is not in {where}")
        row = found.row
        try:
            again = self._again(found.basis, row, json.loads(found.input))
        except _Absent as absent:
            return _told(row, found.basis.region, RECORD, not_at_hand=absent.what)
        kept = form.kept_of(again.found, again.transaction, again.screened, again.lists.digest, given=row.given)
        was, now = _plain(row), _plain(kept.row)
        was["input"], now["input"] = json.loads(found.input), json.loads(kept.input)
        return _compared(row, found.basis.region, RECORD, was, now, again.from_copies)

    def of_file(self, stdin: TextIO, path: str, transaction: str | None) -> Verification:
        """`transaction`: its file, where it stands neither in the document nor in the record. Raises QX-TXN-*."""
        document = read_document(stdin, path)
        if not isinstance(document, dict):
            raise QxError("QX-TXN-001", f"{path} is no validation", hint="what `qx validate -o json` wrote")
        own = {key: value for key, value in document.items() if key not in OF_ITS_FILE}
        try:
            said = msgspec.convert(own, Validation)
        except msgspec.ValidationError as error:
            hint = "what `qx validate -o json` wrote, with its `transaction`, or --transaction FILE"
            raise QxError("QX-TXN-001", f"{path} is no validation: {error}", hint=hint) from error
        kept = self._found(said.validation_id, None) if self._knows(said.region) else None
        if transaction is not None:
            given = read_document(stdin, transaction)
        elif "transaction" in document:
            given = document["transaction"]
        elif kept is not None:
            given = json.loads(kept.input)
        else:
            hint = "--transaction FILE: the transaction that it is about"
            said_so = f"{path} holds no transaction, and {said.validation_id} is in no record here"
            raise QxError("QX-TXN-005", said_so, hint=hint)
        basis = kept.basis if kept is not None else form.basis_of(said)
        row = _row_of(said, kept)
        everything = any(each.outcome in TOLD for each in said.findings)
        try:
            again = self._again(basis, row, given, recorded=kept is not None, everything=everything)
        except _Absent as absent:
            return _told(row, said.region, path, not_at_hand=absent.what)
        now = msgspec.to_builtins(again.found)
        return _compared(row, said.region, path, _numbers(own), now, again.from_copies)

    def _knows(self, region: str) -> bool:
        return region in self._records.regions

    def _found(self, validation_id: str, region: str | None) -> Found | None:
        name = self._desk.region(region)[0] if region is not None else None
        return self._records.find(validation_id, name)

    def _again(
        self, basis: Basis, row: Row, given: Any, *, recorded: bool = True, everything: bool = False
    ) -> Again:
        """`recorded`: which clearances counted is known. Raises _Absent."""
        if basis.engine != ENGINE:
            raise _Absent(f"engine {basis.engine} (this qx has {ENGINE})")
        copies: list[str] = []
        absent: list[str] = []
        packs = self._packs(basis, copies, absent)
        lists = self._lists(basis, row.cleared if recorded else None, copies, absent)
        if absent or lists is None:
            raise _Absent(*absent)
        try:
            transaction = read(given, lenient=True)
        except QxError as error:
            raise _Absent(f"the transaction: {error.message}") from error
        book = Rulebook(basis.region, basis.jurisdictions, packs)
        at = instant(row.as_of, "UTC")
        screened = screen(transaction, lists, at)
        if not recorded and screened.digest != basis.lists:
            raise _Absent(f"lists {basis.lists[:12]}")
        screened = screened._replace(facts={**screened.facts, **_facts(row.given)})
        found = validate(transaction, book, at, screened, everything=everything)
        return Again(found, transaction, screened, lists, tuple(copies))

    def _packs(self, basis: Basis, copies: list[str], absent: list[str]) -> tuple[RulePack, ...]:
        here = {digest(msgspec.to_builtins(pack)): pack for pack in self._desk.packs}
        found = []
        for used in basis.packs:
            pack = here.get(used.digest)
            if pack is None:
                pack = self._copy(basis.region, used.digest, RulePack)
                if pack is not None and digest(msgspec.to_builtins(pack)) != used.digest:
                    pack = None  # this qx reads it otherwise
                told = f"pack {used.pack} {used.version} ({used.digest[:12]})"
                (copies if pack is not None else absent).append(told)
            if pack is not None:
                found.append(pack)
        return tuple(found)

    def _lists(
        self, basis: Basis, cleared: tuple[Cleared, ...] | None, copies: list[str], absent: list[str]
    ) -> Lists | None:
        """With those clearances that counted, and no others. `cleared` None: which ones did is not known."""
        here = self._desk.lists
        if not basis.lists:
            return Lists(())
        if here.digest == basis.lists:
            return Lists(here.lists, cleared=cleared or (), threshold=here.threshold, index=here.index)
        names = self._records.content(basis.region, basis.lists) if self._knows(basis.region) else None
        if names is None:
            if cleared is not None:
                absent.append(f"lists {basis.lists[:12]}")
            return here if cleared is None else None
        *_, algorithm, threshold = names.body.decode().split("\n")
        if algorithm != ALGORITHM:
            absent.append(f"way of screening {algorithm} (this qx has {ALGORITHM})")
            return None
        known = dict(zip(here.digests, here.lists, strict=True))
        found = []
        for name in form.named_by(names.body):
            one = known.get(name) or self._copy(basis.region, name, SanctionsList)
            if one is None:
                absent.append(f"list {name[:12]}")
            else:
                found.append(one)
        copies.append(f"lists {basis.lists[:12]}")
        return Lists(tuple(found), cleared=cleared or (), threshold=float(threshold)) if not absent else None

    def _copy(self, region: str, name: str, kind: type[T]) -> T | None:
        content = self._records.content(region, name) if self._knows(region) else None
        try:
            return msgspec.json.decode(content.body, type=kind) if content is not None else None
        except msgspec.DecodeError:  # of another form: not at hand
            return None


def _row_of(said: Validation, kept: Found | None) -> Row:
    """What a document tells of a row; what only the record knows, from there."""
    return Row(
        validation_id=said.validation_id, transaction_id=said.transaction_id, as_of=said.as_of, status=said.status,
        compliance_score=said.compliance_score, expires_at=said.expires_at,
        given=kept.row.given if kept is not None else {}, cleared=kept.row.cleared if kept is not None else (),
    )  # fmt: skip


def _facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as the rules have them."""
    return {
        path: Decimal(str(value)) if path in FACTS and FACTS[path].kind == "decimal" else
        tuple(value) if isinstance(value, list) else value
        for path, value in given.items()
    }  # fmt: skip


def _plain(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(row)
    return found


def _numbers(value: Any) -> Any:
    """A document as it was read: numbers with a point are exact there, and JSON's own in what was computed."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    return [_numbers(each) for each in value] if isinstance(value, list) else value


def _compared(
    row: Row, region: str, source: str, was: dict[str, Any], now: dict[str, Any], from_copies: tuple[str, ...]
) -> Verification:
    was, now = (msgspec.json.decode(msgspec.json.encode(each)) for each in (was, now))
    fields = tuple(dict.fromkeys((*was, *now)))
    differences = tuple(
        Deviation(field=field, recorded=was.get(field), recomputed=now.get(field))
        for field in fields if was.get(field) != now.get(field)
    )  # fmt: skip
    return _told(row, region, source, compared=fields, differences=differences, from_copies=from_copies)


def _told(
    row: Row, region: str, source: str, *, compared: tuple[str, ...] = (), differences: tuple[Deviation, ...] = (),
    not_at_hand: tuple[str, ...] = (), from_copies: tuple[str, ...] = (),
) -> Verification:  # fmt: skip
    return Verification(
        validation_id=row.validation_id, transaction_id=row.transaction_id, region=region, as_of=row.as_of,
        source=source, result="unknown" if not_at_hand else "differs" if differences else "same", status=row.status,
        compliance_score=row.compliance_score, compared=compared, differences=differences, not_at_hand=not_at_hand,
        from_copies=from_copies,
    )  # fmt: skip
