"""Are there as many exceptions as the level says? Kupiec's two tests, on numbers or whole arrays of counts.

P. Kupiec, "Techniques for verifying the accuracy of risk measurement models", Journal of Derivatives 3 (1995).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]


def log_likelihood(hits: ArrayLike, misses: ArrayLike, chance: ArrayLike) -> Floats:
    """Of each: hits log(chance) + misses log(1 - chance), where 0 log 0 is 0; shapes broadcast."""
    hits, misses, chance = (np.asarray(one, dtype=np.float64) for one in (hits, misses, chance))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(hits > 0, hits * np.log(chance), 0.0) + np.where(misses > 0, misses * np.log1p(-chance), 0.0)


def kupiec(days: ArrayLike, exceptions: ArrayLike, chance: float) -> Floats:
    """Proportion of failures: likelihood ratio of `exceptions` in `days` >= 1, chi-square with 1 degree when right."""
    days, exceptions = np.asarray(days, dtype=np.float64), np.asarray(exceptions, dtype=np.float64)
    misses = days - exceptions
    found = log_likelihood(exceptions, misses, exceptions / days)
    return np.maximum(-2 * (log_likelihood(exceptions, misses, chance) - found), 0.0)


def first_failure(first: ArrayLike, chance: float) -> Floats:
    """Time until first failure: likelihood ratio of a first exception on day `first`, from 1. Chi-square likewise."""
    first = np.asarray(first, dtype=np.float64)
    return kupiec(first, 1.0, chance)


def no_failure(days: ArrayLike, chance: float) -> Floats:
    """The same of a series in which none has come for `days`."""
    return kupiec(days, 0.0, chance)
