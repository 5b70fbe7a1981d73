"""`qx risk var|es --liquidity`: the portfolio's figures when positions and factors take their days to get out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.kernel.errors import QxError
from qx.model.risk_answers import Liquidity, LiquidityStep
from qx.risk import liquidity
from qx.risk.level import written
from qx.risk.tail import historical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.app.risk.asked import Asked
    from qx.app.risk.inputs import Loaded

    Floats = NDArray[np.float64]


def liquid(loaded: Loaded, asked: Asked) -> Liquidity:
    """By historical simulation, whatever else was asked for. Raises QX-RISK-001 with an engine of other moves, and
    QX-RISK-009.
    """
    if asked.method != "historical" or asked.emulate:
        said = f"--liquidity with --{'emulate' if asked.emulate else 'method'} {asked.emulate or asked.method}"
        raise QxError("QX-RISK-001", said, hint="it is told of historical simulation")
    own = loaded.positions.number("liquidity_days")
    steps = _steps(loaded, asked, own)
    days = _days(loaded, own)
    pnl = _orderly(loaded, days)
    found = historical(pnl, asked.alpha)
    return Liquidity(
        es=liquidity.cascade([step.es for step in steps]), alpha=written(asked.alpha), base_days=liquidity.BASE,
        steps=steps, orderly_var=found.var, orderly_es=found.es, longest_days=int(days.max()),
        slow_positions=int(np.count_nonzero(days > 1)),
    )  # fmt: skip


def _steps(loaded: Loaded, asked: Asked, own: Floats) -> tuple[LiquidityStep, ...]:
    market, book = loaded.market, loaded.book
    told = [each.liquidity_days or liquidity.BY_KIND[each.kind] for each in market.factors]
    of_factor = liquidity.horizon(np.array(told, np.float64))
    has_own = ~np.isnan(own)
    groups = len(liquidity.HORIZONS) + 1  # of positions: one for each horizon of their own, and the rest
    of_position = np.full(len(own), groups - 1, np.intp)
    of_position[has_own] = liquidity.horizon(own[has_own])
    returns = market.over(liquidity.BASE)
    whole = book.grouped(market.moved(returns), of_position, groups)
    steps = []
    for step, days in enumerate(liquidity.HORIZONS):
        slow = of_factor >= step
        levels = market.moved(np.where(slow, returns, 0.0))
        pnl = whole[:, step:-1].sum(axis=1) + book.grouped(levels, of_position, groups)[:, -1]
        es = historical(pnl, asked.alpha, overlap=liquidity.BASE).es if pnl.any() else 0.0
        steps.append(LiquidityStep(horizon_days=days, factors=int(slow.sum()), es=es, scale=liquidity.scale(step)))
    return tuple(steps)


def _days(loaded: Loaded, own: Floats) -> Floats:
    """(n,): the position's own, else the longest that a factor of it tells, else one."""
    told = np.array([float(each.liquidity_days or 1) for each in loaded.market.factors])
    longest = np.ones(len(own))
    exposures = loaded.book.exposures()
    np.maximum.at(longest, exposures.position, told[exposures.factor])
    days: Floats = np.where(np.isnan(own), longest, own)
    return days


def _orderly(loaded: Loaded, days: Floats) -> Floats:
    """(T,): one day's moves, each position's P&L as long as it takes to close it in equal parts."""
    distinct, group = np.unique(days, return_inverse=True)
    levels = loaded.market.moved(loaded.market.over(1))
    pnl: Floats = loaded.book.grouped(levels, group.astype(np.intp), len(distinct)) @ liquidity.orderly(distinct)
    return pnl
