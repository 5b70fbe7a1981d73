"""Simulations by threads: the same bytes from any number of them, memory of the tail only, and when they stop."""

from __future__ import annotations

import math
import threading
import tracemalloc
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from qx.app.risk.machine import Simulated, apart, components, simulated, threads
from qx.app.risk.many import NORMALS, Trouble, engine, received, software, span, work
from qx.kernel.errors import QxError
from qx.risk.euler import allocation, linear
from qx.risk.montecarlo.draws import Draws, copula, normal, student
from qx.risk.montecarlo.simulate import Linear, Revalued, Run, scratch, tail
from qx.risk.parametric import multiples

if TYPE_CHECKING:
    from qx.app.risk.machine import Tails

Floats = NDArray[np.float64]
P99 = Fraction(99, 100)
ONE = np.ones((1, 1))


def returns(factors: int) -> Floats:
    source = np.random.default_rng(factors)
    return source.standard_normal((120, factors)) @ source.standard_normal((factors, factors)) * 0.01


class Market:
    """Levels 100 that move by a log return."""

    def moved(self, moves: Floats) -> Floats:
        found: Floats = 100 * np.exp(moves)
        return found


class Book:
    """Three positions, none linear."""

    def each(self, levels: Floats) -> Floats:
        """-> (3, k)."""
        spread = levels[:, 0] - levels[:, 1]
        parts = [levels[:, 0] - 100, np.maximum(spread, 0) * -3, (levels[:, 2] - 100) ** 2 / -50]
        return np.array(parts, np.float64)

    def totals(self, levels: Floats) -> Floats:
        found: Floats = self.each(levels).sum(axis=0)
        return found


def alone(run: Run) -> Tails:
    """Without a thread."""
    memory = scratch(run.work.draws)
    for chunk in range(run.chunks):
        yield tail(run, chunk, memory)


def bytes_of(found: Simulated) -> bytes:
    estimate = found.figures.estimate
    rows = [*estimate.var_rows, *estimate.es_rows]
    return np.array([estimate.var, estimate.es]).tobytes() + b"".join(each.tobytes() for each in rows)


