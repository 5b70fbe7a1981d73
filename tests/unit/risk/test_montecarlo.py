"""Monte Carlo, block by block: streams, distributions, tails, and closed forms that they must come to."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from qx.kernel.errors import QxError
from qx.risk.covariance import covariance, root_of
from qx.risk.distributions import t_ppf
from qx.risk.montecarlo.draws import Draws, copula, normal, raw, returns_of, stretched, student
from qx.risk.montecarlo.kept import Tail, figures, merged, room, worst
from qx.risk.montecarlo.precision import expected, next_look
from qx.risk.montecarlo.simulate import Linear, Revalued, Run, again, by_block, scratch, tail
from qx.risk.montecarlo.streams import ROWS, Block, block, blocks, stream
from qx.risk.parametric import multiples
from qx.risk.quantile import rule
from qx.risk.tail import historical

Floats = NDArray[np.float64]
P99 = Fraction(99, 100)


def returns(factors: int, days: int = 200) -> Floats:
    source = np.random.default_rng(factors)
    return source.standard_normal((days, factors)) @ source.standard_normal((factors, factors)) * 0.01


def sampled(draws: Draws, rows: int, seed: int = 1) -> Floats:
    memory = scratch(draws)
    made = (raw(draws, stream(seed, number), block(number, rows), memory) for number in range(blocks(rows)))
    return np.concatenate([returns_of(draws, each) for each in made])


def whole(run: Run) -> Floats:
    """Every P&L of a run."""
    memory = scratch(run.work.draws)
    each = (raw(run.work.draws, stream(run.seed, n), block(n, run.draws), memory) for n in range(blocks(run.draws)))
    return np.concatenate([run.work.pnl(made) for made in each])


class Gamma:
    """A market that is its own return, and a book of half its square times something."""

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def moved(self, moves: Floats) -> Floats:
        return moves

    def totals(self, levels: Floats) -> Floats:
        return self.gamma * levels[:, 0] ** 2 / 2


# -- streams ---------------------------------------------------------------------------------------
def test_a_block_draws_what_its_seed_and_number_say() -> None:
    of = np.random.Generator(np.random.SFC64(np.random.SeedSequence(5, spawn_key=(3,))))
    assert stream(5, 3).standard_normal(4).tolist() == of.standard_normal(4).tolist()
    assert stream(5, 4).standard_normal() != stream(5, 3).standard_normal()
    assert stream(6, 3).standard_normal() != stream(5, 3).standard_normal()


def test_the_last_block_is_shorter() -> None:
    assert [block(each, 20_000).rows for each in range(blocks(20_000))] == [8192, 8192, 3616]
    assert [blocks(each) for each in (1, ROWS, ROWS + 1)] == [1, 1, 2]


# -- distributions ---------------------------------------------------------------------------------
def test_normal_draws_have_the_covariance_of_history() -> None:
    moves = returns(5)
    found, true = sampled(normal(moves), 100_000), covariance(moves)
    scale = np.sqrt(np.outer(np.diagonal(true), np.diagonal(true)))
    assert (np.abs(np.cov(found.T) - true) < 0.02 * scale).all()
    assert found.mean(axis=0) == pytest.approx(0, abs=0.02 * float(np.sqrt(np.diagonal(true)).max()))


def test_student_draws_share_a_chi_square_and_have_that_covariance_too() -> None:
    """Uncorrelated factors are not independent: what shakes one shakes all."""
    draws = Draws(np.eye(2), 6.0, math.sqrt(4 / 6))
    found = sampled(draws, 100_000)
    assert np.cov(found.T) == pytest.approx(np.eye(2), abs=0.03)
    shared: Floats = np.corrcoef(np.ascontiguousarray(found.T**2))
    assert shared[0, 1] > 0.15
    assert stats.kstest(found[:, 0] / draws.unit, stats.t(6).cdf).pvalue > 0.01


def test_more_factors_than_days() -> None:
    moves = returns(30, days=10)
    draws = normal(moves)
    assert draws.root.shape == (30, 10)
    held = np.arange(30.0)
    found = sampled(draws, 50_000) @ held
    assert found.std() == pytest.approx(float((moves @ held).std()), rel=0.02)


@pytest.mark.parametrize("dof", [None, 5.0])
def test_a_copula_has_the_margins_of_history_and_its_ranks(dof: float | None) -> None:
    moves = returns(3, days=400) ** 3 * 1e4
    found = sampled(copula(moves, dof), 80_000)
    assert (found.min(axis=0) >= moves.min(axis=0)).all()
    assert (found.max(axis=0) <= moves.max(axis=0)).all()
    for factor in range(3):
        for share in (0.05, 0.5, 0.95):
            wanted = np.quantile(moves[:, factor], share, method="hazen")
            assert (found[:, factor] <= wanted).mean() == pytest.approx(share, abs=0.005)
    true, seen = stats.spearmanr(moves)[0], stats.spearmanr(found)[0]
    assert np.abs(true - seen).max() < 0.06


def test_a_t_copula_falls_together_more_often_than_a_normal_one() -> None:
    moves = np.random.default_rng(4).standard_normal((500, 2))

    def together(dof: float | None) -> int:
        found = sampled(copula(moves, dof), 80_000)
        low = np.quantile(found, 0.02, axis=0)
        return int((found < low).all(axis=1).sum())

    assert together(3.0) > 3 * together(None)


def test_a_copula_of_ties_and_of_what_never_moves() -> None:
    moves = np.column_stack([np.repeat([-1.0, 0.0, 1.0], 20), np.zeros(60), np.linspace(-1, 1, 60)])
    found = sampled(copula(moves, 4.0), 5_000)
    assert (found[:, 1] == 0).all()
    assert np.isfinite(found).all()
    assert found[found[:, 0] == 1.0, 2].mean() > 0.4  # ties rank together


def test_a_longer_horizon() -> None:
    moves = returns(2)
    for draws in (normal(moves), student(moves, 5.0), copula(moves, 5.0)):
        assert sampled(stretched(draws, 3.0), 500) == pytest.approx(3 * sampled(draws, 500), rel=1e-12)


@pytest.mark.parametrize("dof", [2.0, 1.0, float("nan")])
def test_a_t_without_a_variance_is_refused(dof: float) -> None:
    with pytest.raises(QxError, match="no variance"):
        student(returns(2), dof)


def test_a_day_alone_tells_no_distribution() -> None:
    for made in (normal, lambda moves: copula(moves, None)):
        with pytest.raises(QxError) as caught:
            made(np.ones((1, 2)))
        assert caught.value.code == "QX-RISK-009"


def test_what_is_drawn_is_told() -> None:
    moves = returns(2)
    assert normal(moves).words == "normal"
    assert student(moves, 5.0).words == "Student-t, 5 degrees of freedom"
    assert copula(moves, 5.0).words.startswith("copula: Student-t")


# -- tails -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["kth-worst", "type7", "type6", "type2", "higher"])
def test_the_figures_of_a_tail_are_those_of_all_scenarios(name: str) -> None:
    pnl = np.random.default_rng(2).standard_t(4, 30_000)
    pnl[::7] = np.round(pnl[::7], 2)  # some are equal
    chunks = [worst(pnl[at : at + 5000], at, room(5000, P99)) for at in range(0, 30_000, 5000)]
    found, true = figures(merged(chunks[::-1]), P99, rule(name)), historical(pnl, P99, rule(name))
    assert found is not None
    assert (found.estimate.var, found.estimate.es) == (true.var, true.es)
    assert found.estimate.var_interval == true.var_interval
    assert found.estimate.es_interval == true.es_interval
    assert found.estimate.var_rows.at.tolist() == true.var_rows.at.tolist()
    assert found.estimate.es_rows.at.tolist() == true.es_rows.at.tolist()
    assert found.estimate.es_rows.weight.tolist() == true.es_rows.weight.tolist()
    assert found.kept == 6 * room(5000, P99)


def test_a_tail_that_is_too_short_says_so() -> None:
    """One chunk holds all that is bad: its share is not enough."""
    pnl = np.concatenate((np.arange(5000.0) - 1e6, np.arange(5000.0)))
    chunks = [worst(pnl[at : at + 5000], at, room(5000, P99)) for at in (0, 5000)]
    assert room(5000, P99) == 94
    assert figures(merged(chunks), P99) is None
    everything = [worst(pnl[at : at + 5000], at, room(5000, P99, math.inf)) for at in (0, 5000)]
    found = figures(merged(everything), P99)
    assert found is not None
    assert found.estimate.var == historical(pnl, P99).var


def test_equal_scenarios_are_kept_in_their_order() -> None:
    found = worst(np.array([3.0, 1.0, 1.0, 0.0, 1.0]), 10, 3)
    assert sorted(found.scenario.tolist()) == [11, 12, 13]
    assert found.whole == 1.0
    tied = merged([Tail(np.zeros(2), np.array([7, 5]), 2, math.inf), Tail(np.zeros(1), np.array([3]), 1, math.inf)])
    assert tied.scenario.tolist() == [3, 5, 7]


def test_a_book_that_never_loses_has_a_figure_but_no_relative_width() -> None:
    found = figures(worst(np.ones(1000), 0, 1000), P99)
    assert found is not None
    assert (found.estimate.var, found.relative) == (-1.0, math.inf)
    assert expected(found, 1000, 0.01, 50_000) == 50_000


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(QxError) as caught:
        figures(worst(np.ones(50), 0, 50), P99)
    assert caught.value.code == "QX-RISK-009"


def test_looks_lie_further_apart_in_a_long_run() -> None:
    looks = [0]
    while looks[-1] < 4000:
        looks.append(next_look(looks[-1]))
    assert looks[:20] == list(range(20))
    assert len(looks) < 130
    assert all(later <= earlier * 17 / 16 + 1 for earlier, later in pairwise(looks))


# -- runs ------------------------------------------------------------------------------------------
def test_what_is_drawn_again_is_what_was_drawn() -> None:
    draws = student(returns(6), 5.0)
    held = np.array([1.0, -2.0, 0.5, 3.0, 0.0, 1.0])
    run = Run(Linear(draws, held), 3, 70_000, P99)
    memory = scratch(draws)
    found = merged([tail(run, chunk, memory) for chunk in range(run.chunks)])
    assert found.draws == 70_000
    told = figures(found, P99)
    assert told is not None
    rows = told.estimate.es_rows
    place = {scenario: at for at, scenario in enumerate(found.scenario.tolist())}
    for number, those in by_block(rows):
        moves = again(run, number, those.at, memory)
        pnl = found.pnl[[place[at] for at in those.at.tolist()]]
        assert moves @ held == pytest.approx(pnl, rel=1e-12)
    assert sum(len(those.at) for _, those in by_block(rows)) == len(rows.at)


def test_folded_exposures_are_those_of_the_returns() -> None:
    """A linear book by L'w, by its returns, and valued again."""
    held = np.array([1.0, -2.0, 0.5])

    class Book:
        def totals(self, levels: Floats) -> Floats:
            found: Floats = levels @ held
            return found

    draws = student(returns(3), 5.0)
    fast, slow = Linear(draws, held), Revalued(draws, Gamma(0), Book())
    assert whole(Run(fast, 1, 9000, P99)) == pytest.approx(whole(Run(slow, 1, 9000, P99)), rel=1e-9, abs=1e-15)
    joint = copula(returns(3), 5.0)
    fast, slow = Linear(joint, held), Revalued(joint, Gamma(0), Book())
    assert whole(Run(fast, 1, 9000, P99)) == pytest.approx(whole(Run(slow, 1, 9000, P99)), rel=1e-9, abs=1e-15)


