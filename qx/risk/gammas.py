"""Ratios of gamma functions, as the densities need them.

Taken by C. Loader, "Fast and accurate computation of binomial probabilities" (2000): with counts in the millions the
difference of log-gammas would lose half of its digits.
"""

from __future__ import annotations

import math
from typing import Final

_LOG_TWO_PI: Final = math.log(2 * math.pi)


def binomial(k: float, n: float, p: float, q: float) -> float:
    """Gamma(n+1) / (Gamma(k+1) Gamma(n-k+1)) p^k q^(n-k), of any real 0 <= k <= n, with q = 1 - p."""
    if p <= 0 or q <= 0:
        return float(k == 0 if p <= 0 else k == n)
    if k == 0:
        return math.exp(n * math.log1p(-p))
    if k == n:
        return math.exp(n * math.log1p(-q))
    rest = n - k
    power = stirling(n) - stirling(k) - stirling(rest) - deviance(k, n * p) - deviance(rest, n * q)
    return math.exp(power - (_LOG_TWO_PI + math.log(k) + math.log1p(-k / n)) / 2)


def poisson(k: float, mean: float) -> float:
    """mean^k exp(-mean) / Gamma(k+1), k > 0."""
    return math.exp(-stirling(k) - deviance(k, mean)) / math.sqrt(2 * math.pi * k)


def gamma_step(x: float) -> float:
    """Gamma(x + 1/2) / Gamma(x)."""
    return math.sqrt(x) * math.exp(stirling(x + 0.5) - stirling(x) + x * math.log1p(0.5 / x) - 0.5)


def stirling(n: float) -> float:
    """Of log Gamma(n+1), what Stirling's formula leaves."""
    if n <= 15:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - _LOG_TWO_PI / 2
    square = n * n
    series = 691 / 360360
    for coefficient in (1 / 1188, 1 / 1680, 1 / 1260, 1 / 360, 1 / 12):
        series = coefficient - series / square
    return series / n


def deviance(x: float, mean: float) -> float:
    """Of `x` from `mean`: x log(x / mean) + mean - x, to all digits when they are close."""
    gap = x - mean
    if abs(gap) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - gap
    ratio = gap / (x + mean)
    total = gap * ratio
    power = 2 * x * ratio
    for odd in range(3, 1001, 2):
        power *= ratio * ratio
        if (longer := total + power / odd) == total:
            break
        total = longer
    return total
