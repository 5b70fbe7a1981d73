"""A simulation by one worker of Dask, and by two: each a process of one thread, on the loopback. bench.risk calls it.

Prints one JSON object: the seconds of each run by turns, after one that warms up. The figures of all must be the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.risk_work import SEED, generator
from qx.app.risk.machine import simulated
from qx.app.risk.many import engine
from qx.risk.montecarlo.draws import student
from qx.risk.montecarlo.simulate import Linear, Run

if TYPE_CHECKING:
    from qx.app.risk.machine import Engine

DRAWS, FACTORS, RUNS, PATIENCE_S = 16_000_000, 50, 3, 60.0


def main() -> None:
    made = generator()
    returns = made.standard_normal((500, FACTORS)) / 100
    run = Run(Linear(student(returns, 5.0), np.ones(FACTORS)), SEED, DRAWS, Fraction(99, 100))
    took: dict[str, list[float]] = {"one": [], "two": []}
    figures = set()
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        for name, workers in (("one", 1), ("two", 2)):
            with _Cluster(Path(directory), name, workers) as ends:
                for turn in range(RUNS + 1):
                    began = time.perf_counter()
                    found = simulated(run, ends).figures.estimate
                    if turn:
                        took[name].append(time.perf_counter() - began)
                    figures.add((found.var, found.es))
    if len(figures) != 1:
        raise SystemExit(f"the figures differ: {figures}")
    print(json.dumps(took))


class _Cluster:
    """Of processes that end with it."""

    def __init__(self, place: Path, name: str, workers: int) -> None:
        self._file, self._log = place / f"{name}.json", (place / f"{name}.log").open("wb")
        self._processes = [self._start("scheduler", "--port", "0", "--scheduler-file", str(self._file))]
        self._workers = workers

    def __enter__(self) -> Engine:
        until = time.monotonic() + PATIENCE_S
        while not self._file.exists():
            if time.monotonic() > until or self._processes[0].poll() is not None:
                raise SystemExit("the scheduler did not start")
            time.sleep(0.02)
        address = json.loads(self._file.read_text())["address"]
        for _ in range(self._workers):
            self._processes.append(self._start("worker", address, "--nthreads", "1", "--no-nanny"))
        return engine(address.replace("tcp://", "dask://"))

    def __exit__(self, *_: object) -> None:
        for each in reversed(self._processes):
            each.kill()
            each.wait(timeout=20)
        self._log.close()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        program = f"distributed.cli.dask_{what}"
        argv = [sys.executable, "-m", program, *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        quiet = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(argv, env=quiet, stdout=self._log, stderr=self._log)


if __name__ == "__main__":
    main()
