"""What an expression comes to over many rows: one value for all, coded distinct values, numbers, or truths. Pure.

    Const     the same for every row; MISSING where it is there for none
    Coded     row -> one of some distinct values, exact; the code after the last means that it is not there
    Numbers   float64, NaN where it is not there, with the bound of its error
    Truth     per row certainly true, certainly false, in doubt, or (none of these) MISSING

A number of at most 15 significant digits and the double nearest to it are one to one and in one order: of such, whose
error is stated as 0, comparisons are exact. All others carry a bound of what they are off by, and a comparison that the
bound does not settle is in doubt. So nothing here is ever wrong: it is exact, or in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

EXACT_DIGITS = 15  # significant; of so many a double is never ambiguous
WHOLE = float(2**53)  # up to it every whole number is a double
ULP = 2.0**-52  # twice what rounding may be off by, relative: room for what 28 digits of a Decimal round too
MIDDLE = datetime(2000, 1, 1, tzinfo=UTC)  # microseconds from here are exact from 1715 to 2285


@dataclass(frozen=True, slots=True)
class Const:
    value: Any


class Truth:
    """`doubt` None: nowhere. With `codes` it is said of distinct values, and the last place is of what is not there."""

    def __init__(self, true: Bools, false: Bools, doubt: Bools | None = None, codes: Places | None = None) -> None:
        self.true, self.false, self.doubt, self.codes = true, false, doubt, codes

    def first(self, count: int) -> Truth:
        """Of so many distinct values."""
        return Truth(self.true[:count], self.false[:count], self.doubt, self.codes)

    @cached_property
    def spread(self) -> Truth:
        """Row by row."""
        if self.codes is None:
            return self
        both = (self.true.view(np.uint8) | (self.false.view(np.uint8) << 1)).take(self.codes, mode="clip")
        return Truth(both == 1, both == 2)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """`error` None: 0 everywhere. Infinite: nothing is known but that it is there, or that it is an error."""

    value: Floats
    error: Floats | None = None


class Coded:
    """`values`: at least one. `codes` run from 0 to len(values), which is what is not there. `texts`: of decimals,
    their canonical forms.
    """

    def __init__(
        self, codes: Places, values: Sequence[Any], *, complete: bool, texts: Sequence[str] | None = None
    ) -> None:
        self.codes, self.values, self.complete, self._texts = codes, values, complete, texts

    @cached_property
    def truth(self) -> Truth | Const:
        """Of conditions."""
        return self.which(bool)

    def each(self, function: Callable[[Any], Any]) -> Coded:
        """`function` of every distinct value."""
        return Coded(self.codes, list(map(function, self.values)), complete=self.complete)

    def which(self, function: Callable[[Any], bool]) -> Truth | Const:
        """A condition on every distinct value."""
        true = np.zeros(len(self.values) + 1, np.bool_)
        true[:-1] = np.fromiter(map(function, self.values), np.bool_, len(self.values))
        false = ~true
        false[-1] = False
        if self.complete and len(self.values):
            if true[:-1].all():
                return Const(True)
            if false[:-1].all():
                return Const(False)
        return Truth(true, false, None, self.codes)

    @cached_property
    def numbers(self) -> Numbers:
        """Of decimals themselves, of days their ordinal, of instants microseconds."""
        value, error = _distinct_numbers(self.values, self._texts)
        rows = np.append(value, np.nan).take(self.codes, mode="clip")
        return Numbers(rows, np.append(error, 0.0).take(self.codes, mode="clip") if error.any() else None)

    def at(self, row: int) -> Any:
        """Its value, or MISSING."""
        code = int(self.codes[row])
        return self.values[code] if code < len(self.values) else MISSING

    def of(self, rows: Places) -> Coded:
        return Coded(self.codes[rows], self.values, complete=self.complete, texts=self._texts)


class Union:
    """Lists of texts, in parts that are joined and sorted only where it has to be: whether any is in another list is
    told part by part.
    """

    __match_args__ = ("parts",)

    def __init__(self, parts: Sequence[Coded]) -> None:
        self.parts = parts

    @cached_property
    def whole(self) -> Coded:
        codes, row_of = combined(self.parts)
        return Coded(codes, [self.at(row) for row in row_of.tolist()], complete=True)

    def at(self, row: int) -> tuple[str, ...]:
        return tuple(sorted({text for part in self.parts for text in _texts(part.at(row))}))


Value = Const | Coded | Numbers | Truth | Union


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is MISSING else value


def combined(columns: Sequence[Coded]) -> tuple[Places, Places]:
    """(row -> number of its combination of these columns' values, combination -> a row that has it)."""
    key = columns[0].codes
    size = len(columns[0].values) + 1
    for column in columns[1:]:
        more = len(column.values) + 1
        if size * more > np.iinfo(np.int64).max // 2:
            key = np.unique(key, return_inverse=True)[1].reshape(-1)
            size = len(key) + 1
        key, size = key * more + column.codes, size * more
    if size > 8 * len(key) + 1024:
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        return inverse.reshape(-1), first
    row_of = np.full(size, -1, np.intp)
    row_of[key] = np.arange(len(key))
    there = np.flatnonzero(row_of >= 0)
    number = np.empty(size, np.intp)
    number[there] = np.arange(len(there))
    return number.take(key), row_of[there]


def at(value: Value, row: int) -> Any:
    """Of what is exact: its value in this row, or MISSING."""
    match value:
        case Const(fixed):
            return fixed
        case Coded() | Union():
            return value.at(row)
    raise TypeError(value)


def numbers(value: Value) -> Numbers:
    """Of a constant one number, which goes with any count of rows."""
    match value:
        case Numbers():
            return value
        case Coded():
            return value.numbers
        case Const() if value.value is MISSING:
            return Numbers(np.array(np.nan))
        case Const():
            found, error = number_of(value.value)
            return Numbers(np.array(found), np.array(error) if error else None)
    raise AssertionError(value)  # a condition or a list is no number


def number_of(value: Decimal | date | datetime) -> tuple[float, float]:
    """(a number for it, the bound of its error)."""
    if isinstance(value, Decimal):
        found = float(value)
        return found, 0.0 if _digits(format(value, "f")) <= EXACT_DIGITS else abs(found) * ULP
    if isinstance(value, datetime):
        since = value - MIDDLE
        whole = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
        return float(whole), 0.0 if abs(whole) <= WHOLE else abs(whole) * ULP
    return float(value.toordinal()), 0.0


def _distinct_numbers(values: Sequence[Any], texts: Sequence[str] | None) -> tuple[Floats, Floats]:
    count = len(values)
    if texts is None:
        both = np.array([number_of(value) for value in values], np.float64).reshape(count, 2)
        return both[:, 0], both[:, 1]
    found = np.fromiter(map(float, texts), np.float64, count)
    error = np.zeros(count)
    for place in np.flatnonzero(np.fromiter(map(len, texts), np.intp, count) > EXACT_DIGITS).tolist():
        if _digits(texts[place]) > EXACT_DIGITS:
            error[place] = abs(found[place]) * ULP
    return found, error


def _digits(plain: str) -> int:
    """Significant ones, of a number without an exponent."""
    return len(plain.lstrip("-").replace(".", "").strip("0"))
