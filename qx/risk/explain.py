"""What changed: a figure's way from one day to the next, and a P&L by what brought it. Parts sum to the whole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from msgspec import structs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from qx.model.risk import Factor
    from qx.risk.market import Market

    Floats = NDArray[np.float64]
    Each = Callable[[Floats], Floats]

_STEP: Final = 1 / 64  # of the move that came, for differences; a power of two, so that halving it costs no digit


def at(market: Market, day: date) -> Market:
    """The same levels and curves on another day: what changes is how far it is to an expiry."""
    passed = (day - market.as_of).days
    nearer = {
        root: nodes._replace(days=tuple(each - passed for each in nodes.days)) for root, nodes in market.nodes.items()
    }
    return structs.replace(market, as_of=day, nodes=nearer)


def later(since: Market, today: Market) -> Market:
    """`since`, moved on to `today` with its own contracts and curves: each return since then lies within a contract."""
    new = today.dates > np.datetime64(since.as_of, "D")
    levels = [since.base]
    for row in today.returns[new]:
        levels.append(since.kinds.moved(levels[-1], row[None, :])[0])
    return structs.replace(
        at(since, today.as_of), base=levels[-1].copy(), history=np.vstack([since.history, *levels[1:]]),
        dates=np.concatenate([since.dates, today.dates[new]]),
        returns=np.vstack([since.returns, today.returns[new]]),
    )  # fmt: skip


class Effect(NamedTuple):
    name: str
    before: float
    after: float

    @property
    def amount(self) -> float:
        return self.after - self.before


def waterfall(stations: Sequence[tuple[str, float]]) -> tuple[Effect, ...]:
    """At each station after the first one thing more has changed, and gives it its name. They sum to last - first."""
    return tuple(Effect(after[0], before[1], after[1]) for before, after in pairwise(stations))


class Attributed(NamedTuple):
    """P&L of n positions by what brought it, (n,) each; they sum to `total` in every row."""

    carry: Floats  # time alone, at the later levels
    delta: Floats  # prices and bases, first order
    gamma: Floats  # prices and bases, second order along the way they went, cross terms with it
    vega: Floats  # volatilities, first order
    rate: Floats  # interest, first order
    fx: Floats  # exchange rates, all of it, the cross term with the rest too
    unexplained: Floats  # what is left
    total: Floats


def attributed(each: Each, factors: Sequence[Factor], base: Floats, level: Floats, carry: Floats) -> Attributed:
    """`each`: P&L (n, k) under levels (k, F) against `base` (F,), on the earlier day; `carry` (n,): what time brought
    at `level` (F,). Raises what `each` raises.
    """
    kinds = np.array([factor.kind for factor in factors], dtype=object)
    moved = level - base
    price = np.where((kinds == "price") | (kinds == "basis"), moved, 0.0)
    vol, rate, fx = (np.where(kinds == kind, moved, 0.0) for kind in ("vol", "rate", "fx"))
    ways = [
        step * way for way in (price, vol, rate) for step in (_STEP, -_STEP)
    ]  # a way that nothing went costs two valuations of nothing
    levels = base + np.stack([*ways, moved - fx, moved])
    pnl = each(levels)
    up, down = pnl[:, 0], pnl[:, 1]
    gamma = (up + down) / (2 * _STEP**2)
    delta, vega, interest = ((pnl[:, at] - pnl[:, at + 1]) / (2 * _STEP) for at in (0, 2, 4))
    without, whole = pnl[:, 6], pnl[:, 7]
    total = carry + whole
    currency = whole - without
    known = carry + delta + gamma + vega + interest + currency
    return Attributed(carry, delta, gamma, vega, interest, currency, total - known, total)
