"""One valid document that uses every part of the file, and texts made from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qx.config.load import understand
from qx.config.marks import compose
from qx.kernel.errors import Problems, QxError

if TYPE_CHECKING:
    from qx.model.platform import Platform

BASE = Path(__file__).with_name("base.yaml").read_text()
FILE = "regions.yaml"


def but(*changes: tuple[str, str]) -> str:
    """The valid document with texts replaced; each must stand in it exactly once."""
    text = BASE
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the document"
        text = text.replace(old, new)
    return text


def platform_of(text: str) -> Platform:
    return understand(compose(text.encode(), FILE))


def errors_of(text: str) -> list[QxError]:
    """What `qx config check` would list; [] when all is well."""
    try:
        platform_of(text)
    except Problems as problems:
        return list(problems.errors)
    return []
