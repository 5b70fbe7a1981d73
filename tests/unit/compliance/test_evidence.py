"""The form of the record: what is kept of a validation, and that it is what is read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.compliance import evidence as form
from qx.compliance.fields import FIELDS
from qx.compliance.screening import Lists, Screened, screen
from qx.compliance.screening.screen import digest_of, record_of
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import Rulebook, validate
from qx.kernel.canon import canonical
from qx.kernel.errors import QxError
from qx.model.evidence import Head
from qx.model.rules import RulePack
from qx.model.sanctions import Cleared, Listed, SanctionsList
from tests.fakes.kept import a_basis, a_note, ids, one, some

if TYPE_CHECKING:
    from qx.compliance.transaction import Transaction
    from qx.model.validation import Validation


BANK = Listed(uid="1", kind="entity", names=("Future Bank",))
LIST = SanctionsList(source="UN", version="1", whole=True, entries=(BANK,))
PACK = RulePack(pack="empty", version="1", schema="qx-rulepack/1", title="none", jurisdictions=("*",), timezone="UTC",
                review_by="2030-01-01", rules=())  # fmt: skip


def a_validation(
    given: dict[str, Any], *, everything: bool = False, cleared: tuple[Cleared, ...] = ()
) -> tuple[Validation, Transaction, Screened, Lists]:
    lists = Lists((LIST,), cleared=cleared)
    transaction = read(laid_over(BASE, given))
    screened = screen(transaction, lists, AS_OF)
    found = validate(transaction, Rulebook("bahrain", ("BH",), (PACK,)), AS_OF, screened, everything=everything)
    return found, transaction, screened, lists


@pytest.mark.parametrize("given", [
    {}, {"counterparty.name": "Gulf Энергия ☃ \u00e9 '\"\\"}, {"amount": "nonsense"}, {"islamic": True},
])  # fmt: skip
def test_the_id_is_that_of_the_validation(given: dict[str, Any]) -> None:
    found, transaction, screened, lists = a_validation(given)
    kept = form.kept_of(found, transaction, screened, lists.digest)
    assert form.identity_of(kept.basis, kept.row, kept.input) == found.validation_id == kept.row.validation_id


@pytest.mark.parametrize("value", [
    1.5, 5, 10**40, True, "x", "", [1.5], ["a", 1], [None], [{"name": 1.5}], [{"pct": 10, "name": 5.5}],
    {"a": {"b": [1.5]}}, "2026-11-22", 20261122, "\ud800", "\x00",
])  # fmt: skip
def test_the_canonical_input_is_the_same_transaction(value: object) -> None:
    """Of every field, well-formed or not: what has one id has one answer."""
    for path in FIELDS:
        try:
            given = read({path: value})
        except QxError:
            continue
        again = read(json.loads(canonical(given.canonical)))
        assert (again.canonical, again.values) == (given.canonical, given.values)
        assert set(again.malformed) == set(given.malformed)


def test_clearances_that_counted_stand_in_the_row_not_in_the_basis() -> None:
    given = {"counterparty.name": "Future Bank"}
    found, transaction, *_ = a_validation(given)
    clearance = Cleared(
        party="Future Bank", record=record_of(transaction.values), source="UN", uid="1", entry=digest_of(BANK),
        by="ada", reason="another", at="2026-01-01", until="2027-01-01",
    )  # fmt: skip
    cleared, transaction, screened, lists = a_validation(given, cleared=(clearance,))
    kept = form.kept_of(cleared, transaction, screened, lists.digest)
    assert kept.row.cleared == (clearance,)
    assert kept.basis == form.kept_of(found, transaction).basis
    assert form.identity_of(kept.basis, kept.row, kept.input) == cleared.validation_id != found.validation_id


def test_the_row_does_not_depend_on_how_much_was_told() -> None:
    (one_found, transaction, *_), (other, *_) = a_validation({}), a_validation({}, everything=True)
    assert form.kept_of(one_found, transaction) == form.kept_of(other, transaction)


def test_what_lists_name_is_what_their_digest_is_of() -> None:
    *_, lists = a_validation({})
    contents = {each.digest: each for each in form.contents_of((), lists)}
    assert lists.digest in contents
    assert form.named_by(contents[lists.digest].body) == list(lists.digests)
    assert set(contents) == {lists.digest, *lists.digests}


def test_rows_are_read_as_they_were_packed() -> None:
    kept = some(5)
    (packed,) = form.pack(kept)
    assert packed.rows == 5
    assert [form.row_of(line) for line in form.lines_of(packed.body)] == [each.row for each in kept]
    assert form.inputs_of(packed.body) == [each.input for each in kept]
    assert [key[:16].hex() for key in form.keys_of(packed.keys)] == [each.removeprefix("qxv1-") for each in ids(kept)]


def test_blocks_end_where_the_basis_does_and_where_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    other = a_basis(engine="qx-rules/2")
    mixed = [*some(2), *some(1, 2, other), *some(2, 3)]
    assert [each.rows for each in form.pack(mixed)] == [2, 1, 2]
    assert [each.rows for each in form.pack([one(1, a_basis()), one(2, a_basis())])] == [2]
    monkeypatch.setattr(form, "LARGEST", 3)
    assert [each.rows for each in form.pack(some(7))] == [3, 3, 1]
    monkeypatch.setattr(form, "FULLEST", 10)
    assert [each.rows for each in form.pack(some(3))] == [1, 1, 1]


def test_a_row_that_stands_twice_stands_there_once() -> None:
    kept = some(4)
    (packed,) = form.pack([kept[0], kept[1], kept[0], kept[2], kept[1], kept[3]])
    assert [form.row_of(line) for line in form.lines_of(packed.body)] == [each.row for each in kept]
    assert packed == next(form.pack(kept))


def test_what_is_left_of_a_block_is_as_if_the_rest_had_not_been() -> None:
    kept = some(6)
    (packed,) = form.pack(kept)
    keys = form.keys_of(packed.keys)
    assert form.without(packed, {keys[0], keys[4]}) == next(form.pack([*kept[1:4], kept[5]]))
    assert form.without(packed, set(keys)) is None


@pytest.mark.parametrize("broken", [b"", b"\0\0\0\4abcd", b"\0\0\0\1x"])
def test_what_is_no_body_is_unreadable(broken: bytes) -> None:
    with pytest.raises(form.Unreadable):
        form.lines_of(broken)


def test_a_body_that_is_cut_or_goes_on_is_unreadable() -> None:
    (packed,) = form.pack(some(3))
    for data in (packed.body[:-1], packed.body + b"x"):
        with pytest.raises(form.Unreadable):
            form.inputs_of(data)


@pytest.mark.parametrize("text", ["", "qxv1-", "qxv1-" + "0" * 31, "qxv1-" + "g" * 32, "qxv2-" + "0" * 32, "0" * 32])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(QxError) as refused:
        form.id_bytes(text)
    assert refused.value.code == "QX-TXN-004"


def test_a_link_binds_all_that_it_says() -> None:
    block = form.linked("bahrain", Head(), form.packed_note(a_note()), "", 5.0, "ada@desk")
    for field, value in {"region": "uk", "number": 2, "kind": "validations", "at": 6.0, "by": "eve", "basis": "0" * 64,
                         "count": 2, "root": "0" * 64, "previous": "0" * 64}.items():  # fmt: skip
        assert form.link_digest(replace(block.link, **{field: value})) != block.link.digest, field
