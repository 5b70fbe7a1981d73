"""Estimators: a method of `qx risk` carried out on a loaded portfolio, with all that its convention has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.app.risk.asked import Volatility
from qx.app.risk.conventions import SETTING, Words, convention, ordinal, scaling, stretch
from qx.app.risk.estimated import Estimated, deviations
from qx.kernel.errors import QxError
from qx.kernel.text import plural
from qx.risk import aged, filtered, horizon
from qx.risk.level import written
from qx.risk.quantile import KTH_WORST, rule
from qx.risk.tail import enough, historical

if TYPE_CHECKING:
    from qx.app.risk.asked import Asked
    from qx.app.risk.estimated import Figure, Floats, Indices, Tell, Weigh
    from qx.app.risk.inputs import Loaded
    from qx.risk.estimate import Estimate, Rows

FEW = 5  # scenarios at or beyond the level: fewer say little


def estimated(loaded: Loaded, asked: Asked, tell: Tell) -> Estimated:
    """Raises QX-RISK-001, QX-RISK-009, QX-RISK-012, QX-RISK-015, and what valuing raises."""
    scaling(asked)
    if asked.method == "monte-carlo":
        from qx.app.risk.drawn import simulated

        return simulated(loaded, asked, tell)
    if asked.method == "parametric" and not asked.emulate:
        from qx.app.risk.closed import parametric

        return parametric(loaded, asked)
    return of_history(loaded, asked)


def of_history(loaded: Loaded, asked: Asked) -> Estimated:
    """Methods that look at what past moves would do to the portfolio of today."""
    market, how = loaded.market, scaling(asked)
    step = asked.horizon if how == "overlapping" else 1
    returns, said = market.over(step), ""
    if asked.method == "filtered":
        volatility = asked.volatility or Volatility("ewma")
        returns = filtered.scaled(returns, deviations(returns, volatility))
        said = f"{volatility.words}, of each factor; its moves scaled to tomorrow's"
    levels = market.moved(returns)
    pnl = loaded.book.totals(levels)
    one, words = _figure(asked, pnl, step)
    factor, reached = stretch(asked, how, pnl)

    def figure(losses: Floats) -> Estimate:
        return horizon.stretched(one(losses), factor) if factor != 1.0 else one(losses)

    days = market.dates[step - 1 :]
    found = figure(pnl)
    apart = bool(len(found.es_rows.at))
    return Estimated(
        estimate=found, convention=convention(loaded, asked, words, reached, said), scenarios=len(pnl),
        name=lambda at: str(days[at]), worst=lambda most: _worst(pnl, found.es_rows, most),
        days=step, stretch=factor, split=(lambda weigh: _split(found, levels, weigh)) if apart else None, pnl=pnl,
        all_levels=levels, figure=figure, notes=_notes(asked, len(pnl), step, apart=apart),
    )  # fmt: skip


def _split(found: Estimate, levels: Floats, weigh: Weigh) -> tuple[Floats, Floats]:
    """Every scenario of either figure is valued once."""
    at = np.unique(np.concatenate((found.var_rows.at, found.es_rows.at)))
    weights = np.zeros((len(at), 2))
    for column, rows in enumerate((found.var_rows, found.es_rows)):
        np.add.at(weights[:, column], np.searchsorted(at, rows.at), rows.weight)
    parts = -weigh(levels[at], weights)
    return parts[:, 0], parts[:, 1]


def _worst(pnl: Floats, rows: Rows, most: int) -> tuple[Indices, Floats]:
    """Of the scenarios that the rows name."""
    at = rows.at[np.argsort(pnl[rows.at], kind="stable")[:most]]
    return at, pnl[at]


def _figure(asked: Asked, pnl: Floats, step: int) -> tuple[Figure, Words]:
    """The estimator of any P&L of as many scenarios, and its words about `pnl` (S,)."""
    from qx.app.risk import closed

    count = len(pnl)
    if asked.emulate:
        return closed.emulated(asked, count)
    if asked.method == "evt":
        return closed.extreme(asked, pnl)
    if asked.method == "cornish-fisher":
        return closed.expanded(asked, pnl)
    return _aged(asked, count, step) if asked.method == "age" else _ranked(asked, count, step)


def _aged(asked: Asked, count: int, step: int) -> tuple[Figure, Words]:
    if asked.quantile != KTH_WORST.name:
        raise QxError(SETTING, f"--quantile {asked.quantile} with --method age", hint=f"leave it at {KTH_WORST.name}")
    weights = aged.weights(count, asked.decay)
    said = f"historical simulation, each day weighing {asked.decay:g} of the next (Boudoukh, Richardson and Whitelaw)"
    reached = written(1 - asked.alpha)
    tail = f"the first loss of {plural(count, 'scenario')} at which the weights of the worst reach {reached}"

    def figure(pnl: Floats) -> Estimate:
        return historical(pnl, asked.alpha, KTH_WORST, weights, overlap=step)

    return figure, Words(said, tail, KTH_WORST.name)


def _ranked(asked: Asked, count: int, step: int) -> tuple[Figure, Words]:
    of = "moves of each factor, scaled" if asked.method == "filtered" else "past moves"
    said = f"historical simulation of {plural(count, 'scenario')}: {of}, laid on today's levels"
    chosen, beyond = rule(asked.quantile), enough(asked.alpha, count)
    tail = f"{chosen.words}; of {plural(count, 'scenario')}"
    if chosen is KTH_WORST:
        k = f"k = ceil((1 - {written(asked.alpha)}) x {count}), exact"
        tail = f"{ordinal(beyond.k)} worst of {plural(count, 'scenario')}: {k}"

    def figure(pnl: Floats) -> Estimate:
        return historical(pnl, asked.alpha, chosen, overlap=step)

    return figure, Words(said, tail, chosen.name)


def _notes(asked: Asked, count: int, step: int, *, apart: bool) -> tuple[str, ...]:
    found = []
    beyond = enough(asked.alpha, count)
    if asked.method in ("historical", "filtered") and beyond.k < FEW:
        found.append(f"only {plural(beyond.k, 'scenario')} of {count} at or beyond the level: mind the interval")
    if step > 1:
        found.append(f"moves of {step} days overlap: {count} of them tell about as much as {count // step} that do not")
    if not apart:
        found.append("this figure is made of moments, not of scenarios: it cannot be taken apart")
    return tuple(found)
