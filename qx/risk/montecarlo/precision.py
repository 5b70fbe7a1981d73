"""When to stop: as soon as the interval of the VaR is as narrow as was asked for.

A run is looked at after the same numbers of chunks, whoever worked on them, so it ends with the same one everywhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qx.risk.montecarlo.kept import Figures

APART = 16
"""After so many chunks looks lie a sixteenth of the run apart: a long one does not spend its time with looking."""


def next_look(chunks: int) -> int:
    """After how many chunks to look again when that many were looked at; the first look is `next_look(0)`."""
    return chunks + max(1, chunks // APART)


def met(figures: Figures, wanted: float) -> bool:
    """`wanted`: half the width of the interval over the VaR."""
    return figures.relative <= wanted


def expected(figures: Figures, draws: int, wanted: float, most: int) -> int:
    """How many draws it should take in all, `draws` of them done: the width falls with their square root."""
    if not math.isfinite(figures.relative):
        return most
    return min(max(draws, math.ceil(draws * (figures.relative / wanted) ** 2)), most)
