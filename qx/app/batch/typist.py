"""Typist: columns of raw values -> the columns that are judged. Each distinct value is typed once.

What was typed is remembered from chunk to chunk, up to a bound; of fields whose values hardly repeat (ids, amounts)
nothing is, and of those a test of many at once tells which are their own canonical form.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

from qx.app.batch.shape import Number
from qx.compliance.columnar.column import Column, Lazy
from qx.compliance.fields import FIELDS
from qx.compliance.transaction import LONGEST_TEXT, Typed, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int32]

REMEMBERED = 20_000  # values of a field
SELDOM = 2_000  # distinct values of a chunk, from which on a field is thought not to repeat
_PLAIN = re.compile(r"(?:0|[1-9]\d{0,28})(?:\.\d{1,12})?", re.ASCII)  # canonical but for zeros at its end
_SIMPLE = frozenset({str, bool, int, bytes, Number, Raw, date, datetime})  # of which equal ones are one
LISTS = frozenset({"texts", "records"})
_decoded = msgspec.json.Decoder(float_hook=Decimal).decode


def _as_spelled(value: Any) -> Raw | str:
    return Raw(value.encode()) if type(value) is Number else str(value)


encoded = msgspec.json.Encoder(enc_hook=_as_spelled, decimal_format="number").encode
"""JSON whose numbers are as they were spelled."""


class Typist:
    """Of one process and one file."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Any, Typed]] = {}

    def column(self, path: str, codes: Codes, distinct: Sequence[Any]) -> Column:
        """`codes`: per row the index of its raw value in `distinct`, -1 where there is none. Raises DecodeError where
        the bytes of a list are no JSON.
        """
        quick = _plain_texts(path, distinct) if len(distinct) >= SELDOM else None
        if quick is not None:
            return Column(codes, Lazy.of(path, quick), quick)
        found = [self._typed(path, raw) for raw in distinct]
        malformed = {number: each.why for number, each in enumerate(found) if each.value is None}
        return Column(codes, [each.value for each in found], [each.canonical for each in found], malformed)

    def _typed(self, path: str, raw: Any) -> Typed:
        known = self._known.setdefault(path, {})
        key = (type(raw), str(raw)) if isinstance(raw, Decimal) else (type(raw), raw)
        found = known.get(key)
        if found is None:
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[key] = typed(path, listed(path, raw))
        return found


def listed(path: str, raw: Any) -> Any:
    """What a cell holds: of a field of lists or records its JSON, where it is JSON."""
    if isinstance(raw, bytes):
        return _decoded(raw)
    if type(raw) is Number:
        return Decimal(raw)
    if FIELDS[path].kind in LISTS and isinstance(raw, str):
        try:
            return _decoded(raw)
        except (msgspec.DecodeError, UnicodeError, ArithmeticError, RecursionError):
            return raw  # malformed: no list
    return raw


def coded(column: Sequence[Any]) -> tuple[Codes, list[Any]]:
    """(codes, distinct values); UNSET, None and the JSON null are none. Equal values of two types are two."""
    kinds = set(map(type, column)) - {UnsetType, type(None)}
    if Raw in kinds:  # of such there is nothing else
        kinds, column = {bytes}, [bytes(each) if type(each) is Raw else None for each in column]
    keys: Sequence[Any] = column
    if len(kinds) > 1 or not kinds <= _SIMPLE:
        keys = [None if each is None or each is UNSET else _key(each) for each in column]
    numbers: defaultdict[Any, int] = defaultdict(count().__next__)
    for nothing in (None, UNSET, b"null"):
        numbers[nothing] = -1
    codes = np.fromiter(map(numbers.__getitem__, keys), np.int32, len(keys))
    distinct = list(numbers)[3:]
    return codes, distinct if keys is column else [each[-1] for each in distinct]


def _key(value: Any) -> tuple[Any, ...]:
    """Equal only for what is spelled the same; the value stands last."""
    if isinstance(value, Decimal):
        return Decimal, str(value), value
    if isinstance(value, (list, dict)):
        return list, encoded(value)  # where no list is wanted: its JSON says all
    return type(value), value


def _plain_texts(path: str, distinct: Sequence[Any]) -> list[str] | None:
    """The canonical forms of many distinct values, where that can be told of all at once; None: one by one."""
    kind = FIELDS[path].kind
    if kind == "text" and set(map(type, distinct)) == {str}:
        texts = list(distinct)
        sound = list(map(str.strip, texts)) == texts and "".join(texts).isprintable()
        return texts if sound and min(map(len, texts)) > 0 and max(map(len, texts)) <= LONGEST_TEXT else None
    if kind == "decimal":
        texts = [str(each) for each in distinct]
        if {bool, float}.isdisjoint(map(type, distinct)) and all(map(_PLAIN.fullmatch, texts)):
            return [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    return None
