"""Delta-gamma-vega: options as moves, bends and holds, by their greeks at today's levels or by those that a
portfolio tells.

    P&L = (delta dF + gamma dF^2 / 2 + vega dvol + rho dr) X1 + V0 (X1 - X0)

Of a spread delta and vega are of both legs, and gamma has its cross term. What is of higher order is left out:
an option near its expiry or far moves want full revaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.legs import Bends, Holds, Moves
from qx.risk.linear import converted, good_of, place_of, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Position
    from qx.risk.contracts import Reader
    from qx.risk.options import Options

    Floats = NDArray[np.float64]


class Expansion(NamedTuple):
    moves: Moves
    holds: Holds
    bends: Bends


class Lines:
    """Legs as they are found; `sorted` makes arrays of them."""

    def __init__(self) -> None:
        self.moves: list[tuple[int, int, int, float]] = []
        self.holds: list[tuple[int, int, float]] = []
        self.bends: list[tuple[int, int, int, int, float]] = []

    def sorted(self) -> Expansion:
        moves, holds, bends = _array(self.moves, 4), _array(self.holds, 3), _array(self.bends, 5)
        return Expansion(
            Moves(_whole(moves, 0), _whole(moves, 1), _whole(moves, 2), moves[:, 3]),
            Holds(_whole(holds, 0), _whole(holds, 1), holds[:, 2]),
            Bends(_whole(bends, 0), _whole(bends, 1), _whole(bends, 2), _whole(bends, 3), bends[:, 4]),
        )


def _whole(rows: Floats, column: int) -> NDArray[np.intp]:
    return rows[:, column].astype(np.intp)


def _array(rows: Sequence[tuple[float, ...]], width: int) -> Floats:
    found = np.array(rows, np.float64).reshape(-1, width)
    return found[np.argsort(found[:, 0], kind="stable")]


Legs = TypeVar("Legs", Moves, Holds)


def merged(one: Legs, other: Legs) -> Legs:
    """Both sorted by position, and the result."""
    if not len(other.position):
        return one
    order = np.argsort(np.concatenate([one.position, other.position]), kind="stable")
    return type(one)(*(np.concatenate(pair)[order] for pair in zip(one, other, strict=True)))


def expanded(options: Options, lines: Lines) -> None:
    """Adds every option of `options`."""
    blends = options.blends
    mixed = blends.at(options.base[None])
    for group, worth in zip(options.groups, options.worth, strict=True):
        inputs = group.inputs(mixed, slice(None))
        slopes = group.formula.slopes(group.terms, inputs)
        bends = group.formula.bends(group.terms, inputs)
        for row, position in enumerate(group.position.tolist()):
            amount = float(group.amount[row])
            parts = [_parts(options, int(slot[row])) for slot in group.slots]
            for slope, mix in zip(slopes, parts, strict=True):
                lines.moves += [
                    (position, at, group.path, amount * float(slope[row, 0]) * weight) for at, weight in mix
                ]
            for (one, other), bend in bends.items():
                half = amount * float(bend[row, 0]) * (0.5 if one == other else 1.0)
                lines.bends += [
                    (position, first, second, group.path, half * w * v)
                    for first, w in parts[one]
                    for second, v in parts[other]
                ]
            if group.path:
                lines.holds.append((position, group.path, float(worth[row])))


def _parts(options: Options, blend: int) -> list[tuple[int, float]]:
    factors, weights = options.blends.factor[blend], options.blends.weight[blend]
    return [(int(at), float(weight)) for at, weight in zip(factors, weights, strict=True) if weight]


def has_greeks(position: Position) -> bool:
    return position.delta is not None or position.gamma is not None or position.vega is not None


def given(position: Position, row: int, reader: Reader, lines: Lines) -> float:
    """Adds an option by the greeks of its line, in money of its currency. What it is worth in that is its price
    times its quantity, 0 without a price. Raises QX-RISK-005..007 and QX-RISK-012.
    """
    place, told, market = place_of(position), quoted(position), reader.market
    mix = market.curve(position.underlying, position.contract.partition("..")[0], place)
    factor = market.factors[mix[0][0]]
    currency = told.currency or factor.currency
    if factor.currency and factor.currency != currency:
        said = (
            f"{position.position_id}: greeks in {currency}, and {factor.factor} is told in {factor.currency}"
        )
        raise QxError("QX-RISK-012", said, hint="greeks in the currency of the factor", place=place)
    path = reader.paths.of(currency, place)
    scale = converted(position, told.unit or factor.unit, factor.unit) / told.scale
    price = [(at, weight * scale) for at, weight in mix]
    lines.moves += [(row, at, path, (position.delta or 0.0) * weight) for at, weight in price]
    half = (position.gamma or 0.0) / 2
    lines.bends += [(row, one, other, path, half * w * v) for one, w in price for other, v in price]
    if position.vega:
        if not position.vol_factor:
            said = f"{position.position_id} has a vega, and no vol_factor that it is to"
            raise QxError("QX-RISK-007", said, hint="vol_factor: a factor of kind vol", place=place)
        vol = market.curve(position.vol_factor, position.contract.partition("..")[0], place)
        lines.moves += [(row, at, path, position.vega * weight) for at, weight in vol]
    if position.price is None:
        if path:
            reader.told(
                "assumed",
                position.position_id,
                "greeks without a price: its value does not move with the currency",
            )
        return 0.0
    size, unit = good_of(position, factor.unit)
    worth = (
        position.quantity
        * size
        * converted(position, unit, told.unit or factor.unit)
        * told.scale
        * position.price
    )
    if path:
        lines.holds.append((row, path, worth))
    return worth * reader.paths.today(path)
