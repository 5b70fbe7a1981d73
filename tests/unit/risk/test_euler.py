"""Parts of a figure that is made of scenarios, to Hull's published ones, and that parts of parts sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.risk.euler import allocation, component, grouped, incremental, marginal
from qx.risk.tail import historical
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99


@hull.needed
def test_hull_components_of_var_and_es() -> None:
    each = hull.returns() * HELD
    found = historical(each.sum(axis=1), P99)
    var = component(found.var_rows, each[found.var_rows.at].T)
    es = component(found.es_rows, each[found.es_rows.at].T)
    assert found.var_rows.at.tolist() == [486]  # scenario 487
    assert var == pytest.approx([119.536, 81.810, 37.471, 14.568], abs=5.1e-4)
    assert es == pytest.approx([115.088, 114.025, 45.173, 52.895], abs=5.1e-4)
    assert abs(allocation(var, found.var).residual) < 1e-12 * found.var
    assert abs(allocation(es, found.es).residual) < 1e-12 * found.es


@hull.needed
def test_hull_what_is_taken_away() -> None:
    each = hull.returns() * HELD
    found = incremental(lambda pnl: historical(pnl, P99).var, each.sum(axis=1), each)
    assert found == pytest.approx([73.239, 81.810, 37.471, 31.278], abs=5.1e-4)


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(100, 400))
def test_every_level_sums_to_the_total(seed: int, positions: int, scenarios: int) -> None:
    source = np.random.default_rng(seed)
    each = source.standard_normal((scenarios, positions)) * 10.0 ** source.integers(-3, 7, positions)
    found = historical(each.sum(axis=1), P99)
    group = source.integers(0, 4, positions)
    for rows, total in ((found.var_rows, found.var), (found.es_rows, found.es)):
        parts = component(rows, each[rows.at].T)
        whole = float(np.abs(parts).sum())
        assert abs(allocation(parts, total).residual) <= 1e-12 * whole
        books = grouped(parts, group, 4)
        assert abs(allocation(books, total).residual) <= 1e-12 * whole
        assert len(books) == 4


def test_what_holds_nothing_has_no_marginal() -> None:
    found = marginal(np.array([3.0, 0.0]), np.array([2.0, 0.0]))
    assert found[0] == 1.5
    assert np.isnan(found[1])
