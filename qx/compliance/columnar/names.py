"""Screening over columns: each party of a transaction is screened alone, once for each distinct one, and remembered.

What is found of a transaction is what is found of its parties together: names and matches of all of them in order, what
owners hold, whether its ship is listed. Pure but for what it remembers, which changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from qx.compliance.columnar.values import Coded, Const, combined
from qx.compliance.columnar.values import at as at_row
from qx.compliance.screening import screen
from qx.compliance.transaction import Transaction
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from qx.compliance.columnar.frame import Source
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.screening import Lists, Screened

    Facts = dict[str, Any]

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
    """What is found of it alone."""

    facts: Facts
    digest: str  # of all that the facts rest on
    fresh_until: datetime | None


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
        self._known: dict[bytes, Party] = {}

    @classmethod
    def of(cls, lists: Lists) -> Screening:
        return cls(lambda transaction, at: screen(transaction, lists, at), lists.changes)

    def window(self, at: datetime) -> int:
        """Between which changes it lies."""
        return bisect_right(self.changes, at)

    def party(self, values: Mapping[str, Any], at: datetime) -> Party:
        key = msgspec.msgpack.encode((self.window(at), values))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST:
                self._known.clear()
            asked = self.ask(Transaction(dict(values), {}, {}), at)
            found = self._known[key] = Party(asked.facts, asked.digest, asked.fresh_until)
        return found


def found_of(source: Source, screening: Screening, moments: Sequence[datetime], places: Places) -> Found:
    """`moments`: the distinct asOf, and `places` which of them each row has."""
    windows, of_moment = np.unique([screening.window(moment) for moment in moments], return_inverse=True)
    when = [] if len(windows) == 1 else [Coded(of_moment.reshape(-1)[places], windows.tolist(), complete=True)]
    told = [_party(source, party, screening, moments, places, when) for party in PARTIES]
    columns = [*when, *(each for each in told if each is not None)]
    if not columns:
        only = screening.party({}, moments[0])
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
    source: Source, paths: tuple[str, ...], screening: Screening, moments: Sequence[datetime], places: Places,
    when: list[Coded],
) -> Coded | None:
    """Row -> what is found of this party; None where no row has one."""
    columns = {path: column for path in paths if isinstance(column := source.path(path), Coded)}
    if not columns:
        return None
    codes, row_of = combined([*when, *columns.values()])
    numbers: dict[object, int] = {}
    distinct: list[Party] = []
    place = np.empty(len(row_of), np.intp)
    for number, row in enumerate(row_of.tolist()):
        at = moments[places[row]]
        values = {path: value for path, column in columns.items() if (value := column.at(row)) is not MISSING}
        party, nobody = screening.party(values, at), screening.party({}, at)
        key = number if _special(party, nobody) else (tuple(sorted(party.facts.items())), party[1:])
        if key not in numbers:
            numbers[key] = len(distinct)
            distinct.append(party)
        place[number] = numbers[key]
    return Coded(place.take(codes), distinct, complete=True)


def _special(party: Party, nobody: Party) -> bool:
    """Whether what is found of it rests on more than the lists: on a clearance."""
    return (party.digest, party.fresh_until) != (nobody.digest, nobody.fresh_until)


def _whole(source: Source, screening: Screening, row: int, at: datetime, parties: list[Coded]) -> Party:
    """What is found of a row: of its parties together, or asked for where it rests on more than the lists."""
    told: list[Party] = [party.at(row) for party in parties]
    nobody = screening.party({}, at)
    if any(_special(party, nobody) for party in told):
        paths = [path for party in PARTIES for path in party]
        values = {path: at_row(source.path(path), row) for path in paths}
        return screening.party({path: value for path, value in values.items() if value is not MISSING}, at)
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
