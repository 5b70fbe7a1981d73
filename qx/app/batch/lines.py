"""Lines of JSON -> Rows. What does not fit the shape, or may hold one key twice, is read again the exact way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from qx.app.batch import shape
from qx.app.batch.rows import Rows, reject
from qx.app.batch.typist import LISTS, REMEMBERED, Typist, coded
from qx.app.compliance import document_of, keys_in
from qx.compliance.columnar.column import Chunk
from qx.compliance.fields import FIELDS
from qx.compliance.transaction import read
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qx.app.batch.typist import Codes
    from qx.compliance.transaction import Transaction

MISFITS = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError)
STEP = 1 << 17
IT = "it"  # a line, in the words of its error


class _Id(msgspec.Struct):
    transactionId: Any = None  # noqa: N815 - the field's own name


class LineReader:
    """Of one process and one file. Lines are read as if they had the fields that others before had; where one has
    another, those beside it are read once more.
    """

    def __init__(self, *, lenient: bool) -> None:
        self._lenient = lenient
        self._whole = shape.shape_of(frozenset(FIELDS), lenient=lenient)
        self._seen: frozenset[str] = frozenset()
        self._typist = Typist()
        self._id = msgspec.json.Decoder(_Id, float_hook=Decimal).decode
        self._list = msgspec.json.Decoder(float_hook=Decimal).decode
        self._keys: dict[bytes, int] = {}  # of lists; -1: no JSON

    def ids(self, block: bytes) -> list[Any]:
        """The raw transactionId of every line that is JSON and has one."""
        found = []
        for line in block.split(b"\n"):
            try:
                found.append(self._id(line).transactionId)
            except MISFITS:
                continue
        return found

    def rows(self, block: bytes, first: int) -> Rows:
        """`first`: the number of the block's first line. Blank lines count as lines, and are nothing else."""
        lines = block.split(b"\n")
        places = [number for number, line in enumerate(lines) if line.strip()]
        given = [lines[place] for place in places]
        group, structs, misfits = self._read(given)
        found = shape.shaped(structs, group)
        columns = {path: coded(column) for path, column in found.columns.items()}
        unsound = self._unsound(block, given, found.keys, columns, misfits)
        odd, rejects = self._exactly(given, sorted(misfits | unsound))
        kept: Sequence[int] = range(len(given))
        if unsound or rejects:
            for row in unsound:
                structs[row] = group.empty
            kept = [row for row in kept if row not in rejects]
            odd = {number: odd[row] for number, row in enumerate(kept) if row in odd}
            found = shape.shaped([structs[row] for row in kept], group)
            columns = {path: coded(column) for path, column in found.columns.items()}
        self._seen = self._seen.union(found.columns)
        told = tuple(
            reject(first + places[row], error, given[row].decode("utf-8", "replace")) for row, error in rejects.items()
        )
        return Rows(
            Chunk(len(kept), {path: self._typist.column(path, *column) for path, column in columns.items()}, odd),
            [first + places[row] for row in kept], told, lambda row: document_of(given[kept[row]], IT),
        )  # fmt: skip

    def _read(self, given: list[bytes]) -> tuple[shape.Group, list[Any], set[int]]:
        """(the shape, of each line its struct, those that have none)."""
        for group in (shape.shape_of(self._seen, lenient=False), self._whole) if self._seen else (self._whole,):
            decode = shape.decoder(group).decode
            try:
                return group, [decode(line) for line in given], set()
            except MISFITS:
                continue  # one of them: which, is found line by line
        structs: list[Any] = []
        misfits = set()
        decode = shape.decoder(self._whole).decode
        for row, line in enumerate(given):
            try:
                structs.append(decode(line))
            except MISFITS:
                structs.append(self._whole.empty)
                misfits.add(row)
        return self._whole, structs, misfits

    def _unsound(
        self, block: bytes, given: list[bytes], keys: int, columns: Mapping[str, tuple[Codes, list[Any]]],
        misfits: set[int],
    ) -> set[int]:
        """Rows that fit, but may hold one key twice, or hold a list that is no JSON. `keys`: that were read."""
        bad = False
        for path, (codes, distinct) in columns.items():
            if FIELDS[path].kind in LISTS and distinct:
                times = np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist()
                counts = [self._keys_of(raw) for raw in distinct]
                bad = bad or min(counts) < 0
                keys += sum(max(each, 0) * many for each, many in zip(counts, times, strict=True))
        whole = block if not misfits else b"\n".join(line for row, line in enumerate(given) if row not in misfits)
        if not bad and not _may_repeat(whole, keys):
            return set()
        return {row for row, line in enumerate(given) if row not in misfits and self._repeats(line)}

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

    def _exactly(self, given: list[bytes], rows: list[int]) -> tuple[dict[int, Transaction], dict[int, QxError]]:
        odd: dict[int, Transaction] = {}
        rejects: dict[int, QxError] = {}
        for row in rows:
            try:
                odd[row] = read(document_of(given[row], IT), lenient=self._lenient)
            except QxError as error:
                rejects[row] = error
        return odd, rejects


def _may_repeat(data: bytes, keys: int) -> bool:
    """As `qx.app.compliance.may_repeat`, of many lines at once."""
    there = np.frombuffer(data, np.uint8)
    known = 0
    for start in range(0, len(there), STEP):  # in pieces that stay in the processor's cache
        piece = there[start : start + STEP + 1]
        quote = piece[:-1] == ord('"')
        if (quote & (piece[1:] <= ord(" "))).any():
            return True
        known += int(np.count_nonzero(quote & (piece[1:] == ord(":"))))
    return known != keys
