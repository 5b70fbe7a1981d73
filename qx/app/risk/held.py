"""Held: figures by scope, as limits ask for them: VaR and ES by itself, stress, delta, vega, drawdown. Each once."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.app.risk import files
from qx.app.risk.asked import Asked, days_of
from qx.app.risk.drilled import OF_FACTORS, groups, money_per_factor
from qx.app.risk.estimators import of_history
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean, plural
from qx.model.risk_answers import LEVELS
from qx.risk.level import level, written
from qx.risk.limits import ALPHA, HORIZON, TAIL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.app.risk.estimated import Estimated
    from qx.app.risk.inputs import Loaded, Named
    from qx.model.risk import Limit
    from qx.model.risk_answers import InputFile

    Floats = NDArray[np.float64]

TOTAL = "total"
UNJUDGED = "QX-RISK-014"
_EVERYTHING = ("", "*", TOTAL)
_POINT = 0.01  # of volatility, for which vega is told
_OF_PRICES = frozenset({"price", "basis"})


class Told(NamedTuple):
    """In the currency of the run; a loss or a size."""

    value: float
    because: str = ""


class Held:
    """A portfolio, as limits look at it. Figures are historical, of each scope by itself."""

    def __init__(self, loaded: Loaded, named: Named, asked: Asked) -> None:
        self._loaded, self._named, self._asked = loaded, named, asked
        self.inputs: list[InputFile] = []

    def figure(self, limit: Limit) -> Told:
        """Raises QX-RISK-014 and what the measure raises."""
        which = self._where(limit)
        if limit.measure in TAIL:
            return self._tail(limit, which)
        if limit.measure == "drawdown":
            return self._drawdown(limit)
        if limit.measure == "stress":
            return self._stress(limit, which)
        return self._slope(limit, which)

    def rate(self, currency: str) -> float:
        """What one unit of `currency` is in that of the run. Raises QX-RISK-006."""
        if not currency or currency == self._asked.currency:
            return 1.0
        market = self._loaded.market
        return float(market.fx(currency, self._asked.currency).rate(market.base))

    def _where(self, limit: Limit) -> NDArray[np.bool_] | None:
        """(n,) of positions, or (F,) of factors, that the scope means; None: all. Raises QX-RISK-014."""
        if limit.scope_level == TOTAL:
            if limit.scope not in _EVERYTHING:
                hint = "leave scope empty, or name its level"
                raise QxError(UNJUDGED, f"total has no part '{limit.scope}'", hint=hint)
            return None
        if limit.scope_level not in LEVELS:
            hint = did_you_mean(limit.scope_level, (TOTAL, *LEVELS))
            raise QxError(UNJUDGED, f"no level '{limit.scope_level}'", hint=hint)
        if limit.measure == "drawdown" and limit.scope_level == "book":
            return None  # pnl.csv has books of its own
        made = groups(self._loaded, limit.scope_level)
        if limit.scope not in made.names:
            said = f"no {limit.scope_level} '{limit.scope}' among the positions"
            raise QxError(UNJUDGED, said, hint=did_you_mean(limit.scope, made.names))
        return np.equal(made.of, made.names.index(limit.scope))

    def _pnl(self, limit: Limit, which: NDArray[np.bool_] | None, levels: Floats) -> Floats:
        """(S,) of the scope."""
        book = self._loaded.book
        if which is None:
            return book.totals(levels)
        if limit.scope_level in OF_FACTORS:
            return np.asarray(book.by_factor(levels)[which].sum(axis=0))
        return np.ascontiguousarray(book.grouped(levels, which.astype(np.intp), 2)[:, 1])

    def _tail(self, limit: Limit, which: NDArray[np.bool_] | None) -> Told:
        run = self._run(limit.alpha or ALPHA, limit.horizon or HORIZON)
        if which is None:
            found = run.estimate
        else:
            if run.all_levels is None or run.figure is None:
                raise ValueError("a historical figure has its scenarios at hand")
            found = run.figure(self._pnl(limit, which, run.all_levels))
        value = found.var if limit.measure == "var" else found.es
        interval = found.var_interval if limit.measure == "var" else found.es_interval
        sure = ""
        if interval is not None:
            sure = f", {interval.level:.0%} sure: {interval.low:,.0f} to {interval.high:,.0f}"
        return Told(value, f"historical, {run.convention.tail}{sure}")

    @cache  # noqa: B019 - it lives as long as one command
    def _run(self, alpha: str, horizon: str) -> Estimated:
        wanted = level(alpha)
        return of_history(self._loaded, self._asked._replace(alpha=wanted, horizon=days_of(horizon)))

    @cached_property
    def _scenarios(self) -> tuple[tuple[str, ...], Floats]:
        """Names, and levels (S, F)."""
        from qx.risk.stress import by_name, laid, refuse_unmatched

        market = self._loaded.market
        shocks, read = files.read_shocks(self._named.files.scenarios)
        self.inputs.append(read)
        found = by_name(shocks)
        rows = []
        for lines in found.values():
            over = laid(lines, market.factors, market.base)
            refuse_unmatched(over, market.factors)
            rows.append(over.levels)
        if not rows:
            raise QxError(UNJUDGED, f"{read.path} has no scenario", hint="a limit on stress wants one")
        return tuple(found), np.stack(rows)

    def _stress(self, limit: Limit, which: NDArray[np.bool_] | None) -> Told:
        names, levels = self._scenarios
        pnl = self._pnl(limit, which, levels)
        at = int(np.argmin(pnl))
        return Told(-float(pnl[at]), f"scenario {names[at]}, the worst of {plural(len(names), 'scenario')}")

    def _slope(self, limit: Limit, which: NDArray[np.bool_] | None) -> Told:
        """Delta: gained when all prices double; vega: for one point of volatility more. Their sizes."""
        market, exposures = self._loaded.market, self._loaded.book.exposures()
        kinds = np.array([each.kind for each in market.factors], dtype=object)
        if limit.measure == "vega":
            slope = np.divide(1.0, market.per_return(), out=np.zeros(len(kinds)), where=market.per_return() != 0)
            reach, said = np.where(kinds == "vol", slope * _POINT, 0.0), "for one point of volatility"
        else:
            reach = np.where(np.isin(kinds, list(_OF_PRICES)), money_per_factor(market), 0.0)
            said = "net value of what moves with prices"
        amount = exposures.amount * reach[exposures.factor]
        if which is not None:
            key = exposures.factor if limit.scope_level in OF_FACTORS else exposures.position
            amount = amount[which[key]]
        return Told(abs(float(amount.sum())), said)

    @cached_property
    def _made(self) -> files.Pnl:
        found, read = files.read_pnl(self._named.files.pnl)
        self.inputs.append(read)
        return found

    def _drawdown(self, limit: Limit) -> Told:
        """How far the P&L of pnl.csv, added up, stands below the highest it was; it begins at 0."""
        made = self._made
        which = np.ones(len(made.day), dtype=bool)
        if limit.scope_level == "book":
            names = made.book.words
            if limit.scope not in names:
                said = f"no book '{limit.scope}' in {made.file}"
                raise QxError(UNJUDGED, said, hint=did_you_mean(limit.scope, names))
            which = made.book.codes == names.index(limit.scope)
        elif limit.scope_level != TOTAL:
            raise QxError(UNJUDGED, f"{made.file} knows books, and no {limit.scope_level}", hint="total, or a book")
        days, at = np.unique(made.day[which], return_inverse=True)
        path = np.cumsum(np.bincount(at, made.actual[which], len(days)))
        top = max(0.0, float(path.max(initial=0.0)))
        return Told(top - float(path[-1]) if len(path) else 0.0, f"of {plural(len(days), 'day')} up to {days[-1]}")


def alpha_of(limit: Limit) -> str:
    """As it is told: 99%. Raises QX-RISK-001."""
    return written(level(limit.alpha or ALPHA))
