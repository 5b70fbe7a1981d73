"""Returns: each type is undone by what moves a level, and long ones are the short ones in a row."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.model.risk import ReturnType
from qx.risk.returns import Kinds, between, defined
from tests.unit.risk.quoting import factor

TYPES: tuple[ReturnType, ...] = get_args(ReturnType)
ALL = [factor(f"F{number}", kind, shift=100.0) for number, kind in enumerate(TYPES * 2)]
LEVELS = st.lists(st.floats(0.5, 500.0), min_size=len(ALL), max_size=len(ALL))


@given(LEVELS, LEVELS)
def test_a_return_leads_from_one_level_to_the_other(before: list[float], after: list[float]) -> None:
    start, end = np.array(before), np.array(after)
    each = np.array([between(of.return_type, start[n:][:1], end[n:][:1], of.shift)[0] for n, of in enumerate(ALL)])
    assert Kinds(ALL).moved(start, each[None]) == pytest.approx(end[None], rel=1e-12)


@given(st.lists(LEVELS, min_size=4, max_size=9), st.integers(1, 3))
def test_returns_over_days_are_the_daily_ones_in_a_row(days: list[list[float]], horizon: int) -> None:
    levels = np.array(days)
    daily, long = (
        np.array([between(of.return_type, levels[:-by, n], levels[by:, n], of.shift) for n, of in enumerate(ALL)]).T
        for by in (1, horizon)
    )
    assert Kinds(ALL).compounded(daily, horizon) == pytest.approx(long, rel=1e-9, abs=1e-9)


def test_types_that_stand_together_and_apart_move_alike() -> None:
    base = np.arange(1.0, len(ALL) + 1)
    draws = np.random.default_rng(1).normal(0, 0.1, (5, len(ALL)))
    together = Kinds(ALL).moved(base, draws)
    for number, of in enumerate(ALL):
        alone = Kinds([of]).moved(base[[number]], draws[:, [number]])
        assert together[:, number] == pytest.approx(alone[:, 0], rel=1e-15)


def test_the_slope_is_that_of_the_level_after_a_small_return() -> None:
    base, small = np.arange(10.0, 10 + len(ALL)), 1e-7
    kinds = Kinds(ALL)
    up, down = (kinds.moved(base, np.full((1, len(ALL)), sign * small))[0] for sign in (1, -1))
    assert (up - down) / (2 * small) == pytest.approx(kinds.per_return(base), rel=1e-6)


def test_where_each_return_is_defined() -> None:
    levels = np.array([-100.0, -99.0, 0.0, 1.0, np.nan, np.inf])
    assert defined("absolute", levels).tolist() == [True, True, True, True, False, False]
    assert defined("log", levels).tolist() == defined("relative", levels).tolist() == [False] * 3 + [True] + [False] * 2
    assert defined("shifted_log", levels, 100.0).tolist() == [False, True, True, True, False, False]
