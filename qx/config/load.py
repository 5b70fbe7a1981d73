"""A regions.yaml on disk -> Platform, or Problems with everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import ValidationError

from qx.config import approvers, forms, kyc, links, schedules, watching
from qx.config.decode import convert
from qx.config.fault import errors, sound
from qx.config.marks import compose
from qx.kernel.errors import Problems, QxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qx.config.document import Document
    from qx.config.fault import Fault
    from qx.model.platform import Platform

MAX_BYTES = 1 << 20


def load(path: Path) -> Platform:
    """Raises Problems: all errors of the file at once, in the order of their places."""
    return load_marked(path)[0]


def load_marked(path: Path) -> tuple[Platform, Document]:
    """As `load`, with the places of everything that stands in the file."""
    document = read(path)
    return understand(document), document


def read(path: Path) -> Document:
    """Text and places, not yet judged. Raises Problems: QX-CFG-001 for the file, QX-CFG-002 for its text."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise Problems([QxError("QX-CFG-001", message, hint="check the path and its rights")]) from error
    if len(data) > MAX_BYTES:
        message = f"{path} is larger than {MAX_BYTES} bytes"
        raise Problems([QxError("QX-CFG-001", message, hint="is this the right file?")])
    return compose(data, str(path))


def understand(document: Document) -> Platform:
    """The document's platform. Raises Problems."""
    try:
        platform = convert(document.tree)
    except ValidationError as error:
        raise Problems(_all_of(document, error)) from error
    faults = list(_faults(platform))
    if faults or document.problems:
        raise Problems(ordered([*document.problems, *errors(document, faults)]))
    return platform


def _faults(platform: Platform) -> Iterator[Fault]:
    for part in (forms, links, approvers, watching, schedules, kyc):
        yield from part.check(platform)


def _all_of(document: Document, first: ValidationError) -> list[QxError]:
    """Faults of shape, and those of form and reference in what remains when the shape is mended."""
    from qx.config.diagnose import diagnose
    from qx.model.platform import Platform

    shape = diagnose(document.tree, Platform)
    if not shape.faults:  # msgspec knows better than the diagnosis: its own words, without a place inside the file
        return [*document.problems, QxError("QX-CFG-004", str(first), place=document.place(()))]
    mended = convert(shape.tree)
    rest = sound(_faults(mended), shape.damaged)
    return ordered([*document.problems, *errors(document, [*shape.faults, *rest])])


def ordered(found: list[QxError]) -> list[QxError]:
    """As they stand in the file."""
    return sorted(found, key=lambda error: (error.place.line, error.place.column) if error.place else (0, 0))
