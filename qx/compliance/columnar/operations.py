"""The operations of the predicates over many rows, each with the meaning that it has in `qx.compliance.closure`. Pure.

What works on single values is the closure's own function, called once for each distinct value. Only numbers, and truths
joined with each other, are reckoned for all rows at once.
"""

from __future__ import annotations

import operator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from qx.compliance.closure import FUNCTIONS, OPERATORS, divided
from qx.compliance.columnar.values import (
    ULP,
    Coded,
    Const,
    Numbers,
    Truth,
    Union,
    at,
    combined,
    numbers,
)
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qx.compliance.columnar.values import Bools, Floats, Value

FEW = 1024  # distinct numbers or days that are compared one by one, exactly
TINIEST = 1e-300
_CONTRARY = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_FLOATS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def known(value: Value) -> Truth | Const:
    match value:
        case Const():
            return Const(value.value is not MISSING)
        case Union():
            return Const(True)
        case Coded() if value.complete:
            return Const(True)
        case Coded():
            true = np.ones(len(value.values) + 1, np.bool_)
            true[-1] = False
            return Truth(true, ~true, None, value.codes)
        case Numbers():
            gone = np.isnan(value.value)
            return Truth(~gone, gone)
        case Truth():
            found = value.spread
            there = _there(found)
            return Truth(there, ~there if found.doubt is None else ~(there | found.doubt), found.doubt)


def default(value: Value, other: Value, rows: int) -> Value:
    value, other = _whole(value), _whole(other)
    if isinstance(value, Const):
        return other if value.value is MISSING else value
    if isinstance(value, Coded) and (value.complete or other == Const(MISSING)):
        return value
    if isinstance(value, Truth) or isinstance(other, Truth):
        return _default_truth(truth(value, rows), truth(other, rows))
    if isinstance(value, Coded) and isinstance(other, Const):
        return Coded(value.codes, [*value.values, other.value], complete=True)  # the place of what was not there
    if isinstance(value, Coded) and isinstance(other, Coded) and not _many(value) and not _many(other):
        count = len(value.values)
        codes = np.where(value.codes < count, value.codes, other.codes + count)
        return Coded(codes, [*value.values, *other.values], complete=other.complete)
    one, two = numbers(value), numbers(other)
    gone = np.isnan(one.value)
    error = None
    if one.error is not None or two.error is not None:
        error = np.where(gone, 0.0 if two.error is None else two.error, 0.0 if one.error is None else one.error)
    return Numbers(np.where(gone, two.value, one.value), error)


def negated(value: Value, rows: int) -> Truth | Const:
    if isinstance(value, Const):
        return value if value.value is MISSING else Const(not value.value)
    found = truth(value, rows)
    return Truth(found.false, found.true, found.doubt, found.codes)


def joined(op: str, left: Value, right: Callable[[], Value], rows: int) -> Value:
    """`and`, `or`; `right` is not asked for where `left` settles it for every row."""
    settles = op == "or"
    if isinstance(left, Const):
        if left.value is settles:
            return left
        other = right()
        if left.value is not MISSING:
            return other
    else:
        other = right()
        if isinstance(other, Const) and other.value is (not settles):
            return left
    if isinstance(left, Const) and isinstance(other, Const):
        return other if other.value is settles else Const(MISSING)
    one, two = _aligned(truth(left, rows), truth(other, rows))
    if settles:
        found = Truth(one.true | two.true, one.false & two.false, None, one.codes)
    else:
        found = Truth(one.true & two.true, one.false | two.false, None, one.codes)
    if one.doubt is None and two.doubt is None:
        return found
    settled = one.true if settles else one.false
    doubt = _or(one.doubt, None if two.doubt is None else two.doubt & ~settled)
    sure = True if doubt is None else ~doubt
    return Truth(found.true & sure, found.false & sure, doubt)


def compared(op: str, left: Value, right: Value, rows: int) -> Truth | Const:
    if isinstance(left, Const) and isinstance(right, Const):
        missing = left.value is MISSING or right.value is MISSING
        return Const(MISSING if missing else bool(OPERATORS[op](left.value, right.value)))
    if isinstance(left, Truth) or isinstance(right, Truth):
        return _same_truth(op, truth(left, rows).spread, truth(right, rows).spread)
    if not isinstance(left, Numbers) and not isinstance(right, Numbers):
        found = _compared_values(op, left, right)
        if found is not None:
            return found
    return _compared_numbers(op, numbers(left), numbers(right))


