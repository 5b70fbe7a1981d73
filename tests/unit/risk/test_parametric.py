"""Closed forms: published figures, scipy's quantiles, and that the parts sum."""

from __future__ import annotations

import csv
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from qx.kernel.errors import QxError
from qx.risk.aged import weights
from qx.risk.covariance import covariance
from qx.risk.euler import allocation, grouped, linear, marginal
from qx.risk.parametric import multiples, parametric
from qx.risk.tail import figure
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99

P95, P975, P999 = Fraction(95, 100), Fraction(975, 1000), Fraction(999, 1000)


def two_assets(first: float, second: float, correlation: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Four days of exactly these deviations (T) and that correlation."""
    one = np.array([1.0, 1.0, -1.0, -1.0])
    other = np.array([1.0, -1.0, 1.0, -1.0])
    mixed = correlation * one + math.sqrt(1 - correlation**2) * other
    return np.column_stack([first * one, second * mixed])


@hull.needed
@pytest.mark.parametrize(("held", "decay", "var", "es", "deviation"), [
    (HELD, None, 217.757, 249.476, 93.6047),
    (HELD, 0.94, 471.025, 539.637, 202.474),
    (np.full(4, 2500.0), None, 226.836, 259.878, None),
    (np.full(4, 2500.0), 0.94, 487.737, None, None),
])  # fmt: skip
def test_hull_model_building(
    held: np.ndarray[tuple[int, ...], np.dtype[np.float64]], decay: float | None, var: float, es: float | None,
    deviation: float | None,
) -> None:  # fmt: skip
    weighed = None if decay is None else weights(500, decay)
    found = parametric(held, hull.returns(), P99, weights=weighed)
    assert found.estimate.var == pytest.approx(var, abs=5.1e-4)
    if es is not None:
        assert found.estimate.es == pytest.approx(es, abs=5.1e-4)
    if deviation is not None:
        assert found.deviation == pytest.approx(deviation, abs=5.1e-4)


@hull.needed
def test_hull_with_a_sample_variance() -> None:
    assert parametric(HELD, hull.returns(), P99, ddof=1).estimate.var == pytest.approx(217.975, abs=5.1e-4)


@hull.needed
def test_hull_components_what_is_taken_away_and_what_stands_alone() -> None:
    found = parametric(HELD, hull.returns(), P99)
    parts = HELD * found.var_gradient
    assert parts == pytest.approx([77.440, 87.286, 28.041, 24.990], abs=5.1e-4)
    assert abs(allocation(parts, found.estimate.var).residual) < 1e-12 * found.estimate.var

    def loses(kept: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        return parametric(kept, hull.returns(), P99).estimate.var

    without = [found.estimate.var - loses(np.where(np.arange(4) == at, 0.0, HELD)) for at in range(4)]
    alone = [loses(np.where(np.arange(4) == at, HELD, 0.0)) for at in range(4)]
    assert without == pytest.approx([61.818, 79.216, 27.334, 16.094], abs=5.1e-4)
    assert sum(alone) == pytest.approx(298.794, abs=5.1e-4)


@hull.needed
def test_hull_ewma_covariance() -> None:
    found = covariance(hull.returns(), weights(500, 0.94)) * 1e6
    assert found[0] == pytest.approx([480.077, 430.251, 425.660, -39.639], abs=5.1e-4)
    assert found[1, 1:] == pytest.approx([1031.377, 963.036, 209.533], abs=5.1e-4)
    assert found[2, 2:] == pytest.approx([953.544, 168.118], abs=5.1e-4)
    assert np.sqrt(np.diagonal(found)) / 10 == pytest.approx([2.1911, 3.2115, 3.0880, 1.5941], abs=5.1e-5)


def test_hull_microsoft_and_at_and_t() -> None:
    """$10m at 2%, $5m at 1%, correlation 0.3, 10 days; the text rounds the quantile to 2.33."""
    held, moves = np.array([1e7, 5e6]), two_assets(0.02, 0.01, 0.3)
    found = parametric(held, moves, P99)
    over, rounded = math.sqrt(10), 2.33 / multiples(P99).var
    alone = [parametric(np.array(each), moves, P99).estimate.var * over for each in ([1e7, 0.0], [0.0, 5e6])]
    whole = found.estimate.var * over
    assert [*alone, whole] == pytest.approx([1_471_311.58, 367_827.90, 1_620_113.82], abs=0.006)
    assert [each * rounded for each in (*alone, whole)] == pytest.approx([1_473_621, 368_405, 1_622_657], abs=0.51)
    assert (sum(alone) - whole) * rounded == pytest.approx(219_369, abs=0.51)


def test_jorion_cad_and_eur() -> None:
    """$2m at 5%, $1m at 12%, uncorrelated; 1.65 deviations."""
    held = np.array([2e6, 1e6])
    found = parametric(held, two_assets(0.05, 0.12, 0.0), P95)
    exact = multiples(P95).var
    assert found.deviation == pytest.approx(156_204.9935, abs=5e-5)
    assert found.estimate.var == pytest.approx(256_934.35, abs=0.006)
    parts = held * found.var_gradient
    assert parts / exact * 1.65 == pytest.approx([105_630.43, 152_107.81], abs=0.006)
    assert marginal(parts, held) / exact * 1.65 == pytest.approx([0.0528, 0.1521], abs=5.1e-5)
    assert found.deviation * 1.65 == pytest.approx(257_738.24, abs=0.006)


def test_riskmetrics_1996() -> None:
    """$100m of an exchange rate at 0.565% and a bond at 0.605%, correlation -0.27; rounded at each step there."""
    moves, held = two_assets(0.00565, 0.00605, -0.27), np.array([1e8, 1e8])
    assert parametric(held, moves, P95).deviation * 1.65 / 1e6 == pytest.approx(1.168, abs=0.002)


@pytest.mark.parametrize(("alpha", "normal_var", "t4_var", "normal_es", "t4_es"), [
    (Fraction(90, 100), 162.1049, 137.1341, 221.9898, 223.5478), (P95, 208.0594, 190.6782, 260.9148, 286.4734),
    (P975, 247.9180, 248.3328, 295.7113, 357.1946), (P99, 294.2623, 335.1372, 337.1259, 466.9432),
    (Fraction(995, 1000), 325.8195, 411.8028, 365.8058, 565.7101),
])  # fmt: skip
def test_mcneil_frey_embrechts_normal_and_t4(
    alpha: Fraction, normal_var: float, t4_var: float, normal_es: float, t4_es: float
) -> None:
    """10,000 of a stock at 20% a year of 250 days."""
    daily = two_assets(0.2 / math.sqrt(250), 1.0, 0.0)[:, :1]
    held = np.array([1e4])
    normal, student = (parametric(held, daily, alpha, dof=dof).estimate for dof in (None, 4.0))
    found = [normal.var, student.var, normal.es, student.es]
    assert found == pytest.approx([normal_var, t4_var, normal_es, t4_es], abs=5.1e-5)


@pytest.mark.parametrize(("dof", "alpha", "var", "es"), [
    (None, P95, 1.644854, 2.062713), (None, P975, 1.959964, 2.337803), (None, P99, 2.326348, 2.665214),
    (None, P999, 3.090232, 3.367090), (3, P999, 10.2145318524, 15.4093361151), (4, P99, 3.746947, 5.220584),
    (5, P99, 3.364930, 4.452429), (6, P975, 2.446912, 3.256151), (8, P95, 1.85954803753, 2.51385292467),
    (20, P999, 3.5518083432, 3.98140657652),
])  # fmt: skip
def test_multiples_of_the_normal_and_of_students_t(dof: float | None, alpha: Fraction, var: float, es: float) -> None:
    places = len(str(var).partition(".")[2])
    assert multiples(alpha, dof, scale=True) == pytest.approx((var, es), abs=0.51 * 10**-places)


TABLE = hull.FILE.with_name("closed_form_var_es.csv")


@pytest.mark.skipif(not TABLE.is_file(), reason="QX_REFERENCE_DIR names no `risk/closed_form_var_es.csv`")
def test_the_whole_table_of_multiples() -> None:
    with TABLE.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        found = multiples(Fraction(row["alpha"]), float(row["nu"]) if row["nu"] else None, scale=True)
        assert found == pytest.approx((float(row["var_unit_scale"]), float(row["es_unit_scale"])), rel=6e-12)
    assert len(rows) == 48


@pytest.mark.parametrize("alpha", [Fraction(1, 5), Fraction(1, 2), Fraction(9, 10), P975, P999])
@pytest.mark.parametrize("dof", [None, 2.5, 7.0, 60.0])
def test_multiples_are_scipys_to_twelve_digits(alpha: Fraction, dof: float | None) -> None:
    law = stats.norm() if dof is None else stats.t(dof)
    beyond = float(1 - alpha)
    var, es = multiples(alpha, dof, scale=True)
    assert var == pytest.approx(law.isf(beyond), rel=1e-12, abs=1e-13)
    assert es == pytest.approx(integrate.quad(law.isf, 0, beyond, epsabs=0, epsrel=1e-9)[0] / beyond, rel=1e-6)


@pytest.mark.parametrize(("dof", "scale"), [(2.0, False), (1.0, True), (float("nan"), False)])
def test_a_t_without_a_variance_is_refused(dof: float, scale: bool) -> None:
    with pytest.raises(QxError, match="no ") as caught:
        multiples(P99, dof, scale=scale)
    assert caught.value.code == "QX-RISK-001"


def test_one_day_tells_no_variance() -> None:
    with pytest.raises(QxError) as caught:
        parametric(np.ones(2), np.ones((1, 2)), P99)
    assert caught.value.code == "QX-RISK-009"


def test_what_never_moves_loses_nothing() -> None:
    found = parametric(np.array([5.0]), np.zeros((10, 1)), P99)
    assert (found.estimate.var, found.estimate.es, found.var_gradient.tolist()) == (0.0, 0.0, [0.0])


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 60), st.booleans())
def test_parts_sum_and_rows_repeat_the_figure(seed: int, days: int, factors: int, weighed: bool) -> None:
    """Positions with sparse exposures, more factors than days too."""
    source = np.random.default_rng(seed)
    moves = source.standard_normal((days, factors)) * 0.02 + 0.001
    positions = int(source.integers(1, 30))
    size = int(source.integers(1, 90))
    position, factor = source.integers(0, positions, size), source.integers(0, factors, size)
    amount = source.standard_normal(size) * 1e6
    folded = np.asarray(np.bincount(factor, amount, factors), np.float64)
    found = parametric(folded, moves, P99, weights=weights(days, 0.94) if weighed else None, ddof=1)
    estimate = found.estimate
    parts = linear(found.es_gradient, position, factor, amount, positions)
    large = float(np.abs(parts).sum()) + estimate.es
    assert abs(allocation(parts, estimate.es).residual) <= 1e-12 * large
    books = grouped(parts, np.arange(positions) % 3, 3)
    assert abs(allocation(books, estimate.es).residual) <= 1e-12 * large
    pnl = moves @ folded
    scale = float(np.abs(pnl).max()) * days
    assert figure(estimate.var_rows, pnl) == pytest.approx(estimate.var, abs=1e-11 * scale)
    assert figure(estimate.es_rows, pnl) == pytest.approx(estimate.es, abs=1e-11 * scale)
    assert estimate.var_interval is not None
    assert estimate.var_interval.low <= estimate.var <= estimate.var_interval.high


def test_the_covariance_is_the_one_that_is_not_formed() -> None:
    moves = np.random.default_rng(5).standard_normal((60, 7))
    held = np.arange(7.0) - 2
    found = parametric(held, moves, P99, ddof=1)
    whole = np.cov(moves.T)
    assert found.deviation == pytest.approx(math.sqrt(held @ whole @ held), rel=1e-13)
    gradient = whole @ held / found.deviation * multiples(P99).var
    assert found.var_gradient == pytest.approx(gradient, rel=1e-11)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    source = np.random.default_rng(17)
    true = multiples(P99).var
    seen = [parametric(np.ones(1), source.standard_normal((250, 1)), P99).estimate.var_interval for _ in range(300)]
    inside = sum(each is not None and each.low <= true <= each.high for each in seen) / len(seen)
    assert 0.90 < inside < 0.985
