"""Typist: columns of raw values -> the columns that are judged. Each distinct value is typed once.

What was typed is remembered from chunk to chunk, up to a bound; of fields whose values hardly repeat (ids, amounts)
nothing is, and of those a test of many at once tells which are their own canonical form.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from qx.app.batch.coding import Number
from qx.app.batch.shape import LISTS
from qx.compliance.columnar.column import Column, Lazy
from qx.compliance.fields import FIELDS
from qx.compliance.transaction import LONGEST_TEXT, Typed, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.app.batch.coding import Codes

REMEMBERED = 20_000  # values of a field
SELDOM = 2_000  # distinct values of a chunk, from which on a field is thought not to repeat
# One in each line. Numbers: canonical but for zeros at the end. Instants: canonical if there is such a day and time.
_NUMBERS = re.compile(r"(?:-?(?:0|[1-9]\d{0,28})(?:\.\d{1,12})?\n)*+", re.ASCII)
_LONGER = re.compile(r"(?:\.\d*|-)0\n", re.ASCII)  # than its canonical form
_INSTANTS = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!0{6})\d{6})?Z\n)*+", re.ASCII)
_decoded = msgspec.json.Decoder(float_hook=Decimal).decode


class Typist:
    """Of one process and one file."""

    def __init__(self) -> None:
        self._known: defaultdict[tuple[str, type], dict[Any, Typed]] = defaultdict(dict)

    def column(self, path: str, codes: Codes, distinct: Sequence[Any]) -> Column:
        """`codes`: per row the index of its raw value in `distinct`, -1 where there is none. Raises DecodeError where
        the bytes of a list are no JSON.
        """
        quick = _plain_texts(path, distinct) if len(distinct) >= SELDOM else None
        if quick is not None:
            return Column(codes, Lazy.of(path, quick), quick)
        found = self._typed(path, distinct)
        malformed = {number: each.why for number, each in enumerate(found) if each.value is None}
        return Column(codes, [each.value for each in found], [each.canonical for each in found], malformed)

    def _typed(self, path: str, distinct: Sequence[Any]) -> list[Typed]:
        kinds = set(map(type, distinct))
        if len(kinds) != 1 or Decimal in kinds:  # of which equal ones may be spelled in two ways
            return [self._one(self._known[path, type(raw)], path, raw) for raw in distinct]
        known = self._known[path, kinds.pop()]
        found = list(map(known.get, distinct))
        return [each or self._one(known, path, raw) for each, raw in zip(found, distinct, strict=True)]

    def _one(self, known: dict[Any, Typed], path: str, raw: Any) -> Typed:
        """`known`: of its type."""
        key = str(raw) if isinstance(raw, Decimal) else raw
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


def _plain_texts(path: str, distinct: Sequence[Any]) -> list[str] | None:
    """The canonical forms of many distinct values, where that can be told of all at once; None: one by one."""
    kind, types = FIELDS[path].kind, set(map(type, distinct))
    if kind == "text" and types == {str}:
        texts = list(distinct)
        sound = list(map(str.strip, texts)) == texts and "".join(texts).isprintable()
        return texts if sound and min(map(len, texts)) > 0 and max(map(len, texts)) <= LONGEST_TEXT else None
    if kind == "decimal" and types <= {str, int, float, Number}:
        texts = list(map(str, distinct))
        whole = _lines(texts)
        if whole is None or not _NUMBERS.fullmatch(whole):
            return None
        if _LONGER.search(whole):
            texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
            texts = [text if text != "-0" else "0" for text in texts]
        return texts
    if kind == "instant" and types == {str}:
        texts = list(distinct)
        whole = _lines(texts)
        return texts if whole is not None and _INSTANTS.fullmatch(whole) and _all_there(texts) else None
    return None


def _lines(texts: Sequence[str]) -> str | None:
    """One in each; None: one of them is several."""
    whole = "\n".join([*texts, ""])
    return whole if whole.count("\n") == len(texts) else None


def _all_there(instants: list[str]) -> bool:
    try:
        return all(map(datetime.fromisoformat, instants))
    except ValueError:
        return False
