"""VaR and ES of a P&L vector: exact counts, published figures, coherence, intervals."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from qx.kernel.errors import QxError
from qx.risk.distributions import normal_ppf
from qx.risk.quantile import RULES
from qx.risk.tail import figure, finite, historical, order_interval, standard_error, worst
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99

Floats: TypeAlias = NDArray[np.float64]

LEVELS = [Fraction(text) for text in ("0.95", "0.975", "0.99", "0.995", "0.999")]
COUNTS = [100, 200, 250, 500, 1000, 2500, 10_000]
# The ten worst losses of Hull's example, $000, and where they stand among his 500 scenarios; the others are gains here.
HULL_WORST = [
    (494, 477.841001), (339, 345.435075), (349, 282.203845), (329, 277.041294), (487, 253.384956),
    (227, 217.973959), (131, 202.255539), (238, 201.389216), (473, 191.269066), (306, 191.049657),
]  # fmt: skip


def hull_tail() -> Floats:
    pnl = np.linspace(1.0, 100.0, 500)
    for scenario, loss in HULL_WORST:
        pnl[scenario - 1] = -loss
    return pnl


def aged(decay: float, count: int = 500) -> Floats:
    powers: Floats = np.power(decay, np.arange(count - 1.0, -1, -1))
    return powers * (1 - decay) / (1 - decay**count)


def shuffled(count: int) -> Floats:
    """-1, -2 ... -count in some order."""
    return -np.random.default_rng(count).permutation(np.arange(1.0, count + 1))


# -- counts ----------------------------------------------------------------------------------------
def test_losses_of_1_to_500_give_496_and_498() -> None:
    found = historical(-np.arange(1.0, 501), P99)
    assert (found.var, found.es) == (496.0, 498.0)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("alpha", LEVELS)
def test_counts_are_those_of_rational_arithmetic(count: int, alpha: Fraction) -> None:
    mass = (1 - alpha) * count
    if mass < 1:
        with pytest.raises(QxError, match=f"{count} scenarios: none lies beyond") as refused:
            historical(shuffled(count), alpha)
        assert refused.value.code == "QX-RISK-009"
        return
    k = -(-mass.numerator // mass.denominator)
    losses = [Fraction(count - i) for i in range(k)]
    expected = (sum(losses[:-1], Fraction(0)) + (mass - k + 1) * losses[-1]) / mass
    found = historical(shuffled(count), alpha)
    assert found.var == count - k + 1
    assert found.es == pytest.approx(float(expected), rel=1e-14)


@pytest.mark.parametrize("count", [1, 2, 99])
def test_too_few_scenarios_are_refused(count: int) -> None:
    with pytest.raises(QxError) as refused:
        historical(np.zeros(count), P99)
    assert refused.value.code == "QX-RISK-009"
    assert "at least 100" in refused.value.hint


def test_no_scenario_is_refused() -> None:
    with pytest.raises(QxError) as refused:
        historical(np.empty(0), Fraction(1, 2))
    assert refused.value.code == "QX-RISK-009"


def test_one_scenario_at_a_level_that_it_reaches() -> None:
    with pytest.raises(QxError):
        historical(np.array([-5.0]), Fraction(1, 2))
    found = historical(np.array([-5.0, 3.0]), Fraction(1, 2))
    assert (found.var, found.es, found.es_interval) == (5.0, 5.0, None)


def test_all_equal() -> None:
    found = historical(np.full(1000, -7.0), P99)
    assert (found.var, found.es) == (7.0, 7.0)
    assert found.var_interval is not None
    assert (found.var_interval.low, found.var_interval.high) == (7.0, 7.0)
    assert found.es_rows.at.tolist() == list(range(10))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_no_number_is_refused_with_its_scenario(bad: float, weighted: bool) -> None:
    pnl = shuffled(500)
    pnl[41] = bad
    with pytest.raises(QxError, match="scenario 42 of 500") as refused:
        historical(pnl, P99, weights=np.ones(500) if weighted else None)
    assert refused.value.code == "QX-RISK-011"


def test_a_sum_that_overflows_is_no_bad_number() -> None:
    finite(np.full(200, -1.7e308))


# -- weights ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [100, 250, 500, 1000, 2500])
@pytest.mark.parametrize("alpha", LEVELS[:3])
def test_equal_weights_are_no_weights(count: int, alpha: Fraction) -> None:
    pnl = shuffled(count)
    plain, weighted = historical(pnl, alpha), historical(pnl, alpha, weights=np.full(count, 0.3))
    assert weighted.var == plain.var
    assert weighted.es == pytest.approx(plain.es, rel=1e-12)
    assert weighted.es_rows.at.tolist() == plain.es_rows.at.tolist()


def test_scenarios_without_weight_count_for_nothing() -> None:
    pnl = shuffled(500)
    weights = np.where(pnl <= -490, 0.0, 1.0)
    found = historical(pnl, P99, weights=weights)
    assert found.var == 489 - 4
    assert set(pnl[found.es_rows.at]) == {-489.0, -488.0, -487.0, -486.0, -485.0}


def test_weights_that_are_none() -> None:
    pnl = shuffled(500)
    for weights in (np.ones(499), np.zeros(500), np.full(500, -1.0), np.full(500, np.nan)):
        with pytest.raises(ValueError):
            historical(pnl, P99, weights=weights)
    with pytest.raises(QxError) as refused:
        historical(pnl, P99, RULES["type7"], np.ones(500))
    assert refused.value.code == "QX-RISK-001"


def test_shapes_that_are_none() -> None:
    for pnl, overlap in ((np.zeros((10, 10)), 1), (np.zeros(500), 0)):
        with pytest.raises(ValueError):
            historical(pnl, P99, overlap=overlap)


# -- Hull, Risk Management and Financial Institutions ----------------------------------------------
def test_hull_rmfi_basic_from_his_table_of_worst_losses() -> None:
    found = historical(hull_tail(), P99)
    assert found.var == pytest.approx(253.384956, abs=5e-7)
    assert found.es == pytest.approx(327.181234, abs=5e-7)
    assert (found.var_rows.at + 1).tolist() == [487]
    assert (found.es_rows.at + 1).tolist() == [494, 339, 349, 329, 487]


@pytest.mark.parametrize(("decay", "var", "es"), [(0.995, 282.203845, 400.914173), (0.99, 345.435075, 470.917104)])
def test_hull_rmfi_age_weighted_from_his_table_of_worst_losses(decay: float, var: float, es: float) -> None:
    found = historical(hull_tail(), P99, weights=aged(decay))
    assert found.var == pytest.approx(var, abs=5e-7)
    assert found.es == pytest.approx(es, abs=2e-6)


def test_hull_rmfi_weights_of_the_worst() -> None:
    weights = aged(0.995)
    assert [round(float(weights[scenario - 1]), 5) for scenario, _ in HULL_WORST[:6]] == [
        0.00528, 0.00243, 0.00255, 0.00231, 0.0051, 0.00139,
    ]  # fmt: skip


@hull.needed
def test_hull_rmfi_four_indices() -> None:
    positions = hull.returns() * HELD * 1000
    pnl = positions.sum(axis=1)
    found = historical(pnl, P99)
    assert (round(found.var), round(found.es)) == (253_385, 327_181)
    assert [round(float(part)) for part in -positions[found.var_rows.at[0]]] == [119_536, 81_810, 37_471, 14_568]
    assert [round(float(part)) for part in -(found.es_rows.weight @ positions[found.es_rows.at])] == [
        115_088, 114_025, 45_173, 52_895,
    ]  # fmt: skip
    interval = found.var_interval
    assert interval is not None
    assert (round(interval.low), round(interval.high), round(interval.level, 3)) == (185_127, 345_435, 0.947)
    assert round(standard_error(pnl, P99)) == 15_643
    for decay, var, es in ((0.995, 282_204, 400_914), (0.99, 345_435, 470_917)):
        weighted = historical(pnl, P99, weights=aged(decay))
        assert (round(weighted.var), round(weighted.es)) == (var, es)


# -- coherence -------------------------------------------------------------------------------------
amounts = st.floats(-1e6, 1e6, allow_subnormal=False)
pnls = st.integers(20, 120).flatmap(lambda count: arrays(np.float64, count, elements=amounts))
levels = st.sampled_from([Fraction(1, 2), Fraction(4, 5), Fraction(9, 10), Fraction(19, 20)])


@given(pnls, levels, st.floats(-1e6, 1e6))
def test_translation(pnl: Floats, alpha: Fraction, shift: float) -> None:
    before, after = historical(pnl, alpha), historical(pnl + shift, alpha)
    assert after.var == pytest.approx(before.var - shift, abs=1e-8)
    assert after.es == pytest.approx(before.es - shift, abs=1e-8)


@given(pnls, levels, st.floats(0.001, 1000))
def test_positive_homogeneity(pnl: Floats, alpha: Fraction, scale: float) -> None:
    before, after = historical(pnl, alpha), historical(pnl * scale, alpha)
    assert after.var == pytest.approx(before.var * scale, rel=1e-12, abs=1e-9)
    assert after.es == pytest.approx(before.es * scale, rel=1e-12, abs=1e-6)


@given(st.integers(20, 120).flatmap(lambda count: arrays(np.float64, (2, count), elements=amounts)), levels)
def test_es_is_subadditive_and_never_below_var(books: Floats, alpha: Fraction) -> None:
    one, other, both = (historical(pnl, alpha) for pnl in (books[0], books[1], books.sum(axis=0)))
    assert both.es <= one.es + other.es + 1e-8
    for found in (one, other, both):
        assert found.es >= found.var


@given(
    st.tuples(st.integers(1, 6), st.integers(20, 99)).flatmap(lambda n: arrays(np.float64, n, elements=amounts)),
    levels, st.booleans(), st.sampled_from(sorted(RULES)),
)  # fmt: skip
def test_rows_reproduce_the_figures_and_parts_sum_to_them(
    positions: Floats, alpha: Fraction, weighted: bool, name: str
) -> None:
    pnl = positions.sum(axis=0)
    weights = np.linspace(0.1, 1, pnl.size) if weighted else None
    found = historical(pnl, alpha, RULES["kth-worst" if weighted else name], weights)
    for rows, value in ((found.var_rows, found.var), (found.es_rows, found.es)):
        size = max(float(np.abs(positions).max()), 1.0) * len(positions)
        assert figure(rows, pnl) == pytest.approx(value, rel=1e-12, abs=1e-12 * size)
        assert rows.weight.sum() == pytest.approx(1, abs=1e-12)
        parts = -(positions[:, rows.at] @ rows.weight)
        assert parts.sum() == pytest.approx(value, rel=1e-12, abs=1e-12 * size)


@given(pnls)
def test_es_rises_with_the_level(pnl: Floats) -> None:
    found = [historical(pnl, Fraction(step, 40)).es for step in range(2, 39, 3)]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(found))


# -- order statistics ------------------------------------------------------------------------------
@given(st.integers(1, 300), st.integers(0, 300), st.booleans())
def test_the_worst_are_the_first_of_a_stable_sort(count: int, wanted: int, ties: bool) -> None:
    pnl = np.random.default_rng(count).standard_normal(count)
    if ties:
        pnl = pnl.round(1)
    wanted = min(max(wanted, 1), count)
    assert worst(pnl, wanted).tolist() == np.argsort(pnl, kind="stable")[:wanted].tolist()


@pytest.mark.parametrize("order", ["random", "ascending", "descending", "equal", "hidden", "ties"])
def test_the_worst_of_many_do_not_hang_on_how_they_are_ordered(order: str) -> None:
    count = 200_000
    pnl = np.random.default_rng(5).standard_normal(count)
    if order in {"ascending", "descending"}:
        pnl.sort()
        pnl = pnl[:: 1 if order == "ascending" else -1].copy()
    elif order == "equal":
        pnl[:] = 1.0
    elif order == "hidden":  # every 64th, which a sample might take, says nothing of the others
        pnl[::64] = -100.0
    elif order == "ties":
        pnl = pnl.round(2)
    for wanted in (1, 2000, 40_000, 150_000):
        assert (worst(pnl, wanted) == np.argsort(pnl, kind="stable")[:wanted]).all()


@pytest.mark.parametrize("alpha", [*LEVELS[:3], Fraction(1, 2)])
@pytest.mark.parametrize("count", [100, 101, 250, 500, 2500])
def test_the_interval_covers_the_true_var_as_often_as_it_says(alpha: Fraction, count: int) -> None:
    ranks = order_interval(alpha, count)
    assert 1 <= ranks.high < ranks.low <= count
    generator = np.random.default_rng([count, alpha.numerator])
    beyond = generator.binomial(count, float(1 - alpha), 40_000)  # how many losses exceed the true VaR
    covered = ((beyond >= ranks.high) & (beyond <= ranks.low - 1)).mean()
    assert covered == pytest.approx(ranks.coverage, abs=0.01)
    if (1 - alpha) * count >= 5:
        assert ranks.coverage == pytest.approx(0.95, abs=0.013)


def test_the_interval_of_few_scenarios_says_what_it_is_worth() -> None:
    found = historical(shuffled(100), P99)
    assert found.var_interval is not None
    assert found.var_interval.high == 100.0
    assert found.var_interval.level == pytest.approx(0.6156, abs=1e-4)


def test_overlapping_scenarios_tell_less() -> None:
    pnl = np.random.default_rng(8).standard_normal(2500)
    apart, overlapping = historical(pnl, P99), historical(pnl, P99, overlap=5)
    assert (overlapping.var, overlapping.es) == (apart.var, apart.es)
    assert overlapping.var_interval is not None
    assert apart.var_interval is not None
    assert overlapping.var_interval.low < apart.var_interval.low < apart.var < overlapping.var_interval.high
    assert overlapping.es_interval is not None
    assert apart.es_interval is not None
    width = apart.es_interval.high - apart.es_interval.low
    assert overlapping.es_interval.high - overlapping.es_interval.low == pytest.approx(5**0.5 * width)


def test_the_interval_of_es_covers_it() -> None:
    true = float(np.exp(-(normal_ppf(0.975) ** 2) / 2) / np.sqrt(2 * np.pi) / 0.025)
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        interval = historical(generator.standard_normal(4000), Fraction("0.975")).es_interval
        assert interval is not None
        covered += interval.low <= true <= interval.high
    assert 0.92 <= covered / 400 <= 0.975
