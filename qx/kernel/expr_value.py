"""evaluate(tree, data) -> the value of an expression over plain data, or MISSING.

What is not there, is null, or is no number (NaN) is MISSING, and everything that rests on it is MISSING too: it is
neither true nor false, and `not MISSING` is MISSING. Only `false and ...`, `true or ...`, `known(x)` and
`default(x, y)` can be told without it. Types are never bent: what compares a text with a number is an error, not false.
Pure; the work is bounded by the expression and the data. It must never call anything that is not written here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

from qx.kernel.errors import QxError
from qx.kernel.expr_tree import Binary, Call, Index, Items, Literal, Member, Name, Node, Unary, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST = 10_000  # digits of a number, items of a list that `in` looks through


@final
class Missing:
    """There is one of it: MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> NoReturn:
        raise TypeError("MISSING is neither true nor false")


MISSING: Final = Missing()


def decide(tree: Node, data: Mapping[str, Any]) -> bool | Missing:
    """As `evaluate`, of a condition. Raises QX-EXPR-002 also when it is no condition."""
    value = evaluate(tree, data)
    if value is MISSING or isinstance(value, bool):
        return value
    return _stop(tree, f"is {_kind(value)}, not a condition")


def evaluate(tree: Node, data: Mapping[str, Any]) -> Any:
    """text, int, float, bool, list, dict or MISSING. Raises QxError QX-EXPR-002: types that do not go together, a
    division by zero, a number out of all bounds.
    """
    match tree:
        case Literal(value, _):
            return value
        case Name(name, _):
            return _clean(data.get(name))
        case Member(of, name, _):
            return _member(tree, evaluate(of, data), name)
        case Index(of, key, _):
            return _member(tree, evaluate(of, data), evaluate(key, data))
        case Items(items, _):
            return [evaluate(each, data) for each in items]
        case Call(function, given, _):
            return _called(tree, function, [evaluate(each, data) for each in given])
        case Unary("not", of, _):
            return _not(of, evaluate(of, data))
        case Unary(_, of, _):
            value = evaluate(of, data)
            return MISSING if value is MISSING else -_number(of, value)
        case Binary("and" | "or" as op, left, right, _):
            return _joined(op == "or", left, right, data)
        case Binary(op, left, right, _):
            one, other = evaluate(left, data), evaluate(right, data)
            if one is MISSING or other is MISSING:
                return MISSING
            if op in {"in", "not in"}:
                found = _within(tree, one, other)
                return found if op == "in" or found is MISSING else not found
            if op in _COMPARE:
                return _compared(tree, op, one, other)
            return _reckoned(tree, op, _number(left, one), _number(right, other))


