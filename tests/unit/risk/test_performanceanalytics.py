"""PerformanceAnalytics' own snapshots of VaR and ES: 13 hedge fund indices of EDHEC, 293 months, all 104 figures.

What it prints is cut off after four places, not rounded.
"""

from __future__ import annotations

import csv
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from qx.risk.emulate import emulate

FILE = Path(os.environ.get("QX_REFERENCE_DIR", "/nonexistent")) / "risk" / "pa_edhec_293.csv"
P95, P99 = Fraction(95, 100), Fraction(99, 100)
SERIES = (
    "Convertible Arbitrage", "CTA Global", "Distressed Securities", "Emerging Markets", "Equity Market Neutral",
    "Event Driven", "Fixed Income Arbitrage", "Global Macro", "Long/Short Equity", "Merger Arbitrage",
    "Relative Value", "Short Selling", "Funds of Funds",
)  # fmt: skip
PUBLISHED = {
    ("var", P95, "historical"): (
        .0150, .0314, .0197, .0423, .0083, .0255, .0072, .0149, .0262, .0106, .0114, .0667, .0203),
    ("var", P95, "parametric"): (
        .0217, .0331, .0229, .0469, .0091, .0246, .0143, .0184, .0276, .0132, .0137, .0759, .0219),
    ("var", P95, "cornish-fisher"): (
        .0256, .0320, .0280, .0534, .0109, .0296, .0177, .0138, .0295, .0150, .0173, .0621, .0230),
    ("var", P99, "cornish-fisher"): (
        .0953, .0456, .0709, .1261, .0387, .0843, .0603, .0230, .0565, .0576, .0488, .1093, .0542),
    ("es", P95, "historical"): (
        .0387, .0406, .0413, .0754, .0175, .0444, .0290, .0210, .0448, .0233, .0271, .0948, .0356),
    ("es", P95, "parametric"): (
        .0287, .0426, .0305, .0606, .0125, .0325, .0191, .0245, .0363, .0180, .0187, .0949, .0286),
    ("es", P95, "cornish-fisher"): (
        .0894, .0403, .0673, .1157, .0367, .0811, .0530, .0169, .0485, .0513, .0475, .0675, .0459),
    ("es", P99, "cornish-fisher"): (
        .0953, .0520, .0709, .1261, .0387, .0843, .0603, .0230, .0658, .0576, .0488, .1941, .0542),
}  # fmt: skip


@pytest.mark.skipif(
    not FILE.is_file(), reason="QX_REFERENCE_DIR names no directory with `risk/pa_edhec_293.csv`: the returns of "
    "data/edhec.rda of braverock/PerformanceAnalytics, a column for each index"
)
@pytest.mark.parametrize(("which", "alpha", "method"), PUBLISHED, ids=lambda part: str(part).replace("/", " of "))
def test_edhec(which: str, alpha: Fraction, method: str) -> None:
    with FILE.open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    at = [rows[0].index(name) for name in SERIES]
    returns = np.array([[float(row[place]) for place in at] for row in rows[1:]])
    assert returns.shape == (293, 13)
    found = [getattr(emulate(series, alpha, "performanceanalytics", method), which) for series in returns.T]
    assert [each for each in found if each is None] == []
    cut = np.floor(np.array(found) * 1e4 + 1e-9) / 1e4
    assert cut.tolist() == pytest.approx(PUBLISHED[which, alpha, method], abs=1e-9)
