"""Dated: which window of a parameter, and which rule, is in force at an instant; and when that changes next. Pure.

A day means its first moment in the pack's timezone; an instant is itself. From is included, to is not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.rules import Param, Rule, RulePack, Window

Value = Decimal | date | str | tuple[str, ...]
EVER = datetime.max.replace(tzinfo=UTC)
NEVER = datetime.min.replace(tzinfo=UTC)


class InForce(NamedTuple):
    """A parameter's value and the window that it is of."""

    value: Value
    window: Window
    since: datetime
    until: datetime


@lru_cache(maxsize=4096)
def instant(text: str, timezone: str) -> datetime:
    """Raises ValueError, ZoneInfoNotFoundError."""
    if len(text) == len("2026-11-22"):
        return datetime.combine(date.fromisoformat(text), time.min, ZoneInfo(timezone)).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no timezone: write +03:00 or Z, or a day alone")
    return moment.astimezone(UTC)


def bounds(from_: str, to: str, timezone: str) -> tuple[datetime, datetime]:
    return (instant(from_, timezone) if from_ else NEVER), (instant(to, timezone) if to else EVER)


def in_force(param: Param, pack: RulePack, at: datetime) -> InForce | None:
    for window in param.windows:
        since, until = bounds(window.from_, window.to, pack.timezone)
        if since <= at < until:
            return InForce(value_of(window), window, since, until)
    return None


def value_of(window: Window) -> Value:
    """A list of words, a number, a day, or a word."""
    value = window.value
    if isinstance(value, tuple):
        return value
    if is_number(value):
        return Decimal(value)
    return date.fromisoformat(value) if _is_day(value) else value


def is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()


def _is_day(text: str) -> bool:
    return len(text) == len("2026-11-22") and text[4] == text[7] == "-" and text.replace("-", "").isdigit()


def rule_in_force(rule: Rule, pack: RulePack, at: datetime) -> bool:
    since, until = bounds(rule.effective_from, rule.effective_to, pack.timezone)
    return since <= at < until


def is_stale(review_by: str, pack: RulePack, at: datetime) -> bool:
    """From the day after it on."""
    return bool(review_by) and at >= day_after(review_by, pack.timezone)


def day_after(day: str, timezone: str) -> datetime:
    following = date.fromordinal(date.fromisoformat(day).toordinal() + 1)
    return datetime.combine(following, time.min, ZoneInfo(timezone)).astimezone(UTC)


def changes(pack: RulePack) -> Iterator[tuple[datetime, str]]:
    """Every instant at which a rule or a parameter begins or ends, or grows stale, and what does."""
    for rule in pack.rules:
        for text in (rule.effective_from, rule.effective_to):
            if text:
                yield instant(text, pack.timezone), rule.id
    for name, param in pack.params.items():
        for window in param.windows:
            for text in (window.from_, window.to):
                if text:
                    yield instant(text, pack.timezone), f"{pack.pack}.{name}"
        if param.review_by:
            yield day_after(param.review_by, pack.timezone), f"review of {pack.pack}.{name}"
    yield day_after(pack.review_by, pack.timezone), f"review of pack {pack.pack}"
