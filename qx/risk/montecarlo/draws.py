"""What is drawn: returns that are jointly normal, Student-t, or of a copula with margins as history had them.

Means are zero but for the copula, whose margins are history's own. A row of a Student-t shares one chi-square: its
factors fall together, which t's of their own would not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.risk.covariance import correlation, covariance, root, root_of
from qx.risk.distributions import normal_ppf, t_ppf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.risk.montecarlo.streams import Block

    Floats = NDArray[np.float64]


class Margins(NamedTuple):
    """Each factor's quantile function at the same T probabilities, told at the t-quantiles of these: between them it is
    linear, beyond them flat, so no factor moves further than it ever did.
    """

    at: Floats  # (T,) ascending: quantiles of the copula's t or normal
    values: Floats  # (F, T) ascending: returns


class Draws(NamedTuple):
    """A joint distribution of F returns. `root` (F, r): of their covariance; with `margins` of the copula's own.

    `dof` None: normal. `unit`: what a row of scale 1 is multiplied by.
    """

    root: Floats
    dof: float | None = None
    unit: float = 1.0
    margins: Margins | None = None

    @property
    def words(self) -> str:
        kind = "normal" if self.dof is None else f"Student-t, {self.dof:g} degrees of freedom"
        if self.margins is not None:
            return f"copula: {kind}; margins as in history"
        return kind


class Raw(NamedTuple):
    """Of one block: standard normals (B, r), and what each row is multiplied by (B,)."""

    normals: Floats
    mix: Floats | None


def normal(returns: Floats, weights: Floats | None = None, ddof: int = 0) -> Draws:
    """Of the returns' own covariance: `qx.risk.covariance.root` says of `weights` and `ddof`."""
    return Draws(root(returns, weights, ddof))


def student(returns: Floats, dof: float, weights: Floats | None = None, ddof: int = 0) -> Draws:
    """Of the same covariance, with fatter tails. Raises QX-RISK-001 unless dof > 2."""
    return Draws(root(returns, weights, ddof), dof, _unit(dof))


def of_covariance(matrix: Floats, dof: float | None = None) -> Draws:
    """Of a covariance (F, F) that is given; `dof` None: normal. Raises QX-RISK-012 unless it is semidefinite."""
    return Draws(root_of(matrix), dof, 1.0 if dof is None else _unit(dof))


def copula(returns: Floats, dof: float | None) -> Draws:
    """Correlations of the normal scores of the ranks, margins as they were. Raises QX-RISK-009 below two days.

    `dof` None: a normal copula. Ties share their mean rank.
    """
    days, _ = returns.shape
    if days < 2:
        raise QxError("QX-RISK-009", f"{days} returns tell no distribution", hint="bring more days of prices")
    chances = (np.arange(days) + 0.5) / days
    scores = normal_ppf((_ranks(returns) + 0.5) / days)
    at = normal_ppf(chances) if dof is None else np.array([t_ppf(float(p), dof) for p in chances], np.float64)
    values = np.ascontiguousarray(np.sort(returns, axis=0).T)
    return Draws(root_of(correlation(covariance(scores))), dof, 1.0, Margins(at, values))


def stretched(draws: Draws, factor: float) -> Draws:
    """Every return times `factor`: those of a longer horizon, by the root of time."""
    if draws.margins is None:
        return draws._replace(root=draws.root * factor)
    return draws._replace(margins=draws.margins._replace(values=draws.margins.values * factor))


def raw(draws: Draws, generator: np.random.Generator, block: Block, out: Floats) -> Raw:
    """`out` (at least B, r) is filled and given back as the normals: no memory is taken for them."""
    normals = out[: block.rows]
    generator.standard_normal(out=normals)
    if draws.dof is None:
        return Raw(normals, None)
    mix = generator.chisquare(draws.dof, block.rows)
    np.divide(draws.dof, mix, out=mix)
    np.sqrt(mix, out=mix)
    mix *= draws.unit
    return Raw(normals, mix)


def returns_of(draws: Draws, made: Raw) -> Floats:
    """-> (B, F)."""
    found = made.normals @ draws.root.T
    if made.mix is not None:
        found *= made.mix[:, np.newaxis]
    if draws.margins is not None:
        at, values = draws.margins
        for factor, value in enumerate(values):
            found[:, factor] = np.interp(found[:, factor], at, value)
    return found


def _unit(dof: float) -> float:
    if not dof > 2:
        said = f"a Student-t of {dof:g} degrees of freedom has no variance"
        raise QxError("QX-RISK-001", said, hint="more than 2, as 5")
    return math.sqrt((dof - 2) / dof)


def _ranks(returns: Floats) -> Floats:
    """Of each factor's returns, from 0; ties share their mean."""
    found = np.empty_like(returns)
    for factor, series in enumerate(returns.T):
        _, which, count = np.unique(series, return_inverse=True, return_counts=True)
        found[:, factor] = (np.cumsum(count) - (count + 1) / 2)[which]
    return found
