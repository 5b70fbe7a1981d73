"""One piece of work that `qx risk` does, beside the raw numpy that it cannot do without: in a process of its own.

    python -m bench.risk_work NAME [--runs N]

Prints one JSON object: `qx` and `floor`, seconds of each run by turns, after one that warms up; `peak`, bytes of
memory of this process at most, `before`, those that it had when the work began; `near`, how much the answers differ.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from qx.app.risk.machine import simulated, threads
from qx.risk import euler
from qx.risk.backtest.suite import measured
from qx.risk.legs import Bends, Holds, Legs, Moves, Rates
from qx.risk.montecarlo.draws import normal, student
from qx.risk.montecarlo.simulate import Linear, Run
from qx.risk.parametric import parametric
from qx.risk.tail import historical

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALPHA = Fraction(99, 100)
SEED = 20_261_122
BLOCK = 8_192


class Work(NamedTuple):
    """Both give the same figures; `floor` None: there is none but the peers."""

    qx: Callable[[], Floats]
    floor: Callable[[], Floats] | None


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(SEED))


# -- historical ---------------------------------------------------------------------------------------


def dense(positions: int, days: int) -> Work:
    """Component VaR and ES of a P&L matrix (days, positions)."""
    pnl = generator().standard_normal((days, positions))
    ones = np.ones(positions)
    k = 1 + (days - 1) // 100

    def ours() -> Floats:
        found = historical(pnl @ ones, ALPHA)
        parts = [euler.component(rows, pnl[rows.at].T) for rows in (found.var_rows, found.es_rows)]
        return np.array([found.var, found.es, *(part.sum() for part in parts)])

    def floor() -> Floats:
        total = pnl @ ones
        at = np.argpartition(total, k - 1)[:k]
        worst = at[np.argmax(total[at])]
        es = pnl[at].mean(0)
        return -np.array([total[worst], total[at].mean(), pnl[worst].sum(), es.sum()])

    return Work(ours, floor)


def factors(positions: int, count: int, scenarios: int) -> Work:
    """Component VaR and ES of positions in three factors each, through the factors."""
    made = generator()
    position = np.repeat(np.arange(positions), 3)
    factor = made.integers(0, count, len(position))
    amount = made.standard_normal(len(position)) / 1000
    base = np.full(count, 100.0)
    levels = base + made.standard_normal((scenarios, count))
    empty = np.empty(0, np.intp)
    legs = Legs(
        positions, Moves(position, factor, np.zeros_like(position), amount), Holds(empty, empty, np.empty(0)),
        Bends(empty, empty, empty, empty, np.empty(0)), Rates([_one_currency()], base),
    )  # fmt: skip
    k = scenarios // 100

    def ours() -> Floats:
        found = historical(legs.totals(levels), ALPHA)
        parts = [-legs.weighted(levels[rows.at], rows.weight[:, None]) for rows in (found.var_rows, found.es_rows)]
        return np.array([found.var, found.es, *(part.sum() for part in parts)])

    moves = levels - base

    def floor() -> Floats:
        total = moves @ np.bincount(factor, amount, count)
        at = np.argpartition(total, k - 1)[:k]
        worst = at[np.argmax(total[at])]
        parts = [
            np.bincount(position, amount * mean[factor], positions) for mean in (moves[worst], moves[at].mean(0))
        ]
        return -np.array([total[worst], total[at].mean(), *(part.sum() for part in parts)])

    return Work(ours, floor)


def _one_currency() -> Any:
    from qx.risk.fx import FxPath

    return FxPath((), ())


# -- parametric ---------------------------------------------------------------------------------------


def variance(positions: int, days: int) -> Work:
    """Normal VaR and its components, without a covariance matrix."""
    returns = generator().standard_normal((days, positions)) / 100
    held = np.ones(positions)
    quantile = 2.3263478740408408

    def ours() -> Floats:
        found = parametric(held, returns, ALPHA)
        return np.array([found.estimate.var, float((held * found.var_gradient).sum())])

    def floor() -> Floats:
        moves = returns @ held
        moves -= moves.mean()
        deviation = math.sqrt(float(moves @ moves) / days)
        parts = held * (moves @ returns) * (quantile / (days * deviation))
        return np.array([quantile * deviation, parts.sum()])

    return Work(ours, floor)


# -- options ------------------------------------------------------------------------------------------


class Calls(NamedTuple):
    strike: Floats  # (n,)
    years: Floats
    vol: Floats
    rate: Floats
    shocked: Floats  # (S, n)


def calls(count: int, scenarios: int) -> Calls:
    made = generator()
    return Calls(
        made.uniform(60, 90, count), made.uniform(0.05, 2, count), made.uniform(0.2, 0.5, count), np.full(count, 0.04),
        75 * np.exp(made.standard_normal((scenarios, 1)) * 0.025) * np.ones((1, count)),
    )  # fmt: skip


def options(count: int, scenarios: int) -> Work:
    """Calls on the crude oil of examples/, valued again in full as prices and volatilities move; the peers price calls
    one by one.
    """
    from qx.app.risk import files
    from qx.model.risk import Place, Position
    from qx.risk.book import compile_book
    from qx.risk.market import market

    beside = files.beside(Path(__file__).parent.parent / "examples" / "portfolio.csv")
    today = market(files.read_factors(beside.factors)[0], files.read_quotes(beside.prices)[0])
    made, place = generator(), Place("bench", 1)
    terms = zip(made.uniform(50, 90, count), made.integers(20, 180, count), strict=True)
    held = [
        Position(
            position_id=f"O{number}", instrument="option", underlying="CL", quantity=1.0, unit="bbl", currency="USD",
            place=place, contract="2027-06", option_type="call", strike=float(strike), exercise="european",
            expiry=today.as_of + timedelta(days=int(days)), style="black76", vol_factor="VCL", price_unit="USD/bbl",
        )
        for number, (strike, days) in enumerate(terms)
    ]  # fmt: skip
    book = compile_book(held, today, "USD")
    moves = made.standard_normal((scenarios, len(today.factors))) * today.returns.std(axis=0)
    moves[:, [each.kind not in ("price", "vol") for each in today.factors]] = 0.0
    levels = today.moved(moves)
    return Work(lambda: np.array([book.totals(levels).sum()]), None)


# -- Monte Carlo --------------------------------------------------------------------------------------


def carlo(draws: int, count: int, dof: float | None) -> Work:
    """VaR and ES of a linear book by two threads. The floor: normals by two threads, the product with a root in blocks,
    the product with the exposures, the tail; of a Student-t one chi-square for each row.
    """
    made = generator()
    returns = made.standard_normal((500, count)) @ made.standard_normal((count, count)) / 100
    held = np.ones(count)
    run = Run(Linear(normal(returns) if dof is None else student(returns, dof), held), SEED, draws, ALPHA)
    root = np.linalg.cholesky(np.cov(returns.T, ddof=0))
    k = draws // 100

    def ours() -> Floats:
        found = simulated(run, threads(2)).figures.estimate
        return np.array([found.var, found.es])

    def part(number: int) -> Floats:
        own = np.random.Generator(np.random.SFC64(np.random.SeedSequence(SEED, spawn_key=(number,))))
        rows = min(BLOCK, draws - number * BLOCK)
        found = (own.standard_normal((rows, count)) @ root.T) @ held
        if dof is not None:
            found *= np.sqrt((dof - 2) / own.chisquare(dof, rows))
        return found

    def floor() -> Floats:
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(2) as pool:
            total = np.concatenate(list(pool.map(part, range(-(-draws // BLOCK)))))
        worst = np.partition(total, k - 1)[:k]
        return -np.array([worst.max(), worst.mean()])

    return Work(ours, floor)


def precise(dof: float | None) -> Work:
    """Until the VaR is known to 1%."""
    made = generator()
    returns = made.standard_normal((500, 50)) / 100
    run = Run(Linear(normal(returns) if dof is None else student(returns, dof), np.ones(50)), SEED, 5_000_000, ALPHA)

    def ours() -> Floats:
        found = simulated(run, threads(2), precision=0.01)
        return np.array([float(found.draws)])

    return Work(ours, None)


# -- backtest -----------------------------------------------------------------------------------------


def backtested(books: int, days: int, window: int) -> Work:
    """Rolling VaR and ES of `window` days, and every test. The floor: sliding windows partitioned, hits counted."""
    from qx.risk.backtest.rolling import rolled

    pnl = generator().standard_normal((days, books))
    by_book = np.ascontiguousarray(pnl.T)
    mass = (1 - ALPHA) * window
    k = math.ceil(mass)

    def ours() -> Floats:
        found = rolled(pnl, ALPHA, window)
        told = measured(pnl[window:], found.var, found.es, float(1 - ALPHA))
        return np.asarray(told.exceptions, np.float64)

    def floor() -> Floats:
        windows = np.lib.stride_tricks.sliding_window_view(by_book, window, axis=1)[:, :-1]
        var = np.empty((books, days - window))
        for book in range(books):
            var[book] = -np.partition(windows[book], k - 1, axis=1)[:, k - 1]
        return np.asarray((by_book[:, window:] < -var).sum(1), np.float64)

    return Work(ours, floor)


WORKS: dict[str, Callable[[], Work]] = {
    "dense-small": lambda: dense(1_000, 2_500),
    "dense-large": lambda: dense(100_000, 1_000),
    "factors": lambda: factors(100_000, 200, 1_000),
    "factors-million": lambda: factors(1_000_000, 300, 2_500),
    "parametric-small": lambda: variance(1_000, 2_500),
    "parametric-large": lambda: variance(100_000, 1_000),
    "options": lambda: options(1_000, 10_000),
    "carlo-normal": lambda: carlo(1_000_000, 50, None),
    "carlo-t5": lambda: carlo(1_000_000, 50, 5.0),
    "precise-normal": lambda: precise(None),
    "precise-t5": lambda: precise(5.0),
    "backtest": lambda: backtested(100, 2_500, 250),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(WORKS))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--alone", action="store_true", help="without the floor: what qx itself takes of memory")
    options_ = parser.parse_args()
    work = WORKS[options_.name]()
    before = _peak()
    sides = {"qx": work.qx} | ({"floor": work.floor} if work.floor and not options_.alone else {})
    answers = {name: side() for name, side in sides.items()}
    took: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options_.runs):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            took[name].append(time.perf_counter() - began)
    near = float(np.max(np.abs(answers["qx"] / answers["floor"] - 1))) if "floor" in answers else None
    told = {"before": before, "peak": _peak(), "near": near, "answer": answers["qx"].tolist()[:4]}
    json.dump(took | told, sys.stdout)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
