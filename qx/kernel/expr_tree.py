"""The syntax tree of an expression: nodes with spans, written out again, its names found, its known names bound.

Two trees are equal when they say the same: spans do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Scalar = str | int | float | bool


class Span(NamedTuple):
    """Characters of the text, the end not included."""

    start: int
    end: int


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`of.name`"""

    of: Node
    name: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`of[key]`: the key of a mapping, or the place in a list, from 0."""

    of: Node
    key: Node
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Items:
    """`[a, b]`"""

    items: tuple[Node, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    given: tuple[Node, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """op: `not`, `-`"""

    op: str
    of: Node
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """op: `or and == != < <= > >= in`, `not in`, `+ - * / %`"""

    op: str
    left: Node
    right: Node
    span: Span = field(default=NOWHERE, compare=False)


Node = Literal | Name | Member | Index | Items | Call | Unary | Binary

Path = tuple[str | None, ...]
"""A name and the steps that lead on from it: `clusters.trading["lag"]`; None for one that is computed."""

_BINDS = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_COMPARED, _SIGNED, _PART = 4, 7, 8


def written(tree: Node) -> str:
    """The expression as text, in one spelling. Parsed again it is the same tree."""
    return _written(tree, 0)


def paths(tree: Node) -> Iterator[tuple[Path, Span]]:
    """Every path from a name, the longest; those inside of computed keys too."""
    if isinstance(tree, (Name, Member, Index)):
        found = _path(tree)
        if found is not None:
            yield found, tree.span
        at: Node = tree
        while isinstance(at, (Member, Index)):
            if isinstance(at, Index) and not isinstance(at.key, Literal):
                yield from paths(at.key)
            at = at.of
        if not isinstance(at, Name):
            yield from paths(at)
        return
    for below in _below(tree):
        yield from paths(below)


def bind(tree: Node, known: Mapping[str, Any]) -> Node:
    """The tree with every path from a name of `known` replaced by the value there: text, number, boolean or a list of
    those. Raises KeyError with the path where there is none, TypeError where it is anything else.
    """
    if isinstance(tree, (Name, Member, Index)):
        found = _path(tree)
        if found is not None and found[0] in known and None not in found:
            return _literal(_walk(known, found), tree.span)
    match tree:
        case Member(of, name, span):
            return Member(bind(of, known), name, span)
        case Index(of, key, span):
            bound = Index(bind(of, known), bind(key, known), span)
            return bound if bound == tree else bind(bound, known)
        case Items(items, span):
            return Items(tuple(bind(each, known) for each in items), span)
        case Call(function, given, span):
            return Call(function, tuple(bind(each, known) for each in given), span)
        case Unary(op, of, span):
            return Unary(op, bind(of, known), span)
        case Binary(op, left, right, span):
            return Binary(op, bind(left, known), bind(right, known), span)
    return tree


def _path(tree: Node) -> Path | None:
    steps: list[str | None] = []
    while not isinstance(tree, Name):
        match tree:
            case Member(of, name, _):
                steps.append(name)
                tree = of
            case Index(of, Literal(value, _), _) if isinstance(value, (str, int)) and not isinstance(value, bool):
                steps.append(str(value))
                tree = of
            case Index(of, _, _):
                steps.append(None)
                tree = of
            case _:
                return None
    return (tree.name, *reversed(steps))


def _walk(known: Mapping[str, Any], path: Path) -> Any:
    value: Any = known
    for number, step in enumerate(path):
        if isinstance(value, (list, tuple)) and step is not None and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise KeyError(".".join(str(each) for each in path[: number + 1]))
    return value


def _literal(value: Any, span: Span) -> Node:
    if isinstance(value, (str, bool)):
        return Literal(value, span)
    if isinstance(value, (int, float)):
        plain = float(value) if isinstance(value, float) else int(value)
        return Unary("-", Literal(-plain, span), span) if plain < 0 else Literal(plain, span)
    if isinstance(value, (list, tuple)):
        return Items(tuple(_literal(each, span) for each in value), span)
    raise TypeError(f"a {type(value).__name__} cannot stand in an expression")


def _below(tree: Node) -> tuple[Node, ...]:
    match tree:
        case Items(items, _):
            return items
        case Call(_, given, _):
            return given
        case Unary(_, of, _):
            return (of,)
        case Binary(_, left, right, _):
            return left, right
    return ()


def _written(tree: Node, around: int) -> str:
    """`around`: how tightly what stands around it binds; what binds less gets brackets."""
    match tree:
        case Literal(value, _):
            return _scalar(value)
        case Name(name, _):
            return name
        case Member(of, name, _):
            return f"{_written(of, _PART)}.{name}"
        case Index(of, key, _):
            return f"{_written(of, _PART)}[{_written(key, 0)}]"
        case Items(items, _):
            return f"[{', '.join(_written(each, 0) for each in items)}]"
        case Call(function, given, _):
            return f"{function}({', '.join(_written(each, 0) for each in given)})"
        case Unary(op, of, _):
            binds = _BINDS["not"] if op == "not" else _SIGNED
            text = f"not {_written(of, binds)}" if op == "not" else f"-{_written(of, binds)}"
            return f"({text})" if binds < around else text
        case Binary(op=op, left=left, right=right):
            binds = _BINDS.get(op, _COMPARED)
            least = binds + (binds == _COMPARED)  # comparisons are not chained
            text = f"{_written(left, least)} {op} {_written(right, binds + 1)}"
            return f"({text})" if binds < around else text


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{text}"'
    if isinstance(value, int):
        return str(value)
    return repr(value) if "e" not in repr(value) else f"{value:.17f}"
