"""Monte Carlo: scenarios drawn from a distribution of the factors' returns, in keyed blocks; the tail alone is kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qx.app.risk import machine
from qx.app.risk.closed import DDOF, T5
from qx.app.risk.conventions import Words, convention, scaling, stretch
from qx.app.risk.correlated import Correlated, correlated
from qx.app.risk.estimated import Estimated
from qx.kernel.text import plural
from qx.model.risk_answers import Simulation
from qx.risk import aged
from qx.risk.horizon import root_of_time
from qx.risk.montecarlo import draws as drawing
from qx.risk.montecarlo.simulate import Linear, Revalued, Run, again, scratch
from qx.risk.montecarlo.streams import GENERATOR, ROWS
from qx.risk.quantile import rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.risk.asked import Asked
    from qx.app.risk.estimated import Floats, Indices, Tell, Weigh
    from qx.app.risk.inputs import Loaded
    from qx.app.risk.machine import Engine, Simulated
    from qx.risk.estimate import Estimate
    from qx.risk.montecarlo.draws import Draws

EXACT = 1e-9  # of the P&L: a book that is linear to this need not be valued again in every scenario


def simulated(loaded: Loaded, asked: Asked, tell: Tell) -> Estimated:
    """Raises QX-RISK-001, QX-RISK-009, QX-RISK-015, and what valuing raises."""
    market, book = loaded.market, loaded.book
    weights = _weights(loaded, asked)
    given = correlated(loaded, weights, DDOF) if loaded.correlated else None
    drawn = _draws(loaded, asked, weights, given)
    held = _held_exactly(loaded)
    work = Revalued(drawn, market, book) if held is None else Linear(drawn, held)
    run = Run(work, asked.seed, asked.draws, asked.alpha)
    chosen = rule(asked.quantile)

    def progress(done: int, expected: int) -> None:
        tell("draw", done, done / max(expected, 1))

    found = machine.simulated(run, _engine(asked), rule=chosen, precision=asked.precision, progress=progress)

    def once_more(done: int, expected: int) -> None:
        tell("apart", done, done / expected)

    def split(weigh: Weigh) -> tuple[Floats, Floats]:
        estimate = found.figures.estimate
        var, es = (
            machine.components(found, rows, lambda returns, weights: weigh(market.moved(returns), weights), asked.jobs)
            for rows in (estimate.var_rows, estimate.es_rows)
        )
        return var, es

    def worst(most: int) -> tuple[Indices, Floats]:
        at = found.figures.estimate.es_rows.at[:most]
        return at, book.totals(market.moved(_again(found, at)))

    def apart(parts: Callable[[Floats], Floats]) -> list[Estimate]:
        return machine.apart(
            found, lambda returns: parts(market.moved(returns)), chosen, workers=asked.jobs, progress=once_more
        )

    words = Words(
        f"Monte Carlo: {found.draws:,} scenarios of {plural(len(market.factors), 'factor')}, {drawn.words}",
        f"{chosen.words}; of {found.draws:,} scenarios", chosen.name, ddof=DDOF if asked.volatility is None else None,
        valued="" if held is None else "exposures, to which this portfolio is linear: the same as full revaluation",
    )  # fmt: skip
    said = "equal weights, about the mean" if asked.volatility is None else asked.volatility.words
    told = convention(loaded, asked, words, _reached(asked), "" if asked.distribution == "copula" else said)
    return Estimated(
        estimate=found.figures.estimate, convention=told, scenarios=found.draws, name=lambda at: f"draw {at + 1:,}",
        worst=worst, days=asked.horizon, split=split, apart=apart, notes=_notes(found, asked),
        treatments=() if given is None else (given.told,),
        simulation=Simulation(
            draws=found.draws, seed=asked.seed, generator=GENERATOR, block=ROWS, distribution=drawn.words,
            precision=asked.precision, reached=_finite(found.figures.relative), kept=found.figures.kept,
        ),
    )  # fmt: skip


def _weights(loaded: Loaded, asked: Asked) -> Floats | None:
    how = asked.volatility
    return aged.weights(len(loaded.market.returns), how.decay) if how is not None and how.kind == "ewma" else None


def _draws(loaded: Loaded, asked: Asked, weights: Floats | None, given: Correlated | None) -> Draws:
    """Of the horizon: the covariance grows with it; a copula takes overlapping moves of that length."""
    market, dof = loaded.market, T5 if asked.distribution == "t5" else None
    if asked.distribution == "copula":
        return drawing.copula(market.over(asked.horizon), T5)
    if given is not None:
        made = drawing.of_covariance(given.matrix, dof)
    elif dof is not None:
        made = drawing.student(market.returns, dof, weights, DDOF)
    else:
        made = drawing.normal(market.returns, weights, DDOF)
    return drawing.stretched(made, root_of_time(asked.horizon))


def _reached(asked: Asked) -> str:
    if asked.distribution == "copula" and asked.horizon > 1:
        return stretch(asked, "overlapping", np.empty(0))[1]
    if asked.horizon > 1:
        return f"{asked.horizon} trading days: drawn with their covariance, {asked.horizon} times that of one day"
    return stretch(asked, scaling(asked), np.empty(0))[1]


def _held_exactly(loaded: Loaded) -> Floats | None:
    """(F,): exposures, where the P&L of all past moves is the same by them; None: the portfolio is not linear."""
    market = loaded.market
    held = loaded.book.exposures().by_factor(len(market.factors))
    full = loaded.book.totals(market.moved(market.returns))
    off = np.abs(full - market.returns @ held).max(initial=0.0)
    return held if off <= EXACT * np.abs(full).max(initial=0.0) else None


def _engine(asked: Asked) -> Engine:
    if not asked.engine:
        return machine.threads(asked.jobs)
    from qx.app.risk.many import engine

    return engine(asked.engine)


def _again(found: Simulated, at: Indices) -> Floats:
    """Returns (k, F) of scenarios (k,), drawn once more."""
    memory = scratch(found.run.work.draws)
    order = np.argsort(at, kind="stable")
    blocks = np.unique(at // ROWS).tolist()
    drawn = [again(found.run, number, np.sort(at[at // ROWS == number]), memory) for number in blocks]
    returns = np.empty((len(at), drawn[0].shape[1]))
    returns[order] = np.concatenate(drawn)
    return returns


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _notes(found: Simulated, asked: Asked) -> tuple[str, ...]:
    notes = []
    if found.met is False:
        reached = found.figures.relative
        notes.append(f"{asked.precision:.2%} was asked for and not reached within {found.draws:,} draws: {reached:.2%}")
    return tuple(notes)
