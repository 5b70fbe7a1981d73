"""Identities of many rows: the canonical input of each, put together of what its columns' distinct values add. Pure."""

from __future__ import annotations

import hashlib
from itertools import repeat
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

import numpy as np

from qx.compliance.columnar.values import Coded, at
from qx.compliance.validate import ID, ID_DIGITS, rests_on, text_of
from qx.kernel.canon import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from qx.compliance.columnar.column import Chunk, Column
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.validate import Rulebook

INPUT = '"input":{'  # comes after nothing that could hold the same


def identified(
    chunk: Chunk, book: Rulebook, moments: Sequence[datetime], places: Places, lists: Value
) -> Iterator[tuple[str, str]]:
    """Of every row its id, as `validate.identity` tells it, and its canonical input as canonical JSON.

    `places`: row -> its asOf among `moments`. `lists`: of what names were held against, the digest.
    """
    before, here, _ = _text(rests_on({}, book, moments[0], "")).partition(INPUT)
    first, _, rest = before.partition(_text(text_of(moments[0])))  # nothing stands before asOf but its name
    heads = np.empty(len(moments), object)
    heads[:] = [first + _text(text_of(moment)) + rest + here for moment in moments]
    digests = lists.values if isinstance(lists, Coded) else [at(lists, 0)]
    tails = np.empty(len(digests), object)
    tails[:] = [_text(rests_on({}, book, moments[0], digest)).partition(INPUT)[2] for digest in digests]
    of_row = tails[lists.codes].tolist() if isinstance(lists, Coded) else repeat(tails[0], chunk.rows)
    inputs: Iterable[tuple[str, ...]] = repeat((), chunk.rows)
    columns = [_fragments(path, column) for path, column in sorted(chunk.columns.items())]
    if columns:
        inputs = zip(*columns, strict=True)
    sha, join = hashlib.sha256, "".join
    for head, parts, tail in zip(heads[places].tolist(), inputs, of_row, strict=True):
        fields = join(parts)[:-1]
        yield ID + sha((head + fields + tail).encode()).hexdigest()[:ID_DIGITS], f"{{{fields}}}"


def _fragments(path: str, column: Column) -> list[str]:
    """What it adds to the input of each row: its name and value and a comma, or nothing."""
    name = f"{_text(path)}:"
    found = np.empty(len(column.texts) + 1, object)
    found[:-1] = [f"{name}{_text(text)}," for text in column.texts]
    found[-1] = ""
    fragments: list[str] = found[column.codes].tolist()
    return fragments


def _text(value: Any) -> str:
    """Canonical JSON; of a text as `canonical` writes one, without its detours."""
    return encode_basestring(value) if isinstance(value, str) else canonical(value).decode()
