"""Copies: which transactionIds stand more than once in a file: 16 bytes for each transaction, nothing else.

An id is known by 124 bits of its BLAKE2b; two bits of each half are cleared, so that the pair is a complex number that
numpy can sort in place: finite, and without a negative zero.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qx.compliance.columnar.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from qx.compliance.columnar.column import Chunk

    Hashes = NDArray[np.complex128]

FACT, PATH = "facts.copies", "transactionId"
WIDE = 16  # bytes of a hash
FINITE = np.uint64(0x3FFFFFFFFFFFFFFF)
STEP = 1 << 20  # hashes that are compared at a time


def hashes(ids: Iterable[Any]) -> bytes:
    """Of raw ids, in the order in which they come; what is neither text nor number is no id."""
    texts = [str(each).strip() for each in ids if isinstance(each, (str, int)) and not isinstance(each, bool)]
    return (_hashes(list(filter(None, texts))) & FINITE).tobytes()


def _hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    found = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=WIDE).digest() for text in texts]
    return np.frombuffer(b"".join(found), np.uint64)


class Copies(NamedTuple):
    """`hashes`: of the ids that stand twice or more, sorted. `counts`: how often each stands."""

    hashes: Hashes
    counts: NDArray[np.int64]

    @classmethod
    def among(cls, known: bytearray) -> Copies:
        """`known`: hashes one after the other; it is sorted in place."""
        every = np.frombuffer(known, np.complex128)
        every.sort()
        again = [every[start + 1 : start + STEP + 1] for start in range(0, len(every), STEP)]
        before = [every[start : start + STEP] for start in range(0, len(every), STEP)]
        same = [one[one == other[: len(one)]] for one, other in zip(again, before, strict=True)]
        found, counts = np.unique(np.concatenate(same) if same else every[:0], return_counts=True)
        return cls(found, counts + 1)

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.hashes)
            np.save(file, self.counts)

    @classmethod
    def load(cls, path: Path) -> Copies:
        with path.open("rb") as file:
            return cls(np.load(file), np.load(file))

    def column(self, chunk: Chunk) -> Column | None:
        """Of each row how many bear its id; None: all stand once."""
        ids = chunk.columns.get(PATH)
        here = np.zeros(chunk.rows, np.int64)
        if ids is not None:
            good = [str(text) if code not in ids.malformed else "" for code, text in enumerate(ids.texts)]
            here = np.append(self._of(good), 0)[ids.codes]
        if chunk.odd:
            here[list(chunk.odd)] = self._of([each.name for each in chunk.odd.values()])
        if not here.any():
            return None
        distinct, codes = np.unique(here, return_inverse=True)
        values = [Decimal(int(count)) for count in distinct]
        places = np.where(here == 0, -1, codes.reshape(-1)).astype(np.int32)
        return Column(places, values, [format(value, "f") for value in values])

    def _of(self, ids: list[str]) -> NDArray[np.int64]:
        """How often each stands, where that is more than once; '' never does."""
        wanted = (_hashes(ids) & FINITE).view(np.complex128)
        place = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        there = (self.hashes[place] == wanted) & np.array([bool(each) for each in ids], np.bool_)
        return np.where(there, self.counts[place], 0)
