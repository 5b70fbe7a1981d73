"""Identities of many rows: the canonical input of each, put together of what its columns' distinct values add. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from qx.compliance.columnar.values import Coded, at
from qx.compliance.validate import ID, ID_DIGITS, rests_on, text_of
from qx.kernel.canon import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from qx.compliance.columnar.column import Chunk, Column
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.validate import Rulebook

INPUT = b'"input":{'  # comes after nothing that could hold the same
APART = "\x7f"  # no text of a field holds it, and JSON leaves it as it is
_text = msgspec.json.Encoder(order="sorted").encode  # as `canonical` where no float is; in an input there is none
FEWER = 8  # neighbours are one where their combinations are so many times fewer than the rows


class Identified(NamedTuple):
    """Of each of some rows `names` its id, and `inputs` its canonical input as canonical JSON."""

    names: list[str]
    inputs: list[bytes]


class _Part(NamedTuple):
    """What some columns that stand beside each other add to the input of each row. `codes`: row -> place in `texts`."""

    codes: Places
    texts: list[bytes]

    def beside(self, other: _Part) -> _Part | None:
        """Both as one; None: not worth it."""
        if self.codes[0] == other.codes[0] and np.array_equal(self.codes, other.codes):
            return _Part(self.codes, [one + two for one, two in zip(self.texts, other.texts, strict=False)])
        if len(self.texts) * len(other.texts) * FEWER > len(self.codes):
            return None
        texts = [one + two for one in self.texts for two in other.texts]
        return _Part(self.codes * len(other.texts) + other.codes, texts)

    def of_rows(self) -> Callable[[slice], list[bytes]]:
        """What it adds to each of some rows."""
        texts = np.array([*self.texts, None], object)  # None: it stays one-dimensional
        return lambda rows: texts.take(self.codes[rows]).tolist()


def identified(
    chunk: Chunk, book: Rulebook, moments: Sequence[datetime], places: Places, lists: Value, most: int
) -> Iterator[Identified]:
    """In order, of `most` rows at a time: their inputs are many times larger than the chunk. The ids as
    `validate.identity` tells them. `places`: row -> its asOf among `moments`. `lists`: of what names were held against,
    the digest.
    """
    before, here, _ = canonical(rests_on({}, book, moments[0], "")).partition(INPUT)
    head, _, rest = before.partition(_text(text_of(moments[0])))  # nothing stands before asOf but its name
    begun = [hashlib.sha256(head + _text(text_of(moment)) + rest + here[:-1]) for moment in moments]
    digests = lists.values if isinstance(lists, Coded) else [at(lists, 0)]
    codes = lists.codes if isinstance(lists, Coded) else np.zeros(chunk.rows, np.intp)
    after = [canonical(rests_on({}, book, moments[0], digest)).partition(INPUT)[2][1:] for digest in digests]
    tails = _Part(codes, after).of_rows()
    parts = [part.of_rows() for part in _parts(chunk)]
    for begin in range(0, chunk.rows, most):
        rows = slice(begin, min(begin + most, chunk.rows))
        inputs = _inputs(chunk, parts, rows)
        names = []
        for place, given, end in zip(places[rows].tolist(), inputs, tails(rows), strict=True):
            sha = begun[place].copy()
            sha.update(given)
            sha.update(end)
            names.append(ID + sha.hexdigest()[:ID_DIGITS])
        yield Identified(names, inputs)


def _inputs(chunk: Chunk, parts: Sequence[Callable[[slice], list[bytes]]], rows: slice) -> list[bytes]:
    """Of each of these rows its canonical input."""
    if not parts:
        return [b"{}"] * (rows.stop - rows.start)
    join = b"".join
    found = [join(each) for each in zip(*(part(rows) for part in parts), strict=True)]
    if (chunk.columns[max(chunk.columns)].codes[rows] < 0).any():  # a row that lacks the last field has a comma there
        found = [each[:-2] + b"}" if each.endswith(b",}") else each for each in found]
    return found


def _parts(chunk: Chunk) -> Iterator[_Part]:
    """In the order of the fields; together they are the input of each row."""
    columns = sorted(chunk.columns.items()) if chunk.rows else []
    last: _Part | None = None
    for number, (path, column) in enumerate(columns):
        before, after = "{" if number == 0 else "", "}" if number == len(columns) - 1 else ","
        found = _part(before, f'{before}"{path}":', column, after)
        both = None if last is None else last.beside(found)
        if both is None and last is not None:
            yield last
        last = both or found
    if last is not None:
        yield last


def _part(before: str, name: str, column: Column, after: str) -> _Part:
    """`name`, the value, `after`; where there is none what has to stand there all the same."""
    texts = _fragments(name.encode(), column.texts, after.encode())
    codes = column.codes.astype(np.intp)
    nothing = codes < 0
    if nothing.any():
        codes[nothing] = len(texts)
        texts.append((before + after.strip(",")).encode())
    return _Part(codes, texts)


def _fragments(name: bytes, values: Sequence[Any], after: bytes) -> list[bytes]:
    """`name`, each value as canonical JSON, `after`. All at once, where no text in them holds what keeps them apart."""
    mixed: list[Any] = [APART] * (2 * len(values) - 1)
    mixed[::2] = values
    apart = APART.encode()
    whole = _text(mixed)[1:-1].replace(b',"%b",' % apart, b"%b%b%b" % (after, apart, name))
    if whole.count(apart) == len(values) - 1:
        return (name + whole + after).split(apart)
    return [name + _text(value) + after for value in values]
