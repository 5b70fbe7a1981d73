"""Drill-down: a figure split by one level into parts that sum to it, with what each loses alone and adds.

Components come from the tail's scenarios (or, of a closed form, from its gradient): parts of parts sum too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.model.risk_answers import Breakdown, Contribution
from qx.risk import euler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qx.app.risk.estimated import Estimated, Figure
    from qx.app.risk.inputs import Loaded
    from qx.model.risk import Factor
    from qx.model.risk_answers import Level
    from qx.risk.estimate import Estimate
    from qx.risk.exposures import Exposures
    from qx.risk.market import Market

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

OF_FACTORS = ("factor", "tenor")
UNFIT = ("QX-RISK-009", "QX-RISK-012")
MOST_APART = 256  # names of a level that are estimated one by one
MOST_DRAWN = 16  # names for which any number of scenarios is drawn and valued once more
MOST_VALUED = 20_000_000  # for more names, and for factors: names, or factors, times scenarios
MOST_CELLS = 8_000_000  # of their P&L in all scenarios
_MONEY = frozenset({"price", "basis", "fx"})


class Groups(NamedTuple):
    """`of` (n,): of each position, or each factor, the number of its name."""

    names: tuple[str, ...]
    of: Indices


def groups(loaded: Loaded, level: Level) -> Groups:
    """Of positions, or for factor and tenor of factors."""
    if level == "trade":
        return Groups(loaded.book.names, np.arange(len(loaded.book.names), dtype=np.intp))
    if level == "factor":
        names = tuple(each.factor for each in loaded.market.factors)
        return Groups(names, np.arange(len(names), dtype=np.intp))
    if level == "tenor":
        return _coded([_tenor(each) for each in loaded.market.factors])
    words = loaded.positions.text(level)
    used, of = np.unique(words.codes, return_inverse=True)
    return Groups(tuple(words.words[code] for code in used), of.astype(np.intp))


def apart(loaded: Loaded, run: Estimated, level: Level) -> dict[str, Estimate]:
    """What each name of a level would lose by itself; empty where the method cannot tell, or there are too many."""
    made = groups(loaded, level)
    if len(made.names) == 1:
        return {made.names[0]: run.estimate}
    if run.apart is not None:
        parts = _drawn(loaded, run, level, made)
        return {} if parts is None else dict(zip(made.names, run.apart(parts), strict=True))
    pnl = _pnl(loaded, run, level, made)
    if pnl is None or run.figure is None:
        return {}
    return {name: run.figure(np.ascontiguousarray(pnl[:, at])) for at, name in enumerate(made.names)}


def breakdowns(loaded: Loaded, run: Estimated, levels: Sequence[Level], *, split: bool) -> tuple[Breakdown, ...]:
    """`split`: with what each loses alone and adds, where the method can tell."""
    made = [groups(loaded, level) for level in levels]
    parts = _components(loaded, run, levels, made)
    exposures = loaded.book.exposures()
    found = []
    for level, its, both in zip(levels, made, parts, strict=True):
        marginal = euler.marginal(both[0], _notional(loaded, exposures, level, its))
        found.append(_breakdown(loaded, run, level, its, both, marginal, split=split))
    return tuple(found)


def breakdown(loaded: Loaded, run: Estimated, level: Level, *, split: bool) -> Breakdown:
    """As `breakdowns`, of one level."""
    (found,) = breakdowns(loaded, run, (level,), split=split)
    return found


def _breakdown(
    loaded: Loaded, run: Estimated, level: Level, made: Groups, parts: tuple[Floats, Floats], marginal: Floats, *,
    split: bool,
) -> Breakdown:  # fmt: skip
    var, es = parts
    alone, without = _alone(loaded, run, level, made) if split else (None, None)
    whole = run.estimate
    return Breakdown(
        level=level,
        parts=tuple(
            Contribution(
                name=made.names[at], var=float(var[at]), es=float(es[at]),
                share=float(es[at]) / whole.es if whole.es else None,
                alone=_told(alone, at), without=_told(without, at), marginal=_told(marginal, at),
            )
            for at in np.argsort(-es, kind="stable")
        ),
        residual_var=euler.allocation(var, whole.var).residual,
        residual_es=euler.allocation(es, whole.es).residual,
        diversification=None if alone is None or np.isnan(alone).any() else float(alone.sum()) - whole.var,
    )  # fmt: skip


def _alone(loaded: Loaded, run: Estimated, level: Level, made: Groups) -> tuple[Floats | None, Floats | None]:
    """(G,) VaR of each by itself, (G,) by how much the VaR falls without it; None where the method cannot tell."""
    if run.apart is not None:
        parts = _drawn(loaded, run, level, made)
        if parts is None:
            return None, None
        found = np.array([each.var for each in run.apart(lambda levels: _with_rests(parts(levels)))])
        alone, rests = np.split(found, 2)
        return alone, run.estimate.var - rests
    pnl = _pnl(loaded, run, level, made)
    if pnl is None or run.figure is None:
        return None, None
    figure = run.figure
    alone = np.array([_var(figure, np.ascontiguousarray(each)) for each in pnl.T])
    return alone, euler.incremental(lambda losses: _var(figure, losses), pnl.sum(axis=1), pnl)


def _drawn(loaded: Loaded, run: Estimated, level: Level, made: Groups) -> Callable[[Floats], Floats] | None:
    """Levels (B, F) -> P&L (B, G) of each, for scenarios that are not kept; None: there are too many names."""
    book, count, of_factors = loaded.book, len(made.names), level in OF_FACTORS
    dear = max(count, len(loaded.market.factors)) if of_factors else count
    few = count <= MOST_DRAWN and not of_factors
    if count == 1 or not (few or dear * run.scenarios <= MOST_VALUED):
        return None
    if of_factors:
        return lambda levels: _summed(book.by_factor(levels), made).T
    return lambda levels: book.grouped(levels, made.of, count)


def _with_rests(parts: Floats) -> Floats:
    """(B, G) -> (B, 2 G): and what is left of all without each."""
    return np.concatenate((parts, parts.sum(axis=1, keepdims=True) - parts), axis=1)


def _var(figure: Figure, pnl: Floats) -> float:
    """NaN where the method does not hold for this part alone: it is told as unknown, and the whole stands."""
    try:
        return figure(pnl).var
    except QxError as error:
        if error.code in UNFIT:
            return math.nan
        raise


def _told(values: Floats | None, at: int) -> float | None:
    return None if values is None or not np.isfinite(values[at]) else float(values[at])


def _components(
    loaded: Loaded, run: Estimated, levels: Sequence[Level], made: Sequence[Groups]
) -> list[tuple[Floats, Floats]]:
    """Of each level (G,) of VaR and of ES. All levels together: every scenario is valued, or drawn, once."""
    if not levels:
        return []
    if run.gradients is not None:
        return [_linear(loaded, run.gradients, *each) for each in zip(levels, made, strict=True)]
    if run.split is None:
        raise ValueError("a figure that cannot be taken apart")
    book = loaded.book

    def weigh(moved: Floats, weights: Floats) -> Floats:
        of_factors = [level in OF_FACTORS for level in levels]
        factor = book.by_factor(moved) @ weights if any(of_factors) else np.empty((0, 0))
        position = np.empty((0, 0)) if all(of_factors) else book.weighted(moved, weights)
        return np.concatenate([
            _summed(factor if of_factor else position, its) for of_factor, its in zip(of_factors, made, strict=True)
        ])  # fmt: skip

    ends = np.cumsum([len(each.names) for each in made])[:-1]
    var, es = (np.split(parts, ends) for parts in run.split(weigh))
    return list(zip(var, es, strict=True))


def _linear(
    loaded: Loaded, gradients: tuple[Floats, Floats], level: Level, made: Groups
) -> tuple[Floats, Floats]:
    position, factor, amount = exposures = loaded.book.exposures()
    if level in OF_FACTORS:
        held = exposures.by_factor(len(loaded.market.factors))
        parts = [gradient * held for gradient in gradients]
    else:
        count = len(loaded.book.names)
        parts = [euler.linear(gradient, position, factor, amount, count) for gradient in gradients]
    var, es = (euler.grouped(each, made.of, len(made.names)) for each in parts)
    return var, es


def _pnl(loaded: Loaded, run: Estimated, level: Level, made: Groups) -> Floats | None:
    """(S, G) of every scenario, summing to the whole; None: they are not at hand, or there are too many names."""
    book, of_factors, count = loaded.book, level in OF_FACTORS, len(made.names)
    given = run.all_levels if run.all_levels is not None else run.returns
    if given is None or not 1 < count <= MOST_APART:
        return None
    if len(given) * (max(given.shape[1], len(book.names)) if of_factors else count) > MOST_CELLS:
        return None
    if run.all_levels is None:
        return given @ _held(book.exposures(), made, given.shape[1], of_factors=of_factors)
    if of_factors:
        return _summed(book.by_factor(given), made).T
    return book.grouped(given, made.of, count)


def _held(exposures: Exposures, made: Groups, factors: int, *, of_factors: bool) -> Floats:
    """(F, G): what each part is exposed to."""
    count = len(made.names)
    if not of_factors:
        return exposures.grouped(made.of, count, factors)
    held = np.zeros((factors, count))
    held[np.arange(factors), made.of] = exposures.by_factor(factors)
    return held


def _notional(loaded: Loaded, exposures: Exposures, level: Level, made: Groups) -> Floats:
    """(G,): what each gains when all its prices double, in the base currency."""
    market = loaded.market
    reach = money_per_factor(market)
    if level not in ("factor", "tenor"):
        reach = reach * np.array([each.kind in _MONEY for each in market.factors])
    amount = exposures.amount * reach[exposures.factor]
    key = exposures.factor if level in OF_FACTORS else exposures.position
    return np.bincount(made.of[key], amount, len(made.names)).astype(np.float64)


def money_per_factor(market: Market) -> Floats:
    """(F,): what an exposure to each factor's return becomes when that factor's level doubles."""
    per_return = market.per_return()
    return np.divide(market.base, per_return, out=np.zeros_like(per_return), where=per_return != 0)


def _summed(parts: Floats, made: Groups) -> Floats:
    """Of positions or factors (m, k) -> (G, k)."""
    return np.stack([euler.grouped(each, made.of, len(made.names)) for each in parts.T], axis=1)


def _tenor(factor: Factor) -> str:
    if factor.tenor_days is not None:
        return f"{factor.tenor_days}d"
    return factor.kind if factor.kind in ("fx", "rate") else ""


def _coded(names: Sequence[str]) -> Groups:
    words = tuple(dict.fromkeys(names))
    at = {word: number for number, word in enumerate(words)}
    return Groups(words, np.array([at[name] for name in names], np.intp))
