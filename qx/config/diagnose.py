"""Every fault in the shape of a tree: unknown keys, missing keys, wrong types and forms, in plain words.

It walks tree and model side by side (msgspec stops at its first error) and returns, beside the faults, the tree made
whole with neutral values, so that what else is wrong can be told in the same breath. Of a union only the member that
the `driver` names is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import inspect

from qx.config.decode import custom
from qx.config.fault import Fault
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from qx.config.document import Trail

_PLAIN: dict[type, tuple[tuple[type, ...], str, Any]] = {  # of the model -> what the file may hold, its name, neutral
    inspect.StrType: ((str,), "text", ""),
    inspect.IntType: ((int,), "a whole number", 1),
    inspect.FloatType: ((int, float), "a number", 1.0),
    inspect.BoolType: ((bool,), "true or false", False),
}
_NAMES = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a mapping",
}


class Diagnosis(NamedTuple):
    """`tree` converts without error; the values at and below `damaged` are not the file's own."""

    tree: Any
    faults: list[Fault]
    damaged: list[Trail]


def diagnose(tree: Any, model: type) -> Diagnosis:
    walk = _Walk()
    repaired = walk.value(inspect.type_info(model), tree, ())
    return Diagnosis(repaired, walk.faults, walk.damaged)


class _Walk:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.damaged: list[Trail] = []

    def value(self, kind: inspect.Type, value: Any, trail: Trail) -> Any:
        """`value` as it is when it fits, else a neutral one."""
        if isinstance(kind, inspect.StructType):
            return self._struct(kind, value, trail)
        if isinstance(kind, inspect.UnionType):
            return self._union(kind, value, trail)
        if isinstance(kind, inspect.DictType):
            if isinstance(value, dict):
                return {key: self.value(kind.value_type, held, (*trail, key)) for key, held in value.items()}
            return self._wrong(kind, "a mapping (key: value)", value, trail)
        if isinstance(kind, inspect.VarTupleType):
            if isinstance(value, list):
                return [self.value(kind.item_type, held, (*trail, index)) for index, held in enumerate(value)]
            return self._wrong(kind, "a list", value, trail)
        if isinstance(kind, inspect.LiteralType):
            return self._literal(kind, value, trail)
        if isinstance(kind, inspect.CustomType):
            return self._custom(kind, value, trail)
        if isinstance(kind, inspect.AnyType):
            return value
        wanted, noun, _ = _PLAIN[type(kind)]
        return value if type(value) in wanted else self._wrong(kind, noun, value, trail)

    def _struct(self, kind: inspect.StructType, value: Any, trail: Trail) -> Any:
        if not isinstance(value, dict):
            return self._wrong(kind, "a mapping (key: value)", value, trail)
        fields = {field.encode_name: field for field in kind.fields}
        known = {*fields, kind.tag_field} if kind.tag_field else set(fields)
        repaired = {kind.tag_field: kind.tag} if kind.tag_field else {}
        meant = set()
        for key in value:
            if key in known:
                continue
            hint = did_you_mean(key, known)
            self.faults.append(Fault("QX-CFG-003", (*trail, key), "unknown key", hint, on_key=True))
            guess = next((name for name in fields.keys() - value.keys() if hint == f"did you mean '{name}'?"), None)
            if guess:  # its content is judged as what was meant, and the key that was meant is not called missing
                meant.add(guess)
                self.damaged.append((*trail, guess))
                self.value(fields[guess].type, value[key], (*trail, key))
        for name, field in fields.items():
            if name in value:
                repaired[name] = self.value(field.type, value[name], (*trail, name))
            elif field.required:
                repaired[name] = _neutral(field.type)
                if name not in meant:
                    self.damaged.append((*trail, name))
                    hint = f"add `{name}: ...` ({_noun(field.type)})"
                    self.faults.append(Fault("QX-CFG-005", (*trail, name), "is missing", hint))
        return repaired

    def _union(self, kind: inspect.UnionType, value: Any, trail: Trail) -> Any:
        members = {one.tag: one for one in kind.types if isinstance(one, inspect.StructType)}
        if value is None and any(isinstance(one, inspect.NoneType) for one in kind.types):
            return None
        if not members:  # a plain value, a list, or none
            plain = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            lists = [one for one in plain if isinstance(one, inspect.VarTupleType)]
            fits = lists if isinstance(value, list) and lists else [one for one in plain if one not in lists] or plain
            return self.value(fits[0], value, trail)
        if not isinstance(value, dict):
            return self._wrong(kind, "a mapping (key: value)", value, trail)
        if (only := members.get(None)) is not None:  # one struct, or nothing: no key tells which
            return self._struct(only, value, trail)
        by = next(str(one.tag_field) for one in members.values())
        names = [str(tag) for tag in members]
        if by not in value:
            meant = f"did you mean '{by}'?"
            near = next((key for key in value if did_you_mean(key, [by]) == meant), None)
            if near:
                return self._damage(kind, Fault("QX-CFG-003", (*trail, near), "unknown key", meant, on_key=True), trail)
            hint = f"add `{by}: ...` (one of {', '.join(names)})"
            return self._damage(kind, Fault("QX-CFG-005", (*trail, by), "is missing", hint), trail)
        tag = value[by]
        if not isinstance(tag, str) or tag not in members:
            return self._damage(kind, _unlike(tuple(names), tag, (*trail, by)), trail)
        return self._struct(members[tag], value, trail)

    def _custom(self, kind: inspect.CustomType, value: Any, trail: Trail) -> Any:
        if value is None or isinstance(value, (bool, list, dict)):
            return self._wrong(kind, _noun(kind), value, trail)
        try:
            custom(kind.cls, value)
        except ValueError as error:
            message, _, forms = str(error).partition(" (forms: ")
            return self._damage(kind, Fault("QX-CFG-004", trail, message, f"write it as one of {forms.rstrip(')')}"))
        return value

    def _literal(self, kind: inspect.LiteralType, value: Any, trail: Trail) -> Any:
        if any(type(value) is type(one) and value == one for one in kind.values):
            return value
        return self._damage(kind, _unlike(kind.values, value, trail))

    def _wrong(self, kind: inspect.Type, noun: str, value: Any, trail: Trail) -> Any:
        fault = Fault("QX-CFG-004", trail, f"wants {noun}, {_has(value)}", _remedy(kind, noun, value))
        return self._damage(kind, fault)

    def _damage(self, kind: inspect.Type, fault: Fault, trail: Trail | None = None) -> Any:
        self.faults.append(fault)
        self.damaged.append(fault.trail if trail is None else trail)
        return _neutral(kind)


