"""Limits: one figure held against one line of limits.csv, and what all of them come to. A limit is kept by what is
equal to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.risk_limits import LimitVerdict, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.risk import Limit

_ORDER: tuple[State, ...] = ("hard", "unknown", "soft", "within")  # the worst first
ALPHA, HORIZON = "99%", "1d"  # of a line that tells none
TAIL = ("var", "es")  # measures that have both


def judged(limit: Limit, value: float | None, currency: str, because: str = "") -> LimitVerdict:
    """`value`: a loss, or the size of an exposure, in `currency`; None: it could not be told, `because` says why."""
    bound = limit.hard if limit.hard is not None else limit.soft
    used = None if value is None or not bound else max(0.0, value) / bound
    has_tail = limit.measure in TAIL
    return LimitVerdict(
        line=limit.place.line, scope_level=limit.scope_level, scope=limit.scope, measure=limit.measure,
        alpha=(limit.alpha or ALPHA) if has_tail else "", horizon=(limit.horizon or HORIZON) if has_tail else "",
        currency=currency, value=value, soft=limit.soft, hard=limit.hard, used=used,
        state=_state(value, limit.soft, limit.hard), because=because,
    )  # fmt: skip


def _state(value: float | None, soft: float | None, hard: float | None) -> State:
    if value is None:
        return "unknown"
    if hard is not None and value > hard:
        return "hard"
    return "soft" if soft is not None and value > soft else "within"


def worst(states: Iterable[State]) -> State:
    """A breach before what is not known, that before a warning; within when there are none."""
    return min(states, key=_ORDER.index, default="within")


def in_order(verdicts: Iterable[LimitVerdict]) -> tuple[LimitVerdict, ...]:
    """The worst first; of those alike the one that is used most, then by line."""
    return tuple(sorted(verdicts, key=lambda each: (_ORDER.index(each.state), -(each.used or 0.0), each.line)))


def at_least(state: State, wanted: State) -> bool:
    """Whether a verdict is as bad as `wanted` (soft or hard). What is not known is neither."""
    return state == "hard" or (state == "soft" and wanted == "soft")
