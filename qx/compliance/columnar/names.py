"""Screening over columns: each party of a transaction is screened alone, once for each distinct one, and remembered.

What is found of a transaction is what is found of its parties together: names and matches of all of them in order, what
owners hold, whether its ship is listed. Pure but for what it remembers, which changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from qx.compliance.columnar.values import Coded, Const, combined
from qx.compliance.columnar.values import at as at_row
from qx.compliance.screening import screen
from qx.compliance.transaction import Transaction
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import datetime

    from qx.compliance.columnar.frame import Source
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.screening import Lists, Screened

    Facts = dict[str, Any]
    Known = dict[tuple[Hashable, ...], "Party"]

PARTIES: tuple[tuple[str, ...], ...] = (  # what is screened together
    (
        "counterparty.name", "counterparty.aliases", "counterparty.lei", "counterparty.bic",
        "counterparty.registrationNo", "counterparty.country", "counterparty.type", "counterparty.owners",
    ),
    ("vessel.imo", "vessel.name", "vessel.flag", "vessel.owner"),
    ("payment.bank", "payment.bic"),
    ("payment.originator.name",),
    ("payment.beneficiary.name",),
)  # fmt: skip
ALL_OF = frozenset({"facts.screened"})  # conditions that hold of a transaction where they hold of every party
MOST = 200_000  # parties that are remembered


class Party(NamedTuple):
    """What is found of it alone. `number`: the same for two of which the same is found; its own, where that rests on
    more than the lists, on a clearance.
    """

    facts: Facts
    digest: str  # of all that the facts rest on
    fresh_until: datetime | None
    number: int
    is_special: bool


class Found(NamedTuple):
    """Of every row: facts by name, the digest of what they rest on, until when they hold (None: no end is known)."""

    facts: Mapping[str, Value]
    digest: Value
    fresh_until: Value


class Screening:
    """`ask` screens one transaction; `changes`, in order: every instant at which the same name may come to another
    answer.
    """

    def __init__(self, ask: Callable[[Transaction, datetime], Screened], changes: tuple[datetime, ...] = ()) -> None:
        self.ask, self.changes = ask, changes
        self._known: dict[tuple[int, tuple[str, ...]], Known] = {}
        self._count = 0
        self._numbers: dict[object, int] = {}

    @classmethod
    def of(cls, lists: Lists) -> Screening:
        return cls(lambda transaction, at: screen(transaction, lists, at), lists.changes)

    def window(self, at: datetime) -> int:
        """Between which changes it lies."""
        return bisect_right(self.changes, at)

    def nobody(self, at: datetime) -> Party:
        return self.party((), (), at)

    def party(self, paths: tuple[str, ...], values: Sequence[Any], at: datetime) -> Party:
        """`values`: of these fields; MISSING where one is not there."""
        key = tuple(map(hashable, values))
        return self.known(paths, at).get(key) or self.asked(paths, values, at)

    def known(self, paths: tuple[str, ...], at: datetime) -> Known:
        """What is known of parties of these fields, by `hashable` of their values."""
        return self._known.setdefault((self.window(at), paths), {})

    def asked(self, paths: tuple[str, ...], values: Sequence[Any], at: datetime) -> Party:
        """As `party`, of one that is not known yet."""
        given = {path: value for path, value in zip(paths, values, strict=True) if value is not MISSING}
        found = self.ask(Transaction(given, {}, {}), at)
        rests_on = (found.digest, found.fresh_until)
        special = bool(given) and rests_on != self.nobody(at)[1:3]
        if self._count % MOST == 0:
            self._known.clear()
            self._numbers.clear()
        self._count += 1
        same = (tuple(sorted(found.facts.items())), rests_on)
        number = self._count if special else self._numbers.setdefault(same, self._count)
        party = Party(found.facts, *rests_on, number, special)
        self.known(paths, at)[tuple(map(hashable, values))] = party
        return party


def hashable(value: Any) -> Hashable:
    """The same for the same value of a field alone."""
    return value if isinstance(value, str) or value is MISSING else msgspec.msgpack.encode(value)


def found_of(source: Source, screening: Screening, moments: Sequence[datetime], places: Places) -> Found:
    """`moments`: the distinct asOf, and `places` which of them each row has."""
    windows, of_moment = np.unique([screening.window(moment) for moment in moments], return_inverse=True)
    when = [] if len(windows) == 1 else [Coded(of_moment.reshape(-1)[places], windows.tolist(), complete=True)]
    told = [_party(source, party, screening, moments, places, when) for party in PARTIES]
    columns = [*when, *(each for each in told if each is not None)]
    if not columns:
        only = screening.nobody(moments[0])
        facts = {name: Const(value) for name, value in only.facts.items()}
        return Found(facts, Const(only.digest), Const(only.fresh_until))
    codes, row_of = combined(columns)
    parties = [each for each in told if each is not None]
    whole = [_whole(source, screening, row, moments[places[row]], parties) for row in row_of.tolist()]
    names = sorted({name for each in whole for name in each.facts})
    return Found(
        {name: _fact(name, codes, [each.facts for each in whole]) for name in names},
        Coded(codes, [each.digest for each in whole], complete=True),
        Coded(codes, [each.fresh_until for each in whole], complete=True),
    )


def _party(
    source: Source, fields: tuple[str, ...], screening: Screening, moments: Sequence[datetime], places: Places,
    when: list[Coded],
) -> Coded | None:
    """Row -> what is found of this party; None where no row has one."""
    columns = {path: column for path in fields if isinstance(column := source.path(path), Coded)}
    if not columns:
        return None
    paths = tuple(columns)
    codes, row_of = combined([*when, *columns.values()])
    keys = zip(*(_keys(column, row_of) for column in columns.values()), strict=True)
    times = [moments[place] for place in places[row_of]] if when else repeat(moments[places[0]], len(row_of))
    known = screening.known(paths, moments[places[0]])
    found: list[Party] = []
    for row, key, at in zip(row_of.tolist(), keys, times, strict=True):
        party = (screening.known(paths, at) if when else known).get(key)
        if party is None:
            party = screening.asked(paths, [column.at(row) for column in columns.values()], at)
        found.append(party)
    distinct = {party.number: party for party in found}
    numbers = {number: place for place, number in enumerate(distinct)}
    place = np.array([numbers[party.number] for party in found], np.intp)
    return Coded(place.take(codes), list(distinct.values()), complete=True)


def _keys(column: Coded, rows: Places) -> list[Hashable]:
    """Of each of these rows `hashable` of its value."""
    distinct = [*map(hashable, column.values), MISSING]
    return [distinct[code] for code in column.codes[rows].tolist()]


def _whole(source: Source, screening: Screening, row: int, at: datetime, parties: list[Coded]) -> Party:
    """What is found of a row: of its parties together, or asked for where it rests on more than the lists."""
    told: list[Party] = [party.at(row) for party in parties]
    if any(party.is_special for party in told):
        paths = tuple(path for party in PARTIES for path in party)
        return screening.party(paths, [at_row(source.path(path), row) for path in paths], at)
    nobody = screening.nobody(at)
    return nobody._replace(facts=_merged([nobody.facts, *(party.facts for party in told)]))


def _merged(parties: list[Facts]) -> Facts:
    """Lists are joined; conditions of ALL_OF must hold of every party, others of one; a figure is of one party."""
    found: Facts = {}
    for facts in parties:
        for name, value in facts.items():
            if name not in found:
                found[name] = value
            elif isinstance(value, tuple):
                found[name] = tuple(sorted({*found[name], *value}))
            elif isinstance(value, bool):
                found[name] = found[name] and value if name in ALL_OF else found[name] or value
    return found


def _fact(name: str, codes: Places, merged: list[Facts]) -> Value:
    there = [facts[name] for facts in merged if name in facts]
    if len(there) == len(merged):
        return Coded(codes, there, complete=True)
    place = np.full(len(merged), len(there), np.intp)
    place[[number for number, facts in enumerate(merged) if name in facts]] = np.arange(len(there))
    found = place.take(codes)
    return Coded(found, there, complete=not bool((found == len(there)).any()))
