"""Cron: an expression of five fields, and the instants that it means in a timezone. Pure; the only module that knows
APScheduler, and of that only its reckoning: when something begins is decided by a Clock.

Invariants: instants only ever rise. A local time that comes twice, when clocks are set back, is meant once, the first
time; one that does not come, when they are set forward, is meant an hour later. (The library's own reckoning in such a
timezone comes back to an hour that has passed, so it is given wall clock time without one.)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_DIGIT = re.compile(r"\d")


class Cron:
    """`expression`: minute, hour, day of the month, month, weekday. Raises ValueError with what is wrong with it.

    Weekdays are written as names: 0 is Monday to some and Sunday to others.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        fields = expression.split()
        if len(fields) != 5:
            raise ValueError(f"wants five fields (minute hour day month weekday), has {len(fields)}")
        if _DIGIT.search(fields[4]):
            raise ValueError("weekdays are written as names (mon-fri): 0 is Monday to some and Sunday to others")
        self._trigger = CronTrigger.from_crontab(expression, UTC)
        self._zone = ZoneInfo(timezone)

    def after(self, instant: float) -> float | None:
        """The first one after `instant` (Unix seconds); None: there is none any more."""
        local = datetime.fromtimestamp(instant, self._zone).replace(tzinfo=UTC, fold=0)
        while True:
            local = self._trigger.get_next_fire_time(None, local + timedelta(microseconds=1))
            if local is None:
                return None
            found = local.replace(tzinfo=self._zone).timestamp()
            if found > instant:
                return float(found)

    def last(self, after: float, until: float) -> float | None:
        """The last one of those after `after`, up to `until`; None: there is none."""
        low, high = after, until
        first = self.after(low)
        if first is None or first > until:
            return None
        while high - low > 1.0:  # instants are whole minutes
            middle = (low + high) / 2
            found = self.after(middle)
            if found is not None and found <= until:
                low, first = middle, found
            else:
                high = middle
        return first
