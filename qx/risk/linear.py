"""Linear positions as legs: units and months resolved, for one of the quantity. Positions that are alike share
a template.

- future, swap: (F1 - F0) X1, margined; a range of months in equal parts. A swap is not discounted.
- cargo: F1 X1 - F0 X0, held; with a basis factor F is the sum of both, each in its own unit.
- cash: X1 - X0. fx: likewise; with a price the currency that it is paid in is owed.
- pricing_window: the share of the days up to today has its price already. It moves no more, but it stays money
  of its currency.
- volume_tolerance_pct: what may be lifted more or less is told, not valued.

A price (entry or mark) tells what a position is worth, and moves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.kernel.errors import Place, QxError
from qx.risk import averaging
from qx.risk.fx import FxPath
from qx.risk.legs import Holds, Moves
from qx.risk.units import LOT, LOTS, lot_of, price_unit, ratio

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Position
    from qx.risk.market import Market

LINEAR: Final = frozenset({"future", "swap", "cargo", "fx", "cash"})
_HELD: Final = "cargo"


class Template(NamedTuple):
    """For one of the position's quantity, in base currency where money is meant."""

    moves: tuple[tuple[int, int, float], ...]  # factor, path, amount
    holds: tuple[tuple[int, float], ...]  # path, amount
    notional: float  # what its good is worth at today's prices
    entry: float  # money for one price unit; 0 where a price says nothing
    held: bool  # it is worth its notional; else what it gained on its price
    delta: float  # money of its currency for one price unit


class Quoted(NamedTuple):
    """How a position tells prices."""

    currency: str
    unit: str  # '' as its factor
    scale: float  # of the currency in one


class Paths:
    """The exchange rates that a book needs, numbered; 0 is the base currency itself."""

    def __init__(self, market: Market, base: str) -> None:
        self.market, self.base = market, base
        self.found: list[FxPath] = [FxPath((), ())]
        self._number = {base: 0}

    def of(self, currency: str, place: Place) -> int:
        """Raises QX-RISK-006."""
        number = self._number.get(currency)
        if number is None:
            self.found.append(self.market.fx(currency, self.base, place))
            number = self._number[currency] = len(self.found) - 1
        return number

    def today(self, path: int) -> float:
        return float(self.found[path].rate(self.market.base))


def place_of(position: Position) -> Place:
    return Place(position.place.file, position.place.line)


def quoted(position: Position) -> Quoted:
    """Raises QX-RISK-005, and QX-RISK-003 where price_unit and currency differ."""
    if not position.price_unit:
        return Quoted(position.currency, "", 1.0)
    place = place_of(position)
    told = price_unit(position.price_unit, place)
    if position.currency and told.currency != position.currency:
        said = f"{position.position_id}: price_unit {position.price_unit}, and currency {position.currency}"
        raise QxError(
            "QX-RISK-003", said, hint="the currency of its prices stands in both, or in one", place=place
        )
    return Quoted(told.currency, told.unit, told.scale)


def good_of(position: Position, factor_unit: str) -> tuple[float, str]:
    """One of its quantity as an amount of a unit: 1 lot of CL -> 1,000 bbl. Raises QX-RISK-005."""
    place = place_of(position)
    if position.unit.strip().lower() not in {LOT, "lots"}:
        return 1.0, position.unit
    if position.lot_size is None:
        return lot_of(position.underlying, place)
    known = LOTS.get(position.underlying)
    return position.lot_size, known.unit if known else (quoted(position).unit or factor_unit)


def converted(position: Position, source: str, target: str) -> float:
    """How many `target` one `source` is, by the position's grade; 1 where either is not told. Raises
    QX-RISK-005.
    """
    if not source or not target:
        return 1.0
    return ratio(source, target, position.grade, place_of(position))


def alike(position: Position) -> Hashable:
    """Positions of the same key have the same template. A price counts where it makes a leg."""
    price = position.price if position.instrument == "fx" else position.price is None
    return (
        position.instrument, position.underlying, position.contract, position.unit, position.lot_size,
        position.currency, position.price_unit, position.grade, position.basis_factor, position.pricing_window, price,
    )  # fmt: skip


def template(position: Position, market: Market, paths: Paths) -> Template:
    """Raises QX-RISK-003, QX-RISK-005..007, QX-RISK-011 with the place of the position."""
    if position.instrument in {"fx", "cash"}:
        return _money(position, paths)
    return _priced(position, market, paths)


