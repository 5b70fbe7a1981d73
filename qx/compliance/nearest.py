"""Nearest: the smallest change of one field that would turn a failed predicate, all else being equal. Pure.

Only what is proven is told: each is put in and the predicate asked again.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from qx.compliance.closure import compiled
from qx.compliance.fields import FIELDS
from qx.compliance.language import below_of, path_of
from qx.kernel.expr_tree import Binary
from qx.kernel.expr_value import MISSING
from qx.model.validation import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.compliance.closure import Closure, Env
    from qx.kernel.expr_tree import Node

MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
MOST = 3


def nearest(tree: Node, whole: Closure, data: Env) -> tuple[Change, ...]:
    """`whole`: the tree compiled."""
    found: dict[str, Change] = {}
    for path, wanted in _candidates(tree, data):
        if path not in found and _asked(whole, {**data, path: wanted}) is True:
            found[path] = Change(path=path, now=_text(data[path]), wanted=_text(wanted))
    return tuple(found.values())[:MOST]


def _asked(closure: Closure, data: Env) -> Any:
    """MISSING also where it divides by zero: a condition may have kept it from being asked, or another value does."""
    try:
        return closure(data)
    except ZeroDivisionError:
        return MISSING


def _candidates(tree: Node, data: Env) -> Iterator[tuple[str, Any]]:
    """Every comparison of a field with something else, and the values at its edge."""
    if isinstance(tree, Binary) and tree.op in MIRROR:
        for one, op, other in ((tree.left, tree.op, tree.right), (tree.right, MIRROR[tree.op], tree.left)):
            path = path_of(one)
            if path in FIELDS and path in data:
                edge = _asked(compiled(other), data)
                if edge is not MISSING:
                    yield path, edge
                    yield from _beyond(path, op, edge, data)
        return
    for below in below_of(tree):
        yield from _candidates(below, data)


def _beyond(path: str, op: str, edge: Any, data: Env) -> Iterator[tuple[str, Any]]:
    """Where the edge itself is not enough: the next value of the field's own precision."""
    if op not in ("<", ">"):
        return
    if isinstance(edge, Decimal):
        now = data[path]
        places = min(0, int(now.as_tuple().exponent), int(edge.as_tuple().exponent))
        step = Decimal(1).scaleb(places)
        yield path, edge - step if op == "<" else edge + step
    elif type(edge) is date and date.min < edge < date.max:
        yield path, edge + timedelta(days=-1 if op == "<" else 1)


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
