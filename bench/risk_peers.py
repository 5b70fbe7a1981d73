"""The peers on their own: what riskfolio-lib, skfolio, quantstats and QuantLib take for work that they are given.

    PYTHON risk_peers.py WORK.npz

Run by bench.risk in an interpreter that has them; needs nothing of qx. WORK.npz: `returns` (T, N), `weights` (N,), and
for options `forward`, `strike`, `years`, `vol`, `rate` (n,) with `shocked` (S, n) forwards. Prints one JSON object:
name -> {seconds, value} or {missing}.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL = 0.99
FORMULAS = 300_000  # calls of blackFormula that are timed


def main() -> None:
    warnings.simplefilter("ignore")
    work = dict(np.load(sys.argv[1]))
    said: dict[str, dict[str, Any]] = {}
    cases: dict[str, Callable[[], dict[str, Any]]] = {}
    if "returns" in work:
        cases |= {
            "riskfolio": lambda: _riskfolio(work["returns"], work["weights"]),
            "skfolio": lambda: _skfolio(work["returns"], work["weights"]),
            "quantstats": lambda: _quantstats(work["returns"] @ work["weights"]),
            "quantlib": lambda: _quantlib(work["returns"] @ work["weights"]),
        }
    if "shocked" in work:
        cases["blackFormula"] = lambda: _formulas(work)
    for name, case in cases.items():
        try:
            said[name] = case()
        except ImportError as error:
            said[name] = {"missing": str(error)}
    print(json.dumps(said))


def _riskfolio(returns: Any, weights: Any) -> dict[str, Any]:
    """Component VaR and component ES, by central differences, as the library does it."""
    import pandas as pd
    import riskfolio

    names = [f"P{number}" for number in range(returns.shape[1])]
    frame = pd.DataFrame(returns, columns=names)
    held = pd.DataFrame(weights.reshape(-1, 1), index=names, columns=["weights"])
    covariance = frame.cov()
    level = 1 - LEVEL

    def both() -> list[float]:
        return [
            float(np.sum(riskfolio.Risk_Contribution(held, frame, covariance, rm=measure, rf=0, alpha=level)))
            for measure in ("VaR", "CVaR")
        ]

    seconds, value = _once(both)
    return {"seconds": seconds, "value": value}


def _skfolio(returns: Any, weights: Any) -> dict[str, Any]:
    """Component VaR and component ES."""
    import pandas as pd
    from skfolio import Portfolio, RiskMeasure
    from skfolio.measures import ExtraRiskMeasure

    names = [f"P{number}" for number in range(returns.shape[1])]
    frame = pd.DataFrame(returns, columns=names)
    portfolio = Portfolio(X=frame, weights=weights, cvar_beta=LEVEL, value_at_risk_beta=LEVEL)

    def both() -> list[float]:
        measures = (ExtraRiskMeasure.VALUE_AT_RISK, RiskMeasure.CVAR)
        return [float(np.sum(portfolio.contribution(measure=measure))) for measure in measures]

    seconds, value = _once(both)
    return {"seconds": seconds, "value": value}


def _quantstats(pnl: Any) -> dict[str, Any]:
    """VaR and ES of the whole only: it splits nothing."""
    import pandas as pd
    from quantstats import stats

    series = pd.Series(pnl, index=pd.bdate_range("2015-01-01", periods=len(pnl)))

    def both() -> list[float]:
        return [float(stats.value_at_risk(series, confidence=LEVEL)), float(stats.cvar(series, confidence=LEVEL))]

    seconds, value = _best(both)
    return {"seconds": seconds, "value": value, "whole": True}


def _quantlib(pnl: Any) -> dict[str, Any]:
    """VaR and ES of the whole only."""
    import QuantLib

    def both() -> list[float]:
        statistics = QuantLib.RiskStatistics()
        for value in pnl.tolist():
            statistics.add(value)
        return [float(statistics.valueAtRisk(LEVEL)), float(statistics.expectedShortfall(LEVEL))]

    seconds, value = _best(both)
    return {"seconds": seconds, "value": value, "whole": True}


def _formulas(work: dict[str, Any]) -> dict[str, Any]:
    """`FORMULAS` calls of the formula, options by turns: seconds for each price."""
    import QuantLib

    price, call = QuantLib.blackFormula, QuantLib.Option.Call
    count = work["shocked"].shape[1]
    rows = max(1, FORMULAS // count)
    shocked = work["shocked"][:rows].tolist()
    strike, deviation = work["strike"].tolist(), (work["vol"] * np.sqrt(work["years"])).tolist()
    discount = np.exp(-work["rate"] * work["years"]).tolist()
    began = time.perf_counter()
    priced = [
        [price(call, strike[n], forward, deviation[n], discount[n]) for n, forward in enumerate(row)] for row in shocked
    ]
    took = time.perf_counter() - began
    return {"seconds": took / (rows * count), "value": [float(np.sum(priced))], "rows": rows}


def _once(work: Callable[[], list[float]]) -> tuple[float, list[float]]:
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def _best(work: Callable[[], list[float]], times: int = 5) -> tuple[float, list[float]]:
    """The median, after a first that warms up."""
    value = work()
    took = sorted(_once(work)[0] for _ in range(times))
    return took[times // 2], value


if __name__ == "__main__":
    main()