def _money(position: Position, paths: Paths) -> Template:
    place = place_of(position)
    path = paths.of(position.underlying or position.currency, place)
    worth = paths.today(path)
    holds, owed = [(path, 1.0)], 0.0
    if position.instrument == "fx" and position.price is not None:
        told = quoted(position)
        other = paths.of(told.currency, place)
        holds.append((other, -position.price * told.scale))
        owed = position.price * told.scale * paths.today(other)
    # What is owed stands in the template, with the price: `entry` would be counted twice.
    return Template((), tuple((at, amount) for at, amount in holds if at), worth - owed, 0.0, True, 1.0)


def _priced(position: Position, market: Market, paths: Paths) -> Template:
    place, told = place_of(position), quoted(position)
    days = None
    if position.pricing_window is not None:
        days = averaging.window(*position.pricing_window, market.as_of, place)
    months = averaging.months(position, place)
    held = position.instrument == _HELD
    sources = [(position.underlying, month, 1 / len(months)) for month in months]
    if position.basis_factor:
        sources += [(position.basis_factor, month, 1 / len(months)) for month in months]
    moves: dict[tuple[int, int], float] = {}
    holds: dict[int, float] = {}
    notional = 0.0
    for name, month, part in sources:
        mix = market.curve(name, month, place)
        factor = market.factors[mix[0][0]]
        path = paths.of(factor.currency or told.currency, place)
        size, unit = good_of(position, factor.unit)
        amount = part * size * converted(position, unit, factor.unit)
        live = 1.0 if days is None else 1.0 - days.fixed
        money = live * sum(weight * float(market.base[at]) for at, weight in mix)
        if days is not None and days.past and (held or position.price is not None):
            money += days.fixed * averaging.fixing(market, mix, days, place)
        for at, weight in mix:
            if live:
                moves[at, path] = moves.get((at, path), 0.0) + amount * live * weight
        holds[path] = holds.get(path, 0.0) + amount * money
        notional += amount * money * paths.today(path)
    first = market.factors[market.curve(position.underlying, months[0], place)[0][0]]
    size, unit = good_of(position, first.unit)
    delta = size * converted(position, unit, told.unit or first.unit) * told.scale
    entry = (
        0.0
        if position.price is None
        else delta * paths.today(paths.of(told.currency or first.currency, place))
    )
    delta *= 1.0 if days is None else 1.0 - days.fixed
    return Template(
        tuple((at, path, amount) for (at, path), amount in moves.items()),
        tuple((path, amount) for path, amount in holds.items() if path and held), notional, entry, held, delta,
    )  # fmt: skip


# -- templates times quantities --------------------------------------------------------------------
def moves_of(
    at: NDArray[np.intp], kind: NDArray[np.intp], quantity: NDArray[np.float64], templates: Sequence[Template]
) -> Moves:
    """`at`: the numbers of the positions, ascending; `kind`: of each its template; `quantity`: of each."""
    legs = [leg for each in templates for leg in each.moves]
    rows, leg = _repeated(kind, [len(each.moves) for each in templates])
    factor, path, amount = _columns(legs, 3)
    return Moves(
        at[rows], factor[leg].astype(np.intp), path[leg].astype(np.intp), amount[leg] * quantity[rows]
    )  # fmt: skip


def holds_of(
    at: NDArray[np.intp], kind: NDArray[np.intp], quantity: NDArray[np.float64], templates: Sequence[Template]
) -> Holds:
    legs = [leg for each in templates for leg in each.holds]
    rows, leg = _repeated(kind, [len(each.holds) for each in templates])
    path, amount = _columns(legs, 2)
    return Holds(at[rows], path[leg].astype(np.intp), amount[leg] * quantity[rows])


def worth_of(
    kind: NDArray[np.intp],
    quantity: NDArray[np.float64],
    price: NDArray[np.float64],
    templates: Sequence[Template],
) -> NDArray[np.float64]:
    """`price`: of each its price, NaN where none is told."""
    notional, entry, held = _columns([(each.notional, each.entry, each.held) for each in templates], 3)
    gained = np.where(np.isnan(price), 0.0, notional[kind] - entry[kind] * price)
    return quantity * np.where(held[kind] > 0, notional[kind], gained)


def _columns(rows: Sequence[tuple[float, ...]], width: int) -> NDArray[np.float64]:
    return np.array(rows, np.float64).reshape(-1, width).T


def _repeated(kind: NDArray[np.intp], counts: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each leg of each position the row of the position, and the number of the leg among those of all
    templates.
    """
    count = np.array(counts, np.intp)
    starts = np.cumsum(count) - count
    of = count[kind]
    rows = np.repeat(np.arange(len(kind)), of)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(of) - of, of)
    return rows, starts[kind][rows] + within
