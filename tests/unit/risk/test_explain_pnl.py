"""What brought a P&L, and what changed a figure: the parts sum, and each is what it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qx.model.risk import Factor, FactorKind, Place
from qx.risk.explain import attributed, waterfall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KINDS: tuple[FactorKind, ...] = ("price", "basis", "vol", "rate", "fx")
FACTORS = [
    Factor(factor=f"F{n}", kind=kind, return_type="absolute", place=Place("f", n)) for n, kind in enumerate(KINDS)
]
BASE = np.array([70.0, 2.0, 0.3, 0.04, 1.1])
LEVEL = np.array([67.0, 2.5, 0.36, 0.045, 1.05])
CARRY = np.array([0.0, -12.0, 5.0])


def each(levels: Floats) -> Floats:
    """A future, an option of a sort, a cargo in another currency."""
    price, basis, vol, rate, fx = levels.T
    first, second, third = BASE[0], BASE[1], BASE[4]
    moved, other = price - first, basis - second
    return np.stack([
        1000 * moved + 1000 * other,
        500 * moved + 40 * moved**2 + 10 * moved * other + (900 + 7 * moved) * (vol - 0.3) + 20 * (rate - 0.04),
        100 * (price * fx - first * third),
    ])  # fmt: skip


def test_every_position_is_explained_to_the_last_digit() -> None:
    found = attributed(each, FACTORS, BASE, LEVEL, CARRY)
    parts = sum(np.asarray(part) for part in found[:-1])
    np.testing.assert_allclose(parts, found.total, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.total, CARRY + each(LEVEL[None, :])[:, 0], rtol=1e-14)


def test_each_part_is_what_it_is_called() -> None:
    found = attributed(each, FACTORS, BASE, LEVEL, CARRY)
    moved, other, vol, fx = -3.0, 0.5, 0.06, -0.05
    np.testing.assert_allclose(found.delta, [1000 * (moved + other), 500 * moved, 100 * 1.1 * moved], rtol=1e-9)
    np.testing.assert_allclose(found.gamma, [0, 40 * moved**2 + 10 * moved * other, 0], rtol=1e-8, atol=1e-5)
    np.testing.assert_allclose(found.vega, [0, 900 * vol, 0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.rate, [0, 20 * 0.005, 0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.fx, [0, 0, 100 * 67.0 * fx], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.unexplained, [0, 7 * moved * vol, 0], rtol=1e-6, atol=1e-5)


def test_nothing_moved_and_only_time_passed() -> None:
    found = attributed(each, FACTORS, BASE, BASE.copy(), CARRY)
    assert found.total.tolist() == found.carry.tolist() == CARRY.tolist()
    assert not np.array(found[1:-1]).any()


def test_effects_lead_from_the_first_figure_to_the_last() -> None:
    stations = [("before", 253_385.0), ("window", 260_000.25), ("market", 241_000.0), ("positions", 300_000.5)]
    found = waterfall(stations)
    assert [(each.name, each.amount) for each in found] == [
        ("window", 6_615.25), ("market", -19_000.25), ("positions", 59_000.5),
    ]  # fmt: skip
    assert 253_385.0 + sum(each.amount for each in found) == pytest.approx(300_000.5, abs=1e-9)
    assert waterfall(stations[:1]) == ()
