"""A simulation on a Dask cluster: a scheduler and two workers on the loopback, one of them killed in mid-run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qx.app.risk.machine import Simulated, simulated, threads
from qx.app.risk.many import engine
from qx.kernel.errors import QxError
from qx.risk.montecarlo.draws import student
from qx.risk.montecarlo.simulate import Linear, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'qx[dask]'")
pytestmark = pytest.mark.integration

FACTORS = 20


def run_of(draws: int) -> Run:
    source = np.random.default_rng(11)
    returns = source.standard_normal((300, FACTORS)) @ source.standard_normal((FACTORS, FACTORS)) * 0.01
    return Run(Linear(student(returns, 5.0), source.standard_normal(FACTORS)), 7, draws, Fraction(99, 100))


def bytes_of(found: Simulated) -> bytes:
    estimate = found.figures.estimate
    rows = [*estimate.var_rows, *estimate.es_rows]
    return np.array([estimate.var, estimate.es]).tobytes() + b"".join(each.tobytes() for each in rows)


class Cluster:
    """Of processes that the test started, and ends by their ids."""

    def __init__(self, where: Path) -> None:
        self.file = where / "scheduler.json"
        self._log = (where / "log").open("wb")
        self.processes = [self._start("scheduler", "--port", "0", "--scheduler-file", str(self.file))]
        self._until(lambda: self.file.exists() and self.file.read_text().endswith("}"))
        self.address = self._address()

    def worker(self) -> subprocess.Popen[bytes]:
        started = self._start("worker", self.address, "--nthreads", "1", "--no-nanny")
        self.processes.append(started)
        return started

    def close(self) -> None:
        for each in reversed(self.processes):
            each.kill()
            each.wait(timeout=20)
        self._log.close()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        quiet = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10"}
        return subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--no-dashboard"], env=quiet, stdout=self._log, stderr=self._log
        )

    def _until(self, condition: object) -> None:
        assert callable(condition)
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            assert all(each.poll() is None for each in self.processes)
            time.sleep(0.02)

    def _address(self) -> str:
        found = json.loads(self.file.read_text())["address"]
        assert isinstance(found, str)
        return found


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    try:
        yield started
    finally:
        started.close()


def test_a_worker_killed_in_mid_run_changes_no_digit(cluster: Cluster) -> None:
    run = run_of(1_000_000)
    here = simulated(run, threads(2))
    doomed = cluster.worker()
    cluster.worker()
    killed: list[int] = []

    def progress(done: int, _expected: int) -> None:
        if not killed:
            doomed.kill()
            killed.append(done)

    there = simulated(run, engine(cluster.address.replace("tcp://", "dask://")), progress=progress)
    assert killed
    assert killed[0] < run.draws
    assert doomed.wait(timeout=20) != 0
    assert bytes_of(there) == bytes_of(here)


def test_a_cluster_without_a_worker_is_said_to_have_none(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qx.app.risk.many.PATIENCE", 0.5)
    with pytest.raises(QxError, match="no worker") as caught:
        simulated(run_of(10_000), engine(cluster.address.replace("tcp://", "dask://")))
    assert caught.value.code == "QX-RISK-015"
