"""Closure: a predicate compiled for one transaction at a time, exactly: decimals, days, instants.

The environment is flat: path -> value, `param:name` -> value; what is not in it is MISSING, and by the rules of
`qx.kernel.expr_value` neither true nor false: only `false and`, `true or`, `known` and `default` can do without it.
Raises ZeroDivisionError, which a rule reports as its error. Pure.
"""

from __future__ import annotations

import operator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from qx.compliance.language import path_of
from qx.kernel.expr_tree import Binary, Call, Items, Literal, Member, Name, Unary
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from qx.kernel.expr_tree import Node

    Env = Mapping[str, Any]
    Closure = Callable[[Env], Any]

PARAM = "param:"
TIMEZONE = "timezone"  # of the pack, a ZoneInfo
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip


def compiled(tree: Node) -> Closure:
    """`local_day` asks the environment for TIMEZONE."""
    match tree:
        case Literal(value, _):
            constant = value if isinstance(value, (bool, str)) else Decimal(repr(value))
            return lambda _: constant
        case Name() | Member():
            path = str(path_of(tree))
            return lambda data: data.get(path, MISSING)
        case Items(items, _):
            parts = [compiled(each) for each in items]
            return lambda data: tuple(part(data) for part in parts)
        case Call(function, given, _):
            return _call(function, given)
        case Unary("not", of, _):
            return _strict(operator.not_, of)
        case Unary(_, of, _):
            return _strict(operator.neg, of)
        case Binary("and" | "or" as op, left, right, _):
            return _joined(compiled(left), compiled(right), settles=op == "or")
        case Binary("in", left, right, _):
            return _strict(lambda one, many: one in many, left, right)
        case Binary("not in", left, right, _):
            return _strict(lambda one, many: one not in many, left, right)
        case Binary(op, left, right, _):
            return _strict(OPERATORS.get(op, divided), left, right)
    raise AssertionError(tree)


def _joined(left: Closure, right: Closure, *, settles: bool) -> Closure:
    def joined(data: Env) -> Any:
        one = left(data)
        if one is settles:
            return settles
        other = right(data)
        if other is settles:
            return settles
        return MISSING if one is MISSING or other is MISSING else other

    return joined


def _strict(function: Callable[..., Any], *given: Node) -> Closure:
    """MISSING where anything that it is given is."""
    parts = [compiled(each) for each in given]

    def strict(data: Env) -> Any:
        values = [part(data) for part in parts]
        return MISSING if any(value is MISSING for value in values) else function(*values)

    return strict


def _call(function: str, given: tuple[Node, ...]) -> Closure:
    if function == "param":
        name = PARAM + str(getattr(given[0], "value", ""))
        return lambda data: data.get(name, MISSING)
    first = compiled(given[0])
    if function == "local_day":
        return lambda data: MISSING if (at := first(data)) is MISSING else local_day(at, data[TIMEZONE])
    if function == "known":
        return lambda data: first(data) is not MISSING
    if function == "default":
        other = compiled(given[1])
        return lambda data: value if (value := first(data)) is not MISSING else other(data)
    return _strict(FUNCTIONS[function], *given)


def local_day(moment: datetime, timezone: ZoneInfo) -> date:
    """At either end of all days its day in UTC."""
    try:
        return moment.astimezone(timezone).date()
    except OverflowError:
        return moment.date()


def years_before(day: date, years: Decimal) -> date:
    """Never before the first day of all."""
    wanted = day.year - int(years)
    if wanted < date.min.year:
        return date.min
    try:
        return day.replace(year=wanted)
    except ValueError:  # 29 February
        return day.replace(year=wanted, day=28)


def divided(one: Decimal, other: Decimal) -> Decimal:
    if not other:
        raise ZeroDivisionError("divides by zero")
    return one / other


def _day(moment: datetime) -> date:
    return moment.date()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "years_before": years_before,
    "days_between": lambda one, other: Decimal((other - one).days),
    "day": _day,
    "any_in": lambda one, other: not set(one).isdisjoint(other),
    "len": lambda many: Decimal(len(many)),
    "abs": abs,
    "min": min,
    "max": max,
    "lower": str.lower,
    "startswith": str.startswith,
}
