"""Seen: which keys may be in the index already: never says no of one that it was told of (a Bloom filter).

64 MiB that the system gives page by page, so its size does not grow with the record. Of ten million keys it takes one
new one in 6,000 for an old one; the index itself is asked about those.
"""

from __future__ import annotations

import struct

_BYTES = 1 << 26
_WORDS = struct.Struct("<III8x")  # a key's first 12 bytes, which are a digest's: already as good as random


class Seen:
    def __init__(self) -> None:
        self._bits = bytearray(_BYTES)
        self.upto = 0  # the last block whose keys it was told of

    def tell(self, keys: bytes) -> list[int]:
        """Keys of 20 bytes each. The places of those that it may have been told of before, by this call too."""
        bits, old = self._bits, []
        for place, (one, two, three) in enumerate(_WORDS.iter_unpack(keys)):
            at_one, at_two, at_three = one >> 6, two >> 6, three >> 6
            bit_one, bit_two, bit_three = 1 << (one & 7), 1 << (two & 7), 1 << (three & 7)
            if bits[at_one] & bit_one and bits[at_two] & bit_two and bits[at_three] & bit_three:
                old.append(place)
            else:
                bits[at_one] |= bit_one
                bits[at_two] |= bit_two
                bits[at_three] |= bit_three
        return old
