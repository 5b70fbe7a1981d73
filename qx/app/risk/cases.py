"""Cases: levels that a scenario gives the factors, and what the portfolio makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from qx.app.risk.drilled import groups
from qx.model.risk_stress import FactorMove, StressBreakdown, StressPart, StressResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.risk.inputs import Loaded
    from qx.model.risk_answers import Level
    from qx.model.risk_stress import ScenarioKind

    Floats = NDArray[np.float64]


class Known(NamedTuple):
    """Of one factor, where the others tell of it."""

    deviation: float  # of its level
    explained: float | None


class Case(NamedTuple):
    """Levels (F,) of one scenario over one market, and what is told of it."""

    levels: Floats
    how: dict[int, str]  # factor -> what moved it
    result: StressResult  # yet without P&L
    known: dict[int, Known] = {}  # noqa: RUF012 - never written to


def blank(name: str, kind: ScenarioKind, title: str) -> StressResult:
    """A result without figures."""
    return StressResult(
        scenario=name, kind=kind, title=title, pnl=0.0, share=None, date="", horizon_days=1, probability=None, by=(),
        moves=(), unmoved=0, unmatched=(),
    )  # fmt: skip


def valued(loaded: Loaded, case: Case, by: Sequence[Level]) -> StressResult:
    """Raises QX-RISK-012 where something cannot be valued at such levels."""
    book, market = loaded.book, loaded.market
    levels = case.levels[None, :]
    pnl = float(book.totals(levels)[0])
    of_factors = book.by_factor(levels)[:, 0]
    value = abs(float(book.value().sum()))
    moved = sorted(
        (at for at in case.how if case.levels[at] != market.base[at]), key=lambda at: (of_factors[at], at)
    )
    moves = tuple(
        FactorMove(
            factor=market.factors[at].factor, before=float(market.base[at]), after=float(case.levels[at]),
            how=case.how[at], pnl=float(of_factors[at]),
            deviation=case.known[at].deviation if at in case.known else None,
            explained=case.known[at].explained if at in case.known else None,
        )
        for at in moved
    )  # fmt: skip
    return msgspec.structs.replace(
        case.result, pnl=pnl, share=pnl / value if value else None, moves=moves,
        unmoved=len(market.factors) - len(moved),
        by=tuple(_breakdown(loaded, level, levels, of_factors) for level in by),
    )  # fmt: skip


def _breakdown(loaded: Loaded, level: Level, levels: Floats, of_factors: Floats) -> StressBreakdown:
    made = groups(loaded, level)
    if level in ("factor", "tenor"):
        parts = np.bincount(made.of, of_factors, len(made.names))
    else:
        parts = loaded.book.grouped(levels, made.of, len(made.names))[0]
    order = np.argsort(parts, kind="stable")
    return StressBreakdown(
        level=level, parts=tuple(StressPart(name=made.names[at], pnl=float(parts[at])) for at in order)
    )
