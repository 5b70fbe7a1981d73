"""Exposures: what a position gains for one unit of a factor's return, at today's levels, and its greeks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.risk.legs import summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.risk.legs import Legs

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]


class Exposures(NamedTuple):
    """Sparse, (m,) each, sorted by position and factor, no pair twice. In base currency."""

    position: Indices
    factor: Indices
    amount: Floats

    def by_factor(self, factors: int) -> Floats:
        """(F,): of the whole book."""
        return summed(self.factor, self.amount, factors)

    def grouped(self, group: Indices, groups: int, factors: int) -> Floats:
        """(F, G); `group`: (n,)."""
        cell = self.factor * groups + group[self.position]
        return summed(cell, self.amount, factors * groups).reshape(factors, groups)


class Greeks(NamedTuple):
    """(n,) each, of the whole position, in the currency of its prices. Zero where a position has none."""

    delta: Floats  # for one price unit; of a spread that of its first leg
    gamma: Floats  # of delta, for one price unit
    vega: Floats  # for 1.00 of volatility (of a normal one: one price unit); of a spread both legs
    theta: Floats  # for one day that passes
    rho: Floats  # for 1.00 of interest


class Slopes(NamedTuple):
    """dP&L for one unit of a factor's LEVEL; a pair may stand several times."""

    position: Indices
    factor: Indices
    amount: Floats


def of_legs(legs: Legs) -> Slopes:
    """Bends have none at today's levels."""
    moves, holds, rates = legs.moves, legs.holds, legs.rates
    parts = [Slopes(moves.position, moves.factor, moves.amount * rates.base[moves.path])]
    for path in range(len(rates.paths)):
        rows = np.flatnonzero(holds.path == path)
        parts += [
            Slopes(holds.position[rows], np.full(len(rows), factor), holds.amount[rows] * slope)
            for factor, slope in rates.slopes(path)
        ]
    return joined(parts)


def joined(parts: Sequence[Slopes]) -> Slopes:
    return Slopes(
        np.concatenate([each.position for each in parts]).astype(np.intp),
        np.concatenate([each.factor for each in parts]).astype(np.intp),
        np.concatenate([each.amount for each in parts]),
    )


def exposures(slopes: Slopes, per_return: Floats) -> Exposures:
    """`per_return`: (F,), dL/dr of each factor."""
    factors = len(per_return)
    key = slopes.position * factors + slopes.factor
    order = np.argsort(key, kind="stable")  # quick where parts are sorted already
    key = key[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.intp)
    amount = np.add.reduceat(slopes.amount[order], starts) if len(key) else slopes.amount
    position, factor = np.divmod(key[starts], factors)
    return Exposures(position, factor, amount * per_return[factor])
