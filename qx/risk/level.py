"""Confidence levels held exactly: (1 - 0.99) * 500 is 5, which in doubles it is not."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

from qx.kernel.errors import QxError

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*")


class Tail(NamedTuple):
    """Of `count` scenarios of equal weight, those beyond the level."""

    mass: Fraction  # (1 - alpha) * count
    k: int  # the smallest whole number not below it


def level(text: str) -> Fraction:
    """`99%`, `0.99` -> 99/100. Raises QX-RISK-001 unless it is above 0 and below 1."""
    match = _WRITTEN.fullmatch(text)
    value = Fraction(match[1]) / (100 if match[2] else 1) if match else Fraction(0)
    if not 0 < value < 1:
        raise QxError("QX-RISK-001", f"no confidence level: {text}", hint="above 0 and below 100%, as 99% or 0.975")
    return value


def tail(alpha: Fraction, count: int) -> Tail:
    """Raises ValueError when `count` is below 1."""
    if count < 1:
        raise ValueError(f"{count} scenarios")
    mass = (1 - alpha) * count
    return Tail(mass, math.ceil(mass))


def written(alpha: Fraction) -> str:
    """99/100 -> 99%, 399/400 -> 99.75%; a fraction that ends nowhere stays one."""
    percent = alpha * 100
    places = next((n for n in range(8) if (percent * 10**n).denominator == 1), None)
    return f"{percent}" if places is None else f"{float(percent):.{places}f}%"
