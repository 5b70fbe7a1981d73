"""A runbook's file -> Runbook, or Problems with everything that is wrong with it, each with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from qx.config import runbook_links, runbook_lint
from qx.config.decode import custom
from qx.config.fault import Fault, errors, sound
from qx.config.load import ordered, read
from qx.config.runbook_names import Spotted
from qx.kernel.errors import Problems, QxError
from qx.model.runbook import Runbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.config.document import Document, Trail
    from qx.model.platform import Platform


def load(path: Path, platform: Platform | None) -> Runbook:
    """Raises Problems: all errors of the file at once. Without a platform: those that do not need one."""
    return understand(read(path), platform)


def understand(document: Document, platform: Platform | None) -> Runbook:
    """The document's runbook. Raises Problems."""
    shape: list[Fault] = []
    damaged: list[Trail] = []
    try:
        book = msgspec.convert(document.tree, Runbook, dec_hook=custom)
    except msgspec.ValidationError as first:
        from qx.config.diagnose import diagnose

        found = diagnose(document.tree, Runbook)
        if not found.faults:  # msgspec knows better than the diagnosis: its own words
            error = QxError("QX-CFG-004", str(first), place=document.place(()))
            raise Problems([*document.problems, error]) from first
        shape, damaged = found.faults, found.damaged
        book = msgspec.convert(found.tree, Runbook, dec_hook=custom)
    said = list(_faults(book, Path(document.file).stem, platform))
    kept = set(map(id, sound([each.fault if isinstance(each, Spotted) else each for each in said], damaged)))
    said = [each for each in said if id(each.fault if isinstance(each, Spotted) else each) in kept]
    wrong = [*document.problems, *errors(document, shape), *_placed(document, said)]
    if wrong:
        raise Problems(ordered(wrong))
    return book


def _faults(book: Runbook, stem: str, platform: Platform | None) -> Iterator[Fault | Spotted]:
    yield from runbook_lint.check(book, stem)
    if platform is not None:
        yield from runbook_links.check(book, platform)


def _placed(document: Document, said: Iterable[Fault | Spotted]) -> Iterator[QxError]:
    for each in said:
        if isinstance(each, Fault):
            yield from errors(document, [each])
            continue
        [error] = errors(document, [each.fault])
        error.place = document.at(_within(document, each)) if error.place else None
        yield error


def _within(document: Document, spotted: Spotted) -> tuple[int, int]:
    """Line and column of the character: exactly where the text stands in one line as it is; else where it begins."""
    place = document.place(spotted.fault.trail)
    line = document.lines[place.line - 1] if place.line else ""
    at = line.find(spotted.text, max(0, place.column - 1)) if "\n" not in spotted.text else -1
    if at >= 0:
        return place.line, at + 1 + spotted.offset
    return place.line, place.column
