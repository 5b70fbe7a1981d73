"""Book: positions compiled against a market, so that scenarios cost little. P&L has gains positive, in base
currency.

Positions are read once (months, units, currencies, fixings); then a scenario is a row of levels. Time stands
still: a scenario is a shock of today's market, whatever its horizon. Linear positions cost a product with the
factors, options are revalued in full or stand by their greeks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import Problems, QxError
from qx.risk import exposures
from qx.risk.entries import Entries
from qx.risk.exposures import Greeks
from qx.risk.positions import Positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from qx.model.risk import Position
    from qx.risk.entries import Compiled
    from qx.risk.exposures import Exposures
    from qx.risk.market import Market

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]


class Book:
    """n positions over F factors. Levels are (S, F) float64; nothing that is given or returned is kept or
    changed.
    """

    def __init__(self, names: tuple[str, ...], currency: str, compiled: Compiled, per_return: Floats) -> None:
        """`per_return`: (F,), how far each level moves for one unit of its return."""
        self.names, self.currency = names, currency
        self.legs, self.options, self.treatments = compiled.legs, compiled.options, compiled.treatments
        self._priced, self._worth, self._told = compiled.priced, compiled.worth, compiled.told
        self._per_return = per_return

    def value(self) -> Floats:
        """(n,) at today's levels: of what is held its worth; of what is margined the gain on its price, 0
        without one.
        """
        return self._worth + self._priced.value()

    def totals(self, levels: Floats) -> Floats:
        """P&L (S,). Raises QX-RISK-012 where a scenario has no price for an option."""
        out = self.legs.totals(levels)
        return out + self.options.totals(levels) if self.options else out

    def grouped(self, levels: Floats, group: Indices, groups: int) -> Floats:
        """P&L (S, G) of the positions of each group; `group`: (n,) of 0..G-1."""
        out = self.legs.grouped(levels, group, groups)
        return out + self.options.grouped(levels, group, groups) if self.options else out

    def each(self, levels: Floats) -> Floats:
        """P&L (n, k): for few scenarios, as those of a tail."""
        out = self.legs.each(levels)
        return out + self.options.each(levels) if self.options else out

    def weighted(self, levels: Floats, weights: Floats) -> Floats:
        """(n, W): `each` (n, k) @ weights (k, W), as a figure is allocated, without the P&L of each scenario."""
        out = self.legs.weighted(levels, weights)
        return out + self.options.each(levels) @ weights if self.options else out

    def by_factor(self, levels: Floats) -> Floats:
        """P&L (F, k) by the factor that moved, summing to `totals`. For few scenarios."""
        out = self.legs.by_factor(levels)
        return out + self.options.by_factor(levels) if self.options else out

    def exposures(self) -> Exposures:
        """dP&L for one unit of each factor's return, at today's levels."""
        parts = [exposures.of_legs(self.legs)]
        if self.options:
            parts.append(self.options.slopes())
        return exposures.exposures(exposures.joined(parts), self._per_return)

    def greeks(self) -> Greeks:
        return Greeks(*(one + other for one, other in zip(self._told, self._priced.greeks(), strict=True)))


def compile_book(
    positions: Sequence[Position], market: Market, currency: str, *, greeks_only: bool = False
) -> Book:
    """`greeks_only`: options by their own delta, gamma and vega. Raises Problems or QX-RISK-003,
    QX-RISK-005..007 and QX-RISK-010..012, with the lines of the positions.
    """
    if not positions:
        raise QxError("QX-RISK-010", "the portfolio has no position", hint="add a line below its header")
    entries = Entries(market, currency)
    if isinstance(positions, Positions):
        entries.add_columns(positions)
        names = entries.names_of(positions)
    else:
        for row, each in enumerate(positions):
            entries.add(row, each)
        names = tuple(each.position_id for each in positions)
    if entries.errors:
        raise entries.errors[0] if len(entries.errors) == 1 else Problems(entries.errors)
    found = entries.compiled(names, greeks_only=greeks_only)
    return Book(names, currency, found, market.per_return())
