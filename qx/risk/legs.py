"""What positions are made of once their names are resolved: products of level changes and exchange rates.

    move   amount (L1[f] - L0[f]) X1[p]                  a price that moves, at the scenario's exchange rate
    hold   amount (X1[p] - X0[p])                        money that is held in another currency
    bend   amount (L1[f] - L0[f]) (L1[g] - L0[g]) X1[p]  the second order of an option that is replaced by its greeks

L0 are the levels of the market (F,), L1 those of a scenario; X is what one unit of a currency is in the base
currency, along path p (path 0: the base currency itself). A future (margined) is a move. A cargo (held) is a
move and a hold of its value, which together are F1 X1 - F0 X0 exactly. Totals never build positions x
scenarios: amounts are summed by factor first, and a scenario costs one product with the factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from qx.risk.fx import FxPath

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

BLOCK: Final = 1 << 14  # rows of a temporary that stay in the cache


class Moves(NamedTuple):
    """All (m,), sorted by position."""

    position: Indices
    factor: Indices
    path: Indices
    amount: Floats


class Holds(NamedTuple):
    """All (m,), sorted by position."""

    position: Indices
    path: Indices
    amount: Floats


class Bends(NamedTuple):
    """All (m,), sorted by position. Half of a gamma stands in `amount`."""

    position: Indices
    first: Indices
    second: Indices
    path: Indices
    amount: Floats


class Rates:
    """The exchange rates of the paths at some levels."""

    def __init__(self, paths: Sequence[FxPath], base: Floats) -> None:
        self.paths = tuple(paths)
        self.base = np.array([float(path.rate(base)) for path in paths], np.float64)  # (P,)
        self.level = base

    def at(self, levels: Floats, path: int) -> Floats:
        """(S, F) -> (S,)."""
        return self.paths[path].rate(levels)

    def all(self, levels: Floats) -> Floats:
        """(k, F) -> (P, k)."""
        return np.stack([path.rate(levels) for path in self.paths])

    def split(self, levels: Floats, path: int) -> Iterator[tuple[int, Floats]]:
        """What each factor adds to X1 - X0: changed one after the other, forward and backward, averaged. (k,)
        each.
        """
        factors, exponents = self.paths[path]
        before = [self.level[f] ** float(e) for f, e in zip(factors, exponents, strict=True)]
        after = [levels[:, f] ** float(e) for f, e in zip(factors, exponents, strict=True)]
        for at, factor in enumerate(factors):
            forward = np.prod([1.0, *before[at + 1 :]]) * np.prod([np.ones(len(levels)), *after[:at]], axis=0)
            backward = np.prod([1.0, *before[:at]]) * np.prod(
                [np.ones(len(levels)), *after[at + 1 :]], axis=0
            )
            yield factor, (after[at] - before[at]) * (forward + backward) / 2

    def slopes(self, path: int) -> Iterator[tuple[int, float]]:
        """dX/dL of each factor of the path, at the base levels."""
        for factor, exponent in zip(*self.paths[path], strict=True):
            yield factor, exponent * float(self.base[path]) / float(self.level[factor])


class Legs:
    """Moves, holds and bends of n positions over F factors. All methods are pure; levels are (S, F), float64."""

    def __init__(self, count: int, moves: Moves, holds: Holds, bends: Bends, rates: Rates) -> None:
        self.count = count
        self.moves, self.holds, self.bends = moves, holds, bends
        self.rates = rates
        self.base = rates.level
        every, single = np.zeros(count, np.intp), 1
        self._moved = self._by_factor(every, single)
        self._held = self._by_path(every, single)
        self._bent = self._by_pair(every, single)

    # -- sums over positions -----------------------------------------------------------------------
    def totals(self, levels: Floats) -> Floats:
        """P&L (S,)."""
        out = np.zeros(len(levels), np.float64)
        for path in range(len(self.rates.paths)):
            inner = self._inner(levels, path, self._moved, self._bent)
            held = self._held[path, 0]
            if inner is None and not held:
                continue
            if path == 0:
                if inner is not None:
                    out += inner[:, 0]
                continue
            rate = self.rates.at(levels, path)
            if inner is not None:
                out += inner[:, 0] * rate
            if held:
                out += held * (rate - self.rates.base[path])
        return out

    def grouped(self, levels: Floats, group: Indices, groups: int) -> Floats:
        """P&L (S, G); `group`: (n,) of 0..G-1."""
        out = np.zeros((len(levels), groups), np.float64)
        moved, held = self._by_factor(group, groups), self._by_path(group, groups)
        bent = self._by_pair(group, groups)
        for path in range(len(self.rates.paths)):
            inner = self._inner(levels, path, moved, bent)
            rate = self.rates.at(levels, path)[:, None]
            if inner is not None:
                out += inner if path == 0 else inner * rate
            if path and held[path].any():
                out += held[path] * (rate - self.rates.base[path])
        return out

    def by_factor(self, levels: Floats) -> Floats:
        """P&L (F, k) by what moved it, summing to `totals`. A product of two changes is shared between them."""
        change = levels - self.base
        out = np.zeros((levels.shape[1], len(levels)), np.float64)
        for path in range(len(self.rates.paths)):
            moved, held = self._moved.get(path), self._held[path, 0]
            inner = np.zeros(len(levels))
            rate = (self.rates.at(levels, path) + self.rates.base[path]) / 2
            if moved is not None:
                each = change.T * moved
                inner += each.sum(axis=0)
                out += each * rate
            if (pairs := self._bent.get(path)) is not None:
                first, second, amount = pairs
                product = change[:, first].T * change[:, second].T * amount
                inner += product.sum(axis=0)
                np.add.at(out, first, product * rate / 2)
                np.add.at(out, second, product * rate / 2)
            for factor, part in self.rates.split(levels, path):
                out[factor] += part * (inner / 2 + held)
        return out

    # -- each position -----------------------------------------------------------------------------
    def each(self, levels: Floats) -> Floats:
        """P&L (n, k)."""
        out = np.zeros((self.count, len(levels)), np.float64)
        change = np.ascontiguousarray((levels - self.base).T)
        rate = self.rates.all(levels)
        moves, holds, bends = self.moves, self.holds, self.bends
        columns, code = _distinct(moves.factor, moves.path)
        _add(out, moves.position, change[columns[0]] * rate[columns[1]], code, moves.amount)
        _add(out, holds.position, rate - self.rates.base[:, None], holds.path, holds.amount)
        columns, code = _distinct(bends.first, bends.second, bends.path)
        product = change[columns[0]] * change[columns[1]] * rate[columns[2]]
        _add(out, bends.position, product, code, bends.amount)
        return out

    def weighted(self, levels: Floats, weights: Floats) -> Floats:
        """(n, W): `each` (n, k) @ weights (k, W), at the cost of the sums over scenarios of what moves."""
        change = np.ascontiguousarray((levels - self.base).T)
        rate = self.rates.all(levels)
        moves, holds, bends = self.moves, self.holds, self.bends
        parts: list[tuple[Indices, Indices, Floats, Floats]] = []  # position, cell, table of cells, amount
        if len(moves.position):
            paths = len(rate)
            table = (change[:, None] * rate).reshape(-1, len(levels)) @ weights
            parts.append((moves.position, moves.factor * paths + moves.path, table, moves.amount))
        if len(holds.position):
            parts.append((holds.position, holds.path, (rate - self.rates.base[:, None]) @ weights, holds.amount))
        if len(bends.position):
            columns, code = _distinct(bends.first, bends.second, bends.path)
            table = (change[columns[0]] * change[columns[1]] * rate[columns[2]]) @ weights
            parts.append((bends.position, code, table, bends.amount))
        out = np.zeros((self.count, weights.shape[1]), np.float64)
        for position, cell, table, amount in parts:
            for column, values in enumerate(table.T):
                out[:, column] += summed(position, amount * values[cell], self.count)
        return out

    # -- aggregates --------------------------------------------------------------------------------
    def _inner(
        self,
        levels: Floats,
        path: int,
        moved: dict[int, Floats],
        bent: dict[int, tuple[Indices, Indices, Floats]],
    ) -> Floats | None:
        """(S, G) in the currency of the path, before exchange; None where nothing moves there."""
        out: Floats | None = None
        if (amount := moved.get(path)) is not None:
            # (L1 - L0) w as L1 w - L0 w: the difference of the matrices would cost five times the product.
            used = np.flatnonzero(amount.any(axis=1))
            span = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
            out = levels[:, span] @ amount[span]
            out -= self.base[span] @ amount[span]
        if (pairs := bent.get(path)) is not None:
            first, second, weight = pairs
            products = np.empty((len(levels), weight.shape[1]), np.float64)
            for start in range(0, len(levels), BLOCK):
                rows = slice(start, start + BLOCK)
                change = levels[rows][:, first] - self.base[first]
                change *= levels[rows][:, second] - self.base[second]
                np.matmul(change, weight, out=products[rows])
            out = products if out is None else out + products
        return out

    def _by_factor(self, group: Indices, groups: int) -> dict[int, Floats]:
        """Path -> (F, G)."""
        moves, factors = self.moves, len(self.base)
        found = {}
        for path, rows in _parts(moves.path):
            cell = moves.factor[rows] * groups + group[moves.position[rows]]
            amount = summed(cell, moves.amount[rows], factors * groups)
            found[path] = amount.reshape(factors, groups)
        return found

    def _by_path(self, group: Indices, groups: int) -> Floats:
        """(P, G)."""
        holds, paths = self.holds, len(self.rates.paths)
        cell = holds.path * groups + group[holds.position]
        return summed(cell, holds.amount, paths * groups).reshape(paths, groups)

    def _by_pair(self, group: Indices, groups: int) -> dict[int, tuple[Indices, Indices, Floats]]:
        """Path -> (B,), (B,), (B, G): the distinct pairs of factors, and their amounts."""
        bends = self.bends
        found = {}
        for path, rows in _parts(bends.path):
            columns, code = _distinct(bends.first[rows], bends.second[rows])
            pairs = columns.shape[1]
            cell = code * groups + group[bends.position[rows]]
            amount = summed(cell, bends.amount[rows], pairs * groups)
            found[path] = (columns[0], columns[1], amount.reshape(pairs, groups))
        return found


def summed(cell: Indices, amount: Floats, cells: int) -> Floats:
    """(cells,): of each cell the sum of the amounts that lie in it."""
    return np.bincount(cell, amount, cells).astype(np.float64, copy=False)


def _parts(path: Indices) -> Iterator[tuple[int, Indices | slice]]:
    """Each path that occurs, with its rows; all of them as a slice, which copies nothing."""
    paths = np.flatnonzero(np.bincount(path)) if len(path) else path
    for each in paths:
        yield int(each), slice(None) if len(paths) == 1 else np.flatnonzero(path == each)


def _distinct(*keys: Indices) -> tuple[Indices, Indices]:
    """The distinct columns of the keys (len(keys), C), and for each entry its column (m,)."""
    code = np.zeros(len(keys[0]), np.intp)
    sizes = [int(key.max(initial=0)) + 1 for key in keys]
    for key, size in zip(keys, sizes, strict=True):
        code = code * size + key
    found, inverse = np.unique(code, return_inverse=True)
    return np.array(np.unravel_index(found, sizes), np.intp).reshape(len(keys), -1), inverse


def _add(out: Floats, position: Indices, table: Floats, code: Indices, amount: Floats) -> None:
    """out[position] += amount table[code], where a position may stand several times in a row."""
    if not len(position):
        return
    first = np.r_[True, position[1:] != position[:-1]]
    starts = np.flatnonzero(first)
    rank = np.arange(len(position)) - np.repeat(starts, np.diff(np.r_[starts, len(position)]))
    for turn in range(int(rank.max()) + 1):
        rows = np.flatnonzero(rank == turn) if turn or not first.all() else np.arange(len(position))
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            out[position[part]] += amount[part, None] * table[code[part]]
