"""Reverse stress: the closed form, its likelihood among all moves that lose as much, and the search where it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import chi2, norm

from qx.kernel.errors import QxError
from qx.risk.reverse import reverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAW = np.random.default_rng(11)
RETURNS = DRAW.standard_normal((500, 6)) @ DRAW.standard_normal((6, 6)) * 0.02
SIGMA = np.cov(RETURNS.T)
INVERSE = np.linalg.inv(SIGMA)
WEIGHT: Floats = DRAW.standard_normal(6) * 1e6
GAMMA = -np.diag(DRAW.uniform(0.1, 1.0, 6)) * 1e8
LOSS = 250_000.0


def linear(moves: Floats) -> Floats:
    return np.asarray(moves @ WEIGHT, np.float64)


def curved(moves: Floats) -> Floats:
    return np.asarray(linear(moves) + 0.5 * np.einsum("si,ij,sj->s", moves, GAMMA, moves), np.float64)


def test_a_linear_book_has_the_closed_form() -> None:
    found = reverse(LOSS, WEIGHT, RETURNS, linear)
    assert found.method == "closed form"
    np.testing.assert_allclose(found.returns, -SIGMA @ WEIGHT * LOSS / (WEIGHT @ SIGMA @ WEIGHT), rtol=1e-10)
    assert found.pnl == pytest.approx(-LOSS, rel=1e-9)
    assert found.plausibility.distance == pytest.approx(LOSS / np.sqrt(WEIGHT @ SIGMA @ WEIGHT), rel=1e-10)


def test_no_point_of_the_plane_is_likelier() -> None:
    found = reverse(LOSS, WEIGHT, RETURNS, linear).returns
    least = float(found @ INVERSE @ found)
    for _ in range(2_000):
        other = found + DRAW.standard_normal(6) * 0.05
        other -= WEIGHT * (other @ WEIGHT + LOSS) / (WEIGHT @ WEIGHT)  # back onto the plane
        assert linear(other[None, :])[0] == pytest.approx(-LOSS, rel=1e-9)
        assert other @ INVERSE @ other >= least * (1 - 1e-12)


def test_its_plausibility_is_that_of_the_distributions() -> None:
    told = reverse(LOSS, WEIGHT, RETURNS, linear).plausibility
    assert told.degrees == 6
    assert told.percentile == pytest.approx(chi2.cdf(told.distance**2, 6), abs=1e-12)
    assert told.beyond == pytest.approx(norm.sf(told.distance), rel=1e-10)
    centred = RETURNS - RETURNS.mean(axis=0)
    far = np.einsum("ti,ij,tj->t", centred, INVERSE, centred) >= told.distance**2
    assert (told.days, told.history) == (int(far.sum()), 500)


def test_a_curved_book_is_searched_to_the_nearest_point_of_its_loss() -> None:
    found = reverse(LOSS, WEIGHT, RETURNS, curved)
    assert found.method == "search"
    assert found.pnl == pytest.approx(-LOSS, rel=1e-9)
    least = found.plausibility.distance
    assert least == pytest.approx(np.sqrt(found.returns @ INVERSE @ found.returns), rel=1e-9)
    slope = WEIGHT + GAMMA @ found.returns  # at the nearest point the distance stands on the surface
    turned = INVERSE @ found.returns
    assert abs(slope @ turned) / np.linalg.norm(slope) / np.linalg.norm(turned) == pytest.approx(1, abs=1e-6)
    ways = DRAW.standard_normal((20_000, 6)) @ np.linalg.cholesky(SIGMA).T
    ways /= np.sqrt(np.einsum("si,ij,sj->s", ways, INVERSE, ways))[:, None]
    assert curved(ways * least).min() >= -LOSS * (1 + 1e-6)  # nothing so near loses more


def test_a_book_without_delta_is_found_from_the_worst_days() -> None:
    root = np.linalg.cholesky(SIGMA)
    steepest = np.linalg.eigvalsh(root.T @ -GAMMA @ root).max()
    found = reverse(LOSS, np.zeros(6), RETURNS, lambda moves: 0.5 * np.einsum("si,ij,sj->s", moves, GAMMA, moves))
    assert found.plausibility.distance == pytest.approx(np.sqrt(2 * LOSS / steepest), rel=1e-6)
    assert found.pnl == pytest.approx(-LOSS, rel=1e-9)


def test_factors_that_move_as_one_and_one_that_never_moves() -> None:
    wide = np.column_stack([RETURNS, RETURNS[:, 0], np.zeros(500)])
    weight = np.append(WEIGHT, [2e5, 5e5])
    found = reverse(LOSS, weight, wide, lambda moves: moves @ weight)
    assert found.plausibility.degrees == 6
    assert found.returns[0] == pytest.approx(found.returns[6], rel=1e-9)
    assert found.returns[7] == pytest.approx(0, abs=1e-15)
    assert found.pnl == pytest.approx(-LOSS, rel=1e-9)


def test_moves_that_no_price_follows_are_no_answer() -> None:
    def refusing(moves: Floats) -> Floats:
        if (moves[:, 0] < -0.05).any():
            raise QxError("QX-RISK-012", "below zero")
        return curved(moves)

    found = reverse(LOSS / 10, WEIGHT, RETURNS, refusing)
    assert found.pnl == pytest.approx(-LOSS / 10, rel=1e-9)
    assert found.returns[0] >= -0.05

    def failing(moves: Floats) -> Floats:
        raise QxError("QX-RISK-006", f"no rate for {len(moves)}")

    with pytest.raises(QxError, match="no rate"):
        reverse(LOSS, WEIGHT, RETURNS, failing)


def test_a_loss_that_cannot_come_is_refused() -> None:
    with pytest.raises(QxError, match="40 standard deviations") as caught:
        reverse(1e6, np.zeros(6), RETURNS, lambda moves: np.maximum(-1000.0, moves @ WEIGHT * 0))
    assert caught.value.code == "QX-RISK-012"
    for loss in (0.0, -5.0, float("inf")):
        with pytest.raises(QxError) as wrong:
            reverse(loss, WEIGHT, RETURNS, linear)
        assert wrong.value.code == "QX-RISK-001"
    with pytest.raises(QxError) as short:
        reverse(LOSS, WEIGHT, RETURNS[:2], linear)
    assert short.value.code == "QX-RISK-009"
