"""The work on one chunk of scenarios: draws -> P&L of the book -> its tail. It does not matter who does it, or when.

The P&L of a linear book is exposures' L z: L is folded into the exposures, and no return of a factor is ever made.
Another book is valued again in full, at the levels to which the returns move the market.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from qx.risk.estimate import Rows
from qx.risk.montecarlo.draws import Draws, Raw, raw, returns_of
from qx.risk.montecarlo.kept import SPARE, Tail, room, worst
from qx.risk.montecarlo.streams import ROWS, block, blocks, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHUNK = 4
"""Blocks of a chunk: the unit of tails, and of the stopping rule."""


class Moves(Protocol):
    """What of a market it takes."""

    def moved(self, returns: Floats) -> Floats:
        """Returns (B, F) -> levels (B, F)."""


class Totals(Protocol):
    """What of a book it takes. It is asked from several threads at a time."""

    def totals(self, levels: Floats) -> Floats:
        """Levels (B, F) -> P&L (B,)."""


class Linear(NamedTuple):
    """`exposures` (F,): change of value for one unit of a factor's return."""

    draws: Draws
    exposures: Floats

    def pnl(self, made: Raw) -> Floats:
        """-> (B,)."""
        if self.draws.margins is not None:
            return returns_of(self.draws, made) @ self.exposures
        found = made.normals @ (self.exposures @ self.draws.root)
        if made.mix is not None:
            found *= made.mix
        return found


class Revalued(NamedTuple):
    """Full revaluation at each scenario's levels."""

    draws: Draws
    market: Moves
    book: Totals

    def pnl(self, made: Raw) -> Floats:
        """-> (B,)."""
        return self.book.totals(self.market.moved(returns_of(self.draws, made)))


Work = Linear | Revalued


class Run(NamedTuple):
    """What is simulated: the same run gives the same digits, wherever its chunks are worked on."""

    work: Work
    seed: int
    draws: int  # scenarios; where a precision is asked for, at most
    alpha: Fraction
    spare: float = SPARE  # of every chunk's tail, in deviations

    @property
    def chunks(self) -> int:
        return -(-blocks(self.draws) // CHUNK)


def scratch(draws: Draws) -> Floats:
    """Memory for the normals of a block: one for each who works, taken once."""
    return np.empty((ROWS, draws.root.shape[1]))


def tail(run: Run, chunk: int, memory: Floats) -> Tail:
    """Of chunk `chunk` of the run; the last may be shorter. `memory`: a `scratch` of one's own."""
    first = chunk * CHUNK
    parts = [
        run.work.pnl(raw(run.work.draws, stream(run.seed, number), block(number, run.draws), memory))
        for number in range(first, min(first + CHUNK, blocks(run.draws)))
    ]
    pnl = np.concatenate(parts)
    return worst(pnl, first * ROWS, room(len(pnl), run.alpha, run.spare))


def tails(run: Run, chunk: int, split: Callable[[Floats], Floats], memory: Floats) -> list[Tail]:
    """As `tail`, of each of the K P&Ls that `split` makes of the block's returns: (B, F) -> (B, K)."""
    first, draws = chunk * CHUNK, run.work.draws
    parts = [
        split(returns_of(draws, raw(draws, stream(run.seed, number), block(number, run.draws), memory)))
        for number in range(first, min(first + CHUNK, blocks(run.draws)))
    ]
    most = room(sum(map(len, parts)), run.alpha, run.spare)
    columns = zip(*(part.T for part in parts), strict=True)
    return [worst(np.concatenate(each), first * ROWS, most) for each in columns]


def by_block(rows: Rows) -> list[tuple[int, Rows]]:
    """(block, its rows), in the order of the blocks: each is drawn once more by `again`."""
    order = np.argsort(rows.at, kind="stable")
    at, weight = rows.at[order], rows.weight[order]
    numbers, starts = np.unique(at // ROWS, return_index=True)
    each = zip(np.split(at, starts[1:]), np.split(weight, starts[1:]), strict=True)
    return [(number, Rows(*those)) for number, those in zip(numbers.tolist(), each, strict=True)]


def again(run: Run, number: int, at: NDArray[np.intp], memory: Floats) -> Floats:
    """-> (k, F): the returns of scenarios `at` (k,), all of block `number`, drawn once more."""
    made = raw(run.work.draws, stream(run.seed, number), block(number, run.draws), memory)
    those = at - number * ROWS
    return returns_of(run.work.draws, Raw(made.normals[those], None if made.mix is None else made.mix[those]))
