"""Scan: where bytes stand in a block of text. In pieces that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STEP = 1 << 17
END, OPEN, CLOSE = b"\n{}"


def pieces(data: bytes, size: int, overlap: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Of the first `size` bytes. Each has the first `overlap` bytes of the next besides."""
    there = np.frombuffer(data, np.uint8, size)
    for start in range(0, size, STEP):
        yield there[start : start + STEP + overlap]


def line_ends(data: bytes, size: int) -> int:
    """How many of the first `size` bytes end a line."""
    return sum(int(np.count_nonzero(piece == END)) for piece in pieces(data, size))


class Lines(Sequence[bytes]):
    """The lines of a block, each cut out when it is asked for.

    `apart`: every one begins with `{` and ends with `}`, so none of them is blank and no object stands on two: between
    `}` and `{` JSON has no room for the end of a line. So many objects as lines: each has its own.
    """

    def __init__(self, block: bytes) -> None:
        self.block = block
        size = len(block) - block.endswith(b"\n")
        found = [start * STEP + np.flatnonzero(piece == END) for start, piece in enumerate(pieces(block, size))]
        self._ends = np.concatenate([*found, [size]])
        there, begins = np.frombuffer(block, np.uint8), np.append(0, self._ends[:-1] + 1)
        self.apart = bool(size) and bool((there[begins] == OPEN).all() and (there[self._ends - 1] == CLOSE).all())

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...

    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        place = at % len(self)
        return self.block[int(self._ends[place - 1]) + 1 if place else 0 : int(self._ends[place])]
