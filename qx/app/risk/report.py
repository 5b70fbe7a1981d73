"""`qx risk report`: the figures of `qx risk var` with their distribution, a backtest, stress and correlations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from qx.app.risk.measure import measured
from qx.app.risk.stress import known, under
from qx.app.risk.tested import tested
from qx.model.risk_report import Bin, Correlation, Distribution, RiskReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.risk.asked import Asked
    from qx.app.risk.estimated import Estimated
    from qx.app.risk.inputs import Loaded, Named

BINS = 64
MOST = 24  # factors of a correlation picture


def reported(named: Named, asked: Asked, tell: Callable[[str, int, float], None]) -> RiskReport:
    """Raises QX-RISK-001 to 013, 015."""
    found = measured(named, asked, "var", tell)
    loaded = found.loaded
    scenarios, read = known(named)
    stress, notes = under(loaded, scenarios, ("book", "factor"))
    backtest = tested(loaded, asked.alpha)
    figures = msgspec.structs.replace(found.document, inputs=found.document.inputs + read)
    return RiskReport(
        portfolio=Path(named.portfolio).name, figures=figures, distribution=_distribution(found.run),
        backtest=backtest.found, untested=backtest.why_not, stress=tuple(sorted(stress, key=lambda each: each.pnl)),
        unstressed=notes, correlation=_correlation(loaded),
    )  # fmt: skip


def _distribution(run: Estimated) -> Distribution | None:
    """Of the horizon, as the figures beside it are."""
    if run.pnl is None:
        return None
    pnl = run.pnl * run.stretch
    counts, edges = np.histogram(pnl, bins=min(BINS, max(8, len(pnl) // 4)))
    mean, deviation = float(pnl.mean()), float(pnl.std())
    bins = zip(edges, edges[1:], counts, strict=False)
    standard = (pnl - mean) / deviation if deviation else None
    return Distribution(
        scenarios=len(pnl), mean=mean, deviation=deviation,
        skewness=None if standard is None else float((standard**3).mean()),
        excess_kurtosis=None if standard is None else float((standard**4).mean()) - 3,
        worst=float(pnl.min()), best=float(pnl.max()),
        bins=tuple(Bin(float(low), float(high), int(count)) for low, high, count in bins),
    )  # fmt: skip


def _correlation(loaded: Loaded) -> Correlation | None:
    """Of the factors that the book leans on most: exposure times deviation."""
    market = loaded.market
    deviation = market.returns.std(axis=0) if len(market.returns) > 1 else np.zeros(len(market.factors))
    weight = np.abs(loaded.book.exposures().by_factor(len(market.factors))) * deviation
    moving = np.flatnonzero(deviation > 0)
    chosen = np.sort(moving[np.argsort(-weight[moving], kind="stable")[:MOST]])
    if len(chosen) < 2:
        return None
    matrix = np.clip(np.corrcoef(market.returns[:, chosen].T), -1.0, 1.0)
    return Correlation(
        factors=tuple(market.factors[at].factor for at in chosen), left_out=len(moving) - len(chosen),
        matrix=tuple(tuple(float(value) for value in row) for row in matrix),
    )  # fmt: skip
