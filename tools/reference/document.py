"""One JSON document: which commands answer with it, what it says, and where its keys come from."""

from __future__ import annotations

from typing import NamedTuple


class Document(NamedTuple):
    """`by`: the commands that answer with it. `struct`: its fields. `sources`: functions that write keys."""

    by: str
    about: str
    struct: type | None = None
    sources: tuple[str, ...] = ()
    keys: dict[str, str] = {}  # noqa: RUF012 - never changed; what those keys mean
    also: tuple[type, ...] = ()  # structs that values are made of