def _clean(value: Any) -> Any:
    """Data as an expression sees them."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    return list(value) if isinstance(value, tuple) else value


def _member(tree: Node, of: Any, key: Any) -> Any:
    if of is MISSING or key is MISSING:
        return MISSING
    if isinstance(of, dict):
        if not isinstance(key, str):
            _stop(tree, f"asks a mapping for {_kind(key)}")
        return _clean(of.get(key))
    if isinstance(of, list):
        if isinstance(key, bool) or not isinstance(key, int):
            _stop(tree, f"asks a list for {_kind(key)}, not for a whole number")
        return _clean(of[key]) if 0 <= key < len(of) else MISSING
    return _stop(tree, f"looks into {_kind(of)}, which has no parts")


def _joined(settles: bool, left: Node, right: Node, data: Mapping[str, Any]) -> Any:  # noqa: FBT001
    """`or` (True settles it) and `and` (False does); the right side is looked at only if the left settles nothing."""
    one = _truth(left, evaluate(left, data))
    if one is settles:
        return settles
    other = _truth(right, evaluate(right, data))
    if other is settles:
        return settles
    return MISSING if one is MISSING or other is MISSING else other


def _not(of: Node, value: Any) -> Any:
    truth = _truth(of, value)
    return MISSING if truth is MISSING else not truth


def _truth(tree: Node, value: Any) -> bool | Missing:
    if value is MISSING or isinstance(value, bool):
        return value
    return _stop(tree, f"is {_kind(value)}, not a condition")


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip


def _compared(tree: Node, op: str, one: Any, other: Any) -> bool:
    if _kind(one) != _kind(other):
        _stop(tree, f"compares {_kind(one)} with {_kind(other)}")
    if not isinstance(one, (str, int, float)) or (isinstance(one, bool) and op not in {"==", "!="}):
        _stop(tree, f"compares {_kind(one)} by {op}")
    return _COMPARE[op](one, other)


def _within(tree: Node, one: Any, many: Any) -> bool | Missing:
    if isinstance(many, str):
        if not isinstance(one, str):
            _stop(tree, f"looks for {_kind(one)} in a text")
        return one in many
    if isinstance(many, dict):
        return isinstance(one, str) and one in many
    if not isinstance(many, list):
        _stop(tree, f"looks into {_kind(many)}, which has no items")
    if len(many) > LONGEST:
        _stop(tree, f"looks through more than {LONGEST} items")
    items = [_clean(each) for each in many]
    if any(each is not MISSING and _kind(each) == _kind(one) and each == one for each in items):
        return True
    return MISSING if any(each is MISSING for each in items) else False


def _reckoned(tree: Node, op: str, one: float, other: float) -> Any:
    if op in {"/", "%"} and other == 0:
        _stop(tree, "divides by zero")
    try:
        match op:
            case "+":
                value = one + other
            case "-":
                value = one - other
            case "*":
                value = one * other
            case "/":
                value = one / other
            case _:
                value = one % other
    except OverflowError:
        _stop(tree, "is out of all bounds")
    if isinstance(value, int) and value.bit_length() > 3 * LONGEST:
        _stop(tree, "is out of all bounds")
    return _clean(value)


def _number(tree: Node, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _stop(tree, f"is {_kind(value)}, not a number")
    return value


def _called(tree: Node, function: str, given: list[Any]) -> Any:
    if function == "known":
        return given[0] is not MISSING
    if function == "default":
        return given[1] if given[0] is MISSING else given[0]
    if any(each is MISSING for each in given):
        return MISSING
    first = given[0]
    if function in {"min", "max"}:
        return _extreme(tree, function, first if len(given) == 1 and isinstance(first, list) else given)
    if function == "abs":
        return abs(_number(tree, first))
    if function == "len":
        return len(first) if isinstance(first, (str, list, dict)) else _stop(tree, f"measures {_kind(first)}")
    texts = [each if isinstance(each, str) else _stop(tree, f"is given {_kind(each)}, not a text") for each in given]
    match function:
        case "lower":
            return texts[0].lower()
        case "upper":
            return texts[0].upper()
        case "startswith":
            return texts[0].startswith(texts[1])
        case "endswith":
            return texts[0].endswith(texts[1])
    return _matches(*texts)


def _extreme(tree: Node, function: str, items: list[Any]) -> Any:
    """Of nothing: MISSING. Of what holds something that is missing: MISSING."""
    values = [_clean(each) for each in items]
    if not values or any(each is MISSING for each in values):
        return MISSING
    numbers = [_number(tree, each) for each in values]
    return min(numbers) if function == "min" else max(numbers)


def _matches(text: str, pattern: str) -> bool:
    """The whole text: `*` is any characters, `?` one, everything else itself. Takes length times length at most."""
    at, here, star, mark = 0, 0, -1, 0
    while at < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, mark = here, at
            here += 1
        elif here < len(pattern) and pattern[here] in {"?", text[at]}:
            at, here = at + 1, here + 1
        elif star >= 0:
            mark += 1
            at, here = mark, star + 1
        else:
            return False
    return not pattern[here:].strip("*")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else type(value).__name__


def _stop(tree: Node, message: str) -> NoReturn:
    raise QxError("QX-EXPR-002", f"`{written(tree)}` {message}", hint="Mend the expression, or what it is about.")
