"""Coding: a column of raw values, one for each row -> its distinct values, and of each row which it has."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int32]


class Number(str):
    """A number of JSON with a point or an exponent, as it is spelled."""

    __slots__ = ()


FIRST = 1024  # values that tell whether a column repeats
_NOTHING = {UnsetType, type(None)}
_SINGLE = frozenset({str, Number})
_SIMPLE = frozenset({str, bool, int, bytes, Number, Raw, date, datetime})  # of which equal ones are one


def _as_spelled(value: Any) -> Raw | str:
    return Raw(value.encode()) if type(value) is Number else str(value)


encoded = msgspec.json.Encoder(enc_hook=_as_spelled, decimal_format="number").encode
"""JSON whose numbers are as they were spelled."""


def coded(column: Sequence[Any], types: set[type] | None = None) -> tuple[Codes, list[Any]]:
    """(codes, values); UNSET, None and the JSON null are none. Equal values of two types are two. `types`: of all that
    is in the column, where that is known.
    """
    types = set(map(type, column)) if types is None else types
    kinds = types - _NOTHING
    if Raw in kinds:  # of such there is nothing else
        whole = len(types) == 1
        column = list(map(bytes, column)) if whole else [bytes(each) if type(each) is Raw else b"" for each in column]
        kinds = {bytes}
    elif len(types) == 1 and types <= _SINGLE and _hardly_repeats(column):
        return np.arange(len(column), dtype=np.int32), list(column)
    keys: Sequence[Any] = column
    if len(kinds) > 1 or not kinds <= _SIMPLE:
        keys = [None if each is None or each is UNSET else _key(each) for each in column]
    numbers: defaultdict[Any, int] = defaultdict(count().__next__)
    for nothing in (None, UNSET, b"null", b""):
        numbers[nothing] = -1
    codes = np.fromiter(map(numbers.__getitem__, keys), np.int32, len(keys))
    distinct = list(numbers)[4:]
    return codes, distinct if keys is column else [each[-1] for each in distinct]


def _hardly_repeats(column: Sequence[Any]) -> bool:
    """Judged by its first values. Then equal ones need not be found."""
    some = column[:FIRST]
    return len(some) == FIRST and len(set(some)) > FIRST - FIRST // 64


def _key(value: Any) -> tuple[Any, ...]:
    """Equal only for what is spelled the same; the value stands last."""
    if isinstance(value, Decimal):
        return Decimal, str(value), value
    if isinstance(value, (list, dict)):
        return list, encoded(value)  # where no list is wanted: its JSON says all
    return type(value), value
