"""What the code says of itself: docstrings, trailing comments, types in words, keys of the mappings that it builds."""

from __future__ import annotations

import ast
import enum
import inspect
import io
import textwrap
import tokenize
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import inspect as shapes

from qx.kernel.spans import Bytes, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Undescribed(Exception):
    """The code holds something that no page would describe, or a page something that the code does not hold."""


def demand(holds: object, words: str) -> None:
    if not holds:
        raise Undescribed(words)


def doc(thing: Any) -> str:
    """Its own docstring, not one that it inherits; ''."""
    said = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    return inspect.cleandoc(said or "")


@cache
def comments(kind: type) -> dict[str, str]:
    """Field or member -> the comment at the end of its line; '' where there is none. Inherited ones included."""
    found: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if cls.__module__.startswith("qx."):
            found |= _comments(cls)
    return found


def _comments(cls: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(cls))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    at_line = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found: dict[str, str] = {}
    for node in cast("ast.ClassDef", ast.parse(source).body[0]).body:
        names = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        said = " ".join(at_line[line] for line in lines if line in at_line)
        found |= {name.id: said.partition("  # noqa")[0] for name in names if isinstance(name, ast.Name)}
    return found


def struct_of(cls: type) -> shapes.StructType:
    for each in cls.__mro__:
        _name_types(each.__module__)
    return cast("shapes.StructType", shapes.type_info(cls))


@cache
def _name_types(module: str) -> None:
    """A struct that is only written may name its types for the type checker alone: here they are needed."""
    here = import_module(module)
    if not module.startswith("qx."):
        return
    for block in ast.parse(inspect.getsource(here)).body:
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING":
            for line in (node for node in block.body if isinstance(node, ast.ImportFrom)):
                for alias in line.names:
                    setattr(here, alias.asname or alias.name, getattr(import_module(str(line.module)), alias.name))
                _name_types(str(line.module))


def parts(kind: shapes.Type) -> Iterator[shapes.StructType]:
    """The structs that a type is made of, not looking into them."""
    if isinstance(kind, shapes.StructType):
        yield kind
    elif isinstance(kind, shapes.UnionType):
        for one in kind.types:
            yield from parts(one)
    elif isinstance(kind, shapes.DictType):
        yield from parts(kind.value_type)
    elif isinstance(kind, (shapes.VarTupleType, shapes.ListType)):
        yield from parts(kind.item_type)


def enums(kind: shapes.Type) -> Iterator[type]:
    """The enums whose values stand in such a field, not looking into structs."""
    if isinstance(kind, shapes.EnumType):
        yield kind.cls
    elif isinstance(kind, shapes.UnionType):
        for one in kind.types:
            yield from enums(one)
    elif isinstance(kind, shapes.DictType):
        yield from enums(kind.value_type)
    elif isinstance(kind, (shapes.VarTupleType, shapes.ListType)):
        yield from enums(kind.item_type)


def in_words(kind: shapes.Type, link: Callable[[type], str]) -> str:
    """A type for people; `link` names a struct."""
    match kind:
        case shapes.StructType() | shapes.EnumType():
            return link(kind.cls)
        case shapes.UnionType():
            return " or ".join(in_words(one, link) for one in kind.types)
        case shapes.DictType():
            return f"mapping of {in_words(kind.value_type, link)}"
        case shapes.VarTupleType() | shapes.ListType():
            return f"list of {in_words(kind.item_type, link)}"
        case shapes.TupleType():
            return f"list of {len(kind.item_types)}"
        case shapes.LiteralType():
            return _one_of(kind.values)
        case shapes.CustomType():
            return {Seconds: "duration", Bytes: "size"}.get(kind.cls, kind.cls.__name__)
    return _NAMES[type(kind)]


_NAMES: dict[type, str] = {
    shapes.StrType: "text", shapes.IntType: "whole number", shapes.FloatType: "number",
    shapes.BoolType: "true or false", shapes.NoneType: "null", shapes.AnyType: "any",
}


def _one_of(values: tuple[object, ...]) -> str:
    shown = [f"`{value}`" if value != "" else "`''`" for value in values]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


def default_of(field: shapes.Field) -> str:
    """As it would be written; 'required', or '' for an empty text, list or mapping."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if isinstance(value, (Seconds, Bytes)):
        return f"`{str(value).replace(' ', '')}`"
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, msgspec.Struct) or value in ("", (), {}, None):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def keys_of(where: str) -> list[str]:
    """Keys of the mappings that the function `module:function` writes down, outermost ones only, in their order."""
    module, _, name = where.partition(":")
    tree = ast.parse(inspect.getsource(import_module(module)))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    demand(len(functions) == 1, f"{where}: {len(functions)} functions of that name")
    return list(dict.fromkeys(_keys(functions[0])))


def _keys(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value
        return
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield str(target.slice.value)
    for child in ast.iter_child_nodes(node):
        yield from _keys(child)
