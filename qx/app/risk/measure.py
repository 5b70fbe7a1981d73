"""`qx risk var|es`: a portfolio measured, and told as its document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

import qx
from qx.app.risk.drilled import apart, breakdowns
from qx.app.risk.estimated import Estimated
from qx.app.risk.estimators import estimated
from qx.app.risk.inputs import Loaded, Named, load
from qx.model.risk_answers import ErrorInterval, RiskFigures, TailScenario
from qx.risk.level import written

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.risk.asked import Asked
    from qx.model.risk_answers import Liquidity
    from qx.risk.estimate import Estimate, Interval

WORST = 10  # scenarios that the document tells


class Measured(NamedTuple):
    """`document` is what is answered; the rest is for those who go on from there."""

    document: RiskFigures
    loaded: Loaded
    run: Estimated
    asked: Asked

    def regions(self) -> dict[str, Estimate]:
        """Of each region by itself; empty where the method cannot tell, or there are too many."""
        return apart(self.loaded, self.run, "region")


def measured(
    named: Named, asked: Asked, measure: Literal["var", "es"], tell: Callable[[str, int, float], None]
) -> Measured:
    """`tell` hears of a simulation: `draw` and `apart`, draws done, share of all. Raises QX-RISK-001 to 012, 015."""
    loaded = load(
        named.files, asked.currency, as_of=asked.as_of, window=asked.window, greeks=asked.revaluation == "greeks",
        correlations=asked.correlations,
    )
    run = estimated(loaded, asked, tell)
    return Measured(_document(loaded, run, asked, measure), loaded, run, asked)


def _document(loaded: Loaded, run: Estimated, asked: Asked, measure: Literal["var", "es"]) -> RiskFigures:
    found = run.estimate
    es = None if math.isnan(found.es) else found.es
    return RiskFigures(
        measure=measure, var=found.var, es=es, currency=asked.currency, alpha=written(asked.alpha),
        horizon_days=asked.horizon, method=asked.method, as_of=loaded.market.as_of.isoformat(),
        var_interval=interval_of(found.var_interval), es_interval=interval_of(found.es_interval),
        convention=run.convention, value=float(loaded.book.value().sum()), positions=len(loaded.book.names),
        factors=len(loaded.market.factors), scenarios=run.scenarios, worst=_worst(run),
        by=breakdowns(loaded, run, asked.by, split=asked.split) if _apart(run) else (),
        notes=run.notes,
        treatments=(*loaded.treatments, *run.treatments), inputs=loaded.inputs, simulation=run.simulation,
        liquidity=_liquid(loaded, asked), software={"qx": qx.__version__, "numpy": np.__version__},
    )  # fmt: skip


def _liquid(loaded: Loaded, asked: Asked) -> Liquidity | None:
    if not asked.liquidity:
        return None
    from qx.app.risk.liquid import liquid

    return liquid(loaded, asked)


def _apart(run: Estimated) -> bool:
    return run.split is not None or run.gradients is not None


def interval_of(found: Interval | None) -> ErrorInterval | None:
    return None if found is None else ErrorInterval(**found._asdict())


def _worst(run: Estimated) -> tuple[TailScenario, ...]:
    """Those of which the ES is made, the worst first; of a closed form none."""
    at, pnl = run.worst(WORST)
    return tuple(
        TailScenario(date=run.name(int(n)), pnl=float(loss), days=run.days) for n, loss in zip(at, pnl, strict=True)
    )
