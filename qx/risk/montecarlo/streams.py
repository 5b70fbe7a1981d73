"""Streams of random numbers, one for each block of scenarios: its draws depend on the seed and its number only.

Scenario s is row s % ROWS of block s // ROWS.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ROWS = 8192
"""Scenarios of a block: 50 factors of them fill 3 MB, which stays in the cache."""

GENERATOR = "SFC64, keyed by SeedSequence(seed, spawn_key=(block,))"


class Block(NamedTuple):
    number: int
    rows: int  # ROWS, less in the last one of a run

    @property
    def first(self) -> int:
        """Its first scenario."""
        return self.number * ROWS


def stream(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(number,))))


def blocks(draws: int) -> int:
    """How many it takes to hold so many scenarios."""
    return -(-draws // ROWS)


def block(number: int, draws: int) -> Block:
    """Of a run of `draws` scenarios."""
    return Block(number, min(ROWS, draws - number * ROWS))
