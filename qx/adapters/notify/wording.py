"""A notice in words, for people and for machines. Holds no secret, and no control characters of anybody's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import json, to_builtins

from qx.kernel.spans import format_seconds
from qx.model.alert import Happening

if TYPE_CHECKING:
    from qx.model.alert import Notice

_MARK = {
    Happening.CHANGED: "changed: ", Happening.ESCALATED: "nobody acknowledged: ", Happening.RESOLVED: "over: ",
    Happening.TEST: "test: ",
}  # fmt: skip


def document(notice: Notice) -> dict[str, Any]:
    """`qx.notice/1`."""
    return {"schema": "qx.notice/1", **to_builtins(notice)}


def body(notice: Notice) -> bytes:
    """The document as one line of JSON, the same bytes in every attempt."""
    return json.encode(document(notice))


def subject(notice: Notice) -> str:
    """`[critical] demo: region us-east does not answer`, on one line."""
    words = f"[{notice.alert.severity}] {notice.platform}: {_MARK.get(notice.happening, '')}{notice.alert.title}"
    return " ".join(printable(words).split())


def lines(notice: Notice) -> list[str]:
    """What follows the subject."""
    alert = notice.alert
    found = [printable(alert.because)]
    if alert.clusters:
        found.append(f"clusters: {', '.join(alert.clusters)}")
    if alert.regions:
        found.append(f"regions: {', '.join(alert.regions)}")
    since = datetime.fromtimestamp(alert.since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    lasted = "" if notice.lasted_s is None else f", lasted {format_seconds(notice.lasted_s)}"
    found.append(f"since {since}{lasted}")
    if notice.contacts and notice.happening is not Happening.RESOLVED:
        known = (f"{name} {how}" for name, how in notice.contacts.items())
        found.append(printable(f"contacts: {', '.join(known)}"))
    return found


def printable(text: str) -> str:
    """Without what would move a cursor or begin another header."""
    return "".join(c if c.isprintable() or c == " " else "?" for c in text.replace("\n", " ").replace("\t", " "))
