"""Lines of JSON -> Rows. What does not fit the shape, or may hold one key twice, is read again the exact way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from qx.app.batch.rows import Rows, reject
from qx.app.batch.scan import Lines, pieces
from qx.app.batch.shape import LISTS, MISFITS, Shaper, every
from qx.app.batch.typist import REMEMBERED, Typist
from qx.app.compliance import document_of, keys_in
from qx.compliance.columnar.column import Chunk
from qx.compliance.fields import FIELDS
from qx.compliance.transaction import read
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.app.batch.coding import Codes
    from qx.app.batch.shape import Shaped
    from qx.compliance.transaction import Transaction

IT = "it"  # a line, in the words of its error


class _Id(msgspec.Struct):
    transactionId: Any = None  # noqa: N815 - the field's own name


class LineReader:
    """Of one process and one file."""

    def __init__(self, *, lenient: bool) -> None:
        self._lenient = lenient
        self._shaper = Shaper(lenient=lenient)
        self._typist = Typist()
        self._id = msgspec.json.Decoder(_Id, float_hook=Decimal)
        self._list = msgspec.json.Decoder(float_hook=Decimal).decode
        self._keys: dict[bytes, int] = {}  # of lists; -1: no JSON

    def ids(self, block: bytes) -> list[Any]:
        """The raw transactionId of every line that is JSON and has one."""
        lines = Lines(block)
        try:
            return [each.transactionId for each in every(self._id, lines)]
        except MISFITS:
            return [found for line in lines if (found := self._id_of(line)) is not None]

    def _id_of(self, line: bytes) -> Any:
        try:
            return self._id.decode(line).transactionId
        except MISFITS:
            return None

    def rows(self, block: bytes, first: int) -> Rows:
        """`first`: the number of the block's first line. Blank lines count as lines, and are nothing else."""
        given, numbers = _not_blank(Lines(block), first)
        found = self._shaper.shaped(given)
        apart = found.misfits | self._unsound(block, given, found)
        odd, rejects = self._exactly(given, sorted(apart))
        kept = [row for row in range(len(given)) if row not in rejects] if rejects else range(len(given))
        columns = {}
        for path, column in found.columns.items():
            codes, distinct = _without(apart, *column) if apart else column
            columns[path] = self._typist.column(path, codes[kept] if rejects else codes, distinct)
        told = tuple(
            reject(numbers[row], error, given[row].decode("utf-8", "replace")) for row, error in rejects.items()
        )
        return Rows(
            Chunk(len(kept), columns, {number: odd[row] for number, row in enumerate(kept) if row in odd}),
            [numbers[row] for row in kept] if rejects else numbers, told, lambda row: document_of(given[kept[row]], IT),
        )  # fmt: skip

    def _unsound(self, block: bytes, given: Sequence[bytes], found: Shaped) -> set[int]:
        """Rows that fit, but may hold one key twice, or hold a list that is no JSON."""
        fits = np.ones(len(given), np.bool_)
        fits[list(found.misfits)] = False
        bad, keys = False, int(found.keys[fits].sum())
        for path, (codes, distinct) in found.columns.items():
            if FIELDS[path].kind in LISTS and distinct:
                times = np.bincount(codes[fits & (codes >= 0)], minlength=len(distinct)).tolist()
                counts = [self._keys_of(raw) for raw in distinct]
                bad = bad or min(counts) < 0
                keys += sum(max(each, 0) * many for each, many in zip(counts, times, strict=True))
        whole = b"\n".join(line for line, fit in zip(given, fits, strict=True) if fit) if found.misfits else block
        if not bad and not _may_repeat(whole, keys):
            return set()
        return {row for row, line in enumerate(given) if row not in found.misfits and self._repeats(line)}

    def _repeats(self, line: bytes) -> bool:
        try:
            document_of(line, IT)
        except QxError:
            return True
        return False

    def _keys_of(self, raw: bytes) -> int:
        known = self._keys.get(raw)
        if known is None:
            if len(self._keys) >= REMEMBERED:
                self._keys.clear()
            try:
                known = keys_in(self._list(raw))
            except MISFITS:
                known = -1
            self._keys[raw] = known
        return known

    def _exactly(self, given: Sequence[bytes], rows: list[int]) -> tuple[dict[int, Transaction], dict[int, QxError]]:
        odd: dict[int, Transaction] = {}
        rejects: dict[int, QxError] = {}
        for row in rows:
            try:
                odd[row] = read(document_of(given[row], IT), lenient=self._lenient)
            except QxError as error:
                rejects[row] = error
        return odd, rejects


def _not_blank(lines: Lines, first: int) -> tuple[Sequence[bytes], Sequence[int]]:
    """(the lines that hold something, their numbers)."""
    if lines.apart:
        return lines, range(first, first + len(lines))
    held = {number: line for number, line in enumerate(lines, first) if line and not line.isspace()}
    return list(held.values()), list(held)


def _without(apart: set[int], codes: Codes, distinct: list[Any]) -> tuple[Codes, list[Any]]:
    """What these rows have, and no other, is left out: it may be no value at all."""
    codes[list(apart)] = -1
    used, places = np.unique(codes, return_inverse=True)
    gone = int(used[0] < 0)
    return (places.reshape(-1) - gone).astype(np.int32), [distinct[place] for place in used[gone:].tolist()]


def _may_repeat(data: bytes, keys: int) -> bool:
    """As `qx.app.compliance.may_repeat`, of many lines at once."""
    known = 0
    for piece in pieces(data, len(data), overlap=1):
        quote = piece[:-1] == ord('"')
        if (quote & (piece[1:] <= ord(" "))).any():
            return True
        known += int(np.count_nonzero(quote & (piece[1:] == ord(":"))))
    return known != keys
