"""Screening asked for by name or by file: what is screened, and who is cleared of what."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.app.lists import clear
from qx.compliance.screening import screen
from qx.compliance.screening.screen import digest_of, record_of, record_of_name, screen_name
from qx.compliance.screening.told import name_screened, screening
from qx.kernel.errors import QxError
from qx.model.sanctions import Cleared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from qx.compliance.screening import Lists
    from qx.compliance.screening.screen import Match
    from qx.compliance.transaction import Transaction
    from qx.model.screening import Screening

LASTS = timedelta(days=180)  # a clearance, where no end is stated


class Asked(NamedTuple):
    """Names, or a transaction."""

    names: tuple[str, ...] = ()
    transaction: Transaction | None = None


def asked_of(word: str, stdin: TextIO) -> Asked:
    """A file that exists, `-` for standard input, else a name. A transaction is JSON; names stand one to a line, or in
    the column `name` of CSV, or in its first. Raises QX-TXN-001.
    """
    from qx.app.compliance import document_of, read_bytes
    from qx.compliance.transaction import read

    if word != "-" and not _is_file(word):
        return Asked((word,))
    data = read_bytes(stdin, word)
    if data.lstrip()[:1] == b"{":
        return Asked(transaction=read(document_of(data, word), lenient=True))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QxError("QX-TXN-001", f"{word} is not UTF-8: {error}") from error
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and row[0].strip()]
    if rows and "name" in rows[0]:
        place = rows[0].index("name")
        return Asked(tuple(row[place].strip() for row in rows[1:] if len(row) > place and row[place].strip()))
    whole = word == "-" or not word.lower().endswith(".csv")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Asked(tuple(lines if whole else (row[0].strip() for row in rows)))


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False


def ask(asked: Asked, lists: Lists, at: datetime) -> Screening:
    if asked.transaction is None:
        lists.match(asked.names)
        return screening(
            (name_screened(name, screen_name(name, lists, at), lists, at) for name in asked.names), lists, at
        )
    found = screen(asked.transaction, lists, at)
    name = asked.transaction.name or "transaction"
    return screening([name_screened(name, (*found.matches, *found.near), lists, at)], lists, at)


def cleared_now(
    asked: Asked,
    entry: str,
    lists: Lists,
    at: Path,
    *,
    by: str,
    reason: str,
    now: datetime,
    until: datetime | None,
) -> Cleared:
    """A match by name found to be somebody else, and kept. `entry`: SOURCE:UID. Raises QX-LIST-003, QX-LIST-005."""
    if asked.transaction is None:
        if len(asked.names) != 1:
            raise QxError("QX-LIST-005", "one name at a time is cleared")
        found: Sequence[Match] = screen_name(asked.names[0], lists, now)
    else:
        found = screen(asked.transaction, lists, now).matches
    source, _, uid = entry.rpartition(":")
    match = next((each for each in found if each.listed.uid == uid and source in ("", each.source)), None)
    if match is None or match.score < lists.threshold:
        near = ", ".join(
            f"{each.source}:{each.listed.uid}" for each in found if each.score >= lists.threshold
        )
        raise QxError(
            "QX-LIST-005", f"no match with {entry}", hint=f"those there are: {near}" if near else ""
        )
    if match.how not in ("name", "weak", "near"):
        raise QxError(
            "QX-LIST-005", f"{match.asked} has the very {match.how} of {entry}: that is nobody else"
        )
    of_party = asked.transaction is not None and match.path.startswith("counterparty.")
    made = Cleared(
        party=match.asked,
        record=record_of(asked.transaction.values) if of_party and asked.transaction else record_of_name(match.asked),
        source=match.source, uid=uid, entry=digest_of(match.listed), by=by, reason=reason, at=_text(now),
        until=_text(until or now + LASTS),
    )  # fmt: skip
    clear(at, made)
    return made


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
