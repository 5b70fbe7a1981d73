"""Do exceptions come one by one? P. Christoffersen, "Evaluating interval forecasts", International Economic Review 39
(1998): an exception should be as likely after an exception as after a quiet day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from qx.risk.backtest.coverage import log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


class Transitions(NamedTuple):
    """Of T days, T - 1 steps from one day to the next; arrays of one shape."""

    quiet_quiet: Floats
    quiet_hit: Floats
    hit_quiet: Floats
    hit_hit: Floats


def transitions(hits: NDArray[np.bool_]) -> Transitions:
    """`hits` (T, ...), T >= 1, in the order of the days."""
    before, after = hits[:-1], hits[1:]
    both = np.count_nonzero(before & after, axis=0).astype(np.float64)
    hit_quiet = np.count_nonzero(before, axis=0) - both
    quiet_hit = np.count_nonzero(after, axis=0) - both
    return Transitions(len(before) - both - hit_quiet - quiet_hit, quiet_hit, hit_quiet, both)


def christoffersen(steps: Transitions) -> Floats:
    """Likelihood ratio of independence, chi-square with 1 degree when they are; 0 where nothing ever failed."""
    after_quiet, after_hit = steps.quiet_quiet + steps.quiet_hit, steps.hit_quiet + steps.hit_hit
    hits = steps.quiet_hit + steps.hit_hit
    apart = log_likelihood(steps.quiet_hit, steps.quiet_quiet, _share(steps.quiet_hit, after_quiet)) + log_likelihood(
        steps.hit_hit, steps.hit_quiet, _share(steps.hit_hit, after_hit)
    )
    total = after_quiet + after_hit
    return np.maximum(2 * (apart - log_likelihood(hits, total - hits, _share(hits, total))), 0.0)


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.maximum(whole, 1.0)
