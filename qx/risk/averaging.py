"""Prices that are an average over days: how much of it is known already, and what it is.

Days are weekdays. Today's price is known, so today is among the past days.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import Place, QxError
from qx.risk.curves import first_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Position
    from qx.risk.market import Market


class Window(NamedTuple):
    past: int  # weekdays up to and with today
    left: int  # weekdays after it
    first: date  # of all
    last: date
    next: date  # the first of those left, where there is one

    @property
    def fixed(self) -> float:
        """The share that is known."""
        return self.past / (self.past + self.left)


def window(first: date, last: date, today: date, place: Place) -> Window:
    """Raises QX-RISK-003 where no weekday lies in it."""
    day = timedelta(days=1)
    count = int(np.busday_count(first, last + day))
    if count < 1:
        said = f"no weekday lies between {first} and {last}"
        raise QxError(
            "QX-RISK-003",
            said,
            hint="pricing_window: first day..last day, as 2026-12-01..2026-12-31",
            place=place,
        )
    past = int(np.busday_count(first, max(first, min(last, today) + day)))
    following = max(first, today + day)
    while following.weekday() > 4:
        following += day
    return Window(past, count - past, first, last, following)


def month_of(contract: str, place: Place) -> tuple[date, date]:
    """First and last day. Raises QX-RISK-003."""
    first = first_day(contract)
    if first is None:
        said = f"an average wants the days that it is taken over, and {contract or 'no contract'} is no month"
        raise QxError(
            "QX-RISK-003", said, hint="pricing_window, or contract: a month as 2027-03", place=place
        )
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def months(position: Position, place: Place) -> list[str]:
    """2027-01..2027-03 -> its three months; one contract is itself, none is ''. Raises QX-RISK-003."""
    begin, dots, end = position.contract.partition("..")
    if not dots:
        return [begin]
    first, last = first_day(begin.strip()), first_day(end.strip())
    if first is None or last is None or first > last:
        said = f"no months: {position.contract!r}"
        raise QxError("QX-RISK-003", said, hint="contract: 2027-01, or 2027-01..2027-03", place=place)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    at = [(first.year * 12 + first.month - 1 + number) for number in range(count)]
    return [f"{each // 12}-{each % 12 + 1:02}" for each in at]


def fixing(market: Market, mix: Sequence[tuple[int, float]], days: Window, place: Place) -> float:
    """The average of the prices known so far, in the unit of the factors.

    The price of a past day is today's taken back by the returns since: within a contract that is what was
    quoted then, and a roll leaves no jump. Raises QX-RISK-011 where prices begin after the window.
    """
    if days.first < market.start:
        said = f"the average began on {days.first}, prices on {market.start}"
        raise QxError(
            "QX-RISK-011", said, hint="bring prices of the whole window, or a longer history", place=place
        )
    factors = [factor for factor, _ in mix]
    dates = np.r_[np.datetime64(market.start, "D"), market.dates]
    inside = (dates >= np.datetime64(days.first, "D")) & (dates <= np.datetime64(days.last, "D"))
    if not inside.any():
        said = f"no price is quoted between {days.first} and {min(days.last, market.as_of)}"
        raise QxError("QX-RISK-011", said, hint="bring prices of these days", place=place)
    oldest = int(np.argmax(inside))
    levels = _back(market, len(dates) - oldest - 1)[inside[oldest:]]
    return float(levels[:, factors].mean(axis=0) @ np.array([weight for _, weight in mix]))


def _back(market: Market, days: int) -> NDArray[np.float64]:
    """Levels (days + 1, F) up to today's."""
    levels = [market.base]
    for row in range(1, days + 1):
        step = -market.returns[len(market.returns) - row]
        if (relative := market.kinds.relative) is not None:
            step[relative] = 1.0 / (1.0 - step[relative]) - 1.0
        levels.append(market.kinds.moved(levels[-1], step[None])[0])
    return np.stack(levels[::-1])
