"""J. Hull, Risk Management and Financial Institutions: four indices, 500 days, $10 million. Amounts in $000."""

from __future__ import annotations

import csv
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

FILE = Path(os.environ.get("QX_REFERENCE_DIR", "/nonexistent")) / "risk" / "hull_rmfi_four_index.csv"
needed = pytest.mark.skipif(
    not FILE.is_file(), reason="QX_REFERENCE_DIR names no directory with `risk/hull_rmfi_four_index.csv`"
)
HELD = np.array([4000.0, 3000.0, 1000.0, 2000.0])  # DJIA, FTSE 100, CAC 40, Nikkei 225
P99 = Fraction(99, 100)


def returns() -> NDArray[np.float64]:
    """(500, 4)."""
    with FILE.open(encoding="utf-8") as lines:
        levels = np.array([[float(cell) for cell in row[1:]] for row in list(csv.reader(lines))[1:]])
    moves: NDArray[np.float64] = levels[1:] / levels[:-1] - 1
    return moves
