"""Owners: what listed parties hold of a counterparty, as intervals, and whether one of them controls it. Pure.

A stake that is not told may be anything from nothing to all that the others leave. What follows for a threshold is told
only where both ends of the interval say the same of it; which threshold counts is the packs' affair.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HALF, ALL, NONE = Decimal(50), Decimal(100), Decimal(0)


class Interval(NamedTuple):
    """%, both ends included."""

    low: Decimal
    high: Decimal

    @property
    def settled(self) -> bool:
        """Whether both ends are on one side of the half, whether the half itself counts or not."""
        return self.low == self.high or self.low > HALF or self.high < HALF


def owned(
    owners: tuple[Mapping[str, Any], ...], is_listed: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any]:
    """Facts by name. The larger of shares and votes counts."""
    listed = [owner for owner in owners if is_listed(owner)]
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
    facts: dict[str, Any] = {"facts.listedLeast": whole.low}
    if whole.settled:
        facts["facts.listedOwned"] = whole.low
    if largest.settled:
        facts["facts.listedLargest"] = largest.low
    controls = [owner.get("control") for owner in listed]
    if True in controls or None not in controls:
        facts["facts.listedControl"] = True in controls
    return facts


def _stake(owner: Mapping[str, Any]) -> Decimal | None:
    told = [owner[each] for each in ("pct", "votingPct") if each in owner]
    return max(told) if told else None