def test_blocks_in_any_order_give_the_same_bytes() -> None:
    run = Run(Linear(student(returns(6), 5.0), np.arange(6.0)), 3, 150_000, P99)
    memory = scratch(run.work.draws)
    forth = merged([tail(run, chunk, memory) for chunk in range(run.chunks)])
    back = merged([tail(run, chunk, scratch(run.work.draws)) for chunk in reversed(range(run.chunks))])
    assert forth.pnl.tobytes() == back.pnl.tobytes()
    assert forth.scenario.tobytes() == back.scenario.tobytes()


@pytest.mark.parametrize(("gamma", "covariance_of", "alpha", "exact", "within"), [
    (-10_000.0, 1.0, Fraction(1, 100), 0.7854392895485092, 0.5),
    (-1.0, 1e6, P99, 3_317_448.300510607, 33_174.0),
])  # fmt: skip
def test_a_book_of_nothing_but_gamma(
    gamma: float, covariance_of: float, alpha: Fraction, exact: float, within: float
) -> None:
    """Open Source Risk Engine, deltagammavar: the 99% quantile of a gain is the loss of its mirror image."""
    draws = Draws(np.array([[math.sqrt(covariance_of)]]))
    book = Gamma(gamma)
    pnl = whole(Run(Revalued(draws, book, book), 9, 400_000, alpha))
    assert historical(pnl, alpha).var == pytest.approx(exact, abs=within)


