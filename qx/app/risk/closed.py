"""Closed forms and other tools' rules: parametric, Cornish-Fisher, extreme values, and what is emulated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qx.app.risk.conventions import Words, convention, scaling, stretch
from qx.app.risk.correlated import correlated
from qx.app.risk.estimated import Estimated, deviations
from qx.kernel.text import plural
from qx.risk import aged, horizon
from qx.risk import parametric as linear
from qx.risk.estimate import Estimate, Rows
from qx.risk.level import written

if TYPE_CHECKING:
    from qx.app.risk.asked import Asked
    from qx.app.risk.estimated import Figure, Floats
    from qx.app.risk.inputs import Loaded

T5 = 5.0  # degrees of freedom of --distribution t5
DDOF = 0
_NOTHING = Rows(np.empty(0, np.intp), np.empty(0, np.float64))


def parametric(loaded: Loaded, asked: Asked) -> Estimated:
    """Of the exposures at today's levels: options by their delta and vega alone."""
    market, exposures = loaded.market, loaded.book.exposures()
    held = exposures.by_factor(len(market.factors))
    how, dof = asked.volatility, T5 if asked.distribution == "t5" else None
    weights = aged.weights(len(market.returns), how.decay) if how is not None and how.kind == "ewma" else None
    given = correlated(loaded, weights, DDOF) if loaded.correlated else None
    if given is None:
        found = linear.parametric(held, market.returns, asked.alpha, weights=weights, ddof=DDOF, dof=dof)
    else:
        found = linear.of_covariance(held, given.matrix, asked.alpha, dof=dof)
    moves = market.returns @ held
    garch = how if how is not None and how.kind == "garch" else None
    factor, reached = stretch(asked, scaling(asked), moves)
    if garch is not None and found.deviation > 0:
        factor *= float(deviations(moves, garch).next) / found.deviation

    def figure(pnl: Floats) -> Estimate:
        one = linear.parametric(np.ones(1), pnl[:, None], asked.alpha, weights=weights, ddof=DDOF, dof=dof)
        return horizon.stretched(one.estimate, stretch(asked, scaling(asked), pnl)[0])

    said = "equal weights, about the mean" if how is None or how.kind == "equal" else how.words
    form = f"Student-t, {T5:g} degrees of freedom, of that variance" if dof is not None else "normal"
    words = Words(
        f"parametric ({form}) on {plural(len(moves), 'return')} of each factor; " + (
            "the covariance is never formed" if given is None else "some correlations as given"
        ),
        f"quantile of the {form.partition(',')[0]} at {written(asked.alpha)}, mean zero", es="closed form of the same",
        ddof=DDOF if weights is None else None,
        valued="exposures at today's levels: options by their delta and vega alone",
    )  # fmt: skip
    return Estimated(
        estimate=horizon.stretched(found.estimate, factor), convention=convention(loaded, asked, words, reached, said),
        scenarios=len(moves), name=lambda at: str(market.dates[at]), worst=lambda _most: (_NOTHING.at, _NOTHING.weight),
        gradients=(found.var_gradient * factor, found.es_gradient * factor),
        returns=market.returns, figure=figure if given is None and garch is None else None,
        treatments=() if given is None else (given.told,),
    )  # fmt: skip


def expanded(asked: Asked, pnl: Floats) -> tuple[Figure, Words]:
    """Cornish-Fisher, refused where it is not monotone."""
    from qx.risk.cornish_fisher import cornish_fisher, moments

    of = moments(pnl)
    words = Words(
        f"Cornish-Fisher: a normal quantile corrected for the moments of {plural(len(pnl), 'scenario')}",
        f"its quantile at {written(asked.alpha)}: skewness {of.skewness:.4f}, excess kurtosis {of.kurtosis:.4f}",
        es="the same expansion, integrated over the tail", ddof=DDOF,
    )  # fmt: skip
    return (lambda losses: cornish_fisher(losses, asked.alpha)), words


def extreme(asked: Asked, pnl: Floats) -> tuple[Figure, Words]:
    """Extreme values: losses beyond a threshold as generalised Pareto."""
    from qx.risk.evt import evt

    _, law = evt(pnl, asked.alpha)
    fitted = f"threshold {law.threshold:,.0f}, scale {law.scale:,.0f}, shape {law.shape:.4f}"
    words = Words(
        f"extreme values: a generalised Pareto law of the {law.exceeding} worst of {plural(law.scenarios, 'scenario')}",
        f"its quantile at {written(asked.alpha)}: {fitted}",
        es="mean of the same law beyond the VaR",
    )  # fmt: skip
    return (lambda losses: evt(losses, asked.alpha)[0]), words


def emulated(asked: Asked, count: int) -> tuple[Figure, Words]:
    """As another tool prints it."""
    from qx.risk.emulate import emulate

    def figure(pnl: Floats) -> Estimate:
        found = emulate(pnl, asked.alpha, asked.emulate, asked.method)
        es = math.nan if found.es is None else found.es
        return Estimate(found.var, es, found.var_rows or _NOTHING, found.es_rows or _NOTHING, None, None)

    probe = emulate(-np.arange(1.0, count + 1), asked.alpha, asked.emulate, asked.method)
    what = "historical simulation" if asked.method == "historical" else f"moments of the P&L ({asked.method})"
    words = Words(
        f"{what} of {plural(count, 'scenario')}, as {probe.system} computes it", probe.words,
        es="none: it has no such figure" if probe.es is None else probe.words, emulates=probe.system,
    )  # fmt: skip
    return figure, words
