"""Trading days, holidays and rolls of the example book."""

from __future__ import annotations

from datetime import date, timedelta

FIRST, LAST = date(2024, 5, 20), date(2026, 11, 20)
CLOSED = {(12, 25), (1, 1)}  # nobody trades
AMERICAN = {  # NYMEX has no settlement, ICE has one
    date(2024, 5, 27), date(2024, 6, 19), date(2024, 7, 4), date(2024, 9, 2), date(2024, 11, 28), date(2025, 1, 20),
    date(2025, 2, 17), date(2025, 5, 26), date(2025, 6, 19), date(2025, 7, 4), date(2025, 9, 1), date(2025, 11, 27),
    date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19), date(2026, 7, 3), date(2026, 9, 7),
}  # fmt: skip
BRITISH = {
    date(2024, 5, 27), date(2024, 8, 26), date(2024, 12, 26), date(2025, 4, 18), date(2025, 4, 21), date(2025, 5, 5),
    date(2025, 5, 26), date(2025, 8, 25), date(2025, 12, 26), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 4),
    date(2026, 5, 25), date(2026, 8, 31),
}  # fmt: skip


def trading_days() -> list[date]:
    days = (FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1))
    return [day for day in days if day.weekday() < 5 and (day.month, day.day) not in CLOSED]


def month_after(day: date, months: int) -> str:
    """The month that many after that of the day: 2027-01."""
    number = day.year * 12 + day.month - 1 + months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def first_of(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def front_months(days: list[date], roll: int, offset: int, holidays: set[date]) -> list[int]:
    """For each day how many months its front contract lies ahead: `offset`, and one more from the roll of the month on.
    `roll`: which of the month's days of that market it is; below zero from the end.
    """
    ahead: dict[date, int] = {}
    months: dict[tuple[int, int], list[date]] = {}
    for day in days:
        months.setdefault((day.year, day.month), []).append(day)
    for each in months.values():
        whole = _of_month(each[0])
        open_days = [day for day in whole if day not in holidays]
        turn = open_days[roll]
        ahead |= {day: offset + (day >= turn) for day in each}
    return [ahead[day] for day in days]


def _of_month(day: date) -> list[date]:
    """Its trading days, also those outside the window."""
    first = day.replace(day=1)
    days = (first + timedelta(number) for number in range(31))
    return [
        each for each in days
        if each.month == first.month and each.weekday() < 5 and (each.month, each.day) not in CLOSED
    ]  # fmt: skip
