"""VaR and ES of a P&L vector: exact counts, so that at 99% the 5th worst of 500 is the 5th.

P&L has gains positive, VaR and ES have losses positive, both in the P&L's currency. ES is that of C. Acerbi and
D. Tasche ("On the coherence of expected shortfall", 2002): the mean of the worst (1 - level), the scenario at the
boundary with the part of its weight that is inside; so it never lies below the k-th worst loss, and it is subadditive.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.distributions import binomial_cdf, binomial_ppf, normal_pdf, normal_ppf
from qx.risk.estimate import Estimate, Interval, Rows
from qx.risk.level import Tail, tail, written
from qx.risk.quantile import KTH_WORST, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

CONFIDENCE: Final = 0.95  # of the intervals
ES_ERROR: Final = "asymptotic variance of Manistre and Hancock (2005)"

_WIDTH: Final = normal_ppf((1 + CONFIDENCE) / 2)  # standard errors to either side
_SAMPLED: Final = 65_536  # scenarios, from which on a sample tells where the tail begins
_STRIDE: Final = 64


class Ranks(NamedTuple):
    """Order statistics between which the true VaR lies; 1 is the worst loss."""

    high: int
    low: int  # >= high
    coverage: float  # the chance that it does, exactly; near the level asked for when the tail holds enough


def historical(
    pnl: Floats, alpha: Fraction, rule: Rule = KTH_WORST, weights: Floats | None = None, *, overlap: int = 1
) -> Estimate:
    """Of `pnl` (S,), one value for each scenario, with `weights` (S,) >= 0, of any sum; None: equal ones.

    `rule` picks the VaR of equal weights; weighted, it is the first loss at which the weights of the worst add up to
    1 - alpha. `overlap` is the number of days that neighbours share (10 for daily steps of 10-day P&L): only
    S/overlap scenarios then count as independent in the intervals.

    The interval of VaR has the chance that is stated as its level: with few scenarios no 95% can be had. That of ES
    is None when a single scenario makes it up. Raises QX-RISK-009 when there is less than one scenario beyond the
    level, QX-RISK-011 at a NaN or an infinity, QX-RISK-001 for another rule of weighted scenarios, ValueError when
    shapes or weights are wrong.
    """
    if pnl.ndim != 1 or overlap < 1:
        raise ValueError(f"P&L of shape {pnl.shape}, overlap {overlap}")
    beyond = enough(alpha, pnl.size)
    finite(pnl)
    if weights is not None:
        return _weighted(pnl, alpha, rule, weights, overlap)
    ranks = rule.ranks(alpha, pnl.size)
    interval = _positions(alpha, pnl.size, pnl.size / overlap)
    at = worst(pnl, max(beyond.k, interval.low, *(one.rank for one in ranks)))
    tail_pnl = pnl[at]
    mass = float(beyond.mass)
    share = np.full(beyond.k, 1 / mass)
    share[-1] = float(beyond.mass - beyond.k + 1) / mass
    var_rows = Rows(at[[one.rank - 1 for one in ranks]], np.array([float(one.weight) for one in ranks]))
    es_rows = Rows(at[: beyond.k], share)
    var, es = figure(var_rows, pnl), shortfall(es_rows, pnl)
    return Estimate(
        var, es, var_rows, es_rows,
        Interval(
            float(-tail_pnl[interval.low - 1]), float(-tail_pnl[interval.high - 1]), interval.coverage, _named(overlap)
        ),
        es_interval(pnl, es_rows, var, es, 1 - float(alpha), pnl.size / overlap),
    )  # fmt: skip


def figure(rows: Rows, pnl: Floats) -> float:
    """What `rows` make of `pnl` (S,): a loss is positive."""
    return float(-(rows.weight @ pnl[rows.at]))


def shortfall(rows: Rows, pnl: Floats) -> float:
    """`figure`, summed from the boundary on, so that rounding takes no ES below the loss there."""
    values = pnl[rows.at]
    return float(rows.weight @ (values[-1] - values) - values[-1])


def standard_error(pnl: Floats, alpha: Fraction) -> float:
    """Of the VaR of `pnl` (S,), S >= 2, by Kendall and Stuart's formula with the density of a normal fitted to it: as
    Hull prints. The order statistics of `historical` assume no distribution.
    """
    finite(pnl)
    level = float(alpha)
    density = normal_pdf(normal_ppf(level))  # over the deviation
    return math.sqrt(level * (1 - level) / pnl.size) / density * float(pnl.std(ddof=1))


def enough(alpha: Fraction, count: int) -> Tail:
    """The tail of `count` scenarios. Raises QX-RISK-009 when it holds less than one."""
    if count >= 1 and (beyond := tail(alpha, count)).mass >= 1:
        return beyond
    raise QxError(
        "QX-RISK-009", f"{count} scenarios: none lies beyond {written(alpha)}",
        hint=f"{written(alpha)} wants at least {math.ceil(1 / (1 - alpha))} scenarios",
    )  # fmt: skip


def finite(pnl: Floats) -> None:
    """Raises QX-RISK-011 with the first of `pnl` (S,) that is no finite number."""
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(pnl.sum()) or np.isfinite(pnl).all():  # a sum may overflow where no summand does
            return
    at = int(np.flatnonzero(~np.isfinite(pnl))[0])
    raise QxError(
        "QX-RISK-011", f"the P&L of scenario {at + 1} of {pnl.size} is {pnl[at]}", hint="each wants a finite number"
    )


def worst(pnl: Floats, count: int) -> NDArray[np.intp]:
    """Where the `count` worst of `pnl` (S,) stand, the worst first, equal ones in their order."""
    if count >= pnl.size:
        return np.argsort(pnl, kind="stable")
    at = _candidates(pnl, count)
    return at[np.argsort(pnl[at], kind="stable")[:count]]


@lru_cache(maxsize=1024)
def order_interval(alpha: Fraction, count: int, confidence: float = CONFIDENCE) -> Ranks:
    """Between which of `count` independent losses the VaR at `alpha` lies, by the binomial count of those beyond it.

    Of the four pairs around the two points with equal tails, the one whose chance is nearest to `confidence`. No
    assumption on the distribution but that it has no jump at the VaR.
    """
    chance = float(1 - alpha)
    rest = (1 - confidence) / 2
    low, high = binomial_ppf(rest, count, chance), binomial_ppf(1 - rest, count, chance)
    # The VaR lies between rank h and rank l when h to l - 1 losses are beyond it.
    below = {n: binomial_cdf(n, count, chance) for n in (low - 1, low, high - 1, high)}
    best = min(
        (
            (abs(inside - confidence), last - first, first, last, inside)
            for first in {max(low, 1), low + 1}
            for last in {min(high, count - 1), max(high - 1, first)}
            if (inside := below.get(last, 1.0) - below.get(first - 1, 0.0)) > 0
        ),
        default=(0.0, 0, 1, 0, 0.0),
    )
    return Ranks(best[2], best[3] + 1, best[4])


def _positions(alpha: Fraction, count: int, independent: float) -> Ranks:
    """The interval's ranks among `count` losses of which only `independent` tell something new."""
    if independent == count:
        return order_interval(alpha, count)
    among = order_interval(alpha, max(math.floor(independent), 1))
    return Ranks(
        1 if among.high == 1 else max(math.ceil((among.high - 0.5) / independent * count), 1),
        min(math.ceil((among.low - 0.5) / independent * count), count),
        among.coverage,
    )


