"""Positions as they are read into a book: linear ones that are alike share a template, options become contracts.

All that is wrong with them is gathered. A portfolio in columns is read by its distinct lines: a million
positions of a few hundred kinds cost a few hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.model.risk import Treatment
from qx.risk import taylor
from qx.risk.assembled import assembled
from qx.risk.contracts import OPTIONS, Reader
from qx.risk.exposures import Greeks
from qx.risk.legs import Legs, Rates
from qx.risk.linear import Paths, Template, alike, holds_of, moves_of, template, worth_of
from qx.risk.positions import BEGIN, END

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from qx.model.risk import Position
    from qx.risk.contracts import Contract
    from qx.risk.market import Market
    from qx.risk.options import Options
    from qx.risk.positions import Positions

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

MOST: Final = 20  # positions whose optional volume is told one by one
_TEXTS: Final = (
    "instrument", "underlying", "contract", "unit", "currency", "price_unit", "grade", "basis_factor"
)  # fmt: skip


class Compiled(NamedTuple):
    legs: Legs
    options: Options  # those that are revalued
    priced: Options  # all that a formula prices
    worth: Floats  # (n,), of the others
    told: Greeks  # of the others
    treatments: tuple[Treatment, ...]


class Entries:
    """Rows must be added in ascending order, each once, by `add` or by `add_columns`."""

    def __init__(self, market: Market, currency: str) -> None:
        self.errors: list[QxError] = []
        self._market = market
        self._reader = Reader(market, Paths(market, currency))
        self._number: dict[Hashable, int] = {}
        self._templates: list[Template] = []
        self._single: list[tuple[int, int, float, float]] = []  # row, template, quantity, price
        self._linear: list[tuple[Indices, Indices, Floats, Floats]] = []  # the same in columns
        self._contracts: list[tuple[int, float, Contract]] = []
        self._lines = taylor.Lines()
        self._given: list[tuple[int, float, Position]] = []  # row, worth
        self._optional = 0

    # -- one by one --------------------------------------------------------------------------------
    def add(self, row: int, position: Position) -> None:
        try:
            if position.instrument in OPTIONS:
                self._add_option(row, position)
                return
            number = self._template(position)
        except QxError as error:
            self.errors.append(error)
            return
        price = np.nan if position.price is None else position.price
        self._single.append((row, number, position.quantity, price))
        if position.volume_tolerance_pct:
            self._tell_optional(position)

    def _template(self, position: Position) -> int:
        key = alike(position)
        number = self._number.get(key)
        if number is None:
            self._templates.append(template(position, self._market, self._reader.paths))
            number = self._number[key] = len(self._templates) - 1
        return number

    def _add_option(self, row: int, position: Position) -> None:
        if taylor.has_greeks(position):
            self._given.append((row, taylor.given(position, row, self._reader, self._lines), position))
        else:
            self._contracts += [(row, position.quantity, each) for each in self._reader.contracts(position)]

    def _tell_optional(self, position: Position) -> None:
        self._optional += 1
        if self._optional > MOST:
            return
        share = position.volume_tolerance_pct or 0.0
        volume = f"{abs(position.quantity) * share / 100:,.10g} {position.unit}".strip()
        words = (
            f"{share:g} % more or less ({volume}) may be lifted: its quantity is valued, the choice is not"
        )
        self._reader.told("assumed", position.position_id, words)

    # -- in columns --------------------------------------------------------------------------------
    def add_columns(self, positions: Positions) -> None:
        instrument = positions.text("instrument")
        optional = np.array([word in OPTIONS for word in instrument.words], np.bool_)[instrument.codes]
        options = np.flatnonzero(optional)
        for row, each in zip(options.tolist(), positions.only(options), strict=True):
            self.add(row, each)
        rows = np.flatnonzero(~optional)
        if not len(rows):
            return
        first, kind = _distinct(positions, rows)
        number = np.zeros(len(first), np.intp)
        for at, each in enumerate(positions.only(rows[first])):
            try:
                number[at] = self._template(each)
            except QxError as error:
                self.errors.append(error)
        self._linear.append(
            (rows, number[kind], positions.number("quantity")[rows], positions.number("price")[rows])
        )
        share = positions.number("volume_tolerance_pct")
        may = np.flatnonzero(share > 0)
        for each in positions.only(may[:MOST]):
            self._tell_optional(each)
        self._optional += len(may[MOST:])

    @staticmethod
    def names_of(positions: Positions) -> tuple[str, ...]:
        codes, words = positions.text("position_id")
        return tuple(map(words.__getitem__, codes.tolist()))

    # -- the book ----------------------------------------------------------------------------------
    def compiled(self, names: tuple[str, ...], *, greeks_only: bool) -> Compiled:
        """Raises QX-RISK-012 where an option has no value today."""
        count, base = len(names), self._market.base
        rates = Rates(self._reader.paths.found, base)
        priced = assembled(names, self._contracts, rates)
        options = assembled(names, [], rates) if greeks_only else priced
        if greeks_only:
            taylor.expanded(priced, self._lines)
        row, number, quantity, price = np.array(self._single, np.float64).reshape(-1, 4).T
        single = (row.astype(np.intp), number.astype(np.intp), quantity, price)
        at, kind, quantity, price = (np.concatenate(each) for each in zip(single, *self._linear, strict=True))
        lines = self._lines.sorted()
        legs = Legs(
            count, taylor.merged(moves_of(at, kind, quantity, self._templates), lines.moves),
            taylor.merged(holds_of(at, kind, quantity, self._templates), lines.holds), lines.bends, rates,
        )  # fmt: skip
        worth = np.zeros(count)
        worth[at] = worth_of(kind, quantity, price, self._templates)
        told = Greeks(*np.zeros((5, count)))
        told.delta[at] = quantity * np.array([each.delta for each in self._templates])[kind]
        for where, value, position in self._given:
            worth[where] = value
            for to, figure in zip(told, (position.delta, position.gamma, position.vega), strict=False):
                to[where] = figure or 0.0
        treatments = list(self._reader.treatments.values())
        if (more := self._optional - MOST) > 0:
            words = "more or less may be lifted: their quantity is valued, the choice is not"
            treatments.append(
                Treatment(what="assumed", subject=f"{more} further cargoes", words=words, count=more)
            )
        return Compiled(legs, options, priced, worth, told, tuple(treatments))


def _distinct(positions: Positions, rows: Indices) -> tuple[Indices, Indices]:
    """Of those rows the first of each kind (into `rows`), and of each its kind; `linear.alike` says what a kind
    is.
    """
    instrument = positions.text("instrument")
    fx = np.array([word == "fx" for word in instrument.words], np.bool_)[instrument.codes[rows]]
    price = positions.number("price")[rows]
    columns: list[NDArray[np.int64]] = [positions.text(name).codes[rows].astype(np.int64) for name in _TEXTS]
    numbers = (
        positions.number("lot_size")[rows],
        np.where(fx, price, np.where(np.isnan(price), np.nan, 0.0)),
    )
    columns += [each.view(np.int64) for each in (np.ascontiguousarray(column + 0.0) for column in numbers)]
    columns += [positions.day(name)[rows].astype(np.int64) for name in (BEGIN, END)]
    kind, size = np.zeros(len(rows), np.int64), 1
    for column in columns:
        low, high = int(column.min()), int(column.max())
        if low == high:
            continue
        if high - low >= len(rows):
            values, column = np.unique(column, return_inverse=True)
            low, high = 0, len(values) - 1
        kind, size = _dense(kind * (high - low + 1) + (column - low), size * (high - low + 1))
    first = np.empty(size, np.intp)
    first[kind[::-1]] = np.arange(len(rows))[::-1]  # the last that is written is the first
    return first, kind.astype(np.intp)


def _dense(code: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], int]:
    """The codes below `size` that occur, numbered in their order; and how many those are."""
    if size > 16 * len(code) + 1024:
        values, dense = np.unique(code, return_inverse=True)
        return dense.astype(np.int64), len(values)
    present = np.bincount(code, minlength=size) > 0
    return (np.cumsum(present) - 1)[code], int(np.count_nonzero(present))
