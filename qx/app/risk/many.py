"""Simulations on many machines: `dask://HOST:PORT`, the scheduler of a Dask cluster whose workers have qx installed.

A task is a span of chunks, at least a tenth of a second of work, and brings back their tails, nothing else. What a
chunk draws depends on its number only: a task done twice, because its worker was killed, comes to the same digits.
Other processors may round a product differently in its last bit; another version of qx or numpy is refused.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import qx
from qx.app.risk.machine import threads
from qx.kernel.errors import QxError
from qx.risk.montecarlo.kept import Tail
from qx.risk.montecarlo.simulate import CHUNK, Run, scratch, tail
from qx.risk.montecarlo.streams import ROWS

if TYPE_CHECKING:
    from distributed import Client, Future

    from qx.app.risk.machine import Engine, Tails

SCHEME = "dask://"
NORMALS = 262_144 * 50
"""Random numbers of a task: an eighth of a second, against 3 ms that Dask takes for any."""

ROUNDS = 4  # tasks for each worker at least, if there are so many chunks: the last to finish keeps no one waiting long
AHEAD = 4  # tasks on the way for each thread of a worker
RETRIES = 3
PATIENCE = 10.0  # seconds for a connection, for a first worker, and between looks whether one is left


def engine(text: str, workers: int | None = None) -> Engine:
    """'' this machine with so many threads, or `dask://HOST:PORT`. Raises QX-RISK-001."""
    if not text:
        return threads(workers)
    host, _, port = text.removeprefix(SCHEME).rpartition(":")
    if not text.startswith(SCHEME) or not host or not port.isdigit():
        raise QxError("QX-RISK-001", f"no engine: {text}", hint=f"{SCHEME}HOST:PORT of a Dask scheduler, or none")
    return lambda run: _on_cluster(run, f"tcp://{host}:{port}")


class Trouble(NamedTuple):
    """A QxError, as it travels."""

    code: str
    message: str
    hint: str


def _on_cluster(run: Run, address: str) -> Tails:
    """Raises QX-RISK-015, and what a worker raised of qx's own."""
    client = _connected(address)
    try:
        yield from _in_order(run, client, address)
    finally:
        client.close(timeout=PATIENCE)


def _connected(address: str) -> Client:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        said = f"the engine is {address}, and {error.name} is not installed"
        raise QxError("QX-RISK-015", said, hint="pip install 'qx[dask]'") from error
    for name in ("distributed", "distributed.client"):  # what it would log, a QxError says
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise QxError("QX-RISK-015", f"no Dask scheduler answers at {address}", hint="dask scheduler") from error


def _in_order(run: Run, client: Client, address: str) -> Tails:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        said = f"the Dask scheduler at {address} has no worker"
        raise QxError("QX-RISK-015", said, hint=f"dask worker {address}, where qx is installed") from error
    slots = sum(client.nthreads().values())
    size = span(run, slots)
    # A task's own result, not scattered data: those would be lost with the worker that holds them.
    held = client.submit(received, run, software(), pure=False, retries=RETRIES)
    pending: deque[Future[list[Tail] | Trouble]] = deque()
    try:
        for first in range(0, run.chunks, size):
            last = min(first + size, run.chunks)
            pending.append(client.submit(work, held, first, last, pure=False, retries=RETRIES))
            if len(pending) >= slots * AHEAD:
                yield from _taken(pending.popleft(), client, address)
        while pending:
            yield from _taken(pending.popleft(), client, address)
    finally:
        client.cancel([*pending, held])


def span(run: Run, slots: int) -> int:
    """Chunks of a task for so many threads of workers."""
    columns: int = run.work.draws.root.shape[1]
    enough = -(-NORMALS // (CHUNK * ROWS * columns))
    return max(min(enough, run.chunks // (slots * ROUNDS)), 1)


def software() -> dict[str, str]:
    return {"qx": qx.__version__, "numpy": np.__version__}


def received(run: Run, wanted: dict[str, str]) -> Run | Trouble:
    """On a worker, once for all its tasks. `wanted`: versions of what the digits rest on."""
    here = software()
    if here == wanted:
        return run
    named = ", ".join(f"{name} {here[name]}, wanted {version}" for name, version in wanted.items())
    return Trouble("QX-RISK-015", f"a Dask worker has {named}", "the same versions on every worker")


def work(run: Run | Trouble, first: int, last: int) -> list[Tail] | Trouble:
    """On a worker: the tails of the chunks from `first` to before `last`."""
    from threadpoolctl import threadpool_limits

    if isinstance(run, Trouble):
        return run
    threadpool_limits(1, "blas")  # for good, as Dask's own workers have it: a neighbour thread may be at work
    memory = scratch(run.work.draws)
    try:
        return [tail(run, chunk, memory) for chunk in range(first, last)]
    except QxError as error:
        return Trouble(error.code, error.message, error.hint)


def _taken(future: Future[list[Tail] | Trouble], client: Client, address: str) -> list[Tail]:
    """What a task brought, however long it takes, as long as there is a worker."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    while True:
        try:
            found = future.result(timeout=PATIENCE)
        except TimeoutError as error:
            if client.status != "running" or not client.nthreads():
                said = f"the Dask cluster at {address} has lost its last worker"
                raise QxError("QX-RISK-015", said, hint="the run may be made again: the same digits") from error
        except (CancelledError, KilledWorker, OSError, ImportError) as error:
            said = f"the Dask cluster at {address} failed: {str(error).partition(chr(10))[0]}"
            raise QxError("QX-RISK-015", said, hint="the logs of its scheduler and workers") from error
        else:
            if isinstance(found, Trouble):
                raise QxError(found.code, found.message, hint=found.hint)
            return found
