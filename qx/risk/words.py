"""A column of words: each row holds the number of its word. What repeats is held once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Words(NamedTuple):
    codes: NDArray[np.int32]  # (n,), of `words`
    words: tuple[str, ...]

    def at(self, row: int) -> str:
        return self.words[int(self.codes[row])]

    def told(self) -> bool:
        """Whether a row has any."""
        return any(self.words)


def words_of(cells: Sequence[str]) -> Words:
    """Stripped; in the order in which they come first."""
    raw = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    codes = np.fromiter(map(raw.__getitem__, cells), np.int32, len(cells))
    stripped = [cell.strip() for cell in raw]
    if stripped == list(raw):
        return Words(codes, tuple(stripped))
    kept = {word: number for number, word in enumerate(dict.fromkeys(stripped))}
    again = np.array([kept[word] for word in stripped], np.int32)
    return Words(again[codes], tuple(kept))
