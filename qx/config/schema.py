"""JSON Schema (draft 2020-12) of a model, for editors and for `qx config schema`.

It says what `diagnose` says: what one accepts the other accepts (a test holds them together). Durations and sizes are
text of a pattern, or a number. Written here and not by msgspec, which cannot write defaults of its own custom types.
"""

from __future__ import annotations

import inspect as source
from typing import Any

import msgspec
from msgspec import inspect

from qx.kernel.spans import Bytes, Seconds

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_CUSTOM: dict[type, dict[str, Any]] = {
    Seconds: {
        "description": "A duration: 250ms, 30s, 1m30s, 5m, 2h, 1d; a bare number is seconds.",
        "type": ["string", "number"],
        "pattern": r"^\s*(\d+(\.\d+)?\s*([mM][sS]|[sSmMhHdDwW])?\s*)+$",
        "maxLength": 23,
        "minimum": 0,
    },
    Bytes: {
        "description": "A size: 512, 64KiB, 1MiB, 10MB, 1GiB; a bare number is bytes.",
        "type": ["string", "number"],
        "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgGtT][iI]?)?[bB]?\s*$",
        "maxLength": 23,
        "minimum": 0,
    },
}


def schema_of(model: type, title: str) -> dict[str, Any]:
    """The schema document; each Struct stands once under `$defs`, described by its docstring."""
    definitions: dict[str, Any] = {}
    root = _schema(inspect.type_info(model), definitions)
    return {"$schema": DIALECT, "title": title, **root, "$defs": definitions}


def _schema(kind: inspect.Type, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, inspect.StructType):
        name = kind.cls.__name__
        if name not in definitions:
            definitions[name] = {}  # its place, in case it holds itself
            definitions[name] = _struct(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, inspect.UnionType):
        return {"oneOf": [_schema(one, definitions) for one in kind.types]}
    if isinstance(kind, inspect.DictType):
        return {"type": "object", "additionalProperties": _schema(kind.value_type, definitions)}
    if isinstance(kind, inspect.VarTupleType):
        return {"type": "array", "items": _schema(kind.item_type, definitions)}
    if isinstance(kind, inspect.LiteralType):
        return {"enum": list(kind.values)}
    if isinstance(kind, inspect.CustomType):
        return _CUSTOM[kind.cls]
    names = {inspect.StrType: "string", inspect.IntType: "integer", inspect.FloatType: "number",
             inspect.BoolType: "boolean", inspect.NoneType: "null"}
    return {"type": names[type(kind)]}


def _struct(kind: inspect.StructType, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {kind.tag_field: {"const": kind.tag}} if kind.tag_field else {}
    for field in kind.fields:
        properties[field.encode_name] = _schema(field.type, definitions) | _default(field)
    required = [*([kind.tag_field] if kind.tag_field else []), *(f.encode_name for f in kind.fields if f.required)]
    text = source.cleandoc(kind.cls.__doc__ or "")
    return {
        **({"description": text} if text else {}),
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _default(field: inspect.Field) -> dict[str, Any]:
    """Structs as defaults are left out: each of their fields says its own."""
    if isinstance(field.type, inspect.StructType) or field.default is msgspec.NODEFAULT:
        return {}
    default = field.default
    return {"default": str(default) if isinstance(default, (Seconds, Bytes)) else msgspec.to_builtins(default)}
