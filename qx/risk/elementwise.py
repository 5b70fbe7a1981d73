"""Normal and Student-t distribution functions of whole arrays, in numpy alone.

All take and give float64 arrays of any shape; NaN stays NaN. Work is done in blocks that stay in the cache.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from qx.risk.gammas import gamma_step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

BLOCK: Final = 8192  # 64 KiB a temporary: a handful of them fit in the second-level cache
MANY: Final = 10_000  # degrees of freedom, from which on t is a normal with corrections

# P(Z > z) exp(z^2/2) on [0, 40], a minimax fit with relative error 3e-15; highest power first.
_ABOVE: Final = (
    0.39894228041573412043, 9.1134460788958143641, 101.59405161096974832, 709.50038500094891971,
    3368.1513246384414711, 11103.791342778533488, 24899.197966762077068, 35073.07187830971563, 24364.392228037115596,
)  # fmt: skip
_BELOW: Final = (
    1.0, 22.844021627306555484, 255.65852176010529725, 1801.2977738004467902, 8695.3610167751170242,
    29565.862608333787804, 70356.08256106479709, 112424.23647630749103, 109026.08854083530386, 48728.784456074089174,
)  # fmt: skip
_NOTHING: Final = 40.0  # beyond, doubles know no probability

# M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), PPND16; highest power first.
_CENTRE: Final = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE: Final = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_OUTER: Final = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def blockwise(one: Callable[[Floats, Floats], None], x: Floats) -> Floats:
    """`one(part, out)` for each block of the flattened `x`; the answer has its shape."""
    x = np.asarray(x, dtype=np.float64)
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty_like(flat)
    for start in range(0, flat.size, BLOCK):
        one(flat[start : start + BLOCK], out[start : start + BLOCK])
    return out.reshape(x.shape)


def normal_cdf(x: Floats) -> Floats:
    """Relative error below 1e-13 in the lower tail too, while the value is no denormal."""
    return blockwise(_normal_cdf, x)


def normal_ppf(p: Floats) -> Floats:
    """0 gives -inf, 1 inf, outside of them NaN. Relative error about 1e-16 times the slope."""
    return blockwise(_normal_ppf, p)


def t_cdf(x: Floats, degrees: float) -> Floats:
    """Student's t with `degrees` > 0, scale 1. Relative error below 1e-12 in the lower tail."""
    if not degrees > 0:
        raise ValueError(f"{degrees} degrees of freedom")
    return blockwise(lambda part, out: _t_cdf(part, out, degrees), x)


def _horner(coefficients: Sequence[float], x: Floats) -> Floats:
    out = x * coefficients[0]
    out += coefficients[1]
    for coefficient in coefficients[2:]:
        out *= x
        out += coefficient
    return out


def _normal_cdf(x: Floats, out: Floats) -> None:
    size = np.abs(x)
    np.minimum(size, _NOTHING, out=size)
    np.multiply(size, size, out=out)
    out *= -0.5
    np.exp(out, out=out)
    out *= _horner(_ABOVE, size)
    out /= _horner(_BELOW, size)
    np.subtract(1.0, out, out=out, where=x > 0)


def _normal_ppf(p: Floats, out: Floats) -> None:
    q = p - 0.5
    r = 0.180625 - q * q
    centre, tail = _CENTRE, np.abs(q) > 0.425
    np.divide(_horner(centre[0], r) * q, _horner(centre[1], r), out=out)
    if not tail.any():
        return
    low = np.minimum(p[tail], 1.0 - p[tail])
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.sqrt(-np.log(low))
        middle, outer = np.minimum(s, 5.0) - 1.6, np.clip(s, 5.0, 27.0) - 5.0
        value = np.where(
            s <= 5.0,
            _horner(_MIDDLE[0], middle) / _horner(_MIDDLE[1], middle),
            _horner(_OUTER[0], outer) / _horner(_OUTER[1], outer),
        )
    value[low == 0] = np.inf
    value[~(low >= 0)] = np.nan
    out[tail] = np.copysign(value, q[tail])


def _t_cdf(x: Floats, out: Floats, degrees: float) -> None:
    """Half the incomplete beta of degrees/(degrees + x^2); near 0, where that is close to 1, its complement."""
    if degrees >= MANY:
        _normal_cdf(np.copysign(hill(x, degrees), x), out)
        return
    with np.errstate(over="ignore", divide="ignore"):
        square = x * x
        ratio = degrees / (degrees + square)
        rest = 1.0 / (1.0 + degrees / square)
    a, b = degrees / 2, 0.5
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        # (degrees/(degrees+x^2))^a by log1p: the ratio itself is rounded too soon when there are many degrees
        front = gamma_step(a) / math.sqrt(math.pi) * np.exp(-a * np.log1p(square / degrees)) * np.sqrt(rest)
        tail = np.where(
            ratio < (a + 1) / (a + b + 2),
            front * _fraction(a, b, ratio) / (2 * a),
            0.5 - front * _fraction(b, a, rest) / (2 * b),
        )
    tail[np.isinf(x)] = 0.0
    np.copyto(out, np.where(x <= 0, tail, 1.0 - tail))
    out[np.isnan(x)] = np.nan


def hill(x: Floats, degrees: float) -> Floats:
    """G. W. Hill, "Algorithm 395", CACM 13 (1970): the |z| beyond which lies as much as beyond |x|."""
    a = degrees - 0.5
    b = 48 * a * a
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.minimum(a * np.log1p(x * x / degrees), _NOTHING**2)
        z = np.sqrt(square)
        more = ((4 * square + 33) * square + 240) * square + 855
        return z * (1 + (square + 3) / b - more / (10 * b * (b + 0.8 * square * square + 100)))


def _fraction(a: float, b: float, x: Floats) -> Floats:
    """The continued fraction of the incomplete beta function where it converges fast; elsewhere no matter what."""
    x = np.minimum(x, (a + 1) / (a + b + 2))
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1.0 / (1.0 - (a + b) / (a + 1) * x)
    value = d.copy()
    for m in range(1, 100_000):
        for numerator in (
            m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            step = numerator * x
            d = 1.0 + step * d
            d[d == 0] = tiny
            d = 1.0 / d
            c = 1.0 + step / c
            c[c == 0] = tiny
            value *= c * d
        if not np.any(np.abs(c * d - 1.0) > 1e-15):
            return value
    raise ArithmeticError(f"no convergence at {a}, {b}")
