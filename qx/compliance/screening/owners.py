"""Owners: what listed parties hold of a counterparty, as intervals, and whether one of them controls it: of any list,
and of those that count under one law. Pure.

A stake that is not told may be anything from nothing to all that the others leave. What follows for a threshold is told
only where both ends of the interval say the same of it; which threshold counts is the packs' affair.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.compliance.facts import LAWS, fact_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

HALF, ALL, NONE = Decimal(50), Decimal(100), Decimal(0)


class Interval(NamedTuple):
    """%, both ends included."""

    low: Decimal
    high: Decimal

    @property
    def settled(self) -> bool:
        """Whether both ends are on one side of the half, whether the half itself counts or not."""
        return self.low == self.high or self.low > HALF or self.high < HALF


def owned(owners: Sequence[Mapping[str, Any]], listed: Sequence[AbstractSet[str]]) -> dict[str, Any]:
    """Facts by name. `listed`: of each owner the LAWS under which it is."""
    known: dict[tuple[int, ...], dict[str, Any]] = {}
    facts: dict[str, Any] = {}
    for law in LAWS:
        places = tuple(place for place, under in enumerate(listed) if law in under)
        if places not in known:
            known[places] = _held(owners, [owners[place] for place in places])
        facts |= {fact_name(what, law): value for what, value in known[places].items()}
    return facts


def _held(owners: Sequence[Mapping[str, Any]], listed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By HELD; what is not settled is left out. The larger of shares and votes counts."""
    left = max(NONE, ALL - sum((_stake(owner) or NONE for owner in owners), NONE))
    stakes = [
        Interval(stake, stake) if (stake := _stake(owner)) is not None else Interval(NONE, left)
        for owner in listed
    ]
    unknown = any(_stake(owner) is None for owner in listed)
    low = sum((each.low for each in stakes), NONE)
    whole = Interval(min(low, ALL), min(low + (left if unknown else NONE), ALL))
    largest = Interval(
        max((each.low for each in stakes), default=NONE), max((each.high for each in stakes), default=NONE)
    )
    held: dict[str, Any] = {"Least": whole.low}
    if whole.settled:
        held["Owned"] = whole.low
    if largest.settled:
        held["Largest"] = largest.low
    controls = [owner.get("control") for owner in listed]
    if True in controls or None not in controls:
        held["Control"] = True in controls
    return held


def _stake(owner: Mapping[str, Any]) -> Decimal | None:
    told = [owner[each] for each in ("pct", "votingPct") if each in owner]
    return max(told) if told else None
