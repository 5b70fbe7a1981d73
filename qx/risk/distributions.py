"""Distribution functions: normal, Student-t, chi-square, binomial. Plain numbers in, plain numbers out.

`normal_cdf`, `normal_ppf` and `t_cdf` take whole arrays too. Relative error about 1e-13 in the lower tails, with counts
in the millions. A parameter outside its range raises ValueError.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias, overload

import numpy as np

from qx.risk import elementwise
from qx.risk.gammas import binomial, gamma_step, poisson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

_EPS: Final = 1.2e-16


# -- normal ----------------------------------------------------------------------------------------
def normal_pdf(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


@overload
def normal_cdf(x: float) -> float: ...
@overload
def normal_cdf(x: Floats) -> Floats: ...
def normal_cdf(x: float | Floats) -> float | Floats:
    """P(Z <= x); the upper tail is `normal_cdf(-x)`."""
    if isinstance(x, np.ndarray):
        return elementwise.normal_cdf(x)
    return math.erfc(-x / math.sqrt(2)) / 2


@overload
def normal_ppf(p: float) -> float: ...
@overload
def normal_ppf(p: Floats) -> Floats: ...
def normal_ppf(p: float | Floats) -> float | Floats:
    """The x with P(Z <= x) = p, by Wichura's AS 241. 0 gives -inf, 1 inf; outside, NaN."""
    if isinstance(p, np.ndarray):
        return elementwise.normal_ppf(p)
    return float(elementwise.normal_ppf(np.array([p]))[0])


# -- Student-t, scale 1 ----------------------------------------------------------------------------
def t_pdf(x: float, degrees: float) -> float:
    _positive(degrees)
    half = degrees / 2
    return gamma_step(half) / math.sqrt(degrees * math.pi) * math.exp(-(half + 0.5) * math.log1p(x * x / degrees))


@overload
def t_cdf(x: float, degrees: float) -> float: ...
@overload
def t_cdf(x: Floats, degrees: float) -> Floats: ...
def t_cdf(x: float | Floats, degrees: float) -> float | Floats:
    """P(T <= x); the upper tail is `t_cdf(-x, degrees)`."""
    if isinstance(x, np.ndarray):
        return elementwise.t_cdf(x, degrees)
    _positive(degrees)
    if degrees >= elementwise.MANY or math.isinf(x):
        return float(elementwise.t_cdf(np.array([x]), degrees)[0])
    square = x * x
    tail = _beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2
    return tail if x <= 0 else 1 - tail


def t_ppf(p: float, degrees: float) -> float:
    """The x with P(T <= x) = p, for 0 < p < 1."""
    _positive(degrees)
    _inside(p)
    if p == 0.5:
        return 0.0
    tail = min(p, 1 - p)
    return math.copysign(_t_upper(tail, degrees), p - 0.5)


def _t_upper(tail: float, degrees: float) -> float:
    """Newton from the side on which it cannot overshoot: P(T > x) is convex in x, log P(T > x) concave in log x."""
    if tail > 0.1:
        x = 0.0
        for _ in range(200):
            step = (t_cdf(-x, degrees) - tail) / t_pdf(x, degrees)
            x += step
            if abs(step) <= _EPS * 4 * x:
                break
        return x
    x = max(-normal_ppf(tail), 1.0)
    for _ in range(200):
        above = t_cdf(-x, degrees)
        if above == 0:  # the guess lies where nothing is left
            x /= 2
            continue
        step = math.log(above / tail) * above / (x * t_pdf(x, degrees))
        x *= math.exp(step)
        if abs(step) <= _EPS * 4:
            break
    return x


# -- chi-square ------------------------------------------------------------------------------------
def chi2_sf(x: float, degrees: float) -> float:
    """P(X > x)."""
    _positive(degrees)
    if x <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    if degrees == 1:
        return math.erfc(math.sqrt(x / 2))
    if degrees == 2:
        return math.exp(-x / 2)
    return _upper_gamma(degrees / 2, x / 2)


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function."""
    front = poisson(a, x)
    if x < a + 1:
        term = total = 1.0
        n = a
        while term > total * _EPS:
            n += 1
            term *= x / n
            total += term
        return 1 - front * total
    # Lentz's way through the continued fraction
    b = x + 1 - a
    c, d = 1e300, 1 / b
    value = d
    for n in range(1, 100_000):
        step = -n * (n - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        value *= c * d
        if abs(c * d - 1) < 2 * _EPS:
            return front * a * value
    raise ArithmeticError(f"no convergence at {a}, {x}")


# -- binomial --------------------------------------------------------------------------------------
def binomial_pmf(k: int, n: int, p: float) -> float:
    """P(N = k) of n trials with chance p each."""
    _trials(n, p)
    if not 0 <= k <= n:
        return 0.0
    return binomial(k, n, p, 1 - p)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(N <= k)."""
    _trials(n, p)
    if k < 0:
        return 0.0
    return 1.0 if k >= n else _beta(n - k, k + 1, 1 - p, p)


def binomial_sf(k: int, n: int, p: float) -> float:
    """P(N > k)."""
    _trials(n, p)
    if k < 0:
        return 1.0
    return 0.0 if k >= n else _beta(k + 1, n - k, p, 1 - p)


def binomial_ppf(q: float, n: int, p: float) -> int:
    """The smallest k with P(N <= k) >= q, for 0 < q < 1."""
    _trials(n, p)
    _inside(q)
    k = min(max(round(n * p + normal_ppf(q) * math.sqrt(n * p * (1 - p))), 0), n)
    below = binomial_cdf(k, n, p)
    while below < q:
        k += 1
        below += binomial_pmf(k, n, p)
    while k > 0 and (lower := below - binomial_pmf(k, n, p)) >= q:
        k, below = k - 1, lower
    return k


# -- beta ------------------------------------------------------------------------------------------
def _beta(a: float, b: float, x: float, y: float) -> float:
    """I_x(a, b) with y = 1 - x given apart, so that neither is rounded."""
    if x <= 0 or y <= 0:
        return float(y <= 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_part(b, a, y, x)
    return _beta_part(a, b, x, y)


def _beta_part(a: float, b: float, x: float, y: float) -> float:
    front = binomial(a, a + b, x, y) * b / (a + b)
    c, d = 1.0, 1 / (1 - (a + b) / (a + 1) * x)
    value = d
    for m in range(1, 1_000_000):
        step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + step * d or 1e-300)
        c = 1 + step / c or 1e-300
        value *= c * d
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + step * d or 1e-300)
        c = 1 + step / c or 1e-300
        value *= c * d
        if abs(c * d - 1) < 2 * _EPS:
            return front * value
    raise ArithmeticError(f"no convergence at {a}, {b}, {x}")


# -- ranges ----------------------------------------------------------------------------------------
def _positive(value: float) -> None:
    if not value > 0:
        raise ValueError(f"not above 0: {value}")


def _inside(p: float) -> None:
    if not 0 < p < 1:
        raise ValueError(f"not a probability between 0 and 1: {p}")


def _trials(n: int, p: float) -> None:
    if n < 0 or not 0 <= p <= 1:
        raise ValueError(f"{n} trials with chance {p}")
