"""Peaks over a threshold: Hull's published fits and figures, scipy's, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from qx.kernel.errors import QxError
from qx.risk.evt import evt, fit
from qx.risk.filtered import scaled
from qx.risk.tail import figure
from qx.risk.volatility import ewma
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99

P97, P999 = Fraction(97, 100), Fraction(999, 1000)


@hull.needed
@pytest.mark.parametrize(("threshold", "exceeding", "scale", "shape", "likelihood"), [
    (160, 22, 32.5316, 0.43625, -108.2061), (150, 28, 34.0526, 0.35277, -136.6589),
])  # fmt: skip
def test_hull_fits(threshold: float, exceeding: int, scale: float, shape: float, likelihood: float) -> None:
    law = fit(hull.returns() @ HELD, threshold).pareto
    assert (law.exceeding, law.scenarios) == (exceeding, 500)
    assert (law.scale, law.log_likelihood) == pytest.approx((scale, likelihood), abs=5.1e-5)
    assert law.shape == pytest.approx(shape, abs=5.1e-6)


@hull.needed
@pytest.mark.parametrize(("threshold", "alpha", "var", "es"), [
    (160, P97, 173.561, 241.760), (160, P99, 227.752, 337.886), (160, P999, 474.047, 774.769),
    (150, P99, 230.725, 327.336), (150, P999, 452.831, 670.498),
])  # fmt: skip
def test_hull_figures(threshold: float, alpha: Fraction, var: float, es: float) -> None:
    pnl = hull.returns() @ HELD
    found, _ = evt(pnl, alpha, threshold)
    assert (found.var, found.es) == pytest.approx((var, es), abs=5.1e-4)
    for rows, value in ((found.var_rows, found.var), (found.es_rows, found.es)):
        assert figure(rows, pnl) == pytest.approx(value, rel=1e-12)


@hull.needed
def test_hull_chance_of_half_a_million_and_the_scaled_losses() -> None:
    pnl = hull.returns() @ HELD
    law = fit(pnl, 160).pareto
    chances = [law.beyond(loss) for loss in (300, 400, 500)]
    assert chances == pytest.approx([0.0039021, 0.00162346, 0.00086227], abs=5.1e-9)
    of_scaled = scaled(hull.returns(), ewma(hull.returns(), 0.94)) @ HELD
    found, law = evt(of_scaled, P99, 400)
    assert (law.exceeding, law.scale, law.shape) == pytest.approx((17, 82.8378, 0.43772), abs=5.1e-5)
    assert (found.var, found.es) == pytest.approx((534.100, 785.816), abs=5.1e-4)
    rarer, _ = evt(of_scaled, P999, 400)
    assert (rarer.var, rarer.es) == pytest.approx((1096.661, 1786.311), abs=5.1e-4)
    assert law.beyond(600) == pytest.approx(0.00654582, abs=5.1e-9)


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.2, 0.7])
def test_as_likely_as_scipys_fit(shape: float) -> None:
    excesses = stats.genpareto.rvs(shape, scale=3, size=500, random_state=np.random.default_rng(7))
    law = fit(-np.concatenate((excesses + 10, np.zeros(4500))), 10).pareto
    theirs = stats.genpareto.fit(excesses, floc=0)
    assert law.log_likelihood >= float(stats.genpareto.logpdf(excesses, *theirs).sum()) - 1e-9
    assert law.log_likelihood == pytest.approx(
        float(stats.genpareto.logpdf(excesses, law.shape, 0, law.scale).sum()), rel=1e-10
    )
    assert law.beyond(15.0) == pytest.approx(0.1 * float(stats.genpareto.sf(5.0, law.shape, 0, law.scale)), rel=1e-10)


def test_the_threshold_that_is_a_loss_of_history() -> None:
    """Then the rows are derivatives, the threshold's own among them; what is added to all losses is added to both."""
    pnl = np.random.default_rng(5).standard_t(4, 600) * 10
    found, law = evt(pnl, P99)
    assert law.exceeding == 30
    for rows, value in ((found.var_rows, found.var), (found.es_rows, found.es)):
        assert figure(rows, pnl) == pytest.approx(value, rel=1e-12)
        assert rows.weight.sum() == pytest.approx(1, abs=1e-12)
    for place in (0, 11, 30):
        at, figures = int(found.var_rows.at[place]), []
        for by in (-1e-5, 1e-5):
            other = pnl.copy()
            other[at] -= by
            figures.append(evt(other, P99)[0])
        assert (figures[1].var - figures[0].var) / 2e-5 == pytest.approx(found.var_rows.weight[place], abs=1e-5)
        assert (figures[1].es - figures[0].es) / 2e-5 == pytest.approx(found.es_rows.weight[place], abs=1e-5)
    shifted, _ = evt(pnl - 7.5, P99)
    assert (shifted.var, shifted.es) == pytest.approx((found.var + 7.5, found.es + 7.5), rel=1e-9)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    source = np.random.default_rng(12)
    true, inside = -float(stats.t(4).ppf(0.01)), 0
    for _ in range(100):
        interval = evt(source.standard_t(4, 2000), P99)[0].var_interval
        assert interval is not None
        inside += interval.low <= true <= interval.high
    assert 0.88 <= inside / 100 <= 0.99


PNL = np.random.default_rng(5).standard_t(4, 600) * 10


@pytest.mark.parametrize(("pnl", "alpha", "threshold", "code", "words"), [
    (PNL, P99, -5.0, "QX-RISK-001", "no threshold"),
    (PNL, P99, 1e6, "QX-RISK-009", "0 of 600"),
    (PNL[:100], P99, None, "QX-RISK-009", "5 of 100"),
    (PNL, Fraction(9, 10), None, "QX-RISK-012", "90% lies before"),
    (-np.concatenate((np.full(20, 5.0), np.zeros(300))), P99, 4.0, "QX-RISK-012", "no maximum"),
    (-stats.genpareto.ppf(np.arange(0.5, 600) / 600, 1.3), P999, None, "QX-RISK-012", "no mean"),
    (np.zeros(600), P99, None, "QX-RISK-012", "no loss exceeds"),
])  # fmt: skip
def test_what_is_refused(
    pnl: np.ndarray[tuple[int, ...], np.dtype[np.float64]], alpha: Fraction, threshold: float | None, code: str,
    words: str,
) -> None:  # fmt: skip
    with pytest.raises(QxError, match=words) as caught:
        evt(pnl, alpha, threshold)
    assert caught.value.code == code