def _unlike(values: tuple[object, ...], value: Any, trail: Trail) -> Fault:
    names = [str(one) for one in values]
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        shown = f"'{value}'" if isinstance(value, str) else str(value)
        return Fault("QX-CFG-004", trail, f"{shown} is not known here", did_you_mean(str(value), names))
    return Fault("QX-CFG-004", trail, f"wants a name, {_has(value)}", did_you_mean("", names))


def _has(value: Any) -> str:
    """What stands there, never the value itself: it may be a secret that slipped."""
    return "is empty" if value is None else f"has {_NAMES[type(value)]}"


def _remedy(kind: inspect.Type, noun: str, value: Any) -> str:
    if value is None:
        return "give it a value, or remove the key"
    if isinstance(kind, inspect.StrType) and not isinstance(value, (list, dict)):
        return "put it in quotes"
    if isinstance(kind, inspect.IntType) and isinstance(value, str) and value.strip().isdecimal():
        return "remove the quotes"
    if isinstance(kind, inspect.VarTupleType) and not isinstance(value, dict):
        return "write it as [one, two], or as lines that begin with `- `"
    return f"write {noun}"


def _noun(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(str(one) for one in kind.values)
    if isinstance(kind, inspect.VarTupleType):
        return "a list"
    if isinstance(kind, inspect.CustomType):
        return "a duration like 30s" if issubclass(kind.cls, float) else "a size like 1MiB"
    return _PLAIN[type(kind)][1] if type(kind) in _PLAIN else "a mapping"


def _neutral(kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.StructType):
        fields = {field.encode_name: _neutral(field.type) for field in kind.fields if field.required}
        return {**fields, kind.tag_field: kind.tag} if kind.tag_field else fields
    if isinstance(kind, inspect.UnionType):
        return None if any(isinstance(one, inspect.NoneType) for one in kind.types) else _neutral(kind.types[0])
    if isinstance(kind, inspect.DictType):
        return {}
    if isinstance(kind, inspect.VarTupleType):
        return []
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    return 0 if isinstance(kind, inspect.CustomType) else _PLAIN[type(kind)][2]
