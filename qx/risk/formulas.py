"""Formulas of a book's options: the terms of m options that are priced alike, and their prices in s scenarios.

Inputs are the forward (of a spread: two), its volatility (two) and the interest rate, in this order, each (m,
s), or (m, 1) where no scenario changes it. All are in the units of the option's own price.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.risk.pricing import american, asian, bachelier, black76, spread
from qx.risk.pricing.asian import Days
from qx.risk.pricing.greeks import bend, slope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qx.risk.pricing.greeks import Greeks
    from qx.risk.pricing.normal import Scratch

    Floats = NDArray[np.float64]
    Rows = slice | NDArray[np.intp]

DAY: Final = 1 / 365


class Terms(NamedTuple):
    """(m, 1) each."""

    sign: Floats  # 1 of a call, -1 of a put
    strike: Floats
    years: Floats  # to expiry; of an average to its payment
    correlation: Floats  # of the legs of a spread
    share: Floats  # of the days of an average that are left
    fixed: Floats  # the average of the others
    left: Days  # the days that are left

    def of(self, rows: Rows) -> Terms:
        sign, strike, years, correlation, share, fixed = (each[rows] for each in self[:6])
        return Terms(sign, strike, years, correlation, share, fixed, self.left.of(rows))

    def tomorrow(self) -> Terms:
        """A day on; nothing is fixed by it."""
        nearer = Days(np.maximum(self.left.years - DAY, 0.0), self.left.weight)
        return self._replace(years=self.years - DAY, left=nearer)


class Formula(NamedTuple):
    forwards: int
    positive: bool  # its forwards must be above zero
    price: Callable[[Terms, Sequence[Floats]], Floats]
    greeks: Callable[[Terms, Sequence[Floats]], Greeks] | None = None  # where the formula itself gives them

    def into(self, out: Floats, terms: Terms, inputs: Sequence[Floats], scratch: Scratch) -> None:
        """Prices (m, s). Inputs are checked already."""
        if self.price is _black76:
            forward, vol, rate = inputs
            black76.price_into(out, forward, terms.strike, terms.years, vol, rate, terms.sign, scratch)
        else:
            out[...] = self.price(terms, inputs)

    def slopes(self, terms: Terms, inputs: Sequence[Floats]) -> list[Floats]:
        """dP/d(input) of each."""
        if self.greeks is not None:
            found = self.greeks(terms, inputs)
            return [found.delta, found.vega, found.rho]
        sizes = self._sizes(inputs)
        return [slope(self._of(terms), inputs, at, sizes[at]) for at in range(len(inputs))]

    def bends(self, terms: Terms, inputs: Sequence[Floats]) -> dict[tuple[int, int], Floats]:
        """d2P/d(forward)d(forward)."""
        if self.greeks is not None:
            return {(0, 0): self.greeks(terms, inputs).gamma}
        pairs = [(0, 0)] if self.forwards == 1 else [(0, 0), (0, 1), (1, 1)]
        sizes = self._sizes(inputs)
        return {pair: bend(self._of(terms), inputs, *pair, sizes) for pair in pairs}

    def _of(self, terms: Terms) -> Callable[..., Floats]:
        return lambda *inputs: self.price(terms, inputs)

    def _sizes(self, inputs: Sequence[Floats]) -> list[Floats]:
        """On which each input changes: an option knows no price below its moves, and interest is a share of one."""
        count = self.forwards
        floor = [np.abs(vol) if not self.positive else vol * 0 for vol in inputs[count : 2 * count]]
        forwards = [np.maximum(np.abs(each), low) for each, low in zip(inputs[:count], floor, strict=True)]
        return [*forwards, *inputs[count : 2 * count], np.ones_like(inputs[-1])]


# -- the formulas ----------------------------------------------------------------------------------
def _black76(terms: Terms, inputs: Sequence[Floats]) -> Floats:
    forward, vol, rate = inputs
    return black76.price(forward, terms.strike, terms.years, vol, rate, terms.sign)


def _black76_greeks(terms: Terms, inputs: Sequence[Floats]) -> Greeks:
    forward, vol, rate = inputs
    return black76.greeks(forward, terms.strike, terms.years, vol, rate, terms.sign)


def _bachelier(terms: Terms, inputs: Sequence[Floats]) -> Floats:
    forward, vol, rate = inputs
    return bachelier.price(forward, terms.strike, terms.years, vol, rate, terms.sign)


def _bachelier_greeks(terms: Terms, inputs: Sequence[Floats]) -> Greeks:
    forward, vol, rate = inputs
    return bachelier.greeks(forward, terms.strike, terms.years, vol, rate, terms.sign)


def _american(terms: Terms, inputs: Sequence[Floats]) -> Floats:
    forward, vol, rate = inputs
    return american.price(forward, terms.strike, terms.years, vol, rate, terms.sign)


def _average(formula: Callable[..., Floats], terms: Terms, inputs: Sequence[Floats]) -> Floats:
    forward, vol, rate = inputs
    left, settled, share, fixed = terms.left, terms.years, terms.share, terms.fixed
    return formula(
        forward, terms.strike, left, vol, rate, terms.sign, settled=settled, share=share, fixed=fixed
    )


def _spread(formula: Callable[..., Floats], terms: Terms, inputs: Sequence[Floats]) -> Floats:
    first, second, vol, vol_2, rate = inputs
    return formula(first, second, terms.strike, terms.years, vol, vol_2, terms.correlation, rate, terms.sign)


# Partial, not closures: a book goes to other processes.
FORMULAS: Final = {
    "black76": Formula(1, True, _black76, _black76_greeks),
    "bachelier": Formula(1, False, _bachelier, _bachelier_greeks),
    "american": Formula(1, True, _american),
    "asian": Formula(1, True, partial(_average, asian.price)),
    "asian bachelier": Formula(1, False, partial(_average, asian.price_normal)),
    "spread": Formula(2, True, partial(_spread, spread.price)),
    "spread bachelier": Formula(2, False, partial(_spread, spread.price_normal)),
}
