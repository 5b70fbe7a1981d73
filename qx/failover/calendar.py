"""The calendar: windows in which nothing is moved. Pure, over Unix seconds and IANA timezones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.watching import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def window_against(windows: Iterable[Window], cluster: str, now: float, *, planned: bool) -> str:
    """The window that keeps `cluster` where it is at `now`, in words; '' when none does."""
    for window in windows:
        concerns = (planned or not window.only_planned) and (not window.clusters or cluster in window.clusters)
        if concerns and in_window(window, now):
            return f"{window.name}: {window.start} to {window.end} {window.timezone}"
    return ""


def in_window(window: Window, now: float) -> bool:
    """Whether `now` lies within it, by its timezone; what is past midnight belongs to the day before."""
    local = datetime.fromtimestamp(now, ZoneInfo(window.timezone))
    clock = f"{local:%H:%M}"
    if window.start <= window.end:
        return _on_day(window, local) and window.start <= clock < window.end
    late, early = clock >= window.start, clock < window.end
    return (late and _on_day(window, local)) or (early and _on_day(window, local - timedelta(days=1)))


def _on_day(window: Window, local: datetime) -> bool:
    return not window.days or DAYS[local.weekday()] in window.days
