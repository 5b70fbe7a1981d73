"""Curves: a delivery month as a mix of the two factors of its root that stand beside it; the ends are flat.

A factor stands at the distance of its contract in force from today, where its prices name one; else at its tenor_days.
The distance of a month is that of its first day.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import Place, QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qx.model.risk import Factor

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_ORDER = ("price", "basis", "vol", "rate")  # where a root has factors of several kinds, those of the first


class Nodes(NamedTuple):
    """Ascending. `unplaced`: a factor among several of which nothing says where it stands."""

    days: tuple[int, ...]
    factors: tuple[int, ...]
    unplaced: Factor | None = None


def first_day(month: str) -> date | None:
    """None where it is no month as 2026-11."""
    found = MONTH.fullmatch(month)
    return date(int(found[1]), int(found[2]), 1) if found else None


def nodes(factors: Sequence[Factor], contracts: Sequence[str], today: date) -> dict[str, Nodes]:
    """`contracts`: of each factor the one in force, or ''."""
    made: dict[str, Nodes] = {}
    for root in dict.fromkeys(each.root for each in factors):
        for kind in _ORDER:
            at = [n for n, each in enumerate(factors) if each.root == root and each.kind == kind]
            if at:
                made[root] = _nodes(factors, contracts, today, at)
                break
    return made


def _nodes(factors: Sequence[Factor], contracts: Sequence[str], today: date, at: list[int]) -> Nodes:
    months = [first_day(contracts[number]) for number in at]
    places = [(month - today).days if month else None for month in months]
    if None in places:
        places = [factors[number].tenor_days for number in at]
    if None in places:
        return Nodes((), tuple(at), factors[at[places.index(None)]] if len(at) > 1 else None)
    pairs = sorted((days, number) for days, number in zip(places, at, strict=True) if days is not None)
    return Nodes(tuple(days for days, _ in pairs), tuple(number for _, number in pairs))


def read(
    curves: Mapping[str, Nodes], index: Mapping[str, int], today: date, name: str, month: str, place: Place | None
) -> tuple[tuple[int, float], ...]:
    """As `Market.curve`. A name with a dot is that of a factor itself."""
    if name in index and ("." in name or name not in curves):
        return ((index[name], 1.0),)
    found = curves.get(name)
    if found is None:
        near = did_you_mean(name, {*curves, *index})
        hint = near if near.startswith("did") else "a factor of this name, or of this and a tenor (CL.M1)"
        raise QxError("QX-RISK-007", f"no factor is of {name!r}", hint=hint, place=place)
    if len(found.factors) == 1:
        return ((found.factors[0], 1.0),)
    if found.unplaced is not None:
        each = found.unplaced
        said = f"{each.factor} has neither tenor_days nor prices by contract: it has no place on the curve of {name}"
        where = Place(each.place.file, each.place.line)
        raise QxError("QX-RISK-007", said, hint="tenor_days: the days from today to its delivery month", place=where)
    start = first_day(month)
    if start is None:
        said = f"{name} is a curve of {len(found.factors)} factors, and {month or 'no contract'} is no month of it"
        raise QxError("QX-RISK-007", said, hint="contract: a month as 2027-03", place=place)
    return _between(found, (start - today).days)


def _between(found: Nodes, days: int) -> tuple[tuple[int, float], ...]:
    if days <= found.days[0]:
        return ((found.factors[0], 1.0),)
    for at in range(1, len(found.days)):
        low, high = found.days[at - 1], found.days[at]
        if days == high:
            return ((found.factors[at], 1.0),)
        if days < high:
            share = (days - low) / (high - low)
            return ((found.factors[at - 1], 1.0 - share), (found.factors[at], share))
    return ((found.factors[-1], 1.0),)
