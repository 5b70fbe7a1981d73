"""When a cron expression means: in timezones, over the days on which clocks are set, and what cannot be meant."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.config.cron import Cron

DUBLIN = "Europe/Dublin"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def following(expression: str, since: str, many: int, zone: str = "UTC") -> list[str]:
    """In UTC."""
    found, now = [], at(since)
    for _ in range(many):
        now = Cron(expression, zone).after(now) or 0.0
        found.append(f"{datetime.fromtimestamp(now, ZoneInfo('UTC')):%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(("expression", "found"), [
    ("*/30 * * * *", ["01-01 00:30", "01-01 01:00"]),
    ("0 3 * * mon-fri", ["01-01 03:00", "01-02 03:00"]),  # a Thursday
    ("0 3 1-7 * sun", ["01-04 03:00", "02-01 03:00"]),  # the first Sunday of the month
    ("0 0 last * *", ["01-31 00:00", "02-28 00:00"]),
])  # fmt: skip
def test_the_instants_of_an_expression(expression: str, found: list[str]) -> None:
    assert following(expression, "2026-01-01T00:00", 2) == found


def test_the_hour_is_that_of_the_timezone() -> None:
    assert following("0 3 * * *", "2026-07-01T00:00", 1, DUBLIN) == ["07-01 02:00"]
    assert following("0 3 * * *", "2026-07-01T00:00", 1, "Asia/Bahrain") == ["07-02 00:00"]


def test_an_hour_that_does_not_come_is_an_hour_later() -> None:
    assert following("30 1 * * *", "2026-03-28T12:00", 2, DUBLIN) == ["03-29 01:30", "03-30 00:30"]


def test_an_hour_that_comes_twice_counts_once() -> None:
    assert following("30 1 * * *", "2026-10-24T12:00", 2, DUBLIN) == ["10-25 00:30", "10-26 01:30"]
    found = following("*/30 * * * *", "2026-10-24T23:45", 5, DUBLIN)
    assert found == ["10-25 00:00", "10-25 00:30", "10-25 02:00", "10-25 02:30", "10-25 03:00"]


@pytest.mark.parametrize(("expression", "message"), [
    ("* * * *", "five fields"),
    ("", "five fields"),
    ("99 * * * *", "higher than the maximum"),
    ("*/0 * * * *", "Increment"),
    ("0 3 * bad *", "month"),
    ("0 3 * * 0", "names"),
    ("0 3 * * */2", "names"),
    ("0 3 * * sun-tue", "minimum"),
])  # fmt: skip
def test_what_cannot_be_meant(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cron(expression, "UTC")


def test_a_day_that_never_comes() -> None:
    assert Cron("0 0 31 feb *", "UTC").after(at("2026-01-01")) is None


EXPRESSIONS = st.sampled_from(["*/7 * * * *", "30 1 * * *", "0 0 * * sun", "15 2 25-31 mar,oct *", "59 23 last * *"])
ZONES = st.sampled_from(["UTC", DUBLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
INSTANTS = st.floats(at("2026-01-01"), at("2027-12-31"))


@given(EXPRESSIONS, ZONES, INSTANTS)
def test_instants_rise_and_none_is_left_out(expression: str, zone: str, now: float) -> None:
    cron = Cron(expression, zone)
    first = cron.after(now)
    assert first is not None
    assert first > now
    assert cron.after((now + first) / 2) == first or (now + first) / 2 >= first
    second = cron.after(first)
    assert second is not None
    assert second > first


@given(EXPRESSIONS, ZONES, INSTANTS, st.floats(0.0, 3e6))
def test_the_last_one_is_the_last(expression: str, zone: str, since: float, span: float) -> None:
    cron, until = Cron(expression, zone), since + span
    found = cron.last(since, until)
    following = cron.after(since if found is None else found)
    assert following is None or following > until
    assert found is None or since < found <= until
