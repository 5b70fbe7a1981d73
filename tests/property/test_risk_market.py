"""Market against a plain retelling of its rules: rolls, carried days and returns, of whatever prices there are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qx.model.risk import Quote
from tests.unit.risk.quoting import factor, made, quote

START = date(2026, 1, 5)
PRICE = st.integers(1, 20_000).map(lambda cents: cents / 100)


class Day(NamedTuple):
    """Of one factor: nothing, one contract, or on the day of a roll the old and the new one."""

    quoted: bool
    rolls: bool
    old: float
    new: float


DAYS = st.lists(st.builds(Day, st.integers(0, 15).map(bool), st.booleans(), PRICE, PRICE), min_size=2, max_size=14)


def told(days: list[Day], name: str) -> list[Quote]:
    found: list[Quote] = []
    contract = 1
    for number, day in enumerate(days):
        if not day.quoted and number:
            continue
        when = START + timedelta(days=number)
        found.append(quote(name, f"{when} {day.old} 2026-{contract:02}", 2 + len(found)))
        if day.rolls and number and contract < 12:
            contract += 1
            found.append(quote(name, f"{when} {day.new} 2026-{contract:02}", 2 + len(found)))
    return found


def retold(quotes: list[Quote], count: int) -> tuple[list[float], list[float]]:
    """Levels and log returns, one day after another."""
    by_day: dict[int, dict[str, float]] = {}
    for each in quotes:
        by_day.setdefault((each.date - START).days, {})[each.contract] = each.value
    contract = max(by_day[0])
    level = by_day[0][contract]
    levels, returns = [level], []
    for number in range(1, count):
        today = by_day.get(number)
        returns.append(float(np.log(today[contract] / level)) if today else 0.0)
        if today:
            contract = max(today)
            level = today[contract]
        levels.append(level)
    return levels, returns


@settings(max_examples=60)
@given(DAYS, st.integers(1, 20))
def test_a_market_is_what_its_rules_say(days: list[Day], window: int) -> None:
    rolling = told(days, "CL.M1")
    every_day = [quote("A", f"{START + timedelta(days=number)} 1.0", 100 + number) for number in range(len(days))]
    allowed = max(1, len(days) // 10)
    if sum(not day.quoted for day in days[1:]) > allowed or not days[-1].quoted:
        return
    found = made([factor("A"), factor("CL.M1", "log", max_stale_days=99)], [*every_day, *rolling])
    levels, returns = retold(rolling, len(days))
    assert found.history[:, 1].tolist() == levels
    assert found.returns[:, 1] == pytest.approx(returns, rel=1e-12, abs=1e-15)
    part = made([factor("A"), factor("CL.M1", "log", max_stale_days=99)], [*every_day, *rolling], window=window)
    assert (part.returns == found.returns[-window:]).all()
    assert (part.history == found.history[-window - 1 :]).all()
