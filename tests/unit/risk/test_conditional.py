"""Expected moves given others, against the bivariate formula and against a regression."""

from __future__ import annotations

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.risk.conditional import expected

RETURNS = np.random.default_rng(7).standard_normal((400, 5)) @ np.random.default_rng(8).standard_normal((5, 5)) * 0.02
SIGMA = np.asarray(RETURNS.std(axis=0, ddof=1))
RHO = np.asarray(np.corrcoef(RETURNS.T))


def test_two_factors_are_the_bivariate_formula() -> None:
    found = expected(RETURNS[:, :2], np.array([0]), np.array([-0.1]))
    rho = RHO[0, 1]
    assert found.returns.tolist() == pytest.approx([-0.1, rho * SIGMA[1] / SIGMA[0] * -0.1], rel=1e-12)
    assert found.deviation.tolist() == pytest.approx([0.0, SIGMA[1] * np.sqrt(1 - rho**2)], rel=1e-12)
    assert found.explained.tolist() == pytest.approx([1.0, rho**2], rel=1e-12)


def test_several_given_moves_are_a_regression() -> None:
    given = np.array([1, 3])
    moves = np.array([0.03, -0.02])
    centred = RETURNS - RETURNS.mean(axis=0)
    slopes, *_ = np.linalg.lstsq(centred[:, given], centred, rcond=None)
    found = expected(RETURNS, given, moves)
    np.testing.assert_allclose(found.returns, moves @ slopes, rtol=1e-10, atol=1e-14)
    left = centred - centred[:, given] @ slopes
    np.testing.assert_allclose(found.deviation, np.sqrt((left**2).sum(axis=0) / 399), rtol=1e-6, atol=1e-9)


def test_units_do_not_matter() -> None:
    scale = np.array([1.0, 1e6, 1e-6, 1.0, 1.0])
    plain = expected(RETURNS, np.array([1, 2]), np.array([0.01, 0.02]))
    scaled = expected(RETURNS * scale, np.array([1, 2]), np.array([0.01, 0.02]) * scale[1:3])
    np.testing.assert_allclose(scaled.returns, plain.returns * scale, rtol=1e-9)


def test_two_names_of_one_factor_may_agree_and_may_not_differ() -> None:
    twins = np.column_stack([RETURNS[:, 0], 2 * RETURNS[:, 0], RETURNS[:, 1]])
    agreed = expected(twins, np.array([0, 1]), np.array([0.01, 0.02]))
    alone = expected(twins, np.array([0]), np.array([0.01]))
    assert agreed.returns[2] == pytest.approx(alone.returns[2], rel=1e-9)
    with pytest.raises(QxError, match="contradict") as caught:
        expected(twins, np.array([0, 1]), np.array([0.01, 0.03]))
    assert caught.value.code == "QX-RISK-012"


def test_what_never_moved_foretells_nothing_and_is_expected_to_stay() -> None:
    still = np.column_stack([RETURNS[:, 0], np.zeros(400)])
    found = expected(still, np.array([0]), np.array([0.1]))
    assert found.returns[1] == 0
    assert np.isnan(found.explained[1])
    with pytest.raises(QxError, match="never moved"):
        expected(still, np.array([1]), np.array([0.1]))


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(QxError) as caught:
        expected(RETURNS[:2], np.array([0]), np.array([0.1]))
    assert caught.value.code == "QX-RISK-009"
