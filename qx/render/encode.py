"""Values as JSON: one document with its schema first, or one line of NDJSON.

The resource itself, no envelope: `{"schema": "qx.<noun>/1", ...fields}`. snake_case as the model has it. A float that
is not a number becomes null. The same value gives the same bytes.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec


def document(noun: str, value: object, *, version: int = 1) -> dict[str, Any]:
    """`value` (a Struct or a mapping) as the fields of a document of schema `qx.<noun>/<version>`.

    Raises TypeError when it has no fields: a list goes under a name, `document("runs", {"runs": runs})`.
    """
    plain = builtins(value)
    if not isinstance(plain, dict):
        raise TypeError(f"a document of {noun} needs named fields, not a {type(value).__name__}")
    return {"schema": f"qx.{noun}/{version}", **plain}


def builtins(value: object) -> Any:
    """`value` in JSON's own types (dict with str keys, list, str, int, float, bool, None)."""
    return msgspec.to_builtins(value, enc_hook=_plain, str_keys=True)


def json_text(doc: object) -> str:
    """Indented by two, not ASCII-escaped, no closing newline."""
    return msgspec.json.format(msgspec.json.encode(doc, enc_hook=_plain), indent=2).decode()


def json_line(doc: object) -> str:
    """One line of NDJSON, no closing newline."""
    return msgspec.json.encode(doc, enc_hook=_plain).decode()


def _plain(value: object) -> Any:
    if isinstance(value, float):  # Seconds
        return float(value)
    if isinstance(value, int):  # Bytes
        return int(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
