"""Obligations: what is to be done because of a transaction, and until when. Pure.

Business days are Monday to Friday, or Sunday to Thursday; public holidays are not known and move no due instant: it is
never later than the law's.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from qx.model.validation import Due, Finding

if TYPE_CHECKING:
    from qx.compliance.closure import Env
    from qx.compliance.judge import Compiled
    from qx.model.rules import Obligation

WEEKENDS = {"": (5, 6), "sun-thu": (4, 5)}  # days of the week, Monday is 0


def due(of: Compiled, finding: Finding, data: Env) -> Due | None:
    """None where there is none, or nothing to count it from."""
    wanted = of.rule.obligation
    if wanted is None or finding.outcome in ("not_applicable", "not_in_force"):
        return None
    if wanted.when == "fail" and finding.outcome != "fail":
        return None
    since = data.get(wanted.after)
    if since is None:
        return None
    zone = ZoneInfo(wanted.timezone or of.pack.timezone)
    day = since.astimezone(zone).date() if isinstance(since, datetime) else since
    try:
        end = datetime.combine(_last_day(day, wanted) + timedelta(days=1), time.min, zone).astimezone(UTC)
    except (OverflowError, ValueError):  # beyond the last year that a date can tell
        end = datetime.max.replace(tzinfo=UTC)
    because = f"{_in_words(wanted)} after {wanted.after}"
    until = end.isoformat().replace("+00:00", "Z")
    return Due(rule_id=of.rule.id, action=wanted.action, to=wanted.to, due=until, because=because)


def _last_day(day: date, wanted: Obligation) -> date:
    if wanted.month_day:
        following = day.replace(day=28) + timedelta(days=4)
        return following.replace(day=wanted.month_day)
    day = _months_later(day, wanted.months) + timedelta(days=wanted.days)
    left = wanted.business_days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() not in WEEKENDS[wanted.calendar]
    return day


def _months_later(day: date, months: int) -> date:
    """The same day of that month, or its last."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return min(first.replace(day=1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def _in_words(wanted: Obligation) -> str:
    if wanted.month_day:
        return f"by day {wanted.month_day} of the month"
    counted = ((wanted.months, "months"), (wanted.days, "days"), (wanted.business_days, "business days"))
    return " and ".join(f"{count} {what}" for count, what in counted if count) or "the same day"
