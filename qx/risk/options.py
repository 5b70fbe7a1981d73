"""Options of a book, revalued in full: V1 X1 - V0 X0 for every scenario, in blocks that stay in the cache.

Volatility factors move with the prices of the same scenario, and each option keeps the volatility of its own factor
whatever its price does: sticky strike. Time stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.blends import Steps
from qx.risk.exposures import Greeks, Slopes
from qx.risk.legs import summed
from qx.risk.pricing.black76 import SMALLEST
from qx.risk.pricing.normal import BLOCK, Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qx.risk.blends import Blends
    from qx.risk.formulas import Formula, Terms
    from qx.risk.legs import Rates

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

SCENARIOS: Final = 512  # of a block


class Group(NamedTuple):
    """m options of one formula and one currency; those of a position may be several."""

    formula: Formula
    position: Indices  # (m,)
    amount: Floats  # (m,), money of the currency for one unit of the option's price
    path: int
    slots: Indices  # (inputs, m): the blends that are its inputs
    terms: Terms

    def inputs(self, mixed: Floats, rows: slice) -> list[Floats]:
        """`mixed`: (B, s)."""
        return [mixed[slot[rows]] for slot in self.slots]


class Options:
    """`count` positions, of which some are options. Levels are (S, F)."""

    def __init__(
        self, names: Sequence[str], blends: Blends, groups: Sequence[Group], rates: Rates, positive: NDArray[np.bool_],
        volatile: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """`positive`, `volatile`: (B,), blends that must be above zero, and not below it. Raises QX-RISK-012."""
        self.names, self.blends, self.groups, self.rates = names, blends, tuple(groups), rates
        self._positive, self._volatile = positive, volatile
        self.base = rates.level
        mixed = blends.at(self.base[None])
        self._check(mixed, 0)
        # Of each group (m,), in its own currency at today's levels.
        self.worth = [
            each.formula.price(each.terms, each.inputs(mixed, slice(None)))[:, 0] * each.amount
            for each in groups
        ]

    def __bool__(self) -> bool:
        return bool(self.groups)

    def value(self) -> Floats:
        """(n,) in base currency at today's levels."""
        out = np.zeros(len(self.names), np.float64)
        for each, worth in zip(self.groups, self.worth, strict=True):
            np.add.at(out, each.position, worth * self.rates.base[each.path])
        return out

    # -- P&L ---------------------------------------------------------------------------------------
    def totals(self, levels: Floats) -> Floats:
        """(S,)."""
        return self.grouped(levels, np.zeros(len(self.names), np.intp), 1)[:, 0]

    def grouped(self, levels: Floats, group: Indices, groups: int) -> Floats:
        """(S, G)."""
        out = np.zeros((groups, len(levels)), np.float64)
        for each, rows, columns, price in self._prices(levels):
            present, share = _shares(group[each.position[rows]], each.amount[rows], groups)
            out[present, columns] += (share @ price) * self.rates.at(levels[columns], each.path)
        out -= summed(group, self.value(), groups)[:, None]
        return np.ascontiguousarray(out.T)

    def each(self, levels: Floats) -> Floats:
        """(n, k)."""
        out = np.zeros((len(self.names), len(levels)), np.float64)
        for each, rows, columns, price in self._prices(levels):
            price *= each.amount[rows, None]
            price *= self.rates.at(levels[columns], each.path)
            np.add.at(out[:, columns], each.position[rows], price)
        out -= self.value()[:, None]
        return out

    def by_factor(self, levels: Floats) -> Floats:
        """(F, k), summing to `totals`: the factors of each option moved one after the other, forward and backward,
        averaged; what prices and exchange rates do together is shared in halves.
        """
        out = np.zeros((levels.shape[1], len(levels)), np.float64)
        for whole, worth in zip(self.groups, self.worth, strict=True):
            rates = (self.rates.at(levels, whole.path) + self.rates.base[whole.path]) / 2
            size = max(1, BLOCK // max(1, len(levels)))
            for start in range(0, len(whole.amount), size):
                rows = slice(start, start + size)
                each = whole._replace(
                    slots=whole.slots[:, rows], amount=whole.amount[rows], terms=whole.terms.of(rows)
                )
                last = self._telescoped(out, each, levels, rates)
                mean = (last.sum(axis=0) + worth[rows].sum()) / 2
                for factor, part in self.rates.split(levels, whole.path):
                    out[factor] += mean * part
        return out

    def _telescoped(self, out: Floats, group: Group, levels: Floats, rates: Floats) -> Floats:
        """Adds to `out`; (m, k), what the options are worth at `levels` in their own currency."""
        steps = Steps.of(self.blends, group.slots)
        rounds = steps.factor.shape[1]
        amount = group.amount[:, None]

        def worth(moved: range) -> Floats:
            inputs = steps.inputs(self.blends, group.slots, self.base, levels, moved)
            return group.formula.price(group.terms, inputs) * amount

        everything, nothing = worth(range(rounds)), worth(range(0))
        forward, backward = nothing, everything
        for turn in range(rounds):
            up = everything if turn == rounds - 1 else worth(range(turn + 1))
            down = nothing if turn == rounds - 1 else worth(range(turn + 1, rounds))
            effect = (up - forward + backward - down) / 2 * rates
            there = steps.factor[:, turn] >= 0
            np.add.at(out, steps.factor[there, turn], effect[there])
            forward, backward = up, down
        return everything

    # -- sensitivities -----------------------------------------------------------------------------
    def slopes(self) -> Slopes:
        """dP&L for one unit of the level of each factor."""
        mixed = self.blends.at(self.base[None])
        parts: list[tuple[Indices, Indices, Floats]] = []
        for each, worth in zip(self.groups, self.worth, strict=True):
            rate = float(self.rates.base[each.path])
            for slot, slope in zip(
                each.slots, each.formula.slopes(each.terms, each.inputs(mixed, slice(None))), strict=True
            ):
                for column in range(self.blends.width):
                    weight = self.blends.weight[slot, column]
                    at = np.flatnonzero(weight)
                    amount = slope[:, 0] * each.amount * weight * rate
                    parts.append((each.position[at], self.blends.factor[slot[at], column], amount[at]))
            for factor, step in self.rates.slopes(each.path):
                parts.append((each.position, np.full(len(worth), factor), worth * step))
        return Slopes(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def greeks(self) -> Greeks:
        """(n,) each, as `exposures.Greeks`."""
        out = Greeks(*(np.zeros(len(self.names), np.float64) for _ in range(5)))
        mixed = self.blends.at(self.base[None])
        for each, worth in zip(self.groups, self.worth, strict=True):
            inputs, formula = each.inputs(mixed, slice(None)), each.formula
            slopes = [slope[:, 0] * each.amount for slope in formula.slopes(each.terms, inputs)]
            count = formula.forwards
            gamma = formula.bends(each.terms, inputs)[0, 0][:, 0] * each.amount
            theta = formula.price(each.terms.tomorrow(), inputs)[:, 0] * each.amount - worth
            found = (slopes[0], gamma, np.sum(slopes[count : 2 * count], axis=0), theta, slopes[-1])
            for to, values in zip(out, found, strict=True):
                np.add.at(to, each.position, values)
        return out

    # -- blocks ------------------------------------------------------------------------------------
    def _prices(self, levels: Floats) -> Iterator[tuple[Group, slice, slice, Floats]]:
        """Blocks of prices (m, s), each valid until the next: the group, its rows, the scenarios."""
        buffer, scratch = np.empty(BLOCK, np.float64), Scratch.of((BLOCK,))
        taken = [
            np.empty(BLOCK, np.float64)
            for _ in range(max((len(each.slots) for each in self.groups), default=0))
        ]
        moved = [[bool(self.blends.moves[slot].any()) for slot in each.slots] for each in self.groups]
        for start in range(0, len(levels), SCENARIOS):
            columns = slice(start, min(start + SCENARIOS, len(levels)))
            mixed = self.blends.at(levels[columns])
            self._check(mixed, start)
            np.maximum(mixed, SMALLEST, out=mixed, where=self._volatile[:, None])
            wide = mixed.shape[1]
            high = BLOCK // wide
            for number, each in enumerate(self.groups):
                for first in range(0, len(each.amount), high):
                    rows = slice(first, min(first + high, len(each.amount)))
                    tall = rows.stop - first
                    out = buffer[: tall * wide].reshape(tall, wide)
                    inputs = []
                    for slot, moves, room in zip(each.slots, moved[number], taken, strict=False):
                        to = room[: tall * wide].reshape(tall, wide)
                        same = self.blends.constant[slot[rows], None]
                        inputs.append(np.take(mixed, slot[rows], axis=0, out=to, mode="clip") if moves else same)
                    each.formula.into(out, each.terms.of(rows), inputs, scratch.part(tall, wide))
                    yield each, rows, columns, out

    def _check(self, mixed: Floats, start: int) -> None:
        """Raises QX-RISK-012 naming the position."""
        for mask, strict, noun in ((self._positive, True, "price"), (self._volatile, False, "volatility")):
            low = mixed[mask].min(axis=1, initial=np.inf)
            wrong = np.flatnonzero(low <= 0 if strict else low < 0)
            if not len(wrong):
                continue
            blend = np.flatnonzero(mask)[wrong[0]]
            users = [each.position[np.flatnonzero(each.slots == blend) % len(each.position)] for each in self.groups]
            name = self.names[int(np.concatenate(users)[0])]
            row = start + int(mixed[blend].argmin())
            said = f"{name} has no value where its {noun} is {low[wrong[0]]:.6g} (scenario {row + 1})"
            hint = "return_type log for volatilities"
            if strict:
                hint = "style bachelier, or shifted with a vol_shift above it"
            raise QxError("QX-RISK-012", said, hint=hint)


def _shares(group: Indices, amount: Floats, groups: int) -> tuple[Indices, Floats]:
    """The groups that occur (u,), and the matrix (u, m) that sums the options of each."""
    if groups == 1:
        return np.zeros(1, np.intp), amount[None]
    present, of = np.unique(group, return_inverse=True)
    share = np.zeros((len(present), len(of)), np.float64)
    share[of, np.arange(len(of))] = amount
    return present, share
