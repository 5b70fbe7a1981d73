"""What turns between two instants: of the packs that hold somewhere, and of the answers on given transactions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from qx.app.compliance import document_of
from qx.compliance.difference import Difference, Flip, Unread, flipped, turns
from qx.compliance.screening import screen
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import TextIO

    from qx.app.compliance import Desk
    from qx.compliance.transaction import Transaction
    from qx.compliance.validate import Rulebook
    from qx.model.rules import RulePack

MOST_BYTES = 64 << 20  # of a document that is no NDJSON


def of_packs(packs: tuple[RulePack, ...], region: str, since: datetime, until: datetime) -> Difference:
    return Difference(
        since=_text(since), until=_text(until), region=region,
        packs=tuple(f"{pack.pack} {pack.version}" for pack in packs), turns=turns(packs, since, until),
    )  # fmt: skip


def of_transactions(
    desk: Desk, book: Rulebook, since: datetime, until: datetime, documents: Iterable[Any], *, lenient: bool = False
) -> Difference:
    """Each is judged at both instants, whatever asOf it states itself."""
    flips: list[Flip] = []
    unread: list[Unread] = []
    count = 0
    for number, document in enumerate(documents, 1):
        try:
            transaction = read(_sound(document), lenient=lenient)
        except QxError as error:
            unread.append(Unread(number=number, code=error.code, message=error.message))
            continue
        count += 1
        found = flipped(number, *(_judged(desk, book, transaction, at) for at in (since, until)))
        if found is not None:
            flips.append(found)
    made = of_packs(book.packs, book.region, since, until)
    return replace(made, transactions=count, flips=tuple(flips), unread=tuple(unread))


def _judged(desk: Desk, book: Rulebook, transaction: Transaction, at: datetime) -> Any:
    return validate(transaction, book, at, screen(transaction, desk.lists, at), everything=True)


def _sound(document: Any) -> Any:
    if isinstance(document, QxError):
        raise document
    return document


def documents(stdin: TextIO, path: str) -> Iterator[Any]:
    """One JSON object, the items of a JSON array, or a line of NDJSON each; numbers exact. `-` is standard input.

    A line that is no JSON comes as its QxError. Raises QX-TXN-001 where nothing can be read.
    """
    data = _read(stdin, path)
    try:
        whole = document_of(data, path)
    except QxError:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        yield from (_line(line, number) for number, line in enumerate(lines, 1))
        return
    yield from whole if isinstance(whole, list) else [whole]


def _line(line: bytes, number: int) -> Any:
    try:
        return document_of(line, f"line {number}")
    except QxError as error:
        return error


def _read(stdin: TextIO, path: str) -> bytes:
    try:
        if path == "-":
            raw = getattr(stdin, "buffer", None)
            data: bytes = raw.read(MOST_BYTES + 1) if raw is not None else stdin.read(MOST_BYTES + 1).encode()
        else:
            with Path(path).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise QxError("QX-TXN-001", f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise QxError("QX-TXN-001", f"{path} holds more than {MOST_BYTES >> 20} MiB", hint="split it")
    return data


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
