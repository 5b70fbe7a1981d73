"""Christoffersen's test against published figures."""

from __future__ import annotations

import numpy as np
import pytest

from qx.risk.backtest.coverage import kupiec
from qx.risk.backtest.independence import Transitions, christoffersen, transitions
from qx.risk.distributions import chi2_sf


def steps(*counts: int) -> Transitions:
    return Transitions(*(np.array(float(count)) for count in counts))


def test_independence_of_mathworks() -> None:
    independent = float(christoffersen(steps(932, 53, 53, 4)))
    joint = independent + float(kupiec(1043, 57, 0.05))
    assert independent == pytest.approx(0.2586631526, abs=5e-11)
    assert chi2_sf(independent, 1) == pytest.approx(0.61104, abs=5e-6)
    assert joint == pytest.approx(0.7201295479, abs=5e-11)
    assert chi2_sf(joint, 2) == pytest.approx(0.6976311363, abs=5e-11)


def test_independence_of_jorion() -> None:
    independent = float(christoffersen(steps(244, 2, 2, 4)))
    assert independent == pytest.approx(25.837427763360232, rel=1e-12)
    assert independent + float(kupiec(252, 6, 0.01)) == pytest.approx(29.336204438, abs=2e-9)
    # a series of 252 days has 251 steps
    assert float(christoffersen(steps(243, 2, 2, 4))) == pytest.approx(25.805, abs=5e-4)


def test_steps_of_a_series() -> None:
    hits = np.array([[0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]], dtype=bool).T
    found = transitions(hits)
    assert [part.tolist() for part in found] == [[3, 6, 0], [1, 0, 0], [1, 0, 0], [1, 0, 6]]
    ratios = christoffersen(found)
    assert ratios[0] > 0
    assert ratios[1:].tolist() == [0.0, 0.0]


def test_a_single_day_has_no_step() -> None:
    assert [float(part) for part in transitions(np.array([True]))] == [0.0, 0.0, 0.0, 0.0]
    assert float(christoffersen(transitions(np.array([True])))) == 0.0