def reckoned(op: str, left: Value, right: Value, rows: int) -> Value:
    """+ - * / min max"""
    if isinstance(left, Const) and isinstance(right, Const):
        if left.value is MISSING or right.value is MISSING:
            return Const(MISSING)
        exact = FUNCTIONS.get(op) or OPERATORS.get(op, divided)
        try:
            return Const(exact(left.value, right.value))
        except ArithmeticError:
            return wild(rows)
    one, other = numbers(left), numbers(right)
    if op in ("min", "max") and one.error is None and other.error is None:
        return Numbers(_FLOATS[op](one.value, other.value))
    return _reckoned(op, one, other)


def sign(op: str, value: Value) -> Value:
    """`-` and `abs`"""
    if isinstance(value, Const):
        exact = FUNCTIONS.get(op, operator.neg)
        return value if value.value is MISSING else Const(exact(value.value))
    found = numbers(value)
    return Numbers(np.abs(found.value) if op == "abs" else -found.value, found.error)


def days_between(one: Value, other: Value, rows: int) -> Value:
    if isinstance(one, Const) and isinstance(other, Const):
        return mapped(FUNCTIONS["days_between"], (one, other), rows)
    first, second = numbers(one), numbers(other)
    return _tamed(second.value - first.value, None, first, second)


def mapped(function: Callable[..., Any], given: Sequence[Value], rows: int, *, strict: bool = True) -> Value:
    """`function` of every distinct combination of values. Strict: MISSING where any of them is."""
    if any(isinstance(each, Union) for each in given):
        if function is FUNCTIONS["any_in"] and (apart := _apart(given)) is not None:
            return _any_in(*apart, rows)
        given = [_whole(each) for each in given]
    columns = [each for each in given if isinstance(each, Coded)]
    if any(isinstance(each, (Numbers, Truth)) for each in given):
        return wild(rows)
    if strict and Const(MISSING) in given:
        return Const(MISSING)
    if not columns:
        return Const(function(*(each.value for each in given if isinstance(each, Const))))
    if strict and len(columns) == 1:
        place = next(number for number, each in enumerate(given) if isinstance(each, Coded))
        fixed = [each.value if isinstance(each, Const) else None for each in given]
        return columns[0].each(lambda value: function(*fixed[:place], value, *fixed[place + 1 :]))
    combination, row_of = combined(columns)
    values: list[Any] = []
    codes = np.empty(len(row_of), np.intp)
    for number, row in enumerate(row_of.tolist()):
        parts = [at(each, row) for each in given]
        if strict and any(part is MISSING for part in parts):
            codes[number] = len(row_of)
        else:
            codes[number] = len(values)
            values.append(function(*parts))
    if not values:
        return Const(MISSING)
    complete = len(values) == len(row_of)
    return Coded(np.minimum(codes, len(values)).take(combination), values, complete=complete)


def _apart(given: Sequence[Value]) -> tuple[Sequence[Coded], frozenset[str]] | None:
    """Of a union and a constant list."""
    union = next(each for each in given if isinstance(each, Union))
    fixed = next((each for each in given if isinstance(each, Const) and each.value is not MISSING), None)
    return None if fixed is None else (union.parts, frozenset(fixed.value))


def _any_in(parts: Sequence[Coded], wanted: frozenset[str], rows: int) -> Value:
    hits = [part.which(lambda texts: not wanted.isdisjoint(texts)) for part in parts]
    if Const(True) in hits:
        return Const(True)
    true = np.zeros(rows, np.bool_)
    some = [hit.spread.true for hit in hits if isinstance(hit, Truth) and hit.true.any()]
    for each in some:
        true |= each
    return Truth(true, ~true) if some else Const(False)


def wild(rows: int) -> Numbers:
    """Nothing is known of it: every comparison with it is in doubt."""
    return Numbers(np.zeros(rows), np.full(rows, np.inf))


def truth(value: Value, rows: int) -> Truth:
    """Of a condition."""
    if isinstance(value, Coded):
        value = value.truth
    match value:
        case Truth():
            return value
        case Const():
            return Truth(np.full(rows, value.value is True), np.full(rows, value.value is False))
    nobody = np.zeros(rows, np.bool_)
    return Truth(nobody, nobody, np.ones(rows, np.bool_))  # wild


def _whole(value: Value) -> Value:
    return value.whole if isinstance(value, Union) else value


def _there(value: Truth) -> Bools:
    return value.true | value.false


def _aligned(one: Truth, other: Truth) -> tuple[Truth, Truth]:
    """Both of the same distinct values, or both of rows."""
    if one.codes is None or one.codes is not other.codes:
        return one.spread, other.spread
    count = min(len(one.true), len(other.true))  # a default stands in the place of what is not there, before the last
    return one.first(count), other.first(count)


