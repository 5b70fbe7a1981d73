"""Every key of regions.yaml is read by something other than the code that reads the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import inspect

import qx
from qx.model.platform import Platform

PACKAGE = Path(qx.__file__).parent
READERS = "\n".join(
    path.read_text() for path in PACKAGE.rglob("*.py")
    if path.name == "profiles.py" or path.relative_to(PACKAGE).parts[0] not in ("config", "model")
)  # fmt: skip
OF_THE_FILE = {"version"}  # which says how to read the rest


def keys(kind: inspect.Type, seen: set[type]) -> set[tuple[str, str]]:
    """(struct, field) of everything that may stand in the file."""
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return set()
        seen.add(kind.cls)
        below = (keys(field.type, seen) for field in kind.fields)
        return {(kind.cls.__name__, field.name) for field in kind.fields}.union(*below)
    parts = getattr(kind, "types", ()) or [getattr(kind, name) for name in ("value_type", "item_type")
                                           if hasattr(kind, name)]  # fmt: skip
    return set[tuple[str, str]]().union(*(keys(part, seen) for part in parts))


@pytest.mark.parametrize(("struct", "field"), sorted(keys(inspect.type_info(Platform), set())))
def test_something_reads_it(struct: str, field: str) -> None:
    found = re.search(rf"\.{field}\b|\"{field}\"", READERS)
    assert found or field in OF_THE_FILE, f"{struct}.{field} is read by nobody"
