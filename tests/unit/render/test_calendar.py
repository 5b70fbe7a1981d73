"""A calendar file is what RFC 5545 says, read by another's library; the same answers give the same bytes."""

from __future__ import annotations

from typing import Any

import icalendar
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qx.model.validation import Due, Validation
from qx.render.calendar import LONGEST, calendar, escaped, folded

DUE = Due(rule_id="EU-EMIR-9", action="Report the derivative", to="trade repository", due="2026-11-24T23:00:00Z",
          because="1 business days after executionTs")  # fmt: skip


def validation(
    *dues: Due, as_of: str = "2026-11-22T09:00:00Z", name: str = "TXN-1", identity: str = "qxv1-1"
) -> Validation:
    return Validation(
        validation_id=identity, transaction_id=name, region="eu-west", jurisdictions=("EU",), as_of=as_of,
        status="conditional", compliance_score=80, expires_at="2026-11-29T09:00:00Z", expires_because="", findings=(),
        obligations=dues, missing=(), outcomes={}, packs=(), lists="", engine="qx-rules/1",
    )  # fmt: skip


def components(text: str, kind: str) -> list[Any]:
    return list(icalendar.Calendar.from_ical(text).walk(kind))


def test_an_obligation_is_a_to_do_and_an_event_at_its_due_instant() -> None:
    text = calendar([validation(DUE)])
    (todo,), (event,) = components(text, "VTODO"), components(text, "VEVENT")
    assert todo["DUE"].dt.isoformat() == "2026-11-24T23:00:00+00:00"
    assert event["DTSTART"].dt == todo["DUE"].dt
    assert todo["DTSTAMP"].dt.isoformat() == "2026-11-22T09:00:00+00:00", "asOf, no wall clock"
    assert todo["SUMMARY"] == "Report the derivative (TXN-1)"
    assert "trade repository" in todo["DESCRIPTION"]
    assert event["RELATED-TO"] == todo["UID"] != event["UID"]


def test_without_obligations_it_is_empty_and_still_a_calendar() -> None:
    assert icalendar.Calendar.from_ical(calendar([validation()])).walk("VTODO") == []


def test_the_same_obligation_judged_again_takes_the_place_of_the_first() -> None:
    moved = msgspec.structs.replace(DUE, due="2026-11-25T23:00:00Z")
    later = validation(moved, as_of="2026-11-23T09:00:00Z", identity="qxv1-2")
    first = components(calendar([validation(DUE)]), "VTODO")[0]
    both = components(calendar([later, validation(DUE)]), "VTODO")
    assert [(each["UID"], each["DUE"].dt.day) for each in both] == [(first["UID"], 25)]
    another = msgspec.structs.replace(DUE, to="ACER")
    assert len({each["UID"] for each in components(calendar([validation(DUE, another)]), "VTODO")}) == 2


def test_the_order_given_makes_no_difference() -> None:
    one, other = validation(DUE), validation(DUE, name="TXN-2")
    assert calendar([one, other]) == calendar([other, one])
    assert calendar([one]).count("\n") == calendar([one]).count("\r\n")


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_whatever_a_text_holds_it_comes_back_and_no_line_is_too_long(text: str) -> None:
    due = msgspec.structs.replace(DUE, action=f"a{text}")
    made = calendar([validation(due)])
    assert all(len(line.encode()) <= LONGEST for line in made.split("\r\n"))
    assert "\n" not in made.replace("\r\n", "")
    assert len(components(made, "VTODO")) == 1, "no text begins a component of its own"


@pytest.mark.parametrize(("text", "spelled"), [
    ("a;b,c\\d\ne", r"a\;b\,c\\d\ne"), ("x\r\nEND:VTODO", r"x\nEND:VTODO"),
    ("bell\x07, line\u2028end", r"bell\, lineend"),
])  # fmt: skip
def test_text_is_escaped(text: str, spelled: str) -> None:
    assert escaped(text) == spelled


def test_a_fold_cuts_no_character_in_two() -> None:
    line = "SUMMARY:" + "ناقلة" * 30
    parts = list(folded(line))
    assert len(parts) > 1
    assert all(len(part.encode()) <= LONGEST for part in parts)
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == line
