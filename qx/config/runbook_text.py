"""Texts of a runbook with `${...}` in them: parts, and the text (or the value) with what is known filled in.

`${inputs.to}` alone keeps its type: a number stays a number, a list a list. `$${` stands for `${` itself. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.kernel.expr import Misread, parse
from qx.kernel.expr_tree import Span, bind
from qx.kernel.expr_value import MISSING, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.kernel.expr_tree import Node

_FILLED = re.compile(
    r"""\$\$\{ | \$\{ (?P<inner> (?: [^}"'] | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )* ) \} | \$\{""", re.VERBOSE
)


class Hole(NamedTuple):
    """`${...}`. `offset`: where its expression begins in the text."""

    tree: Node
    offset: int


class Unclosed(NamedTuple):
    """What cannot be read, and where it stands in the text."""

    misread: Misread
    offset: int


def parts(text: str) -> list[str | Hole | Unclosed]:
    """The text in pieces; put together again it is what it was, but for the holes."""
    found: list[str | Hole | Unclosed] = []
    at = 0
    for match in _FILLED.finditer(text):
        found.append(text[at : match.start()])
        at = match.end()
        if match[0] == "$${":
            found.append("${")
        elif match["inner"] is None:
            unclosed = Misread(text, Span(match.start(), match.end()), "`${` is never closed", "close it with }")
            found.append(Unclosed(unclosed, 0))
        else:
            try:
                found.append(Hole(parse(match["inner"]), match.start("inner")))
            except Misread as error:
                found.append(Unclosed(error, match.start("inner")))
    found.append(text[at:])
    return [part for part in found if part != ""]


def filled(text: str, known: Mapping[str, Any]) -> Any:
    """The text; the value of its one hole when it is nothing else. Raises KeyError for what is not known, QX-EXPR-*."""
    pieces = [_value(part, known) for part in parts(text)]
    return pieces[0] if len(pieces) == 1 else "".join(map(spoken, pieces))


def spoken(value: Any) -> str:
    """A value within a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(spoken, value))
    return str(value)


def _value(part: str | Hole | Unclosed, known: Mapping[str, Any]) -> Any:
    if isinstance(part, Unclosed):
        raise part.misread
    if isinstance(part, str):
        return part
    value = evaluate(bind(part.tree, known), known)
    if value is MISSING:
        raise KeyError("a value")
    return value
