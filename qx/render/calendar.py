"""Obligations as a calendar file (iCalendar, RFC 5545). Pure: the same validations give the same bytes.

Each obligation comes twice: as a to-do (VTODO), and, because many calendars show no to-dos, as an event (VEVENT) of no
length at its due instant that keeps nobody busy. Invariants: no wall clock (DTSTAMP is asOf); the UID is the
obligation's own, so that a later validation of the same transaction takes the place of the earlier one in a calendar;
no line is longer than 75 octets; no text can begin a line of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.kernel.canon import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.model.validation import Due, Validation

LONGEST = 75  # octets of a line, without its end
PRODUCT = "-//qx//compliance//EN"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")


def calendar(found: Iterable[Validation]) -> str:
    """A whole file, with CRLF; of obligations that two validations share the later judged one stands."""
    latest: dict[str, tuple[Validation, Due]] = {}
    for validation in sorted(found, key=lambda each: (each.as_of, each.validation_id)):
        for due in validation.obligations:
            latest[_identity(validation, due)] = validation, due
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN"]
    for identity, (validation, due) in sorted(latest.items(), key=lambda each: (each[1][1].due, each[0])):
        lines += _todo(identity, validation, due)
        lines += _event(identity, validation, due)
    return "".join(f"{part}\r\n" for line in (*lines, "END:VCALENDAR") for part in folded(line))


def _identity(validation: Validation, due: Due) -> str:
    """Of one obligation of one transaction in one region, whenever and by whatever version it was judged."""
    of = validation.transaction_id or validation.validation_id
    return digest([of, validation.region, due.rule_id, due.action, due.to])[:32]


def _todo(identity: str, validation: Validation, due: Due) -> Iterator[str]:
    yield "BEGIN:VTODO"
    yield f"UID:{identity}-todo@qx"
    yield from _both(validation, due)
    yield f"DUE:{_instant(due.due)}"
    yield "STATUS:NEEDS-ACTION"
    yield "END:VTODO"


def _event(identity: str, validation: Validation, due: Due) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{identity}-due@qx"
    yield from _both(validation, due)
    yield f"DTSTART:{_instant(due.due)}"
    yield f"RELATED-TO:{identity}-todo@qx"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _both(validation: Validation, due: Due) -> Iterator[str]:
    name = validation.transaction_id or validation.validation_id
    of = f"Region {validation.region}, validation {validation.validation_id}"
    told = f"{due.rule_id}: {due.because}. To: {due.to}. {of}"
    yield f"DTSTAMP:{_instant(validation.as_of)}"
    yield f"SUMMARY:{escaped(f'{due.action} ({name})')}"
    yield f"DESCRIPTION:{escaped(told)}"
    yield f"CATEGORIES:{escaped(validation.region)}"


def escaped(text: str) -> str:
    """As a TEXT value: backslash, semicolon, comma and newline spelled, other control characters gone."""
    plain = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> Iterator[str]:
    """In parts of at most 75 octets, the later ones begun by a space; no character is cut in two."""
    part, size = "", 0
    for char in line:
        octets = len(char.encode())
        if size + octets > LONGEST:
            yield part
            part, size = " ", 1
        part, size = part + char, size + octets
    yield part


def _instant(text: str) -> str:
    """`2026-12-01T22:00:00Z` in the basic form, to the second."""
    day, _, time = text.partition("T")
    return f"{day.replace('-', '')}T{time[:8].replace(':', '')}Z"
