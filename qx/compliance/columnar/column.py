"""Chunk: some transactions as columns, one for each field that any of them has; each value stands there once.

Whoever reads a file builds these: the distinct raw texts of a field are typed once each (`transaction.typed`), and the
rows hold their numbers. A value that is malformed stays in its column, with the reason. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from qx.compliance.fields import FIELDS
from qx.compliance.transaction import Transaction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.compliance.transaction import Value

    Codes = NDArray[np.int32]

NONE: Mapping[int, str] = MappingProxyType({})


class Column(NamedTuple):
    """`codes`: per row the index of its value, -1 where there is none. `values` and `texts`, equally long: what
    `transaction.typed` gives for it, value and canonical form; of what is malformed the value counts for nothing. A
    value may stand there more than once, or for no row.
    """

    codes: Codes
    values: Sequence[Value | None]
    texts: Sequence[Any]  # canonical forms: text, bool, list
    malformed: Mapping[int, str] = NONE  # index -> why


class Chunk(NamedTuple):
    """`odd`: rows that columns cannot say, with their transactions: one field given twice. Their codes are -1."""

    rows: int
    columns: Mapping[str, Column]  # by path; a field that no row has may be left out
    odd: Mapping[int, Transaction] = MappingProxyType({})
    facts: Mapping[str, Column] = MappingProxyType({})  # what only the source can tell, by values: facts.copies

    def transaction(self, row: int) -> Transaction:
        """As `transaction.read` gives it."""
        if row in self.odd:
            return self.odd[row]
        values: dict[str, Value] = {}
        malformed: dict[str, str] = {}
        canonical: dict[str, Any] = {}
        for path in sorted(self.columns):
            codes, typed, texts, why = self.columns[path]
            code = codes.item(row)
            if code < 0:
                continue
            canonical[path] = texts[code]
            if code in why:
                malformed[path] = why[code]
            elif (value := typed[code]) is not None:
                values[path] = value
        return Transaction(values, malformed, canonical)

    @classmethod
    def of(cls, transactions: Sequence[Transaction]) -> Chunk:
        """From what was read one by one."""
        odd = {row: each for row, each in enumerate(transactions) if each.values.keys() & each.malformed.keys()}
        even = [Transaction({}, {}, {}) if row in odd else each for row, each in enumerate(transactions)]
        paths = sorted({path for each in even for path in each.canonical})
        return cls(len(even), {path: _column(path, even) for path in paths}, odd)


class Lazy(Sequence["Value"]):
    """Values made from their canonical forms when they are asked for: most numbers of a file never are."""

    def __init__(self, texts: Sequence[str], make: Callable[[str], Value]) -> None:
        self._texts, self._make = texts, make

    @classmethod
    def of(cls, path: str, texts: Sequence[str]) -> Sequence[Value]:
        """`texts`: canonical, of a field whose values are texts, numbers, days or instants."""
        make = _MAKE.get(FIELDS[path].kind)
        return texts if make is None else cls(texts, make)

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | Sequence[Value]:
        if isinstance(index, slice):
            return Lazy(self._texts[index], self._make)
        return self._make(self._texts[index])

    def __len__(self) -> int:
        return len(self._texts)


_MAKE: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal, "day": date.fromisoformat, "instant": datetime.fromisoformat,
}  # fmt: skip


def _column(path: str, transactions: Iterable[Transaction]) -> Column:
    known: dict[Any, int] = {}
    codes: list[int] = []
    values: list[Value | None] = []
    texts: list[Any] = []
    malformed: dict[int, str] = {}
    for each in transactions:
        if path not in each.canonical:
            codes.append(-1)
            continue
        text, why = each.canonical[path], each.malformed.get(path)
        key = (type(text), json.dumps(text) if isinstance(text, (list, dict)) else text, why)
        if key not in known:
            known[key] = len(texts)
            texts.append(text)
            values.append(each.values.get(path))
            if why is not None:
                malformed[known[key]] = why
        codes.append(known[key])
    return Column(np.array(codes, np.int32), values, texts, malformed)