def _default_truth(one: Truth, other: Truth) -> Truth:
    one, other = _aligned(one, other)
    gone = ~_there(one)
    if one.doubt is not None:
        gone &= ~one.doubt
    doubt = _or(one.doubt, None if other.doubt is None else other.doubt & gone)
    return Truth(one.true | (gone & other.true), one.false | (gone & other.false), doubt, one.codes)


def _same_truth(op: str, one: Truth, other: Truth) -> Truth:
    same = (one.true & other.true) | (one.false & other.false)
    differ = (one.true & other.false) | (one.false & other.true)
    true, false = (same, differ) if op == "==" else (differ, same)
    return Truth(true, false, _or(one.doubt, other.doubt))


def _or(one: Bools | None, other: Bools | None) -> Bools | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _many(value: Value) -> bool:
    """Whether its values are numbers or days, and so many that doubles are quicker."""
    return isinstance(value, Coded) and len(value.values) > FEW and isinstance(value.values[0], (Decimal, date))


def _compared_values(op: str, left: Value, right: Value) -> Truth | Const | None:
    """Value by value, exactly; None where numbers are quicker, or the only way."""
    function = OPERATORS[op]
    if Const(MISSING) in (left, right):
        return Const(MISSING)
    match left, right:
        case Coded(), Const(fixed):
            return None if _many(left) else left.which(lambda value: function(value, fixed))
        case Const(fixed), Coded():
            return None if _many(right) else right.which(lambda value: function(fixed, value))
        case Coded(), Coded() if not isinstance(left.values[0], (Decimal, date)):
            return _same(op, left, right)
    return None


def _same(op: str, left: Coded, right: Coded) -> Truth:
    """`==` and `!=` of words."""
    numbers_of: dict[Any, int] = {}
    one, two = (
        np.array([*(numbers_of.setdefault(value, len(numbers_of)) for value in each.values), gone]).take(each.codes)
        for each, gone in ((left, -1), (right, -2))
    )
    same, there = one == two, (one >= 0) & (two >= 0)
    differ = there & ~same
    return Truth(same, differ) if op == "==" else Truth(differ, same)


def _compared_numbers(op: str, one: Numbers, other: Numbers) -> Truth:
    function, contrary = OPERATORS[op], OPERATORS[_CONTRARY[op]]
    true, false = function(one.value, other.value), contrary(one.value, other.value)
    if op == "!=":  # NaN, which a number differs from all
        true &= ~(np.isnan(one.value) | np.isnan(other.value))
    elif op == "==":
        false &= ~(np.isnan(one.value) | np.isnan(other.value))
    if one.error is None and other.error is None:
        return Truth(true, false)
    error = _sum(one.error, other.error)
    with np.errstate(invalid="ignore"):
        bound = error + (np.abs(one.value) + np.abs(other.value)) * ULP
        doubt = (error > 0) & (np.abs(one.value - other.value) <= bound) | np.isinf(error)
    return Truth(true & ~doubt, false & ~doubt, doubt if doubt.any() else None)


def _reckoned(op: str, one: Numbers, other: Numbers) -> Numbers:
    a, b = one.value, other.value
    off_a, off_b = _off(one), _off(other)
    with np.errstate(all="ignore"):
        value = np.divide(a, b) if op == "/" else _FLOATS[op](a, b)
        if op in ("min", "max"):
            error = np.maximum(off_a, off_b)
        elif op == "*":
            error = np.abs(a) * off_b + np.abs(b) * off_a + off_a * off_b
        elif op == "/":
            error = (off_a + np.abs(value) * off_b) / (np.abs(b) - off_b)
            error = np.where(np.abs(b) <= off_b, np.inf, error)
        else:
            error = off_a + off_b
        error = np.where(np.isfinite(value), error + np.abs(value) * ULP + TINIEST, np.inf)
        error = np.where(np.isnan(a) | np.isnan(b), 0.0, error)
    return _tamed(value, error, one, other)


def _tamed(value: Floats, error: Floats | None, *given: Numbers) -> Numbers:
    """Wild where a number is out of all bounds, or rests on what is wild."""
    out = np.isinf(value) if error is None else np.isinf(value) | np.isinf(error)
    for each in given:
        if each.error is not None:
            out = out | np.isinf(each.error)
    if not out.any():
        return Numbers(value, error)
    error = np.where(out, np.inf, 0.0 if error is None else error)
    return Numbers(np.where(out, 0.0, value), error)


def _off(of: Numbers) -> Floats:
    """By how much at most its doubles are off."""
    rounded = np.abs(of.value) * ULP
    return rounded if of.error is None else np.maximum(of.error, rounded)


def _sum(one: Floats | None, other: Floats | None) -> Floats:
    if one is None or other is None:
        found = other if one is None else one
        return np.zeros(()) if found is None else found
    return one + other
