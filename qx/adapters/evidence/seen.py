"""Seen: which keys may be in the index already: never says no of one that it was told of (a Bloom filter).

64 MiB that the system gives page by page, so its size does not grow with the record. Of ten million keys it takes one
new one in 6,000 for an old one; the index itself is asked about those.
"""

from __future__ import annotations

import numpy as np

_BYTES = 1 << 26
_KEY = np.dtype([("words", "<u4", (3,)), ("rest", "V8")])  # the words are a digest's: already as good as random


class Seen:
    def __init__(self) -> None:
        self._bits = np.zeros(_BYTES, np.uint8)
        self.upto = 0  # the last block whose keys it was told of

    def tell(self, keys: bytes) -> list[int]:
        """Keys of 20 bytes each, no two the same. The places of those that it may have been told of before."""
        words = np.frombuffer(keys, _KEY)["words"].T
        at, bits = (words >> 6).astype(np.intp), np.left_shift(1, words & 7, dtype=np.uint8, casting="unsafe")
        old = np.flatnonzero((self._bits[at] & bits).all(axis=0))
        np.bitwise_or.at(self._bits, at.ravel(), bits.ravel())  # of one dimension it is quicker
        return old.tolist()
