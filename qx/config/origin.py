"""The value in force of every key and where it comes from: a place in the file, or the default.

Secrets stay references. Raises nothing: it is asked about a platform that was understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import fields

from qx.config.document import dotted
from qx.kernel.spans import Bytes, Seconds, parse_bytes, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Document, Trail
    from qx.model.platform import Platform


class Setting(Struct, frozen=True):
    """`line` and `column` are 0 for a default. `value` is a scalar, a list of scalars, or empty."""

    key: str
    value: Any
    origin: str  # 'file' or 'default'
    line: int = 0
    column: int = 0


def settings(platform: Platform, document: Document) -> Iterator[Setting]:
    """In the order of the model, those of regions and clusters in the order of the file."""
    for trail, value in _leaves((), platform):
        if document.node(trail) is None:
            yield Setting(dotted(trail), value, "default")
        else:
            place = document.place(trail)
            yield Setting(dotted(trail), value, "file", place.line, place.column)


def spelled(value: Any) -> str:
    """A value as the file would say it."""
    if isinstance(value, Seconds):
        return str(value) if parse_seconds(str(value)) == value else f"{float(value)!r}s"
    if isinstance(value, Bytes):
        return str(value) if parse_bytes(str(value)) == value else f"{int(value)}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(spelled, value))}]"
    if value is None or value == "":
        return "null" if value is None else '""'
    return str(value)


def _leaves(trail: Trail, value: Any) -> Iterator[tuple[Trail, Any]]:
    if isinstance(value, Struct):
        config = value.__struct_config__
        if config.tag_field:
            yield (*trail, config.tag_field), config.tag
        for field in fields(value):
            yield from _leaves((*trail, field.encode_name), getattr(value, field.name))
    elif isinstance(value, dict) and value:
        for key, held in value.items():
            yield from _leaves((*trail, key), held)
    elif isinstance(value, tuple) and any(isinstance(held, Struct) for held in value):
        for index, held in enumerate(value):
            yield from _leaves((*trail, index), held)
    else:
        yield trail, value
