"""Rules by which a level picks a VaR among sorted losses: each is named, because two of them rarely agree.

A rule gives ranks, counted from the worst loss, which is 1, and their weights, which sum to 1. `type1` to `type9` are
those of R. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), of the
losses at the level. All arithmetic is exact, but for the rules that repeat what another system does in doubles.
ES follows no rule: it is always that of Acerbi and Tasche.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable


class Rank(NamedTuple):
    rank: int  # 1 is the worst loss
    weight: Fraction


class Rule(NamedTuple):
    """`ranks` takes the level and the number of losses, at least 1."""

    name: str
    words: str  # printed with the answer
    ranks: Callable[[Fraction, int], tuple[Rank, ...]]


def rule(name: str) -> Rule:
    """By its name or an alias of it. Raises QX-RISK-001 with the names there are."""
    wanted = name.strip().lower().replace("_", "-")
    found = RULES.get(ALIASES.get(wanted, wanted))
    if found is None:
        raise QxError("QX-RISK-001", f"no rule of a quantile: {name}", hint=f"one of {', '.join(RULES)}")
    return found


def _worst(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    return (_at(math.ceil((1 - alpha) * count), count),)


def _at(rank: int, count: int, weight: Fraction = Fraction(1)) -> Rank:
    return Rank(min(max(rank, 1), count), weight)


def _ascending(position: Fraction, count: int) -> tuple[Rank, ...]:
    """Linear between the losses beside `position`, counted from the smallest, which is 1; flat beyond both ends."""
    below = math.floor(position)
    part = position - below
    lower, upper = _at(count + 1 - below, count), _at(count - below, count)
    if part == 0 or lower == upper:
        return (lower,)
    return (Rank(lower.rank, 1 - part), Rank(upper.rank, part))


def _between(shift: Fraction, scale: Fraction) -> Callable[[Fraction, int], tuple[Rank, ...]]:
    """The continuous types: position = alpha (count + scale) + shift."""
    return lambda alpha, count: _ascending(alpha * (count + scale) + shift, count)


def _averaged(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    position = alpha * count
    if position.denominator != 1:
        return _inverted(alpha, count)
    below = int(position)
    return (Rank(count + 1 - below, Fraction(1, 2)), Rank(count - below, Fraction(1, 2)))


def _inverted(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    return (_at(count + 1 - math.ceil(alpha * count), count),)


def _nearest(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    """The nearest, on a tie the even one: `round` of a fraction does that."""
    return (_at(count + 1 - round(alpha * count), count),)


def _higher(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    return (_at(count - math.ceil(alpha * (count - 1)), count),)


def _lower(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    return (_at(count - math.floor(alpha * (count - 1)), count),)


def _ore(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    """Boost's tail_quantile<right> at 1 - alpha: ceil(count (1 - p)) from the best P&L, in doubles."""
    from_best = math.ceil(count * (1.0 - float(1 - alpha)))
    return (_at(count + 1 - from_best, count),)


def _quantlib(alpha: Fraction, count: int) -> tuple[Rank, ...]:
    """GeneralStatistics::percentile(1 - alpha) in doubles: 1 - 0.99 is a little more than 0.01, so that of 500 the 6th
    is taken where its definition says the 5th.
    """
    return (_at(math.ceil((1.0 - float(alpha)) * count), count),)


_HALF, _THIRD, _EIGHTH = Fraction(1, 2), Fraction(1, 3), Fraction(1, 8)

KTH_WORST: Final = Rule("kth-worst", "the k-th worst loss, k = ceil((1 - level) n), exact", _worst)
RULES: Final = {
    one.name: one
    for one in (
        KTH_WORST,
        Rule("type1", "inverse of the losses' distribution function", _inverted),
        Rule("type2", "type 1, averaged where the function is flat", _averaged),
        Rule("type3", "the nearest order statistic, on a tie the even one", _nearest),
        Rule("type4", "linear in the distribution function", _between(Fraction(0), Fraction(0))),
        Rule("type5", "linear, knots at (i - 1/2)/n", _between(_HALF, Fraction(0))),
        Rule("type6", "linear, knots at i/(n + 1)", _between(Fraction(0), Fraction(1))),
        Rule("type7", "linear, knots at (i - 1)/(n - 1): numpy, R, Excel", _between(Fraction(1), Fraction(-1))),
        Rule("type8", "linear, median unbiased", _between(_THIRD, _THIRD)),
        Rule("type9", "linear, unbiased of normal losses", _between(3 * _EIGHTH, 2 * _EIGHTH)),
        Rule("higher", "the next worse of the two of type 7", _higher),
        Rule("lower", "the next better of the two of type 7", _lower),
        Rule("ore", "ceil(n (1 - p)) from the best P&L, in doubles, as ORE", _ore),
        Rule("quantlib", "the percentile at 1 - level, in doubles, as QuantLib", _quantlib),
    )
}
ALIASES: Final = {
    "exact": "kth-worst", "hull": "kth-worst", "riskfolio": "kth-worst",
    "inverted-cdf": "type1", "averaged-inverted-cdf": "type2", "closest-observation": "type3",
    "interpolated-inverted-cdf": "type4", "hazen": "type5", "weibull": "type6", "linear": "type7", "excel": "type7",
    "performanceanalytics": "type7", "empyrical": "type7", "median-unbiased": "type8", "normal-unbiased": "type9",
    "skfolio": "quantlib",
}  # fmt: skip
