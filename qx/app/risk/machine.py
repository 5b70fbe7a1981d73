"""Simulations on this machine: threads that work on chunks. Numpy lets them run at once; BLAS starts none.

Results are taken in the order of the chunks, and a chunk draws what its number says: any number of workers, the same
digits. `simulated` also drives other engines, which bring chunks to work on in their own way.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from qx.risk.montecarlo.kept import Figures, Tail, figures, merged
from qx.risk.montecarlo.precision import expected, met, next_look
from qx.risk.montecarlo.simulate import Run, again, by_block, scratch, tail, tails
from qx.risk.quantile import KTH_WORST, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from qx.risk.estimate import Estimate, Rows

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]  # draws done, draws expected in all
    Tails = Generator[Tail, None, None]  # of a run's chunks, in their order; closed when no more are wanted
    Engine = Callable[[Run], Tails]
    Weigh = Callable[[Floats, Floats], Floats]  # returns (k, F), weights (k, 1) -> weighted P&L (m, 1)

T = TypeVar("T")

AHEAD = 3
"""Chunks on the way for each worker: enough that none waits, and few are in vain when the run stops."""


class Simulated(NamedTuple):
    """`run`: what `qx.risk.montecarlo.simulate.again` wants, to draw the scenarios of the tail once more."""

    figures: Figures
    run: Run
    draws: int  # that the figures rest on
    met: bool | None  # whether the precision was reached; None: none was asked for


def threads(workers: int | None = None) -> Engine:
    """None: as many as this process may use."""
    return lambda run: _in_order(run, workers or cores(), lambda chunk, memory: tail(run, chunk, memory))


def cores() -> int:
    return len(os.sched_getaffinity(0))


def simulated(
    run: Run, engine: Engine, *, rule: Rule = KTH_WORST, precision: float | None = None,
    progress: Progress | None = None,
) -> Simulated:  # fmt: skip
    """Raises QX-RISK-009 and what the engine raises. `precision`: stop when half the interval of the VaR is that share
    of it; `run.draws` is then the most that is drawn.
    """
    with _one_blas_thread():
        found = _simulated(run, engine, rule, precision, progress)
        while found is None:  # a tail that one in a billion runs has
            run = run._replace(spare=math.inf)
            found = _simulated(run, engine, rule, precision, progress)
    return found


def _simulated(
    run: Run, engine: Engine, rule: Rule, precision: float | None, progress: Progress | None
) -> Simulated | None:
    held: list[Tail] = []
    done = draws = 0
    total = run.draws
    look = next_look(0) if precision is not None else run.chunks
    tails = engine(run)
    try:
        for each in tails:
            held.append(each)
            done, draws = done + 1, draws + each.draws
            if done < look and done < run.chunks:
                if progress:
                    progress(draws, total)
                continue
            held = [merged(held)]
            found = figures(held[0], run.alpha, rule)
            if found is None:
                return None
            good = None if precision is None else met(found, precision)
            if precision is not None:
                total = expected(found, draws, precision, run.draws)
                look = next_look(done)
            if progress:
                progress(draws, draws if good else total)
            if good or done == run.chunks:
                return Simulated(found, run, draws, good)
    finally:
        tails.close()
    raise ValueError(f"a run of {run.draws} draws")


def components(found: Simulated, rows: Rows, weigh: Weigh, workers: int | None = None) -> Floats:
    """-> (m,): the parts that m holdings, books or factors have in a figure of the run, given its rows.

    The scenarios of the rows are drawn once more; `weigh` tells, from several threads at a time, what their returns
    (k, F), so weighted, make of each part. Where it weighs the returns themselves, the answer is the figure's gradient,
    which `qx.risk.euler.linear` takes for a linear book.
    """
    from concurrent.futures import ThreadPoolExecutor

    own = threading.local()

    def part(number: int, those: Rows) -> Floats:
        returns = again(found.run, number, those.at, _memory(own, found.run))
        return -weigh(returns, those.weight[:, None])[:, 0]

    split = by_block(rows)
    with _one_blas_thread(), ThreadPoolExecutor(workers or cores(), "qx risk") as pool:
        return sum(pool.map(part, *zip(*split, strict=True)), start=np.zeros(1))


def apart(
    found: Simulated, split: Callable[[Floats], Floats], rule: Rule = KTH_WORST, *, workers: int | None = None,
    progress: Progress | None = None,
) -> list[Estimate]:  # fmt: skip
    """The figures of each of the K P&Ls that `split` makes of returns, (B, F) -> (B, K), over the very scenarios of the
    run, drawn once more. It is asked from several threads at a time.
    """
    run = found.run._replace(draws=found.draws)
    with _one_blas_thread():
        estimates = _apart(run, split, rule, workers or cores(), progress)
        return estimates or _apart(run._replace(spare=math.inf), split, rule, workers or cores(), progress)


def _apart(
    run: Run, split: Callable[[Floats], Floats], rule: Rule, workers: int, progress: Progress | None
) -> list[Estimate]:
    """Empty: one of the tails does not reach as far as its figures need."""
    held: list[list[Tail]] = []
    for each in _in_order(run, workers, lambda chunk, memory: tails(run, chunk, split, memory)):
        held.append(each)
        if progress:
            progress(sum(chunk[0].draws for chunk in held), run.draws)
    told = [figures(merged(those), run.alpha, rule) for those in zip(*held, strict=True)]
    whole = [each.estimate for each in told if each is not None]
    return whole if len(whole) == len(told) else []


def _in_order(run: Run, workers: int, work: Callable[[int, Floats], T]) -> Generator[T, None, None]:
    """`work`: on a chunk, with memory that nobody else has meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    own = threading.local()
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, "qx risk") as pool:
        try:
            for chunk in range(run.chunks):
                pending.append(pool.submit(lambda chunk: work(chunk, _memory(own, run)), chunk))
                if len(pending) >= workers * AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def _memory(own: threading.local, run: Run) -> Floats:
    """A thread's own, taken once."""
    if not hasattr(own, "memory"):
        own.memory = scratch(run.work.draws)
    memory: Floats = own.memory
    return memory


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Two workers of two threads each are slower than two of one, and a sum in another order has another last digit."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield
