"""KYC: a provider's word laid into a transaction, before anything is judged or identified. Pure.

The provider's word replaces what the document says: all of `kyc.*` is taken out, then what was found is put in, with
whose word it is (`kyc.source`) and what kind (`kyc.answer`). So the canonical input holds all that the answer rests on:
who has it gets the same id without asking anybody, and no clock is in it. No word leaves the fields missing, which is
indeterminate wherever a rule needs them, and never an approval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from qx.compliance.fields import FIELDS
from qx.compliance.names import normal
from qx.compliance.transaction import Transaction, read
from qx.model.kyc import KycRecord, NoWord, Party, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.model.kyc import KycAnswer

T = TypeVar("T")

GROUP = "kyc."
OURS = ("kyc.source", "kyc.answer")
FOUND = tuple(path for path in FIELDS if path.startswith(GROUP) and path not in OURS)
WHO = frozenset({"lei", "registrationNo", "name", "country"})
FEWEST = 1


class Conflict(NamedTuple):
    """The document says one thing of `path`, the provider another ('' nothing). A note: the provider's word counts."""

    path: str
    stated: str
    found: str


class Enriched(NamedTuple):
    transaction: Transaction
    conflicts: tuple[Conflict, ...] = ()


def party_of(transaction: Transaction) -> Party | None:
    """None: nothing tells who the counterparty is."""
    values = transaction.values
    party = Party(
        lei=str(values.get("counterparty.lei", "")).upper(),
        registration_no=str(values.get("counterparty.registrationNo", "")),
        name=str(values.get("counterparty.name", "")),
        country=str(values.get("counterparty.country", "")),
    )
    return party if party.lei or party.registration_no or party.name else None


def enriched(transaction: Transaction, source: str, answer: KycAnswer) -> Enriched:
    """`source`: the provider's name. A party that it does not know has `kyc.status` none, and nothing else."""
    given: dict[str, Any] = {"source": source, "answer": _KIND[type(answer)]}
    if isinstance(answer, Unknown):
        given["status"] = "none"
    elif isinstance(answer, KycRecord):
        given |= {name: value for name, value in msgspec.to_builtins(answer).items() if name not in WHO}
    word = read({"kyc": given})
    conflicts = () if isinstance(answer, NoWord) else tuple(_conflicts(transaction, word))
    return Enriched(in_words_of(transaction, word), conflicts)


def in_words_of(transaction: Transaction, word: Transaction) -> Transaction:
    """With the `kyc.*` of `word` in place of its own."""
    return Transaction(
        _with(transaction.values, word.values),
        _with(transaction.malformed, word.malformed),
        dict(sorted(_with(transaction.canonical, word.canonical).items())),
    )


def _with(own: dict[str, T], word: dict[str, T]) -> dict[str, T]:
    ours = {path: value for path, value in own.items() if not path.startswith(GROUP)}
    return ours | {path: value for path, value in word.items() if path.startswith(GROUP)}


_KIND: dict[type, str] = {KycRecord: "found", Unknown: "not_found", NoWord: "no_answer"}


def _conflicts(stated: Transaction, found: Transaction) -> Iterable[Conflict]:
    """Of what the document states only: what it leaves out is no contradiction."""
    for path in FOUND:
        if path in stated.canonical and stated.canonical[path] != found.canonical.get(path):
            yield Conflict(path, str(stated.canonical[path]), str(found.canonical.get(path, "")))


def record_of(row: Mapping[str, Any], *, texts: bool = False) -> KycRecord:
    """`row`: by field, in camelCase or snake_case; None is not told. `texts`: values are texts, as in CSV: '' is not
    told, `;` stands between items. Raises ValueError.
    """
    given: dict[str, Any] = {}
    for key, value in row.items():
        name = _camel(key)
        if name in given:
            raise ValueError(f"{name} stands there twice")
        if value is not None and not (texts and value == ""):
            given[name] = [each.strip() for each in value.split(";")] if texts and name == "approvals" else value
    found = msgspec.convert(given, KycRecord, strict=not texts)
    if not (found.lei or found.registration_no or found.name):
        raise ValueError("it does not say whom it is about: lei, registrationNo or name")
    told = msgspec.to_builtins(found)
    unlike = read({"kyc": {name: value for name, value in told.items() if name not in WHO}}).malformed
    for path, why in unlike.items():
        raise ValueError(f"{path}: {why}")
    return found


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def chosen(records: Iterable[KycRecord], party: Party) -> KycRecord | Unknown:
    """The record of `party`: by the strongest identifier that both have. Raises ValueError where several differ."""
    by_strength: dict[int, set[KycRecord]] = {}
    for record in records:
        strength = _agree(record, party)
        if strength:
            by_strength.setdefault(strength, set()).add(record)
    if not by_strength:
        return Unknown()
    best = by_strength[max(by_strength)]
    if len(best) > FEWEST:
        raise ValueError(f"{len(best)} records that differ are about one party")
    return best.pop()


def _agree(record: KycRecord, party: Party) -> int:
    """3: by LEI, 2: by number in the register of a country, 1: by name; 0: about somebody else."""
    if record.lei and party.lei:
        return 3 if record.lei.upper() == party.lei.upper() else 0
    if record.country and party.country and record.country.upper() != party.country:
        return 0
    if record.registration_no and party.registration_no:
        return 2 if record.registration_no == party.registration_no else 0
    return 1 if record.name and party.name and normal(record.name) == normal(party.name) else 0
