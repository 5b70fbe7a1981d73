"""What is kept of a simulation: its tail. Memory grows with the tail only, and the tail is the same in any order.

Every chunk of scenarios keeps somewhat more of its worst than its share (six deviations), and says up to where it is
whole. A figure that would need more than that is not guessed: there is none, and the run is made again with more room.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.risk.estimate import Estimate, Interval, Rows
from qx.risk.quantile import KTH_WORST, Rule
from qx.risk.tail import enough, es_interval, figure, order_interval, shortfall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

SPARE = 6.0  # deviations of a binomial count


class Tail(NamedTuple):
    """The worst of `draws` scenarios. All that lie below `whole` are here; inf: nothing was left out."""

    pnl: Floats  # (k,)
    scenario: Numbers  # (k,)
    draws: int
    whole: float


class Figures(NamedTuple):
    """Of a whole run. The rows of the estimate name scenarios: `qx.risk.montecarlo.again` draws these once more."""

    estimate: Estimate
    relative: float  # half width of the VaR's interval, over the VaR; inf where that is not above 0
    kept: int


def room(draws: int, alpha: Fraction, spare: float = SPARE) -> int:
    """How many of so many are kept: those beyond the level, and `spare` deviations of their number."""
    share = draws * float(1 - alpha)
    return min(draws, math.ceil(min(share + spare * math.sqrt(share), draws)) + 1)


def worst(pnl: Floats, first: int, most: int) -> Tail:
    """The `most` worst of the scenarios `first`, `first` + 1...; of equal ones the earlier."""
    if most >= len(pnl):
        return Tail(pnl.copy(), np.arange(first, first + len(pnl), dtype=np.int64), len(pnl), math.inf)
    whole = np.partition(pnl, most)[most]
    below = np.flatnonzero(pnl < whole)
    kept = np.concatenate((below, np.flatnonzero(pnl == whole)[: most - len(below)]))
    return Tail(pnl[kept], kept.astype(np.int64) + first, len(pnl), float(whole))


def merged(tails: Sequence[Tail]) -> Tail:
    """Worst first; of equal ones the earlier scenario: no other order can come out, whoever drew what."""
    pnl = np.concatenate([each.pnl for each in tails])
    scenario = np.concatenate([each.scenario for each in tails])
    order = np.lexsort((scenario, pnl))
    return Tail(pnl[order], scenario[order], sum(e.draws for e in tails), min(e.whole for e in tails))


def figures(tail: Tail, alpha: Fraction, rule: Rule = KTH_WORST) -> Figures | None:
    """VaR and ES of a `merged` tail, as `qx.risk.tail.historical` would tell them of all the scenarios; None: the tail
    does not reach as far as they need. Raises QX-RISK-009.
    """
    beyond = enough(alpha, tail.draws)
    ranks, among = rule.ranks(alpha, tail.draws), order_interval(alpha, tail.draws)
    deepest = max(beyond.k, among.low, *(each.rank for each in ranks))
    if deepest > len(tail.pnl) or tail.pnl[deepest - 1] > tail.whole:
        return None
    at = np.arange(deepest)
    mass = float(beyond.mass)
    share = np.full(beyond.k, 1 / mass)
    share[-1] = float(beyond.mass - beyond.k + 1) / mass
    var_rows = Rows(at[[each.rank - 1 for each in ranks]], np.array([float(each.weight) for each in ranks]))
    es_rows = Rows(at[: beyond.k], share)
    var, es = figure(var_rows, tail.pnl), shortfall(es_rows, tail.pnl)
    low, high = float(-tail.pnl[among.low - 1]), float(-tail.pnl[among.high - 1])
    estimate = Estimate(
        var, es, _scenarios(var_rows, tail), _scenarios(es_rows, tail),
        Interval(low, high, among.coverage, "order statistics"),
        es_interval(tail.pnl, es_rows, var, es, 1 - float(alpha), tail.draws),
    )  # fmt: skip
    return Figures(estimate, (high - low) / 2 / var if var > 0 else math.inf, len(tail.pnl))


def _scenarios(rows: Rows, tail: Tail) -> Rows:
    return rows._replace(at=tail.scenario[rows.at].astype(np.intp))
