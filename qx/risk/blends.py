"""Blends: the prices, volatilities and rates that options are priced from, each a weighted sum of factor levels.

    Z = constant + sum of weight L[factor]

A delivery month between two factors is one, in the unit of the option's strike; a shifted price has its shift
as constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]


class Blend(NamedTuple):
    parts: tuple[tuple[int, float], ...]  # factor, weight
    constant: float = 0.0

    def at(self, level: Floats) -> float:
        """`level`: (F,)."""
        return self.constant + sum(weight * float(level[factor]) for factor, weight in self.parts)


class Blends:
    """B blends as a table of equal width; what is too short goes on with weight 0."""

    def __init__(self, blends: Sequence[Blend]) -> None:
        self.width = max((len(each.parts) for each in blends), default=0)
        self.factor = np.zeros((len(blends), self.width), np.intp)
        self.weight = np.zeros((len(blends), self.width), np.float64)
        self.constant = np.array([each.constant for each in blends], np.float64)
        for at, each in enumerate(blends):
            for column, (factor, weight) in enumerate(each.parts):
                self.factor[at, column], self.weight[at, column] = factor, weight
        # (B,): whether a factor is part of it
        self.moves: NDArray[np.bool_] = np.count_nonzero(self.weight, axis=1) > 0
        self._used, slot = np.unique(self.factor, return_inverse=True)
        self._slot = slot.reshape(self.factor.shape)

    def at(self, levels: Floats) -> Floats:
        """(s, F) -> (B, s)."""
        columns = np.ascontiguousarray(levels[:, self._used].T)
        out = np.repeat(self.constant[:, None], len(levels), axis=1)
        for column in range(self.width):
            part = columns[self._slot[:, column]]
            part *= self.weight[:, column, None]
            out += part
        return out


class Steps(NamedTuple):
    """For m options the factors that move them, one after the other; for each weight of their inputs, when it
    moves.

    `factor`: (m, R), -1 beyond those of an option. `turn`: (m, inputs, width), -1 where there is no weight.
    """

    factor: Indices
    turn: Indices

    @classmethod
    def of(cls, blends: Blends, slots: Indices) -> Steps:
        """`slots`: (inputs, m), the blends of each option."""
        inputs, count = slots.shape
        used = np.where(blends.weight[slots] != 0, blends.factor[slots], -1)  # (inputs, m, width)
        flat = np.moveaxis(used, 1, 0).reshape(count, -1)
        ordered = np.sort(flat, axis=1)
        fresh = np.ones(ordered.shape, np.bool_)
        fresh[:, 1:] = ordered[:, 1:] > ordered[:, :-1]
        fresh &= ordered >= 0
        turn = ((ordered[:, None, :] < flat[:, :, None]) & fresh[:, None, :]).sum(axis=2)
        turn[flat < 0] = -1
        rounds = int(fresh.sum(axis=1).max(initial=0))
        factor = np.full((count, rounds), -1, np.intp)
        row, column = np.nonzero(flat >= 0)
        factor[row, turn[row, column]] = flat[row, column]
        return cls(factor, turn.reshape(count, inputs, blends.width))

    def inputs(
        self, blends: Blends, slots: Indices, base: Floats, levels: Floats, moved: range
    ) -> list[Floats]:
        """Each input (m, k) when the factors of these turns are at `levels` (k, F), the others at `base` (F,)."""
        found = []
        for at, slot in enumerate(slots):
            value = np.repeat(blends.constant[slot][:, None], len(levels), axis=1)
            for column in range(blends.width):
                factor, weight = blends.factor[slot, column], blends.weight[slot, column, None]
                turn = self.turn[:, at, column]
                there = (turn >= moved.start) & (turn < moved.stop)
                value += weight * np.where(there[:, None], levels.T[factor], base[factor][:, None])
            found.append(value)
        return found