RUNS = {
    "normal": Run(Linear(normal(returns(12)), np.arange(12.0)), 5, 200_000, P99),
    "t5": Run(Linear(student(returns(12), 5.0), np.arange(12.0)), 5, 200_000, P99),
    "copula": Run(Linear(copula(returns(4), 5.0), np.arange(4.0)), 5, 70_000, P99),
    "valued again": Run(Revalued(student(returns(3), 5.0), Market(), Book()), 5, 100_001, P99),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_any_number_of_workers_gives_the_same_bytes(run: Run) -> None:
    one = bytes_of(simulated(run, threads(1)))
    assert bytes_of(simulated(run, threads(2))) == one
    assert bytes_of(simulated(run, threads(8))) == one
    assert bytes_of(simulated(run, alone)) == one
    assert bytes_of(simulated(run._replace(seed=6), alone)) != one


def test_a_precision_stops_at_the_same_draw_on_any_number_of_workers() -> None:
    run = RUNS["t5"]._replace(draws=3_000_000)
    one = simulated(run, threads(1), precision=0.012)
    assert one.met
    assert one.figures.relative <= 0.012
    assert 60_000 < one.draws < 600_000
    for workers in (2, 8):
        other = simulated(run, threads(workers), precision=0.012)
        assert other.draws == one.draws
        assert bytes_of(other) == bytes_of(one)


def test_a_tail_that_was_too_short_is_drawn_again_in_full() -> None:
    run = RUNS["normal"]
    found = simulated(run._replace(spare=-5.0), threads(2))
    assert found.run.spare == math.inf
    assert bytes_of(found) == bytes_of(simulated(run, threads(2)))


def pnl_of_each(moves: Floats) -> Floats:
    """-> (B, 3)."""
    found: Floats = Book().each(Market().moved(moves)).T
    return found


@pytest.mark.parametrize("spare", [6.0, -5.0], ids=["whole tails", "tails that are too short"])
def test_each_position_by_itself_is_what_it_comes_to_in_a_simulation_of_its_own(spare: float) -> None:
    run = RUNS["valued again"]
    found = simulated(run, threads(2))
    found = found._replace(run=found.run._replace(spare=spare))

    class Only(Book):
        def __init__(self, number: int) -> None:
            self._number = number

        def totals(self, levels: Floats) -> Floats:
            found: Floats = self.each(levels)[self._number]
            return found

    split = apart(found, lambda moves: np.column_stack([pnl_of_each(moves), pnl_of_each(moves).sum(axis=1)]))
    own = [simulated(run._replace(work=Revalued(run.work.draws, Market(), Only(number))), alone) for number in range(3)]
    assert [(each.var, each.es) for each in split[:3]] == [
        (each.figures.estimate.var, each.figures.estimate.es) for each in own
    ]
    assert split[3].var == pytest.approx(found.figures.estimate.var, rel=1e-12)
    assert split[3].es == pytest.approx(found.figures.estimate.es, rel=1e-12)


def test_parts_are_of_the_scenarios_that_were_drawn() -> None:
    """A run that stops early draws no more for its parts, whoever works."""
    told: list[tuple[int, int]] = []
    run = RUNS["valued again"]._replace(draws=3_000_000)
    found = simulated(run, threads(2), precision=0.02)
    one, other = (
        apart(found, pnl_of_each, workers=workers, progress=lambda *done: told.append(done)) for workers in (1, 3)
    )
    assert found.met
    assert told[-1] == (found.draws, found.draws)
    assert [each.var for each in one] == [each.var for each in other]
    short = simulated(run._replace(draws=found.draws), threads(2))
    assert [each.var for each in apart(short, pnl_of_each)] == [each.var for each in one]


def test_components_of_positions_that_are_not_linear_sum_to_the_figure() -> None:
    run = RUNS["valued again"]
    found = simulated(run, threads(2))
    market, book = Market(), Book()

    def weigh(moves: Floats, weights: Floats) -> Floats:
        return book.each(market.moved(moves)) @ weights

    for rows, total in (
        (found.figures.estimate.var_rows, found.figures.estimate.var),
        (found.figures.estimate.es_rows, found.figures.estimate.es),
    ):
        parts = components(found, rows, weigh, 2)
        assert parts.shape == (3,)
        assert abs(allocation(parts, total).residual) < 1e-12 * abs(parts).sum()
        assert parts.tobytes() == components(found, rows, weigh, 1).tobytes()


def test_the_gradient_splits_a_linear_book() -> None:
    found = simulated(RUNS["t5"], threads(2))
    estimate = found.figures.estimate
    gradient = components(found, estimate.es_rows, lambda moves, weights: moves.T @ weights)
    position, factor = np.repeat(np.arange(3), 12), np.tile(np.arange(12), 3)
    amount = np.tile(np.arange(12.0), 3) / 3
    parts = linear(gradient, position, factor, amount, 3)
    assert parts == pytest.approx([estimate.es / 3] * 3, rel=1e-12)
    assert abs(allocation(parts, estimate.es).residual) < 1e-12 * estimate.es


def test_memory_is_that_of_the_tail() -> None:
    def peak(draws: int) -> int:
        tracemalloc.start()
        try:
            simulated(RUNS["normal"]._replace(draws=draws), threads(2))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(40_000)  # what is imported once
    few, many = peak(200_000), peak(1_000_000)
    assert many - few < 800_000 * 8 / 4  # the P&L of the further draws would take four times that
    assert many < 12e6


def test_progress_tells_what_is_done_and_what_is_expected() -> None:
    told: list[tuple[int, int]] = []
    run = RUNS["normal"]
    simulated(run, threads(2), progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == [32_768 * n for n in range(1, 7)] + [200_000]
    assert {of for _, of in told} == {200_000}
    told.clear()
    found = simulated(run._replace(draws=5_000_000), threads(2), precision=0.01, progress=lambda *a: told.append(a))
    assert told[-1] == (found.draws, found.draws)
    assert 60_000 < told[0][1] < 200_000  # the closed form wants 98,927


def test_a_precision_that_is_not_reached_says_so() -> None:
    found = simulated(RUNS["normal"]._replace(draws=50_000), threads(2), precision=0.0001)
    assert found.met is False
    assert found.draws == 50_000
    assert simulated(RUNS["normal"], threads(2)).met is None


class Broken:
    def totals(self, levels: Floats) -> Floats:
        raise QxError("QX-RISK-012", "no", hint="none")


def test_an_error_of_the_book_comes_out_and_no_thread_stays() -> None:
    run = RUNS["valued again"]
    with pytest.raises(QxError, match="no"):
        simulated(run._replace(work=Revalued(run.work.draws, Market(), Broken())), threads(2))
    assert not [each for each in threading.enumerate() if each.name.startswith("qx risk")]


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(QxError) as caught:
        simulated(RUNS["normal"]._replace(draws=60), threads(2))
    assert caught.value.code == "QX-RISK-009"


# -- whether the interval of a run that stopped by itself holds the truth ---------------------------
def covered(dof: float | None, seeds: int) -> float:
    draws = Draws(ONE, dof)
    true, inside = multiples(P99, dof, scale=True).var, 0
    for seed in range(seeds):
        run = Run(Linear(draws, np.ones(1)), seed, 10_000_000, P99)
        interval = simulated(run, alone, precision=0.01).figures.estimate.var_interval
        assert interval is not None
        inside += interval.low <= true <= interval.high
    return inside / seeds


def test_the_stopping_rule_covers_the_truth() -> None:
    assert 0.88 <= covered(None, 60) < 1


@pytest.mark.slow
@pytest.mark.parametrize("dof", [None, 5.0])
def test_the_stopping_rule_covers_the_truth_over_a_thousand_seeds(dof: float | None) -> None:
    assert 0.93 <= covered(dof, 1000) <= 0.97


# -- other engines: what needs no cluster ----------------------------------------------------------
@pytest.mark.parametrize("text", ["ray://h:1", "dask://", "dask://host", "dask://:1", "dask://host:x", "host:8786"])
def test_an_engine_that_is_none(text: str) -> None:
    with pytest.raises(QxError, match="no engine") as caught:
        engine(text)
    assert caught.value.code == "QX-RISK-001"


def test_a_task_is_a_tenth_of_a_second_of_work_and_no_worker_has_one_only() -> None:
    run = RUNS["normal"]
    long = run._replace(draws=100_000_000)
    assert span(long, 8) * 4 * 8192 * 12 >= NORMALS
    assert span(run, 8) == 1
    assert 1 <= span(run._replace(draws=3_000_000), 2) <= 92 // 8


def test_what_a_worker_cannot_do_travels_as_words() -> None:
    run = RUNS["normal"]
    assert received(run, software()) is run
    trouble = received(run, {**software(), "numpy": "0.1"})
    assert isinstance(trouble, Trouble)
    assert trouble.code == "QX-RISK-015"
    assert "wanted 0.1" in trouble.message
    assert work(trouble, 0, 1) is trouble
    done = work(run, 1, 3)
    assert not isinstance(done, Trouble)
    assert [each.scenario.min() // 32_768 for each in done] == [1, 2]
    refused = work(run._replace(work=Revalued(run.work.draws, Market(), Broken())), 0, 1)
    assert refused == Trouble("QX-RISK-012", "no", "none")
