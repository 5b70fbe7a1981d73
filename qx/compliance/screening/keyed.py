"""What stands under 32-bit keys, as arrays: a tenth of a dict's memory, and ready as soon as they are read. Pure."""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 32  # of a key


class Table(Struct, frozen=True):
    """Arrays of 32-bit numbers in this machine's order."""

    keys: bytes  # in order
    values: bytes  # of each key
    first: bytes  # for each start of a key: the place of the first key that starts so; one more at the end


class Keyed:
    def __init__(self, table: Table) -> None:
        self._keys, self._values, self._first = map(numbers, (table.keys, table.values, table.first))
        self._shift = BITS - (len(self._first) - 1).bit_length() + 1

    def under(self, wanted: Iterable[int]) -> set[int]:
        """What stands under these keys."""
        keys, first, shift = self._keys, self._first, self._shift
        found = set()
        for key in wanted:
            start = key >> shift
            place, end = first[start], first[start + 1]
            while place < end:
                if keys[place] == key:
                    found.add(self._values[place])
                place += 1
        return found


def pair(key: int, value: int) -> int:
    """Both as one number, which sorts sooner than a tuple."""
    return key << BITS | value


def table(pairs: list[int]) -> Table:
    """Of keys with their values: each a `pair`. The list is sorted."""
    pairs.sort()
    halves = numbers(array("Q", pairs).tobytes())
    high = sys.byteorder == "little"  # where the upper half of a number stands
    keys, values = halves[high::2], halves[1 - high :: 2]
    size = len(keys).bit_length()  # of a key's start: hardly two keys have the same
    counts = [0] * ((1 << size) + 1)
    for key in keys:
        counts[(key >> BITS - size) + 1] += 1
    return Table(keys.tobytes(), values.tobytes(), array("I", accumulate(counts)).tobytes())


def numbers(data: bytes) -> array[int]:
    found = array("I")
    found.frombytes(data)
    return found