def _named(overlap: int) -> str:
    return "order statistics" if overlap == 1 else f"order statistics, every {overlap} overlapping scenarios as one"


def _weighted(pnl: Floats, alpha: Fraction, rule: Rule, weights: Floats, overlap: int) -> Estimate:
    if rule is not KTH_WORST:
        hint = f"leave it at {KTH_WORST.name}"
        raise QxError("QX-RISK-001", f"weighted scenarios know no rule {rule.name}", hint=hint)
    if weights.shape != pnl.shape or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError("one weight for each scenario, none below 0, not all 0")
    order = np.argsort(pnl, kind="stable")
    each = weights[order] / weights.sum()
    reached = np.cumsum(each)
    wanted = float(1 - alpha)
    # A sum of rounded weights that should meet the level must not fall short of it by its rounding.
    near = wanted * (1 - 1e-12)
    k = min(int(np.searchsorted(reached, near)) + 1, pnl.size)
    share = each[:k] / wanted
    share[-1] = 1 - share[:-1].sum()
    kept = share > 0
    var_rows, es_rows = Rows(order[k - 1 : k], np.ones(1)), Rows(order[:k][kept], share[kept])
    var, es = figure(var_rows, pnl), shortfall(es_rows, pnl)
    independent = float(1 / (each @ each)) / overlap  # Kish's effective size
    among = order_interval(alpha, max(math.floor(independent), 1))
    ends = [
        float(-pnl[order[min(int(np.searchsorted(reached, (rank - 0.5) / independent)), pnl.size - 1)]])
        for rank in (among.low, among.high)
    ]
    if among.high == 1:
        ends[1] = float(-pnl[order[0]])
    method = f"order statistics of {independent:.0f} effective scenarios"
    return Estimate(
        var, es, var_rows, es_rows, Interval(ends[0], ends[1], among.coverage, method),
        es_interval(pnl, es_rows, var, es, wanted, independent),
    )  # fmt: skip


def es_interval(pnl: Floats, rows: Rows, var: float, es: float, beyond: float, independent: float) -> Interval | None:
    """B. J. Manistre and G. H. Hancock, "Variance of the CTE estimator", NAAJ 9 (2005): the variance inside the tail
    plus level * (ES - VaR)^2, over the number of scenarios in it.
    """
    alone = float(rows.weight @ rows.weight)
    if alone >= 1 - 1e-12:
        return None
    inside = float(rows.weight @ (-pnl[rows.at] - es) ** 2) / (1 - alone)
    error = math.sqrt((inside + (1 - beyond) * (es - var) ** 2) / (beyond * independent))
    return Interval(es - _WIDTH * error, es + _WIDTH * error, CONFIDENCE, ES_ERROR)


def _candidates(pnl: Floats, count: int) -> NDArray[np.intp]:
    """At least the `count` worst and those equal to them."""
    if pnl.size >= _SAMPLED and count < pnl.size // 4:
        some = pnl[::_STRIDE]
        expected = count * some.size / pnl.size
        rank = math.ceil(expected + 5 * math.sqrt(expected) + 5)
        if rank < some.size:
            at = np.flatnonzero(pnl <= np.partition(some, rank)[rank])
            if count <= at.size <= pnl.size // 2:
                return at
    return np.flatnonzero(pnl <= np.partition(pnl, count - 1)[count - 1])