DEVIATION = 0.2783886365873619 / 2.3263478740408408
"""Of a book of 50 factors; its VaR and ES at 99%, of a normal and of a Student-t of scale 1, are known."""


@pytest.mark.parametrize(("dof", "var", "es"), [
    (None, 0.2783886, 0.3189400), (5.0, 0.4026733, 0.5328118),
])  # fmt: skip
def test_fifty_factors_come_to_the_closed_form(dof: float | None, var: float, es: float) -> None:
    """Inside the run's own intervals; and the closed form is ours. A t of its own for each factor would be far off."""
    assert tuple(DEVIATION * each for each in multiples(P99, dof, scale=True)) == pytest.approx((var, es), abs=5.1e-8)
    moves, held = returns(50), np.linspace(-1, 2, 50)
    draws = normal(moves) if dof is None else Draws(normal(moves).root, dof)
    held *= DEVIATION / float(np.linalg.norm(held @ draws.root))
    run = Run(Linear(draws, held), 2, 300_000, P99)
    memory = scratch(draws)
    found = figures(merged([tail(run, chunk, memory) for chunk in range(run.chunks)]), P99)
    assert found is not None
    of_var, of_es = found.estimate.var_interval, found.estimate.es_interval
    assert of_var is not None
    assert of_es is not None
    assert of_var.low <= var <= of_var.high
    assert of_es.low <= es <= of_es.high
    assert found.relative < 0.012
    assert found.kept < 300_000 * 0.0135


@pytest.mark.parametrize("nu", [3, 4, 8])
def test_the_es_of_a_multivariate_t_is_that_of_its_margin(nu: int) -> None:
    """Dobrev, Nesmith and Oh (2017) list papers that have it 4 to 100 times too small."""
    draws = Draws(root_of(np.full((4, 4), 0.3) + 0.7 * np.eye(4)), float(nu))
    held = np.ones(4)
    scale = float(np.linalg.norm(held @ draws.root))
    found = historical(whole(Run(Linear(draws, held), 4, 400_000, P99)), P99)
    quantile = t_ppf(0.99, nu)
    es = scale * float(stats.t(nu).pdf(quantile)) / 0.01 * (nu + quantile**2) / (nu - 1)
    assert found.es_interval is not None
    assert found.es_interval.low <= es <= found.es_interval.high
    assert Block(0, 1).first == 0
