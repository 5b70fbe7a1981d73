"""Screen: the parties, owners and ship of a transaction held against lists: matches, near misses, and facts. Pure."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from qx.compliance import dated
from qx.compliance.facts import LAWS
from qx.compliance.names import normal
from qx.compliance.screening.lists import stands
from qx.compliance.screening.owners import owned
from qx.kernel.canon import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from qx.compliance.screening.compare import Compared
    from qx.compliance.screening.lists import Found, Lists
    from qx.compliance.transaction import Transaction
    from qx.model.sanctions import Cleared, Listed

Standing = Literal["confirmed", "possible", "sectoral", "cleared"]

PARTIES = (
    "counterparty.name", "vessel.owner", "payment.originator.name", "payment.beneficiary.name", "payment.bank",
)  # fmt: skip
IDENTIFIED = (
    ("counterparty.lei", "lei"), ("counterparty.bic", "bic"), ("payment.bic", "bic"),
    ("counterparty.registrationNo", "registration"),
)  # fmt: skip
NAMES = ("name", "weak", "near")  # found by a name, not by an identifier: these may be somebody else
RECORD = (
    "name",
    "country",
    "lei",
    "registrationNo",
    "bic",
    "type",
)  # what a party's record is, of its fields


class Match(NamedTuple):
    """`how`: imo, lei, bic, registration, uid, name, weak, near. `score`: 0 to 1. `standing`: what follows."""

    path: str
    asked: str
    listed: Listed
    source: str
    how: str
    score: float
    standing: Standing
    name: str = ""  # the listed name that came near
    compared: Compared | None = None
    cleared: Cleared | None = None

    @property
    def confirmed(self) -> bool:
        return self.standing == "confirmed"


class Screened(NamedTuple):
    """`near`: the best of what stayed below the threshold, by path. `digest`: of all that the facts rest on."""

    facts: dict[str, Any]
    matches: tuple[Match, ...]
    digest: str
    fresh_until: datetime | None
    near: tuple[Match, ...] = ()


def screen(transaction: Transaction, lists: Lists, at: datetime) -> Screened:
    values = transaction.values
    record = partial(record_of, values)
    found = [
        _settled(
            each,
            lists,
            record if each.path.startswith("counterparty.") else partial(record_of_name, each.asked),
            at,
        )
        for each in _asked(values, lists, at)
    ]
    matches = tuple(each for each in found if each.score >= lists.threshold)
    parties = [each for each in matches if not each.path.startswith("vessel.imo")]
    facts: dict[str, Any] = {
        "facts.screened": lists.clears(at),
        "facts.confirmed": _names(parties, "confirmed"),
        "facts.possible": _names(parties, "possible"),
        "facts.sectoral": _names(parties, "sectoral"),
        "facts.confirmedAs": tuple(
            sorted({normal(each.listed.names[0]) for each in parties if each.confirmed})
        ),
        "facts.clearedBy": tuple(
            sorted({each.cleared.by.lower() for each in matches if each.cleared is not None})
        ),
    }
    if "vessel.imo" in values:
        facts["facts.vesselListed"] = any(each.path == "vessel.imo" and each.confirmed for each in matches)
    owners: Any = values.get("counterparty.owners")
    if isinstance(owners, tuple):
        facts |= owned(owners, [laws_of(each, lists, at) for each in owners])
    used = tuple(each.cleared for each in matches if each.cleared is not None)
    ends = [lists.fresh_until, *(dated.instant(each.until, "UTC") for each in used)]
    return Screened(
        facts, matches, _digest(lists, used), min((each for each in ends if each is not None), default=None),
        tuple(each for each in found if each.score < lists.threshold),
    )  # fmt: skip


def screen_name(name: str, lists: Lists, at: datetime) -> tuple[Match, ...]:
    """A name alone: matches and near misses, the best first."""
    record = partial(record_of_name, name)
    return tuple(_settled(each, lists, record, at) for each in _of_name("name", name, lists, at))


def _asked(values: Mapping[str, Any], lists: Lists, at: datetime) -> Iterator[Match]:
    for path, how in (*IDENTIFIED, ("vessel.imo", "imo")):
        if path in values:
            yield from by_identifier(path, how, str(values[path]), lists, at)
    for path in PARTIES:
        if path in values:
            yield from _of_name(path, str(values[path]), lists, at)
    for alias in values.get("counterparty.aliases", ()):
        yield from _of_name("counterparty.aliases", alias, lists, at)
    if "vessel.name" in values:
        yield from _of_ship(str(values["vessel.name"]), str(values.get("vessel.imo", "")), lists, at)


def by_identifier(path: str, how: str, value: str, lists: Lists, at: datetime) -> Iterator[Match]:
    for listed, source in lists.by_identifier(how, value):
        if stands(listed, at):
            yield Match(path, value, listed, source, how, 1.0, "confirmed", listed.names[0])


def _of_name(path: str, name: str, lists: Lists, at: datetime) -> Iterator[Match]:
    (found,) = lists.match((name,))
    yield from _told(path, found, at)


def _told(path: str, found: Found, at: datetime) -> Iterator[Match]:
    for hit in (*found.hits, *found.misses):
        if stands(hit.listed, at):
            standing: Standing = "confirmed" if hit.how == "name" else "possible"
            yield Match(
                path,
                found.asked,
                hit.listed,
                hit.source,
                hit.how,
                hit.score,
                standing,
                hit.name,
                hit.compared,
            )


def _of_ship(name: str, imo: str, lists: Lists, at: datetime) -> Iterator[Match]:
    """By its name: possible at most, and only where no other IMO number says that it is another ship."""
    (found,) = lists.match((name,), ships=True)
    for each in _told("vessel.name", found, at):
        another = imo and each.listed.imo and imo != each.listed.imo
        yield each._replace(standing="possible", score=0.0 if another else each.score)


def _settled(match: Match, lists: Lists, record: Callable[[], str], at: datetime) -> Match:
    """What follows of a match: sectoral entries freeze nothing, who was cleared is cleared. `record`: of the party."""
    if match.listed.scope == "sectoral":
        match = match._replace(standing="sectoral")
    if not lists.cleared or match.how not in NAMES:
        return match
    cleared = lists.cleared.get((record(), match.source, match.listed.uid))
    if cleared is None or cleared.entry != digest_of(match.listed):
        return match
    holds = dated.instant(cleared.at, "UTC") <= at < dated.instant(cleared.until, "UTC")
    return match._replace(standing="cleared", cleared=cleared) if holds else match


def laws_of(owner: Mapping[str, Any], lists: Lists, at: datetime) -> frozenset[str]:
    """The LAWS under which it is listed: fully, not by sectors. A uid that is stated and that no list here knows is
    taken at its word, under each of them.
    """
    sources: set[str] = set()
    if "listedUid" in owner:
        entries = lists.by_identifier("uid", str(owner["listedUid"]))
        if not entries:
            return frozenset(LAWS)
        sources |= {source for listed, source in entries if stands(listed, at) and listed.scope == "full"}
    if "name" in owner:
        found = _of_name("", str(owner["name"]), lists, at)
        sources |= {each.source for each in found if each.how == "name" and each.listed.scope == "full"}
    return frozenset().union(*(lists.laws[source] for source in sources))


def _names(matches: list[Match], standing: Standing) -> tuple[str, ...]:
    """Asked names with such a match, where none at the same path is confirmed."""
    confirmed = (
        {(each.path, each.asked) for each in matches if each.confirmed} if standing != "confirmed" else set()
    )
    return tuple(
        sorted(
            {
                each.asked
                for each in matches
                if each.standing == standing and (each.path, each.asked) not in confirmed
            }
        )
    )


@lru_cache(maxsize=16384)
def digest_of(listed: Listed) -> str:
    """Of an entry: what a clearance is bound to."""
    return hashlib.sha256(msgspec.json.encode(listed)).hexdigest()


def record_of(values: Mapping[str, Any]) -> str:
    """Digest of the counterparty's record."""
    told = {each: str(values[path]) for each in RECORD if (path := f"counterparty.{each}") in values}
    return digest({**told, "aliases": sorted(values.get("counterparty.aliases", ()))})


def record_of_name(name: str) -> str:
    """Digest of a record that is a name and no more."""
    return digest({"name": name, "aliases": []})


def _digest(lists: Lists, used: tuple[Cleared, ...]) -> str:
    return digest([lists.digest, *(msgspec.to_builtins(each) for each in used)]) if used else lists.digest
