"""Is ES deep enough? C. Acerbi and B. Szekely, "Back-testing expected shortfall", Risk (2014): their tests 1 and 2.

Z1 is 1 - the mean of loss/ES over exceptions: only how deep they go. Z2 is 1 - the sum of loss/ES over exceptions, over
the number of them that is expected: how many there are, too. Both are 0 on average when VaR and ES are right, and
negative when ES is too small. Their distribution is simulated for days that are independent and normal, or Student-t
of 3 degrees, where losses beyond a VaR go deeper: both are told, as the right one is not known.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from qx.risk.distributions import normal_cdf, normal_pdf, normal_ppf, t_cdf, t_pdf, t_ppf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Assumed = Literal["normal", "t3"]
Score = Literal["z1", "z2"]
DEGREES: Final = 3.0
KEY: Final = 2014  # of the generator: the same digits on every run

_RUNS: Final = 200_000  # series of days; fewer where each holds many exceptions
_DRAWS: Final = 1_500_000
_STEPS: Final = 20_000  # of the table from which losses beyond the VaR are drawn


class Scores(NamedTuple):
    z1: Floats  # NaN without an exception
    z2: Floats


def scores(pnl: Floats, var: Floats, es: Floats, chance: float) -> Scores:
    """`pnl`, `var`, `es` (T, ...): P&L with gains positive, VaR and ES > 0 with losses positive."""
    beyond = pnl < -var
    deep = np.cumsum(np.where(beyond, pnl / es, 0.0), axis=0)[-1]  # in order: alone or among others, the same digits
    hits = np.count_nonzero(beyond, axis=0)
    with np.errstate(invalid="ignore"):
        return Scores(1 + np.divide(deep, hits), 1 + deep / (len(pnl) * chance))


class Null(NamedTuple):
    """Scores of simulated series with right VaR and ES, ascending."""

    z1: Floats  # of those with an exception
    z2: Floats

    def critical(self, score: Score, significance: float) -> float:
        """The score below which a share of `significance` lies."""
        values: Floats = getattr(self, score)
        return float(values[min(max(math.ceil(significance * values.size) - 1, 0), values.size - 1)])

    def p_value(self, score: Score, found: float) -> float:
        """The share of scores as low as `found` or lower."""
        values: Floats = getattr(self, score)
        return float(np.searchsorted(values, found, side="right") / values.size)


@lru_cache(maxsize=32)
def null(days: int, alpha: Fraction, assumed: Assumed) -> Null:
    """Of series of `days` days. The 5% point has a standard error of about 0.003 times its spread over a year."""
    chance = float(1 - alpha)
    generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(KEY, spawn_key=(days, len(assumed)))))
    runs = max(min(_RUNS, int(_DRAWS / (days * chance))), 10_000)
    hits = generator.binomial(days, chance, runs)
    ends = np.cumsum(hits)
    deep = np.concatenate([[0.0], np.cumsum(_beyond(generator.random(int(ends[-1])), chance, assumed))])
    total = deep[ends] - deep[ends - hits]
    some = hits > 0
    return Null(np.sort(1 - total[some] / hits[some]), np.sort(1 - total / (days * chance)))


def _beyond(uniform: Floats, chance: float, assumed: Assumed) -> Floats:
    """Losses beyond the VaR over the ES, of numbers in [0, 1): interpolated in a table of the distribution's tail."""
    if assumed == "normal":
        var, far = -normal_ppf(chance), -normal_ppf(chance * 1e-12)
        es = normal_pdf(var) / chance
    else:
        var, far = -t_ppf(chance, DEGREES), -t_ppf(chance * 1e-12, DEGREES)
        es = t_pdf(var, DEGREES) / chance * (DEGREES + var * var) / (DEGREES - 1)
    losses = var + np.expm1(np.linspace(0, 1, _STEPS) * math.log1p(far - var))  # denser beside the VaR
    left = (normal_cdf(-losses) if assumed == "normal" else t_cdf(-losses, DEGREES)) / chance
    # In logs, where a tail is nearly straight.
    drawn: Floats = np.interp(-np.log1p(-uniform), -np.log(left), losses)
    return drawn / es
